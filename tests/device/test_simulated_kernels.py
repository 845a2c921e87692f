"""Kernels in a simulated CuPy compute what the CPU engine computes."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from device.networks import (
    CLASSES,
    EXAMPLES,
    NETWORKS,
    TRAINED,
    inference,
    learning,
    sparse,
    training,
)
from eprop.nets import NETS
from eprop.nets import gradients as eprop_gradients

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.backends.cuda.memory.prefetcher import Prefetcher
from ml_genn.callbacks import Callback, SpikeRecorder, VarRecorder
from ml_genn.compilers import BPTTCompiler, FewSpikeCompiler
from ml_genn.connectivity import Conv2D, Dense, MaxPool2D
from ml_genn.errors import DivergedError
from ml_genn.neurons import FewSpikeMaxPool, FewSpikeRelu, FewSpikeReluInput
from ml_genn.optimisers import SGD, Adam

pytestmark = pytest.mark.usefixtures("simulated")

QUICK = ("dense", "event_prop")
ONE_THREAD = {"backend": "cpu", "num_threads": 1}
CUDA = {"backend": "cuda"}


def mark_slow(names: Any) -> list[Any]:
    return [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in names]


def assert_near(actual: np.ndarray, expected: np.ndarray, name: str) -> None:
    """Compares to 1e-4 of the largest expected number."""
    assert actual.shape == expected.shape
    limit = 1e-4 * float(np.abs(expected).max())
    np.testing.assert_allclose(actual, expected, rtol=0, atol=limit, err_msg=name)


@pytest.mark.parametrize("name", mark_slow(NETWORKS))
def test_inference(name: str) -> None:
    """Spikes and variables of every step are the same, and readouts."""

    def run(**options: Any) -> tuple[Any, Any]:
        compiled, x = inference(name, **options)
        network = compiled.network
        spiking = [p for p in network.populations if p.record_spikes]
        output = network.populations[-1]
        recorders = [SpikeRecorder(p, key=p.name) for p in spiking]
        return compiled.predict(
            x, callbacks=[*recorders, VarRecorder(output, "v", key="v")]
        )

    (expected, cpu_records), (actual, gpu_records) = run(**ONE_THREAD), run(**CUDA)
    spikes = 0
    for key in cpu_records.keys() - {"v"}:
        for k in range(2):
            for a, b in zip(cpu_records[key][k], gpu_records[key][k], strict=True):
                np.testing.assert_array_equal(a, b, err_msg=key)
                spikes += len(a)
    assert spikes > 20
    assert_near(np.stack(gpu_records["v"]), np.stack(cpu_records["v"]), "v")
    for a, b in zip(expected.values(), actual.values(), strict=True):
        assert_near(b, a, name)


@pytest.mark.parametrize("name", mark_slow(TRAINED))
def test_gradients(name: str) -> None:
    actual, expected = (
        compiled.gradients(x, y)
        for compiled, x, y in (training(name, **o) for o in (CUDA, ONE_THREAD))
    )
    for (key, a), b in zip(expected.items(), actual.values(), strict=True):
        assert np.abs(a).max() > 0, f"{key}: nothing to compare"
        assert_near(b, a, str(key))


@pytest.mark.parametrize("name", mark_slow(sorted(TRAINED.keys() - {"learned_delays"})))
def test_gradients_with_several_blocks(
    name: str, simulated: ModuleType, several_blocks: None
) -> None:
    simulated.BLOCKS_PER_EXAMPLE.clear()
    test_gradients(name)
    assert {1, 2} == simulated.BLOCKS_PER_EXAMPLE


@pytest.mark.slow
@pytest.mark.parametrize("name", ["delays", "max"])
def test_inference_with_several_blocks(name: str, several_blocks: None) -> None:
    """The networks have delays of synapses and of populations."""
    test_inference(name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("lif", {"feedback": "adaptive"}),
        ("sparse", {}),
        ("squared_error", {}),
        ("parameters", {}),
    ],
)
def test_eprop(name: str, choices: dict[str, Any]) -> None:
    expected = eprop_gradients(NETS[name], "event_driven", **choices, **ONE_THREAD)
    actual = eprop_gradients(NETS[name], "event_driven", **choices, **CUDA)
    for key, values in expected.items():
        assert_near(actual[key], values, key)


@pytest.mark.parametrize("clip", [False, True])
def test_training(clip: bool) -> None:
    """Weights and snapshots after some batches are the same."""
    weights, snapshots = [], []
    for options in (ONE_THREAD, CUDA):
        optimiser = Adam(0.01, global_clip_norm=0.01 if clip else None)
        compiled, x, y = training("event_prop", optimiser=optimiser, **options)
        compiled.train(x, y, num_epochs=3, shuffle=False, callbacks=[])
        weights.append([compiled.weights(c) for c in compiled.network.connections])
        snapshots.append(compiled.model.snapshot())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(b, a, rtol=0, atol=1e-5)
    assert snapshots[0].arrays.keys() == snapshots[1].arrays.keys()
    for key, values in snapshots[0].arrays.items():
        np.testing.assert_allclose(snapshots[1].arrays[key], values, atol=1e-5)


@pytest.mark.slow
def test_few_spike_layers() -> None:
    """Layers of few-spike neurons, with pooling, encode the same numbers."""
    rng = np.random.default_rng(4)
    x = rng.uniform(-1.0, 1.5, (3, 4, 4, 1))
    with SequentialNetwork() as network:
        InputLayer(FewSpikeReluInput(6, 2.0, signed_input=True), (4, 4, 1))
        Layer(Conv2D(rng.normal(0.0, 0.5, (3, 3, 1, 4)), 4, 3), FewSpikeRelu(6, 2.0))
        Layer(MaxPool2D(2, flatten=True), FewSpikeMaxPool())
        weight = Dense(rng.normal(0.0, 0.8, (4, 3)))
        last = Layer(weight, FewSpikeRelu(6, 2.0, readout="var"))
    expected, actual = (
        FewSpikeCompiler(6, batch_size=3, **options)
        .compile(network)
        .predict(x, callbacks=[])[0][last.population()]
        for options in (ONE_THREAD, CUDA)
    )
    assert expected.any()
    np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("name", mark_slow(["dense", "max", "delays"]))
@pytest.mark.parametrize("steps", [False, True], ids=["whole", "stepped"])
def test_state_continues(name: str, steps: bool) -> None:
    """Batches continue from the state and the undelivered spikes of the last one."""
    seen = []
    for options in (ONE_THREAD, CUDA):
        compiled, x = inference(name, **options, reset_vars_between_batches=False)
        groups = [p for p in compiled.network.populations if p.record_spikes]
        hooks: list[Any] = [SpikeRecorder(p, key=p.name) for p in groups]
        hooks += [VoltageChange(compiled.network.populations[-1])] if steps else []
        own = []
        for batch in (x, x, {key: values[:2] for key, values in x.items()}, x):
            results, records = compiled.predict(batch, callbacks=hooks)
            own += [
                *results.values(),
                *(ids for p in groups for ids in records[p.name][1]),
            ]
        seen.append(own)
    for expected, actual in zip(*seen, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)
    first, *_, last = (a for a in seen[0] if a.shape == (EXAMPLES, CLASSES))
    assert np.abs(first - last).max() > 0, "the last batch continued from others"


class VoltageChange(Callback):
    """Reads a voltage in each step, and changes it once."""

    def __init__(self, population: Any) -> None:
        self.population = population
        self.seen: list[np.ndarray] = []

    def set_params(self, compiled_network: Any, **_: Any) -> None:
        self.network = compiled_network

    def on_timestep_end(self, timestep: int) -> None:
        model = self.network.model
        v = model.state(self.population.name, "v")
        self.seen.append(v)
        if timestep == 5:
            model.set_state(self.population.name, "v", v + 0.25)


def test_step_by_step() -> None:
    """State can be read and changed between steps."""
    seen = []
    for options in (ONE_THREAD, CUDA):
        compiled, x = inference("dense", **options)
        change = VoltageChange(compiled.network.populations[-1])
        compiled.predict(x, callbacks=[change])
        seen.append(np.stack(change.seen))
    assert_near(seen[1], seen[0], "v")
    assert np.abs(np.diff(seen[0], axis=0)).max() > 0.2


def test_restore(simulated: ModuleType) -> None:
    """Weights can be replaced, and a snapshot restores them."""
    compiled, x, y = training("event_prop", **CUDA)
    connection = compiled.network.connections[0]
    before = compiled.model.snapshot()
    compiled.train(x, y, num_epochs=1, callbacks=[])
    trained = compiled.weights(connection)
    compiled.model.restore(before)
    start = compiled.weights(connection)
    assert np.abs(start - trained).max() > 1e-4
    first = compiled.gradients(x, y)[connection]
    compiled.model.set_weights(connection.name, trained)
    assert np.abs(compiled.gradients(x, y)[connection] - first).max() > 0


def test_data_are_prefetched(
    simulated: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data are copied once, those of all but the first batch while another one runs.

    From the second batch of a size on, a batch is one graph.
    """
    copied, prefetched, weights = [], [], []
    copy, prefetch = Prefetcher._copy, Prefetcher.prefetch
    monkeypatch.setattr(
        Prefetcher, "_copy", lambda *args: copied.append(1) or copy(*args)
    )
    monkeypatch.setattr(
        Prefetcher, "prefetch", lambda *args: prefetched.append(1) or prefetch(*args)
    )
    simulated.GRAPHS.clear()
    for options in (ONE_THREAD, CUDA):
        compiled, x, y = training("event_prop", optimiser=Adam(0.01), **options)
        more = {key: [*values] * 3 for key, values in x.items()}
        compiled.train(more, np.tile(y, 3), num_epochs=2, callbacks=[])
        weights.append([compiled.weights(c) for c in compiled.network.connections])
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(b, a, rtol=0, atol=1e-5)
    assert (len(copied), len(prefetched)) == (6, 4)
    # A batch whose spikes do not fit on the tapes runs again.
    assert set(simulated.GRAPHS) == {5}
    assert len(simulated.GRAPHS) >= 5


def test_rewired_synapses() -> None:
    """Deep-R removes and creates the same synapses."""
    rewired = []
    for options in (ONE_THREAD, CUDA):
        network = sparse()
        conns = [network.connections[0]]
        choices = {"deep_r_conns": conns, "deep_r_record_rewirings": {conns[0]: "r"}}
        compiled, x, y = learning(
            network, BPTTCompiler, optimiser=Adam(0.02), **choices, **options
        )
        _, seen = compiled.train(x, y, num_epochs=3, shuffle=False, callbacks=[])
        rewired.append((seen["r"], *compiled.model.indices(conns[0].name)))
    assert np.sum(rewired[0][0]) > 10
    for a, b in zip(*rewired, strict=True):
        np.testing.assert_array_equal(a, b)


def arrays(compiled: Any) -> dict[Any, np.ndarray]:
    return dict(compiled.snapshot().arrays)


@pytest.mark.parametrize("clipped", [False, True])
def test_gradients_and_steps(clipped: bool) -> None:
    """A step of 1e39 is not taken, nor is one with squares of 1e40 in Adam's state."""
    clip = {"global_clip_norm": 1e30} if clipped else {}
    compiled, x, y = training("event_prop", optimiser=SGD(1e37, **clip), backend="cuda")
    before = arrays(compiled)
    for _ in range(2):  # the second batch is a captured graph
        with pytest.raises(DivergedError, match=r"optimiser's step .* connection '"):
            compiled.train(x, y, sample_weight=np.full(len(y), 1e4), callbacks=[])
    after = arrays(compiled)
    assert all(np.array_equal(before[key], after[key]) for key in before)
    assert compiled.divergence
    compiled, x, y = training("event_prop", optimiser=Adam(), backend="cuda")
    before = arrays(compiled)
    with pytest.raises(DivergedError, match="optimiser's step"):
        compiled.train(x, y, sample_weight=np.full(len(y), 1e25), callbacks=[])
    after = arrays(compiled)
    assert all(np.array_equal(before[key], after[key]) for key in before)


def test_states() -> None:
    compiled, x, y = training("event_prop", optimiser=Adam(), backend="cuda")
    first = compiled.network.connections[0]
    compiled.set_weights(first, np.full_like(compiled.weights(first), -3e38))
    name = first.target().name
    for call in (compiled.evaluate, compiled.train):
        with pytest.raises(DivergedError, match=f"state of .*'{name}'.* is not"):
            call(x, y, callbacks=[])
    with pytest.raises(DivergedError, match=f"'{name}'"):
        compiled.gradients(x, y)
