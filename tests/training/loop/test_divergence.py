"""Training whose loss is not a finite number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from training.small_nets import CLASSES, STEPS, Spy, labels, small, spikes

from ml_genn.errors import DivergedError
from ml_genn.optimisers import Adam

#: its square overflows single precision
HUGE = 1e30


def _targets(count: int, *diverging: int) -> np.ndarray:
    """Returns target trajectories; those of ``diverging`` are huge."""
    y = np.random.default_rng(0).normal(size=(count, STEPS, CLASSES))
    y[list(diverging)] = HUGE
    return y


def _regression() -> tuple[Any, Any]:
    net = small("var")
    compiled = net.compile_training(losses="mean_square_error", optimiser=Adam(0.05))
    return net, compiled


def _weights(net: Any, compiled: Any) -> list[np.ndarray]:
    return [compiled.weights(layer) for layer in (net.hidden, net.output)]


def _train(compiled: Any, y: Any, **kwargs: Any) -> None:
    arguments = {"shuffle": False, "metrics": "mean_square_error", "callbacks": []}
    compiled.train(spikes(len(y)), y, **{**arguments, **kwargs})


@pytest.mark.parametrize("example", [0, 5, 9])
def test_weights_are_those_before_the_diverging_batch(example: int) -> None:
    net, compiled = _regression()
    spy = Spy()
    with pytest.raises(DivergedError) as caught:
        _train(compiled, _targets(10, example), callbacks=[spy])
    batch = example // 4
    message = str(caught.value)
    assert f"not a finite number in epoch 1, batch {batch + 1}." in message
    assert "weights are those before this batch" in message
    assert "smaller learning rate" in message
    assert "check the targets" in message
    other_net, other = _regression()
    if batch:
        _train(other, _targets(10)[: 4 * batch])
    for left, right in zip(
        _weights(net, compiled), _weights(other_net, other), strict=True
    ):
        np.testing.assert_allclose(left, right, rtol=1e-6)
    assert spy.calls[-2:] == [("on_batch_begin", batch), ("on_exception",)]


def test_the_error_names_the_epoch() -> None:
    net, compiled = _regression()
    spy = Spy()

    def set_huge_weights(epoch: int) -> None:
        if epoch == 8:
            compiled.set_weights(net.output, np.full((5, CLASSES), 3e38))

    spy.on_epoch_begin = set_huge_weights  # type: ignore[method-assign]
    with pytest.raises(DivergedError, match="epoch 9, batch 1"):
        _train(compiled, _targets(8), num_epochs=4, start_epoch=7, callbacks=[spy])
    assert np.all(compiled.weights(net.output) == np.float32(3e38))


def test_huge_weights_make_cross_entropy_diverge() -> None:
    net = small()
    compiled = net.compile_training()
    huge = np.full((5, CLASSES), 3e38, dtype=np.float32)
    huge[:, 0] = -3e38
    compiled.set_weights(net.output, huge)
    before = _weights(net, compiled)
    with pytest.raises(DivergedError, match="epoch 1, batch 1"):
        compiled.train(spikes(8), labels(8), callbacks=[])
    after = _weights(net, compiled)
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_training_continues_with_valid_data() -> None:
    net, compiled = _regression()
    with pytest.raises(DivergedError):
        _train(compiled, _targets(4, 2))
    _train(compiled, _targets(8), num_epochs=3)
    assert all(np.all(np.isfinite(w)) for w in _weights(net, compiled))
    assert np.isfinite(compiled.loss(spikes(8), _targets(8)))


def test_diverged_error_is_an_arithmetic_error() -> None:
    _, compiled = _regression()
    with pytest.raises(ArithmeticError):
        _train(compiled, _targets(4, 0))


def test_evaluation_continues_after_an_infinite_loss() -> None:
    net, compiled = _regression()
    metrics, _ = compiled.evaluate(
        spikes(8), _targets(8, 1), "mean_square_error", callbacks=[]
    )
    assert not np.isfinite(metrics.loss)
    assert metrics[net.output].count == 8 * STEPS * CLASSES


def test_large_finite_losses_do_not_stop_training() -> None:
    net, compiled = _regression()
    y = _targets(8)
    y[1] = 1e12
    _train(compiled, y, num_epochs=2)
    assert all(np.all(np.isfinite(w)) for w in _weights(net, compiled))
