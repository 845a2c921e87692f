"""TerminateOnNaN and SpikeRateMonitor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from training.callbacks.callback_runs import train_two_batches
from training.small_nets import (
    CLASSES,
    HIDDEN,
    INPUTS,
    STEPS,
    Spy,
    labels,
    small,
    spikes,
)

from ml_genn.callbacks import (
    EarlyStopping,
    SpikeRateMonitor,
    SpikeRecorder,
    TerminateOnNaN,
)
from ml_genn.errors import (
    DivergedError,
    TrainingWarning,
    ValidationError,
)
from ml_genn.optimisers import Adam


def _train_diverging(
    diverging: list[int], callbacks: list[Any]
) -> tuple[Any, Any, Spy]:
    """Trains on ten batches, some with an infinite loss.

    Returns weights, metrics and calls of callbacks.
    """
    net, spy = small("var"), Spy()
    compiled = net.compile_training(losses="mean_square_error", batch_size=1)
    y = np.random.default_rng(0).normal(size=(10, STEPS, CLASSES))
    y[diverging] = 1e30
    metrics, _ = compiled.train(
        spikes(10),
        y,
        metrics="mean_square_error",
        shuffle=False,
        callbacks=[*callbacks, spy],
    )
    return compiled.weights(net.output), metrics, spy


def test_terminate_on_nan_ends_training_with_a_warning() -> None:
    with pytest.warns(TrainingWarning, match="epoch 0, batch 4; training ends"):
        weights, metrics, spy = _train_diverging([4], ["terminate_on_nan"])
    assert spy.hooks.count("on_batch_begin") == 5
    assert spy.hooks.count("on_batch_end") == 4
    assert np.all(np.isfinite(weights))
    assert np.isfinite(metrics.loss)
    with pytest.raises(DivergedError):
        _train_diverging([4], [])


def test_terminate_on_nan_skips_batches_within_its_patience() -> None:
    with pytest.warns(TrainingWarning, match="it is left out"):
        _, metrics, spy = _train_diverging([2, 3, 7, 8], [TerminateOnNaN(2)])
    assert spy.hooks.count("on_batch_end") == 6
    assert len(metrics.history["loss"]) == 1
    with pytest.warns(TrainingWarning) as caught:
        _, _, spy = _train_diverging([2, 3, 4, 7], [TerminateOnNaN(2)])
    assert [str(w.message).count("training ends") for w in caught] == [0, 0, 1]
    assert spy.hooks.count("on_batch_begin") == 5


def test_history_has_nan_if_the_first_batch_diverges() -> None:
    with pytest.warns(TrainingWarning):
        _, metrics, _ = _train_diverging([0], [TerminateOnNaN(), EarlyStopping("loss")])
    assert np.isnan(metrics.history["loss"][0])


def test_spike_rate_monitor_measures_rates() -> None:
    net = small()
    compiled = net.compile_training(optimiser=Adam(0.0))
    monitor = SpikeRateMonitor([net.inputs, net.hidden], key="rates")
    recorder = SpikeRecorder(net.inputs, "counts", record_counts=True)
    _, data = train_two_batches(compiled, [monitor, recorder], 2)
    rates = data["rates"]
    assert set(rates) == {"Pop0", "Pop1"}
    expected = np.sum(data["counts"], axis=0) / (16 * STEPS * 1e-3)
    for rate in rates["Pop0"]:
        np.testing.assert_allclose(rate, expected)
    assert rates["Pop1"][0].shape == (HIDDEN,)
    _, data = compiled.evaluate(spikes(8), labels(8), callbacks=[monitor])
    np.testing.assert_allclose(data["rates"]["Pop0"][0], expected)


def test_spike_rate_monitor_warns_of_silent_and_saturated_populations() -> None:
    net = small()
    compiled = net.compile_training(optimiser=Adam(0.0))
    compiled.set_weights(net.hidden, np.zeros((INPUTS, HIDDEN)))
    with pytest.warns(TrainingWarning, match="'Pop1': 100% of its neurons are silent"):
        train_two_batches(compiled, ["spike_rate_monitor"])
    compiled.set_weights(net.hidden, np.full((INPUTS, HIDDEN), 1000.0))
    with pytest.warns(TrainingWarning, match=r"'Pop1': its neurons spike at \d+ Hz"):
        train_two_batches(compiled, [SpikeRateMonitor()])
    with pytest.raises(ValidationError, match="never spikes"):
        train_two_batches(compiled, [SpikeRateMonitor([net.output])])
