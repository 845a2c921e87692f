"""The hand-written CUDA kernels of the benchmarks against the CPU engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from device.test_kernel_compilation import compile_error

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SIZES: dict[str, Any] = {"steps": 60, "batch": 3, "hidden": 64, "duration": 60.0}


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
def test_kernels_compile(architecture: str) -> None:
    from frameworks.hand_written import source_text

    assert compile_error(source_text(256), architecture, "hand_written_gradients") == ""


@pytest.mark.usefixtures("simulated")
def test_losses_and_gradients() -> None:
    from frameworks import Setting
    from frameworks.hand_written import HandWrittenNetwork
    from frameworks.ml_genn_network import MlGennNetwork

    theirs = HandWrittenNetwork(Setting(**SIZES, device="gpu"))
    ours = MlGennNetwork(Setting(**SIZES, threads=1), "EventProp")
    labels = ours.setting.labels
    expected = ours.compiled.gradients(ours.x, labels)
    for connection, gradient in zip(ours.connections, theirs.gradients(), strict=True):
        largest = np.abs(expected[connection]).max()
        assert largest > 0
        np.testing.assert_allclose(gradient, expected[connection], atol=1e-4 * largest)
    assert theirs.rate() == ours.rate() > 0
    voltages, _ = ours.compiled.predict(ours.x, callbacks=[])
    (mean,) = voltages.values()
    entropy = np.log(np.exp(mean).sum(axis=1)) - mean[np.arange(len(mean)), labels]
    np.testing.assert_allclose(theirs.losses(), entropy, rtol=1e-5)


@pytest.mark.usefixtures("simulated")
def test_weights_after_steps_of_adam() -> None:
    from frameworks import Setting
    from frameworks.hand_written import HandWrittenNetwork
    from frameworks.ml_genn_network import MlGennNetwork

    theirs = HandWrittenNetwork(Setting(**SIZES, device="gpu"))
    ours = MlGennNetwork(Setting(**SIZES, threads=1), "EventProp")
    theirs.arguments["rate"] = ours.compiled.optimiser.alpha
    for _ in range(3):
        theirs.step()
    ours.compiled.train(ours.x, ours.setting.labels, 3, shuffle=False, callbacks=[])
    weights = theirs.arrays["weights"].get()
    flat = [ours.compiled.weights(c).reshape(-1) for c in ours.connections]
    expected = np.concatenate(flat)
    initial = np.concatenate([w.reshape(-1) for w in theirs.setting.all_weights()])
    largest_change = np.abs(expected - initial).max()
    assert largest_change > 1e-3
    np.testing.assert_allclose(weights, expected, rtol=0, atol=1e-3 * largest_change)
