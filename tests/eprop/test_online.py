"""Online e-prop: the same gradients, in memory that does not grow with steps."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from engine.processes import finish, start
from eprop.nets import (
    CROSS_ENTROPY,
    NETS,
    Net,
    difference,
    gradients,
    population,
)
from eprop.test_gradients import CASES, TOLERANCE

from ml_genn import Connection, Network, Population
from ml_genn.backends.cpu.model import CpuModel
from ml_genn.callbacks import Callback, SpikeRecorder, VarRecorder
from ml_genn.compilers import CompiledTrainingNetwork
from ml_genn.connectivity import Dense
from ml_genn.errors import UnknownNameError, UnsupportedError
from ml_genn.neurons import LeakyIntegrate
from ml_genn.optimisers import Adam
from ml_genn_eprop import EPropCompiler


@pytest.fixture(params=[1, 7, 128], ids="block{}".format)
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Returns the steps of a block: 1 is e-prop as published, 128 the default."""
    monkeypatch.setattr(CpuModel, "block_steps", request.param)
    return int(request.param)


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_those_of_forward_traces(name: str, block: int) -> None:
    case = CASES[name]
    expected = case.reference()
    compiled, connections, populations = case.compile(mode="online")
    spikes, target = case.data()
    grads = compiled.gradients(spikes[None], np.array(target)[None])
    for connection, e in zip(connections, expected.gradients, strict=True):
        assert difference(e, grads[connection]) < TOLERANCE, connection
    assert difference(expected.bias, grads[populations["out"], "bias"]) < TOLERANCE


@pytest.mark.parametrize("name", NETS)
def test_modes_agree(name: str, block: int) -> None:
    expected = gradients(NETS[name], "event_driven")
    grads = gradients(NETS[name], "online")
    assert grads.keys() == expected.keys()
    for key, gradient in expected.items():
        assert np.linalg.norm(gradient) > 0
        assert difference(gradient, grads[key]) < TOLERANCE, key


@pytest.mark.parametrize("feedback", ["random", "adaptive"])
def test_modes_agree_whatever_the_feedback(feedback: str) -> None:
    net = NETS["sparse"]
    expected = gradients(net, "event_driven", feedback=feedback)
    grads = gradients(net, "online", feedback=feedback)
    assert grads.keys() == expected.keys()
    for key, gradient in expected.items():
        assert difference(gradient, grads[key]) < TOLERANCE, key


def test_threads_and_batches_do_not_matter() -> None:
    net = Net(choices=NETS["alif"].choices, steps=300)
    expected = gradients(net, "event_driven")
    grads = gradients(net, "online", num_threads=3)
    for key, gradient in expected.items():
        assert difference(gradient, grads[key]) < TOLERANCE, key


class Steps(Callback):
    """Callback that makes a network advance step by step."""

    def on_timestep_end(self, timestep: int) -> None:
        """Does nothing: the method alone requests single steps."""


def recorder(compiled: CompiledTrainingNetwork) -> Callback:
    """Returns a recorder of all spikes of the hidden population."""
    return SpikeRecorder(population(compiled, "hidden"), key="hidden")


#: {way in which batches run: function that returns its callbacks}
WAYS: dict[str, Callable[[CompiledTrainingNetwork], list[Callback]]] = {
    "whole": lambda compiled: [],
    "step by step": lambda compiled: [Steps()],
    "recorded": lambda compiled: [recorder(compiled)],
}


def trained(mode: str, way: str, **settings: Any) -> list[np.ndarray]:
    """Returns the change of each learned array in a few batches."""
    net = Net(choices=NETS["alif"].choices, delays=(1, 2, 1), steps=300)
    compiled = net.compile(mode, batch_size=2, optimiser=Adam(1e-2), **settings)
    x, y = net.data(compiled)

    def learned() -> list[np.ndarray]:
        weights = [compiled.weights(c) for c in compiled.network.connections]
        return [*weights, compiled.parameter(compiled.outputs[0], "bias")]

    before = learned()
    compiled.train(x, y, 3, shuffle=False, callbacks=WAYS[way](compiled))
    return [b - a for a, b in zip(before, learned(), strict=True)]


@pytest.mark.parametrize("way", WAYS)
def test_training_changes_weights_alike(way: str) -> None:
    expected = trained("event_driven", "whole")
    changes = trained("online", way, num_threads=2)
    for e, f in zip(expected, changes, strict=True):
        assert difference(e, f) < TOLERANCE


def test_recorded_spikes_are_all_there() -> None:
    net = Net(steps=300)
    spike_times = []
    for mode in ("event_driven", "online"):
        compiled = net.compile(mode)
        callbacks = [recorder(compiled)]
        data = net.data(compiled)
        _, recorded = compiled.train(*data, shuffle=False, callbacks=callbacks)
        spike_times.append([np.concatenate(part) for part in recorded["hidden"]])
    for expected, times in zip(*spike_times, strict=True):
        np.testing.assert_array_equal(expected, times)
        assert len(times) > 100


class Stop(Callback):
    """Ends a batch half way."""

    def on_timestep_end(self, timestep: int) -> None:
        if timestep == 70:
            raise KeyboardInterrupt


def test_a_batch_given_up_leaves_no_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CpuModel, "block_steps", 16)
    net = NETS["lif"]
    compiled = net.compile("online")
    x, y = net.data(compiled)
    expected = list(compiled.gradients(x, y).values())
    with pytest.raises(KeyboardInterrupt):
        compiled.train(x, y, callbacks=[Stop()])
    for e, f in zip(expected, compiled.gradients(x, y).values(), strict=True):
        np.testing.assert_array_equal(e, f)


# ---------------------------------------------------------------- memory
MEMORY = """
import re
from pathlib import Path

import numpy as np

from ml_genn import Connection, Network, Population
from ml_genn.compilers import EPropCompiler, InferenceCompiler
from ml_genn.connectivity import Dense
from ml_genn.neurons import AdaptiveLeakyIntegrateFire, LeakyIntegrate
from ml_genn.data import preprocess_spikes

STEPS, MODE, INPUTS, SPIKES = {steps}, "{mode}", 20, 4000


def peak():
    found = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())
    return float(found.group(1)) / 1024


with Network() as network:
    source = Population("spike_input", INPUTS)
    hidden = Population(AdaptiveLeakyIntegrateFire(), 512)
    output = Population(LeakyIntegrate(readout="sum_var"), 4)
    Connection(source, hidden, Dense(0.2))
    Connection(hidden, hidden, Dense(0.001))
    Connection(hidden, output, Dense(0.01))
if MODE == "inference":
    compiler = InferenceCompiler(STEPS, batch_size=2, num_threads=2)
else:
    compiler = EPropCompiler(
        STEPS, "sparse_categorical_crossentropy", mode=MODE, batch_size=2, num_threads=2
    )
compiled = compiler.compile(network)
rng = np.random.default_rng(0)
times = rng.uniform(0, STEPS - 1, SPIKES)
data = [preprocess_spikes(times, rng.integers(0, INPUTS, SPIKES), INPUTS)] * 2
compiled.model
before = peak()
if MODE == "inference":
    compiled.evaluate(data, [0, 1], callbacks=[])
else:
    compiled.train(data, [0, 1], 2, callbacks=[])
print(peak() - before)
"""


def growth(mode: str, *steps: int) -> list[float]:
    """Returns the memory of a process that runs examples of some steps [MB]."""
    processes = [start(MEMORY.format(steps=n, mode=mode)) for n in steps]
    return [float(finish(process)) for process in processes]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_does_not_grow_with_steps() -> None:
    short, long = growth("online", 1000, 20000)
    (event_driven,) = growth("event_driven", 20000)
    assert abs(long - short) < 2.0
    assert event_driven > long + 20.0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_of_inference_does_not_grow_with_steps() -> None:
    short, long = growth("inference", 1000, 50000)
    assert abs(long - short) < 2.0


# ---------------------------------------------------------------- errors
def network(*delays: Any, tau_out: Any = 20.0) -> Network:
    """Returns a network with a connection to the output for each delay."""
    with Network() as network:
        source = Population("spike_input", 4, name="in")
        hidden = Population("leaky_integrate_fire", 5, name="hidden")
        neuron = LeakyIntegrate(tau_mem=tau_out, readout="sum_var")
        output = Population(neuron, 3, name="out")
        Connection(source, hidden, Dense(0.5))
        for k, delay in enumerate(delays):
            Connection(hidden, output, Dense(0.5, delay), name=f"back{k}")
    return network


@pytest.mark.parametrize(
    ("make_network", "message"),
    [
        (
            lambda: network(np.ones((5, 3))),
            r"Connection 'back0': learning online .* same delay for all .*event_driven",
        ),
        (
            lambda: network(1, 3),
            r"'hidden' reaches .* different delays \(1 steps, 3 steps\).*event_driven",
        ),
        (
            lambda: network(0, tau_out=np.array([10.0, 20.0, 30.0])),
            r"'out': learning online.* same time constant.*event_driven",
        ),
    ],
)
def test_unsupported_networks(make_network: Any, message: str) -> None:
    EPropCompiler(20, CROSS_ENTROPY).compile(make_network())
    with pytest.raises(UnsupportedError, match=message):
        EPropCompiler(20, CROSS_ENTROPY, mode="online").compile(make_network())


def test_time_constants_of_outputs_are_not_learned() -> None:
    net = network(0)
    output = net.populations[-1]
    learned = {"all_connections": {"weight": "adam"}, output: {"tau_mem": "adam"}}
    EPropCompiler(20, CROSS_ENTROPY).compile(net, optimisers=learned)
    with pytest.raises(UnsupportedError, match="is not learned"):
        EPropCompiler(20, CROSS_ENTROPY, mode="online").compile(net, optimisers=learned)


def test_there_is_no_adjoint_to_record() -> None:
    net = NETS["lif"]
    compiled = net.compile("online")
    x, y = net.data(compiled)
    with pytest.raises(UnknownNameError, match="lambda_v"):
        compiled.train(
            x,
            y,
            callbacks=[
                VarRecorder(population(compiled, "hidden"), genn_var="lambda_v")
            ],
        )


def test_modes_have_names() -> None:
    with pytest.raises(UnknownNameError, match=r"mode 'onlin'.*'online'.*event_driven"):
        EPropCompiler(20, CROSS_ENTROPY, mode="onlin")
