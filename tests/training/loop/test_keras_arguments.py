"""Arguments of Keras: fit, epochs, validation_data and batch_size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from training.small_nets import labels, small, spikes

from ml_genn.errors import ValidationError
from ml_genn.training.results import TrainingResult, ValidatedTrainingResult

X, Y = spikes(12), labels(12)


def _compiled() -> Any:
    return small().compile_training(rng_seed=3)


def test_epochs_is_another_name_of_num_epochs() -> None:
    one, other = _compiled(), _compiled()
    result = one.train(X, Y, epochs=3, callbacks=[])
    assert result.history == other.train(X, Y, num_epochs=3, callbacks=[]).history
    assert result.epoch == [0, 1, 2]
    with pytest.raises(ValidationError, match="another name of num_epochs"):
        one.train(X, Y, num_epochs=2, epochs=3)
    with pytest.raises(ValidationError, match="train: epochs is a whole number"):
        one.train(X, Y, epochs=0)


def test_validation_data_are_a_pair_or_batches() -> None:
    pair = _compiled().train(X, Y, validation_data=(X[:4], Y[:4]), callbacks=[])
    both = _compiled().train(X, Y, validation_x=X[:4], validation_y=Y[:4], callbacks=[])
    batches = _compiled().train(X, Y, validation_data=[(X[:4], Y[:4])], callbacks=[])
    assert pair.history == both.history == batches.history
    assert isinstance(pair, ValidatedTrainingResult)
    for options, message in (
        ({"validation_x": X, "validation_y": Y}, "give one of validation_data"),
        ({"validation_split": 0.5}, "give one of validation_data"),
        ({"validation_data": (X, Y, np.ones(12))}, "Received a tuple of 3"),
    ):
        with pytest.raises(ValidationError, match=message):
            _compiled().train(X, Y, **{"validation_data": (X, Y), **options})


def test_fit_trains_as_train_does() -> None:
    fitted = _compiled().fit(
        X, Y, batch_size=4, epochs=2, validation_split=0.25, verbose=0
    )
    trained = _compiled().train(X, Y, 2, validation_split=0.25, callbacks=[])
    assert fitted.history == trained.history
    assert fitted.history["val_accuracy"] == trained["val_accuracy"]
    assert isinstance(_compiled().fit(X, Y, verbose=0), TrainingResult)


def test_fit_ends_with_the_epoch_of_its_number() -> None:
    compiled = _compiled()
    compiled.fit(X, Y, epochs=2, verbose=0)
    assert compiled.fit(X, Y, initial_epoch=2, epochs=5, verbose=0).epoch == [2, 3, 4]
    with pytest.raises(ValidationError, match="epochs is a whole number of at least 6"):
        compiled.fit(X, Y, initial_epoch=5, epochs=5)


@pytest.mark.parametrize("method", ["train", "fit", "evaluate", "predict"])
def test_the_batch_size_belongs_to_the_compiler(method: str) -> None:
    compiled = _compiled()
    data = (X,) if method == "predict" else (X, Y)
    use = getattr(compiled, method)
    assert use(*data, batch_size=4, verbose=0) is not None
    with pytest.raises(ValidationError, match="was compiled with batch_size=4"):
        use(*data, batch_size=32)
