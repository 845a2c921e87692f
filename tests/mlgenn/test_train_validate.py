"""train_validate of mlGeNN 3."""

from __future__ import annotations

import pytest
from training.small_nets import labels, small, spikes

from ml_genn.errors import ValidationError


def test_train_validate_trains_with_validation() -> None:
    net = small()
    compiled = net.compile_training()
    metrics, validated, data, validation_data = compiled.train_validate(
        spikes(8), labels(8), 2, callbacks=[], validation_split=0.25
    )
    assert 0.0 <= validated[net.output].result <= 1.0
    assert metrics.loss != validated.loss
    assert (data, validation_data) == ({}, {})


def test_train_validate_needs_data_for_validation() -> None:
    compiled = small().compile_training()
    with pytest.raises(ValidationError, match="give validation_split, or validation_x"):
        compiled.train_validate(spikes(8), labels(8), 2)
