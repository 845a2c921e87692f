"""Numbers of epochs, training after an exception, gradients of the mean loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from training.data.batch_data import layer_weights, trained_weights
from training.small_nets import (
    Spy,
    labels,
    small,
    spikes,
)

from ml_genn.callbacks import Callback


def test_epochs_are_numbered_from_start_epoch() -> None:
    spy = Spy()
    compiled = small().compile_training()
    compiled.train(spikes(4), labels(4), num_epochs=3, start_epoch=4, callbacks=[spy])
    epochs = [args for _, hook, args in spy.log if hook == "on_epoch_begin"]
    assert epochs == [(4,), (5,), (6,)]


def test_gradients_are_the_mean_over_all_examples() -> None:
    net = small()
    compiled = net.compile_training(batch_size=3)
    x, y = spikes(8), labels(8)
    whole = compiled.gradients({net.inputs: x}, {net.output: y})
    single = [compiled.gradients(x[k : k + 1], y[k : k + 1]) for k in range(8)]
    for connection in net.network.connections:
        mean = np.mean([g[connection] for g in single], axis=0)
        np.testing.assert_allclose(whole[connection], mean, rtol=1e-4, atol=1e-7)
    losses = [compiled.loss(x[k : k + 1], y[k : k + 1]) for k in range(8)]
    assert compiled.loss(x, y) == pytest.approx(np.mean(losses), rel=1e-6)


class FailAfterEpoch(Callback):
    """Raises an error at the end of the first epoch."""

    def on_epoch_end(self, epoch: int, metrics: Any) -> None:
        raise RuntimeError("enough")


def test_training_continues_after_an_exception() -> None:
    net = small()
    compiled = net.compile_training()
    x, y = spikes(10), labels(10)
    with pytest.raises(RuntimeError, match="enough"):
        compiled.train(x, y, num_epochs=2, shuffle=False, callbacks=[FailAfterEpoch()])
    compiled.train(x, y, shuffle=False, callbacks=[])
    assert np.array_equal(
        layer_weights(net, compiled), trained_weights(x, y, num_epochs=2)
    )
