"""ModelCheckpoint: model files of the best epochs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saving.saved_nets import (
    CLASSES,
    data,
    make,
    train,
)

import ml_genn
from ml_genn.callbacks import ModelCheckpoint
from ml_genn.errors import ValidationError


def test_best_epoch_is_saved(tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    compiled = make("plain").compile()
    losses = []

    class RecordLosses(ModelCheckpoint):
        def on_epoch_logs(self, epoch: int, logs: Any) -> None:
            losses.append(logs["val_loss"])
            super().on_epoch_logs(epoch, logs)

    x, y = data()
    validation = {"validation_x": x, "validation_y": (y + 1) % CLASSES}
    train(compiled, 5, validation_callbacks=[RecordLosses(path)], **validation)
    assert losses[-1] > min(losses)  # validation has wrong labels
    best = ml_genn.load_model(path)
    assert best.epoch == int(np.argmin(losses))
    train(compiled, 2, 5, validation_callbacks=[RecordLosses(path)], **validation)
    assert min(losses[5:]) > min(losses)
    assert ml_genn.load_model(path).epoch == best.epoch


@pytest.mark.parametrize("mode", ["auto", "max", "min"])
def test_modes_select_the_best_result(mode: str, tmp_path: Path) -> None:
    callback = ModelCheckpoint(
        tmp_path / "{epoch}.safetensors", "sparse_categorical_accuracy", mode
    )
    results = []

    class RecordResults(ml_genn.callbacks.Callback):
        def on_epoch_end(self, epoch: int, metrics: Any) -> None:
            results.append(next(iter(metrics.values())).result)

    train(make("plain").compile(), 6, callbacks=[callback, RecordResults()])
    scores = [-r if mode == "min" else r for r in results]
    expected = [k + 1 for k, s in enumerate(scores) if all(s > t for t in scores[:k])]
    assert sorted(int(p.stem) for p in tmp_path.glob("*.safetensors")) == expected


def test_every_epoch_is_saved_without_save_best_only(tmp_path: Path) -> None:
    callback = ModelCheckpoint(tmp_path / "{epoch}.safetensors", save_best_only=False)
    train(make("plain").compile(), 3, callbacks=[callback])
    assert len(list(tmp_path.glob("*.safetensors"))) == 3


def test_paths_contain_the_epoch_from_1_and_numbers(tmp_path: Path) -> None:
    path = tmp_path / "{epoch:03d}-{loss:.2f}-{accuracy}"
    compiled = make("plain").compile()
    callback = ModelCheckpoint(path, save_best_only=False)
    train(compiled, 2, callbacks=[callback])
    history = compiled.history
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        f"{k:03d}-{loss:.2f}-{accuracy}"
        for k, loss, accuracy in zip(
            (1, 2), history["loss"], history["accuracy"], strict=True
        )
    ]
    for name, message in (
        ("{val_loss}", "Validation needs data"),
        ("{acuracy}", "Did you mean 'accuracy'"),
        ("{epoch:.x}", r"'\{epoch:.x\}' is no format of a number"),
    ):
        with pytest.raises(ValidationError, match=message):
            train(compiled, 1, callbacks=[ModelCheckpoint(tmp_path / name)])


def test_unknown_modes_and_metrics_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="unknown mode 'mini'"):
        ModelCheckpoint(tmp_path / "x", mode="mini")
    callback = ModelCheckpoint(tmp_path / "x", "sparse_acuracy")
    with pytest.raises(ValidationError, match="Did you mean 'sparse_categorical_acc"):
        train(make("plain").compile(), 1, callbacks=[callback])
