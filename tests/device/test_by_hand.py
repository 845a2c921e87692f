"""The kernels by hand, a yardstick of the benchmarks, against the CPU engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from device.test_cuda_compiles import compile_error

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SIZES: dict[str, Any] = {"steps": 60, "batch": 3, "hidden": 64, "duration": 60.0}


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
def test_compiles(architecture: str) -> None:
    from frameworks.by_hand import text

    assert compile_error(text(256), architecture, "by_hand_learn") == ""


@pytest.mark.usefixtures("simulated")
def test_loss_and_gradients() -> None:
    from frameworks import Setting
    from frameworks.by_hand import ByHand
    from frameworks.ours import Ours

    theirs = ByHand(Setting(**SIZES, device="gpu"))
    ours = Ours(Setting(**SIZES, threads=1), "EventProp")
    labels = ours.setting.labels
    wanted = ours.compiled.gradients(ours.x, labels)
    for connection, found in zip(ours.connections, theirs.gradients(), strict=True):
        gradient = wanted[connection]
        assert np.abs(gradient).max() > 0
        np.testing.assert_allclose(found, gradient, atol=1e-4 * np.abs(gradient).max())
    assert theirs.rate() == ours.rate() > 0
    voltages, _ = ours.compiled.predict(ours.x, callbacks=[])
    (mean,) = voltages.values()
    entropy = np.log(np.exp(mean).sum(axis=1)) - mean[np.arange(len(mean)), labels]
    np.testing.assert_allclose(theirs.losses(), entropy, rtol=1e-5)


@pytest.mark.usefixtures("simulated")
def test_steps_learn_as_ours() -> None:
    """Weights after some steps of Adam."""
    from frameworks import Setting
    from frameworks.by_hand import ByHand
    from frameworks.ours import Ours

    theirs = ByHand(Setting(**SIZES, device="gpu"))
    ours = Ours(Setting(**SIZES, threads=1), "EventProp")
    theirs.call["rate"] = ours.compiled.optimiser.alpha
    for _ in range(3):
        theirs.step()
    ours.compiled.train(ours.x, ours.setting.labels, 3, shuffle=False, callbacks=[])
    found = theirs.arrays["weights"].get()
    flat = [ours.compiled.weights(c).reshape(-1) for c in ours.connections]
    wanted = np.concatenate(flat)
    before = np.concatenate([w.reshape(-1) for w in theirs.setting.all_weights()])
    moved = np.abs(wanted - before).max()
    assert moved > 1e-3
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-3 * moved)
