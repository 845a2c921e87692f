"""History of training: losses and metrics by epoch."""

from __future__ import annotations

import sys
from math import isnan
from types import SimpleNamespace

import pytest
from training.small_nets import (
    Spy,
    labels,
    small,
    spikes,
)

from ml_genn.errors import UnknownNameError, UnsupportedError
from ml_genn.training.history import History
from ml_genn.utils.logs import Logs


def test_history_contains_losses_and_metrics() -> None:
    net = small()
    compiled = net.compile_training()
    spy = Spy()
    losses: list[float] = []
    spy.on_epoch_end = lambda epoch, metrics: losses.append(metrics.loss)  # type: ignore[method-assign]
    metrics, validation, _, _ = compiled.train(
        spikes(10),
        labels(10),
        num_epochs=3,
        start_epoch=2,
        callbacks=[spy],
        validation_callbacks=[],
        validation_split=0.4,
    )
    history = metrics.history
    assert history is compiled.history
    assert history.epoch == [2, 3, 4]
    assert history["loss"] == losses
    assert history["val_loss"][-1] == validation.loss
    assert history["accuracy"] is history["sparse_categorical_accuracy"]
    assert history["accuracy"][-1] == metrics[net.output].result
    assert history["val_accuracy"][-1] == validation[net.output].result
    assert list(history) == [
        "loss",
        "accuracy",
        "val_loss",
        "val_accuracy",
    ]
    assert all(len(values) == 3 for values in history.values())
    compiled.train(spikes(4), labels(4), metrics="confusion_matrix", callbacks=[])
    assert list(compiled.history) == ["loss"]
    assert len(history["loss"]) == 3


def test_logs_have_abbreviated_names() -> None:
    logs = Logs(loss=1.0, val_loss=2.0, sparse_categorical_accuracy=0.5)
    assert (logs["loss"], logs["val_loss"], logs["accuracy"]) == (1.0, 2.0, 0.5)
    with pytest.raises(UnknownNameError, match="Did you mean 'val_loss'"):
        _ = logs["val_los"]
    with pytest.raises(UnknownNameError):
        _ = logs["val_accuracy"]


def test_missing_numbers_are_nan() -> None:
    history = History()
    history.add(0, {"loss": 1.0})
    history.add(1, {"val_loss": 2.0})
    assert isnan(history["loss"][1])
    assert isnan(history["val_loss"][0])
    assert (history["loss"][0], history["val_loss"][1]) == (1.0, 2.0)


def test_history_is_converted_to_a_data_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    history = History()
    history.add(3, {"loss": 1.0})
    history.add(4, {"loss": 0.5})
    pandas = SimpleNamespace(
        DataFrame=lambda data, index: (data, index), Index=lambda values, name: values
    )
    monkeypatch.setitem(sys.modules, "pandas", pandas)
    assert history.to_pandas() == ({"loss": [1.0, 0.5]}, [4, 5])
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UnsupportedError, match=r"ml_genn\[logs\]"):
        history.to_pandas()


def test_history_in_pandas() -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")
    history = History()
    history.add(3, {"loss": 1.0})
    history.add(4, {"loss": 0.5})
    frame = history.to_pandas()
    assert frame.loc[5, "loss"] == 0.5
    assert frame.index.name == "epoch"
