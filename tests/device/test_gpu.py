"""A GPU against the CPU engine; skipped where there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from device.nets import (
    CLASSES,
    CROSS_ENTROPY,
    EXAMPLES,
    NETWORKS,
    STEPS,
    TRAINED,
    inference,
    inputs,
    listed,
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


def assert_near(found: np.ndarray, wanted: np.ndarray, name: str) -> None:
    """To 1e-3 of the largest number."""
    assert np.abs(found - wanted).max() <= 1e-3 * np.abs(wanted).max(), name


@pytest.mark.parametrize("name", NETWORKS)
def test_spikes(name: str) -> None:
    """All the same: these networks stay away from thresholds by more than rounding."""
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
    wanted, found = (
        compiled.gradients(x, y)
        for compiled, x, y in (training(name, **options) for options in ENGINES)
    )
    for (key, a), b in zip(wanted.items(), found.values(), strict=True):
        assert_near(b, a, str(key))


@pytest.mark.parametrize("mode", ["event_driven", "online"])
@pytest.mark.parametrize("name", ["lif", "sparse", "squared_error", "parameters"])
def test_eprop(name: str, mode: str) -> None:
    wanted, found = (
        eprop_gradients(NETS[name], mode, **options) for options in ENGINES
    )
    for key, values in wanted.items():
        assert_near(found[key], values, key)


def test_blocks_that_share_an_example() -> None:
    """Blocks that wait for each other, and, from the second time on, in a graph."""
    seen = []
    for options in ENGINES:
        made = EventPropCompiler(STEPS, CROSS_ENTROPY, batch_size=EXAMPLES, **options)
        compiled = made.compile(listed(hidden=5000))
        x, y = inputs(compiled), np.arange(EXAMPLES) % CLASSES
        runs = [compiled.gradients(x, y) for _ in range(4)]
        seen += [list(run.values()) for run in runs]
    for found in seen[1:]:
        for a, b in zip(seen[0], found, strict=True):
            assert_near(b, a, "gradients")


def test_training() -> None:
    """Batches as captured graphs, with data brought ahead."""
    seen = []
    for options in ENGINES:
        optimiser = Adam(0.01, global_clip_norm=0.01)
        compiled, x, y = training("event_prop", optimiser=optimiser, **options)
        more = {key: [*values] * 4 for key, values in x.items()}
        compiled.train(more, np.tile(y, 4), num_epochs=2, shuffle=False, callbacks=[])
        seen.append([compiled.weights(c) for c in compiled.network.connections])
    for a, b in zip(*seen, strict=True):
        assert_near(b, a, "weights")
