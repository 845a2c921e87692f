"""TerminateOnNaN and SpikeRateMonitor."""

from __future__ import annotations

from pathlib import Path
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
    Callback,
    CSVLogger,
    EarlyStopping,
    ModelCheckpoint,
    ReduceLROnPlateau,
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
    with pytest.warns(TrainingWarning, match="epoch 1, batch 5; training ends"):
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


def _network_and_data(*diverging: int) -> tuple[Any, Any, Any]:
    """Returns a compiled network, and eight batches of one example."""
    compiled = small("var").compile_training(losses="mean_square_error", batch_size=1)
    y = np.random.default_rng(0).normal(size=(8, STEPS, CLASSES))
    y[list(diverging)] = 1e30
    return compiled, spikes(8), y


def test_batches_that_are_left_out_are_no_measurement(tmp_path: Path) -> None:
    """Loss and metrics are the means over the other batches of the epoch."""
    path = tmp_path / "best.safetensors"
    compiled, x, y = _network_and_data(3)
    callbacks = [
        TerminateOnNaN(1),
        ModelCheckpoint(path),
        EarlyStopping("loss", patience=1),
        ReduceLROnPlateau("loss", patience=5),
        CSVLogger(tmp_path / "log.csv"),
    ]
    options = {"metrics": "mean_square_error", "shuffle": False}
    with pytest.warns(TrainingWarning, match="batch 4; it is left out"):
        metrics, _ = compiled.train(x, y, callbacks=callbacks, **options)
    twin, _, _ = _network_and_data()
    good = [k for k in range(8) if k != 3]
    expected, _ = twin.train([x[k] for k in good], y[good], callbacks=[], **options)
    assert metrics.history["loss"] == [pytest.approx(expected.loss)]
    assert metrics.history["mean_square_error"] == [pytest.approx(expected.loss)]
    assert path.exists()
    assert "nan" not in (tmp_path / "log.csv").read_text()


def test_an_epoch_without_good_batches_has_no_value(tmp_path: Path) -> None:
    """It is nan in the history, is no improvement, and is not saved as the best one."""
    path = tmp_path / "best.safetensors"
    compiled, x, y = _network_and_data(*range(8))
    stopping = EarlyStopping("loss", patience=2)
    callbacks = [TerminateOnNaN(100), ModelCheckpoint(path), stopping]
    options = {"metrics": "mean_square_error", "callbacks": callbacks}
    with pytest.warns(TrainingWarning):
        metrics, _ = compiled.train(x, y, num_epochs=5, **options)
    assert np.isnan(metrics.history["loss"]).all()
    assert np.isnan(metrics.history["mean_square_error"]).all()
    assert stopping.stopped_epoch == 1
    assert not path.exists()
    every = ModelCheckpoint(path, save_best_only=False)
    with pytest.warns(TrainingWarning):
        options["callbacks"] = [TerminateOnNaN(8), every]
        compiled.train(x, y, **options)
    assert path.exists()


def test_validation_with_infinite_states_is_a_matter_of_training() -> None:
    """Its epoch has no measurement; TerminateOnNaN ends the training."""
    compiled, x, y = _network_and_data()

    class Spoil(Callback):
        """Callback that makes weights too large after an epoch of training."""

        def on_epoch_end(self, epoch: int, metrics: Any) -> None:
            connection = compiled.network.connections[0]
            compiled.set_weights(connection, np.full((INPUTS, HIDDEN), -3e38))

    held_out = {"validation_x": x, "validation_y": y, "validation_callbacks": []}
    options = {"metrics": "mean_square_error", "num_epochs": 3, **held_out}
    guards = [TerminateOnNaN(), Spoil()]
    with pytest.warns(TrainingWarning, match="state of population .* training ends"):
        metrics, *_ = compiled.train(x, y, callbacks=guards, **options)
    assert metrics.history.epoch == [0]
    assert np.isfinite(metrics.history["loss"]).all()
    assert np.isnan(metrics.history["val_loss"]).all()
    compiled, x, y = _network_and_data()
    with pytest.raises(DivergedError, match="Evaluation, epoch 1, batch 1"):
        compiled.train(x, y, callbacks=[Spoil()], **options)


def test_recorders_leave_out_what_training_leaves_out() -> None:
    compiled, x, y = _network_and_data(3, 4)
    monitor = SpikeRateMonitor([compiled.network.populations[0]], key="rates")
    options = {"metrics": "mean_square_error", "shuffle": False}
    with pytest.warns(TrainingWarning):
        guards = [TerminateOnNaN(2), monitor]
        _, data = compiled.train(x, y, callbacks=guards, **options)
    twin, _, _ = _network_and_data()
    good = [k for k in range(8) if k not in (3, 4)]
    _, expected = twin.train(
        [x[k] for k in good],
        y[good],
        callbacks=[SpikeRateMonitor([twin.network.populations[0]], key="rates")],
        **options,
    )
    np.testing.assert_allclose(*(d["rates"]["Pop0"][0] for d in (data, expected)))
