"""Adam in compiled code, compared with its equations in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from training.small_nets import Small, labels, small, spikes

from ml_genn.callbacks import Callback
from ml_genn.compilers import EventPropCompiler
from ml_genn.errors import ValidationError
from ml_genn.optimisers import Adam


class NumpyAdam:
    """Adam of one array, algorithm 1 of Kingma & Ba (2015)."""

    def __init__(self, x: np.ndarray, adam: Adam) -> None:
        self.x = x.astype(np.float64)
        self.adam = adam
        self.m = np.zeros_like(self.x)
        self.v = np.zeros_like(self.x)
        self.n = 0

    def step(self, gradient: np.ndarray) -> None:
        """Takes one step."""
        a = self.adam
        self.n += 1
        self.m = a.beta1 * self.m + (1 - a.beta1) * gradient
        self.v = a.beta2 * self.v + (1 - a.beta2) * gradient.astype(np.float64) ** 2
        m_hat = self.m / (1 - a.beta1**self.n)
        v_hat = self.v / (1 - a.beta2**self.n)
        self.x -= a.alpha * m_hat / (np.sqrt(v_hat) + a.epsilon)


def _batches(size: int = 4, count: int = 10) -> list[tuple[Any, Any]]:
    x, y = spikes(count, seed=1), labels(count)
    return [(x[k : k + size], y[k : k + size]) for k in range(0, count, size)]


def _compare_with_numpy(
    net: Small, compiled: Any, adam: Adam, batches: list[Any]
) -> None:
    """Trains batch by batch and compares weights with NumPy after each."""
    layers = (net.hidden, net.output)
    in_numpy = {layer: NumpyAdam(compiled.weights(layer), adam) for layer in layers}
    for x, y in batches:
        gradients = compiled.gradients(x, y)
        for layer, expected in in_numpy.items():
            expected.step(gradients[layer.connection()])
        compiled.train(x, y, shuffle=False, callbacks=[])
        for layer, expected in in_numpy.items():
            np.testing.assert_allclose(
                compiled.weights(layer), expected.x, rtol=2e-5, atol=2e-6
            )
    assert any(np.any(expected.m != 0) for expected in in_numpy.values())


@pytest.mark.parametrize(
    "adam",
    [Adam(), Adam(0.05), Adam(0.02, beta1=0.5, beta2=0.9, epsilon=1e-3), Adam(0.0)],
    ids=repr,
)
def test_steps_follow_the_equations(adam: Adam) -> None:
    net = small()
    compiled = net.compile_training(optimiser=adam)
    assert repr(compiled.optimiser) == repr(adam)
    _compare_with_numpy(net, compiled, adam, 3 * _batches())


def test_an_epoch_takes_one_step_per_batch() -> None:
    net = small()
    by_epoch = net.compile_training(optimiser=Adam(0.05))
    by_batch = net.compile_training(optimiser=Adam(0.05))
    x, y = spikes(10, seed=1), labels(10)
    by_epoch.train(x, y, num_epochs=2, shuffle=False, callbacks=[])
    for batch_x, batch_y in 2 * _batches():
        by_batch.train(batch_x, batch_y, callbacks=[])
    for layer in (net.hidden, net.output):
        np.testing.assert_allclose(
            by_epoch.weights(layer), by_batch.weights(layer), rtol=1e-5, atol=1e-7
        )


def test_learning_rate_changes_between_trainings() -> None:
    net = small()
    compiled = net.compile_training(optimiser=Adam(0.05))
    adam = compiled.optimiser
    x, y = spikes(8), labels(8)
    compiled.train(x, y, callbacks=[])
    before = compiled.weights(net.output)
    adam.alpha = 0.0
    compiled.train(x, y, callbacks=[])
    assert np.array_equal(compiled.weights(net.output), before)
    adam.alpha = 0.05
    compiled.train(x, y, callbacks=[])
    assert not np.array_equal(compiled.weights(net.output), before)


class SetRateToZero(Callback):
    """Sets the learning rate to 0 from a batch on."""

    def __init__(self, adam: Adam, batch: int) -> None:
        self.adam, self.batch = adam, batch

    def on_batch_begin(self, batch: int) -> None:
        """Changes the learning rate."""
        if batch == self.batch:
            self.adam.alpha = 0.0


def test_learning_rate_set_in_on_batch_begin_holds_for_that_batch() -> None:
    net = small()
    compiled = net.compile_training(optimiser=Adam(0.05))
    adam = compiled.optimiser
    x, y = spikes(12), labels(12)
    compiled.train(x, y, shuffle=False, callbacks=[SetRateToZero(adam, 1)])
    other = net.compile_training(optimiser=Adam(0.05))
    other.train(x[:4], y[:4], shuffle=False, callbacks=[])
    for layer in (net.hidden, net.output):
        assert np.array_equal(compiled.weights(layer), other.weights(layer))


def test_decay_rates_may_change_between_steps() -> None:
    net = small()
    compiled = net.compile_training(optimiser=Adam(0.05))
    adam = compiled.optimiser
    first, *rest = _batches()
    layer = net.output
    in_numpy = NumpyAdam(compiled.weights(layer), adam)
    for batch in (first, *rest):
        in_numpy.step(compiled.gradients(*batch)[layer.connection()])
        compiled.train(*batch, callbacks=[])
        np.testing.assert_allclose(
            compiled.weights(layer), in_numpy.x, rtol=2e-5, atol=2e-6
        )
        adam.beta1 = 0.6


def test_bias_correction_starts_at_the_step_of_start_epoch() -> None:
    net = small()
    adam = Adam(0.05)
    compiled = net.compile_training(optimiser=adam)
    x, y = spikes(8), labels(8)
    gradient = compiled.gradients(x[:4], y[:4])[net.output.connection()]
    before = compiled.weights(net.output).astype(np.float64)
    compiled.train(
        [(x[:4], y[:4])], start_epoch=7, num_epochs=1, shuffle=False, callbacks=[]
    )
    n = 8  # after seven epochs of one batch
    m_hat = 0.1 * gradient / (1 - 0.9**n)
    v_hat = 0.001 * gradient.astype(np.float64) ** 2 / (1 - 0.999**n)
    expected = before - 0.05 * m_hat / (np.sqrt(v_hat) + 1e-8)
    np.testing.assert_allclose(
        compiled.weights(net.output), expected, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("name", ["alpha", "beta1", "beta2", "epsilon"])
@pytest.mark.parametrize("value", ["x", None, np.nan, np.inf, [0.1], True, 1j, -0.1])
def test_invalid_arguments_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=f"Adam: {name} is .*Received"):
        Adam(**{name: value})


@pytest.mark.parametrize("arguments", [{"beta1": 1.0}, {"beta2": 1}, {"epsilon": 0}])
def test_arguments_at_excluded_bounds_are_refused(arguments: dict[str, float]) -> None:
    (name,) = arguments
    with pytest.raises(ValidationError, match=f"Adam: {name} is .*Received"):
        Adam(**arguments)


def test_an_invalid_learning_rate_is_refused_before_training() -> None:
    net = small()
    compiled = net.compile_training(optimiser=Adam())
    before = compiled.weights(net.output)
    compiled.optimiser.alpha = np.nan
    with pytest.raises(ValidationError, match="Adam: alpha is a finite number"):
        compiled.train(spikes(4), labels(4), callbacks=[])
    assert np.array_equal(compiled.weights(net.output), before)


def test_an_optimiser_is_required() -> None:
    with pytest.raises(ValidationError, match="an optimiser is needed"):
        EventPropCompiler(10, "mean_square_error", None)  # type: ignore[arg-type]
