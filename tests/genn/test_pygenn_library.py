"""PyGeNN's own CPU backend gives the results of the CPU engine, with batches of one.

The tests need PyGeNN, which is built from source (docs/pygenn.md), and are skipped
without it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backend_comparison import compare, metric_for, spike_count
from contract.registered import classes, example
from contract.test_every_class_runs import (
    compiled_for,
    inputs,
    labels,
    network,
    network_around,
    targets,
)
from test_pygenn_inference import StateReader, every, type_of
from test_pygenn_online import SHORT, compiler_of, inputs_and_targets
from test_pygenn_training import (
    CASES,
    CROSS_ENTROPY,
    IMAGES,
    NETS,
    SHARED,
    Case,
    eprop_data,
)

from ml_genn.callbacks import RewiringRecorder, SpikeRecorder, VarRecorder
from ml_genn.compilers import (
    BPTTCompiler,
    EventPropCompiler,
    FewSpikeCompiler,
    InferenceCompiler,
)
from ml_genn.connectivity import Conv2D, Dense, FixedProbability
from ml_genn.initializers import Normal, Uniform
from ml_genn.model.plan import Sensitivity
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire
from ml_genn.neurons.few_spike.digits import FewSpike
from ml_genn.optimisers import Adam
from ml_genn.serialisers import Numpy

pytest.importorskip(
    "pygenn", reason="needs PyGeNN, which is built from source (docs/pygenn.md)"
)
DEVICE = "single_threaded_cpu"
STEPS = 15
SENSITIVE = LeakyIntegrateFire(v_thresh=0.05)


def assert_same_inference(net: Any) -> None:
    """Asserts that hidden neurons spike, at the same steps on both backends."""

    def compile_for(backend: str) -> Any:
        options: dict[str, Any] = {"backend": backend, "num_threads": 1}
        if isinstance(net.populations[0].neuron, FewSpike):
            return FewSpikeCompiler(**options).compile(net)
        return InferenceCompiler(STEPS, **options).compile(net)

    _, result = compare(compile_for, inputs(net), device=DEVICE)
    assert spike_count(result, "hidden") > 20


# ---------------------------------------------------------------- every class
@every("neurons", without=["PoissonInput"])  # GeNN draws other random numbers
def test_neurons(cls: type) -> None:
    if cls is LeakyIntegrate:
        assert_same_inference(network(output=example(cls, readout="sum_var")))
    else:
        assert_same_inference(network_around(example(cls)))


@every("synapses")
def test_synapses(cls: type) -> None:
    assert_same_inference(network(synapse=example(cls)))


@every("connectivity", without=["MaxPool2D"])  # needs neurons of its own
def test_connectivity(cls: type) -> None:
    assert_same_inference(network(connectivity=example(cls), hidden=SENSITIVE))


@every("readouts")
def test_readouts(cls: Any) -> None:
    voltage = cls.PLAN.sensitivity is Sensitivity.VARIABLE
    neuron = LeakyIntegrate if voltage else LeakyIntegrateFire
    assert_same_inference(network(output=neuron(readout=example(cls))))


def test_signed_input() -> None:
    net = network(example(type_of("BinarySpikeInput"), signed_spikes=True))
    assert_same_inference(net)


def trains_equally(cls: type, kind: str) -> None:
    """Asserts equal gradients, and equal weights after an epoch of training."""
    settings: dict[str, Any] = {kind[:-1]: example(cls)}
    net, y = network(), labels()
    compiler: Any = BPTTCompiler if kind == "surrogates" else EventPropCompiler
    if kind == "losses":
        default_compiler, net = compiled_for(example(cls))
        compiler = type(default_compiler)
        y = targets(example(cls).check_target, net)
        settings = {"losses": example(cls)}

    def compile_for(backend: str) -> Any:
        options = {"losses": CROSS_ENTROPY, "optimiser": Adam(0.01), **settings}
        return compiler(STEPS, backend=backend, **options).compile(net)

    compare(compile_for, IMAGES, y, device=DEVICE, epochs=1)


@every("losses")
def test_losses(cls: type) -> None:
    trains_equally(cls, "losses")


@every("optimisers")
def test_optimisers(cls: type) -> None:
    trains_equally(cls, "optimisers")


@every("surrogates")
def test_surrogates(cls: type) -> None:
    trains_equally(cls, "surrogates")


def test_every_kind_of_class_is_covered() -> None:
    kinds = ("neurons", "synapses", "connectivity", "readouts", "losses")
    assert all(classes(kind) for kind in (*kinds, "optimisers", "surrogates"))


# ---------------------------------------------------------------- learning rules
def examples(case: Case) -> tuple[Any, Any]:
    """Returns data of a case; of one example if firing rates are regularised."""
    x, y = case.data()
    return (x[:1], y[:1]) if "reg_lambda_upper" in case.settings else (x, y)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_gradients_and_training(case: Case) -> None:
    def compile_for(backend: str) -> Any:
        return case.compile(backend, batch_size=1)

    compare(compile_for, *examples(case), device=DEVICE, epochs=1)


@pytest.mark.parametrize("name", NETS)
def test_eprop(name: str) -> None:
    net = NETS[name]

    def compile_for(backend: str) -> Any:
        return net.compile("event_driven", backend=backend, batch_size=1)

    compare(compile_for, *eprop_data(net), device=DEVICE, epochs=1)


@pytest.mark.parametrize("name", SHORT)
def test_online_eprop(name: str) -> None:
    net = SHORT[name]
    data = inputs_and_targets(net)
    compare(compiler_of(net, batch_size=1), *data, device=DEVICE, epochs=1)


@pytest.mark.parametrize("feedback", ["random", "adaptive"])
def test_online_eprop_with_feedback_weights(feedback: str) -> None:
    """Outputs with delays, whose queues GeNN must not merge with those of spikes."""
    net = SHORT["delays"]
    compile_for = compiler_of(net, batch_size=1, feedback=feedback, feedback_decay=0.02)
    compare(compile_for, *inputs_and_targets(net), device=DEVICE, epochs=1)


@pytest.mark.parametrize("shared", SHARED.values(), ids=SHARED.keys())
def test_shared_weights_learn(shared: Any) -> None:
    net = network(connectivity=shared, hidden=SENSITIVE)

    def compile_for(backend: str) -> Any:
        compiler = EventPropCompiler(STEPS, CROSS_ENTROPY, Adam(0.01), backend=backend)
        return compiler.compile(net)

    compare(compile_for, IMAGES, labels(), device=DEVICE, epochs=1)


# ---------------------------------------------------------------- delays
WEIGHT = Normal(0.2, 0.1)
DELAYED = {
    "constant": Dense(WEIGHT, delay=3),
    "each synapse": Dense(WEIGHT, delay=np.arange(64).reshape(16, 4) % 5),
    "sparse": FixedProbability(0.5, WEIGHT, delay=2),
    "convolution": Conv2D(WEIGHT, 3, 2, delay=2),
    "strides": Conv2D(WEIGHT, 3, 2, conv_strides=2, delay=2),
}


@pytest.mark.parametrize("connectivity", DELAYED.values(), ids=DELAYED.keys())
def test_delays(connectivity: Any) -> None:
    assert_same_inference(network(connectivity=connectivity, hidden=SENSITIVE))


# ---------------------------------------------------------------- use
def test_recordings_and_steps() -> None:
    net = network(connectivity=Conv2D(WEIGHT, 3, 2), hidden=SENSITIVE)
    hidden, output = net.populations[1:]
    hidden.record_spikes = True
    runs = []
    for backend in ("cpu", DEVICE):
        compiled = InferenceCompiler(STEPS, backend=backend).compile(net)
        reader = StateReader(hidden)
        callbacks = [SpikeRecorder(hidden, key="s"), VarRecorder(output, "v", key="v")]
        _, data = compiled.predict(inputs(net), callbacks=[*callbacks, reader])
        runs.append((data, np.asarray(reader.states)))
    (expected, expected_states), (received, states) = runs
    np.testing.assert_allclose(received["v"], expected["v"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(states, expected_states, rtol=1e-4, atol=1e-5)
    for b, (times, ids) in enumerate(zip(*expected["s"], strict=True)):
        order = np.lexsort((ids, times))
        np.testing.assert_array_equal(received["s"][0][b], times[order])
        np.testing.assert_array_equal(received["s"][1][b], ids[order])


def test_evaluation_and_checkpoints(tmp_path: Path) -> None:
    """Training continues from a checkpoint of either backend."""
    case = Case(probability=0.5, delays=(Uniform(0.0, 5.0), 0, 0), learned=("tau_mem",))
    x, y = case.data()
    settings = {"shuffle": False, "callbacks": [], **metric_for(y)}
    first = {b: case.compile(b, batch_size=1) for b in ("cpu", DEVICE)}
    losses = []
    for backend, compiled in first.items():
        compiled.train(x, y, **settings)
        compiled.save((0,), Numpy(tmp_path / backend))
        compiled.train(x, y, start_epoch=1, **settings)
        losses.append(compiled.loss(x, y))
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)
    expected = first["cpu"].snapshot().arrays
    for backend in first:
        compiled = case.compile(DEVICE, batch_size=1)
        compiled.resume(Numpy(tmp_path / backend))
        compiled.train(x, y, start_epoch=1, **settings)
        for key, array in compiled.snapshot().arrays.items():
            np.testing.assert_allclose(
                array, expected[key], rtol=1e-3, atol=1e-4, err_msg=str(key)
            )


def test_deep_r() -> None:
    """Both backends rewire to the same synapses."""
    case = Case(probability=0.5, deep_r=True)
    x, y = case.data()
    rewirings, connected = [], []
    for backend in ("cpu", DEVICE):
        compiled = case.compile(backend, batch_size=1)
        connection = compiled.network.connections[0]
        recorder = RewiringRecorder(connection, key="rewired")
        settings = {"shuffle": False, "callbacks": [recorder], **metric_for(y)}
        _, recorded = compiled.train(x, y, num_epochs=2, **settings)
        rewirings.append(recorded["rewired"])
        connected.append(compiled.snapshot().arrays[connection.name, "post_ind"])
    assert rewirings[0] == rewirings[1]
    assert sum(count for count, _ in rewirings[0]) > 0
    np.testing.assert_array_equal(*connected)


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    net = network()
    InferenceCompiler(STEPS, backend=DEVICE).compile(net).predict(
        inputs(net), callbacks=[]
    )
    assert capfd.readouterr() == ("", "")
