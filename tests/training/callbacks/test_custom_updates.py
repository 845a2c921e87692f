"""CustomUpdateOn... callbacks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from training.callbacks.callback_runs import train_two_batches
from training.small_nets import (
    STEPS,
    labels,
    small,
    spikes,
)

from ml_genn.callbacks import (
    CustomUpdateOnBatchBegin,
    CustomUpdateOnBatchEnd,
    CustomUpdateOnEpochBegin,
    CustomUpdateOnEpochEnd,
    CustomUpdateOnTimestepBegin,
    CustomUpdateOnTimestepEnd,
)
from ml_genn.errors import (
    UnknownNameError,
)


def _calls(callback: Any) -> int:
    """Returns the number of calls of a custom update in two epochs of two batches."""
    compiled = small().compile_training()
    count = 0

    def update() -> None:
        nonlocal count
        count += 1

    compiled.custom_updates["mine"] = update
    train_two_batches(compiled, [callback], 2)
    return count


@pytest.mark.parametrize(
    ("callback", "calls", "filtered_calls"),
    [
        (CustomUpdateOnBatchBegin, 4, 2),
        (CustomUpdateOnBatchEnd, 4, 2),
        (CustomUpdateOnEpochBegin, 2, 1),
        (CustomUpdateOnEpochEnd, 2, 1),
        (CustomUpdateOnTimestepBegin, 4 * STEPS, 4),
        (CustomUpdateOnTimestepEnd, 4 * STEPS, 4),
    ],
)
def test_custom_updates_are_called(
    callback: Any, calls: int, filtered_calls: int
) -> None:
    assert _calls(callback("mine")) == calls
    assert _calls(callback("mine", lambda number: number == 1)) == filtered_calls


def test_custom_updates_may_change_weights() -> None:
    net = small()
    compiled = net.compile_training()

    def halve() -> None:
        compiled.set_weights(net.output, 0.5 * compiled.weights(net.output))

    compiled.custom_updates["halve"] = halve
    before = compiled.weights(net.output)
    compiled.evaluate(spikes(4), labels(4), callbacks=[CustomUpdateOnBatchEnd("halve")])
    np.testing.assert_allclose(compiled.weights(net.output), 0.5 * before)
    with pytest.raises(UnknownNameError, match="Did you mean 'halve'"):
        train_two_batches(compiled, [CustomUpdateOnBatchEnd("halves")])
