"""Arguments of callbacks that are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from training.callbacks.callback_runs import train_two_batches
from training.small_nets import (
    labels,
    small,
    spikes,
)

from ml_genn.callbacks import (
    Callback,
    CSVLogger,
    EarlyStopping,
    OptimiserParamSchedule,
    ReduceLROnPlateau,
    TerminateOnNaN,
)
from ml_genn.errors import (
    UnknownNameError,
    ValidationError,
)


@pytest.mark.parametrize(
    ("create", "message"),
    [
        (lambda: EarlyStopping(mode="mix"), "Did you mean 'min'"),
        (lambda: EarlyStopping(patience=-1), "patience is a whole number"),
        (lambda: EarlyStopping(min_delta=-1.0), "min_delta is not negative"),
        (lambda: ReduceLROnPlateau(factor=1.0), "factor is at least 0 and below 1"),
        (lambda: TerminateOnNaN(0.5), "patience is a whole number"),
        (lambda: CSVLogger("x", separator=";;"), "separator is one character"),
    ],
)
def test_bad_arguments_are_refused(create: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        create()


def test_an_unknown_monitored_name_is_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"'val_loss'.*Validation needs data"):
        train_two_batches(small().compile_training(), ["early_stopping"])


@pytest.mark.parametrize(
    "callback",
    [EarlyStopping(), ReduceLROnPlateau(), OptimiserParamSchedule("alpha", max)],
)
def test_callbacks_of_training_are_refused_in_evaluation(callback: Callback) -> None:
    with pytest.raises(ValidationError, match="callbacks of training"):
        small().compile_inference().evaluate(spikes(4), labels(4), callbacks=[callback])
