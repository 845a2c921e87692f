"""Kernels on a GPU compute what the CPU engine computes; needs a GPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from device.networks import (
    CLASSES,
    CROSS_ENTROPY,
    EXAMPLES,
    NETWORKS,
    STEPS,
    TRAINED,
    inference,
    inputs,
    sparse_interleaved,
    training,
)
from eprop.nets import NETS
from eprop.nets import gradients as eprop_gradients

from ml_genn.backends.cuda.device import load_cupy
from ml_genn.callbacks import SpikeRecorder
from ml_genn.compilers import EventPropCompiler
from ml_genn.errors import MlGennError
from ml_genn.optimisers import Adam

try:
    load_cupy()
except MlGennError as reason:
    pytest.skip(f"needs a GPU: {reason}", allow_module_level=True)

pytestmark = pytest.mark.slow
ENGINES: list[dict[str, Any]] = [
    {"backend": "cpu", "num_threads": 1},
    {"backend": "cuda"},
]


def assert_near(actual: np.ndarray, expected: np.ndarray, name: str) -> None:
    """Compares to 1e-3 of the largest expected number."""
    assert np.abs(actual - expected).max() <= 1e-3 * np.abs(expected).max(), name


@pytest.mark.parametrize("name", NETWORKS)
def test_spikes(name: str) -> None:
    """Spikes are equal: voltages are farther from thresholds than rounding errors."""
    seen = []
    for options in ENGINES:
        compiled, x = inference(name, **options)
        groups = [p for p in compiled.network.populations if p.record_spikes]
        hooks = [SpikeRecorder(p, key=p.name) for p in groups]
        seen.append(compiled.predict(x, callbacks=hooks)[1])
    for key in seen[0]:
        for k in range(2):
            for a, b in zip(seen[0][key][k], seen[1][key][k], strict=True):
                np.testing.assert_array_equal(b, a, err_msg=key)


@pytest.mark.parametrize("name", TRAINED)
def test_gradients(name: str) -> None:
    expected, actual = (
        compiled.gradients(x, y)
        for compiled, x, y in (training(name, **options) for options in ENGINES)
    )
    for (key, a), b in zip(expected.items(), actual.values(), strict=True):
        assert_near(b, a, str(key))


@pytest.mark.parametrize("mode", ["event_driven", "online"])
@pytest.mark.parametrize("name", ["lif", "sparse", "squared_error", "parameters"])
def test_eprop(name: str, mode: str) -> None:
    expected, actual = (
        eprop_gradients(NETS[name], mode, **options) for options in ENGINES
    )
    for key, values in expected.items():
        assert_near(actual[key], values, key)


def test_several_blocks_of_an_example() -> None:
    """Blocks wait for each other, from the second batch on in a graph."""
    seen = []
    for options in ENGINES:
        compiler = EventPropCompiler(
            STEPS, CROSS_ENTROPY, batch_size=EXAMPLES, **options
        )
        compiled = compiler.compile(sparse_interleaved(hidden=5000))
        x, y = inputs(compiled), np.arange(EXAMPLES) % CLASSES
        runs = [compiled.gradients(x, y) for _ in range(4)]
        seen += [list(run.values()) for run in runs]
    for actual in seen[1:]:
        for a, b in zip(seen[0], actual, strict=True):
            assert_near(b, a, "gradients")


def test_training() -> None:
    """Batches are captured graphs, and data are prefetched."""
    seen = []
    for options in ENGINES:
        optimiser = Adam(0.01, global_clip_norm=0.01)
        compiled, x, y = training("event_prop", optimiser=optimiser, **options)
        more = {key: [*values] * 4 for key, values in x.items()}
        compiled.train(more, np.tile(y, 4), num_epochs=2, shuffle=False, callbacks=[])
        seen.append([compiled.weights(c) for c in compiled.network.connections])
    for a, b in zip(*seen, strict=True):
        assert_near(b, a, "weights")
