"""e-prop's online mode in simulated kernels computes what the CPU engine computes."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from device.networks import inference
from eprop.nets import NETS, Net, difference, gradients, population
from parallel import trained_net
from parallel.rank_threads import run_ranks

from ml_genn.callbacks import Callback, SpikeRecorder
from ml_genn.compilers import EPropCompiler
from ml_genn.optimisers import Adam

pytestmark = pytest.mark.usefixtures("simulated")

QUICK = ("alif", "sparse")
SLOW = ("lif", "delays", "two_outputs", "parameters")
CPU: dict[str, Any] = {"backend": "cpu", "num_threads": 1}
CUDA: dict[str, Any] = {"backend": "cuda"}


@pytest.mark.parametrize(
    "name",
    [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)],
)
def test_gradients(name: str) -> None:
    """The example has several blocks of steps."""
    net = replace(NETS[name], steps=45)
    expected, actual = (gradients(net, "online", **options) for options in (CPU, CUDA))
    assert actual.keys() == expected.keys()
    for key, values in expected.items():
        assert np.abs(values).max() > 0, f"{key}: nothing to compare"
        assert difference(values, actual[key]) < 1e-5, key


def trained(
    communicator: Any = None, *, hidden: int = 24, batches: int = 3, **options: Any
) -> list[np.ndarray]:
    """Returns the weights after some batches and one of a single example."""
    choices = {"compiler": EPropCompiler, "mode": "online", "optimiser": Adam(1e-2)}
    network = trained_net.compiled(communicator, hidden, **choices, **options)
    x, y = trained_net.examples()
    size = batches * trained_net.BATCH + 1
    network.train(x[:size], y[:size], shuffle=False, callbacks=[])
    return list(trained_net.weights(network).values())


def assert_same(actual: list[np.ndarray], expected: list[np.ndarray]) -> None:
    for a, b in zip(actual, expected, strict=True):
        assert difference(b, a) < 1e-5


def test_training_with_several_blocks(
    simulated: ModuleType, several_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulated, "MULTIPROCESSORS", 16)
    simulated.BLOCKS_PER_EXAMPLE.clear()
    actual, expected = (
        trained(hidden=70, batches=1, backend=backend) for backend in ("cuda", "cpu")
    )
    assert_same(actual, expected)
    assert {1, 2} == simulated.BLOCKS_PER_EXAMPLE


def test_processes() -> None:
    """Processes that train together compute what one process computes."""
    expected = trained(backend="cpu")
    for actual in run_ranks(lambda communicator: trained(communicator, **CUDA)):
        assert_same(actual, expected)


class NoOperation(Callback):
    """Makes a network advance step by step, by its method."""

    def on_timestep_end(self, timestep: int) -> None:
        """Does nothing."""


def test_step_by_step() -> None:
    """Weights change alike if the batch is stepped, and if all spikes are stored."""
    net = replace(NETS["delays"], steps=40)
    changed = []
    for hooks, options in (([], CPU), ([NoOperation()], CUDA), (["hidden"], CUDA)):
        compiled = net.compile("online", optimiser=Adam(1e-2), **options)
        x, y = net.data(compiled)
        before = [compiled.weights(c) for c in compiled.network.connections]
        callbacks = [
            SpikeRecorder(population(compiled, h), key=h) if isinstance(h, str) else h
            for h in hooks
        ]
        compiled.train(x, y, 2, shuffle=False, callbacks=callbacks)
        after = [compiled.weights(c) for c in compiled.network.connections]
        changed.append([b - a for a, b in zip(before, after, strict=True)])
    expected, *others = changed
    for actual in others:
        assert_same(actual, expected)


def test_memory_does_not_grow_with_steps() -> None:
    shapes = []
    for steps in (30, 60):
        net = Net(steps=steps)
        compiled = net.compile("online", **CUDA)
        assert compiled.gradients(*net.data(compiled))
        shapes.append(compiled.model._batch.workspace.shape)
    assert shapes[0] == shapes[1]
    assert shapes[0].window < 30


@pytest.mark.parametrize("name", ["max", "delays"])
def test_inference_drops_delivered_spikes(name: str) -> None:
    """Readouts do not depend on whether tapes hold all spikes or the last ones."""
    compiled, x = inference(name, **CUDA)
    last_spikes, _ = compiled.predict(x, callbacks=[])
    assert compiled.model._batch.workspace.shape.window < 30
    recorder = SpikeRecorder(population(compiled, "a"), key="a")
    all_spikes, _ = compiled.predict(x, callbacks=[recorder])
    assert compiled.model._batch.workspace.shape.window == 30
    for population_, values in all_spikes.items():
        np.testing.assert_array_equal(last_spikes[population_], values)
