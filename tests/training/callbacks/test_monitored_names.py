"""Losses and metrics that callbacks monitor: names, lists, and what is better."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training.callbacks.callback_runs import train_two_batches
from training.small_nets import (
    CLASSES,
    Spy,
    double,
    labels,
    small,
    spikes,
)

import ml_genn
from ml_genn.callbacks import (
    Checkpoint,
    CSVLogger,
    EarlyStopping,
    ModelCheckpoint,
    OptimiserParamSchedule,
    ReduceLROnPlateau,
    RewiringRecorder,
    SpikeRateMonitor,
    SpikeRecorder,
    TerminateOnNaN,
)
from ml_genn.errors import TrainingWarning, UnknownNameError, ValidationError
from ml_genn.metrics import (
    ConfusionMatrix,
    MeanSquareError,
    Metric,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
)
from ml_genn.optimisers import Adam
from ml_genn.serialisers import Numpy

SPLIT = {"validation_split": 0.25}


class RootMeanSquareError(MeanSquareError):
    """An error of the user's own."""

    @property
    def result(self) -> float | None:
        """The root of the mean."""
        return None if super().result is None else float(super().result) ** 0.5


class RMSE(RootMeanSquareError):
    """The same, named by its initials."""


class Recall(SparseTopKCategoricalAccuracy):
    """An accuracy of the user's own."""

    def __init__(self) -> None:
        super().__init__(1)


class Unknown(SparseCategoricalAccuracy):
    """A metric that does not say which values are better."""

    HIGHER_IS_BETTER = None


#: (metrics, monitored name, True if higher is better)
METRICS: list[tuple[Any, str, bool]] = [
    ("mse", "mse", False),
    ({"dist": "mse"}, "dist", False),
    ({"accuracy of values": "mae"}, "accuracy of values", False),
    (RootMeanSquareError(), "root_mean_square_error", False),
    (RMSE(), "rmse", False),
    ("accuracy", "accuracy", True),
    ({"acc": "accuracy"}, "acc", True),
    ({"top 2 error": SparseTopKCategoricalAccuracy(2)}, "top 2 error", True),
    (Recall(), "recall", True),
    (["accuracy", "confusion_matrix"], "accuracy", True),
    ("accuracy", "loss", False),
]


@pytest.mark.parametrize(("metrics", "name", "rises"), METRICS)
@pytest.mark.parametrize("prefix", ["", "val_"])
def test_all_callbacks_agree_on_the_best_epoch(
    metrics: Any, name: str, rises: bool, prefix: str, tmp_path: Path
) -> None:
    regression = not rises and name != "loss"
    y = np.random.default_rng(3).normal(size=(8, CLASSES)) if regression else labels(8)
    loss = "mean_square_error" if regression else "sparse_categorical_crossentropy"
    compiled = small().compile_training(losses=loss, optimiser=Adam(0.2))
    monitor = f"{prefix}{name}"
    saved = ModelCheckpoint(tmp_path / "{epoch}", monitor)
    stop = EarlyStopping(monitor, patience=99)
    plateau = ReduceLROnPlateau(monitor, patience=99)
    train = {"metrics": metrics, "validation_split": 0.25, "validation_callbacks": []}
    compiled.train(
        spikes(8), y, num_epochs=5, callbacks=[saved, stop, plateau], **train
    )
    numbers = compiled.history[stop._log]
    sign = -1 if rises else 1
    scores = [sign * n for n in numbers]
    best = int(np.argmin(scores))
    assert stop.best_epoch == best
    assert max(int(p.name) for p in tmp_path.iterdir()) == best + 1
    assert plateau._best == saved._best == scores[best]


def test_a_metric_that_does_not_say_needs_a_mode() -> None:
    compiled = small().compile_training()
    options = {"metrics": Unknown(), "callbacks": [EarlyStopping("unknown")]}
    with pytest.raises(ValidationError, match="Give mode='min' or mode='max'"):
        compiled.train(spikes(8), labels(8), **options)
    assert compiled.epoch is None
    stop = EarlyStopping("unknown", mode="min")
    compiled.train(spikes(8), labels(8), metrics=Unknown(), callbacks=[stop])
    assert stop.best_epoch == 0


@pytest.mark.parametrize("place", ["callbacks", "validation_callbacks"])
@pytest.mark.parametrize("monitor", ["val_loss", "val_accuracy"])
def test_validation_is_monitored_from_either_list(
    place: str, monitor: str, tmp_path: Path
) -> None:
    listed = {
        "stop": EarlyStopping(monitor, patience=1, restore_best_weights=True),
        "save": ModelCheckpoint(tmp_path / "best", monitor),
        "log": CSVLogger(tmp_path / "log.csv"),
        "checkpoint": Checkpoint(Numpy(tmp_path / "all")),
    }
    compiled = small().compile_training(optimiser=Adam(0.5))
    lists = {"callbacks": [], "validation_callbacks": [], place: list(listed.values())}
    compiled.train(spikes(12), 2 - labels(12), 9, **lists, **SPLIT)
    numbers = compiled.history[monitor]
    sign = -1 if monitor == "val_accuracy" else 1
    best = int(np.argmin([sign * n for n in numbers]))
    assert listed["stop"].best_epoch == best
    assert len(numbers) == listed["stop"].stopped_epoch + 1 < 9
    assert ml_genn.load_model(tmp_path / "best").epoch == best
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 1 + len(numbers)
    assert Numpy(tmp_path / "all").epochs() == list(range(len(numbers)))


def test_callbacks_of_validation_may_omit_the_prefix(tmp_path: Path) -> None:
    compiled = small().compile_training(optimiser=Adam(0.5))
    stop, train = EarlyStopping("loss", patience=99), EarlyStopping("loss", patience=99)
    options = {"callbacks": [train], "validation_callbacks": [stop]}
    compiled.train(spikes(12), 2 - labels(12), 6, **options, **SPLIT)
    assert stop.best_epoch == int(np.argmin(compiled.history["val_loss"]))
    assert train.best_epoch == int(np.argmin(compiled.history["loss"]))
    assert stop.best_epoch != train.best_epoch


@pytest.mark.parametrize(
    ("monitor", "message"),
    [
        ("acuracy", "Did you mean"),
        ("val_loss", "monitor='loss' follows training"),
        ("confusion", "unknown loss or metric 'confusion'"),
    ],
)
@pytest.mark.parametrize("kind", [EarlyStopping, ReduceLROnPlateau, ModelCheckpoint])
def test_unknown_names_are_refused_before_training(
    kind: Any, monitor: str, message: str, tmp_path: Path
) -> None:
    path = {"path": tmp_path / "x"} if kind is ModelCheckpoint else {}
    compiled = small().compile_training()
    with pytest.raises(UnknownNameError, match=message):
        train_two_batches(compiled, [kind(**path, monitor=monitor)])
    assert compiled.epoch is None


def test_metrics_of_several_outputs(tmp_path: Path) -> None:
    net = double()
    compiled = net.compile()
    x = dict(zip(net.inputs, (spikes(6), spikes(6, seed=1)), strict=True))
    y = dict(zip(net.outputs, (labels(6), labels(6, 2)), strict=True))
    path = tmp_path / "model"
    where = ModelCheckpoint(path, "accuracy", output=net.outputs[1])
    stop = EarlyStopping("what_accuracy")
    compiled.train(x, y, callbacks=[where, stop])
    assert where._log == "where_accuracy"
    assert stop._log == "what_accuracy"
    with pytest.raises(ValidationError, match=r"is measured 2 times.*what_acc"):
        compiled.train(x, y, callbacks=[ModelCheckpoint(path, "accuracy")])


def test_an_array_is_not_monitored() -> None:
    compiled = small().compile_training()
    options = {"metrics": ConfusionMatrix(), "callbacks": [EarlyStopping("matrix")]}
    with pytest.raises(ValidationError, match="mode='auto' needs a metric"):
        compiled.train(spikes(8), labels(8), **options)


def test_abstract_metrics_do_not_say() -> None:
    assert Metric.HIGHER_IS_BETTER is None


# ---------------------------------------------------------------- both lists
def test_recorders_in_both_lists_are_copied(tmp_path: Path) -> None:
    net = small()
    compiled = net.compile_training()
    both = [
        Checkpoint(Numpy(tmp_path)),
        SpikeRecorder(net.inputs),
        SpikeRateMonitor([net.inputs], key="rates"),
        CSVLogger(tmp_path / "log.csv"),
        TerminateOnNaN(),
        "batch_progress_bar",
    ]
    *_, data, validation = compiled.train(
        spikes(8), labels(8), 2, callbacks=both, validation_callbacks=both, **SPLIT
    )
    assert [len(d[1][0]) for d in (data, validation)] == [2 * 6, 2 * 2]
    assert [len(d["rates"]["Pop0"]) for d in (data, validation)] == [2, 2]
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 3


def test_callbacks_of_users_in_both_lists_are_refused() -> None:
    spy = Spy()
    del spy.get_data
    with pytest.raises(ValidationError, match=r"would mix both\. Make one for each"):
        small().compile_training().train(
            spikes(8), labels(8), callbacks=[spy], validation_callbacks=[spy], **SPLIT
        )


# ---------------------------------------------------------------- wrong list
def test_callbacks_of_training_are_refused_in_validation() -> None:
    net = small()
    schedule = OptimiserParamSchedule("alpha", lambda _, alpha: alpha)
    for callback in (
        TerminateOnNaN(),
        schedule,
        RewiringRecorder(net.hidden.connection()),
    ):
        compiled = net.compile_training()
        with pytest.raises(ValidationError, match="Put it into callbacks"):
            train_two_batches(
                compiled, [], validation_callbacks=[callback], validation_split=0.25
            )
        assert compiled.epoch is None


def test_callbacks_without_effect_are_warned_of(tmp_path: Path) -> None:
    compiled = small().compile_training()
    x, y = spikes(4), labels(4)
    for callback in (Checkpoint(Numpy(tmp_path)), CSVLogger(tmp_path / "log")):
        with pytest.warns(TrainingWarning, match="has no effect here") as record:
            compiled.evaluate(x, y, callbacks=[callback])
        assert record[0].filename == __file__
        with pytest.warns(TrainingWarning, match="has no effect here"):
            compiled.predict(x, callbacks=[callback])
    with pytest.warns(TrainingWarning, match="no effect without validation data"):
        compiled.train(x, y, callbacks=[], validation_callbacks=[Spy()])
    assert not any(tmp_path.iterdir())
