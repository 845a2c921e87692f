"""Adam in compiled code against the same equations in NumPy."""

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
    """The equations of Kingma & Ba (2015)."""

    def __init__(self, x: np.ndarray, adam: Adam) -> None:
        self.x = x.astype(np.float64)
        self.adam = adam
        self.m = np.zeros_like(self.x)
        self.v = np.zeros_like(self.x)
        self.n = 0

    def step(self, gradient: np.ndarray) -> None:
        """One step down the gradient."""
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


def _follow(net: Small, compiled: Any, adam: Adam, batches: list[Any]) -> None:
    """Trains batch by batch and compares with NumPy after each."""
    layers = (net.hidden, net.output)
    numpy = {layer: NumpyAdam(compiled.weights(layer), adam) for layer in layers}
    for x, y in batches:
        gradients = compiled.gradients(x, y)
        for layer, one in numpy.items():
            one.step(gradients[layer.connection()])
        compiled.train(x, y, shuffle=False, callbacks=[])
        for layer, one in numpy.items():
            np.testing.assert_allclose(
                compiled.weights(layer), one.x, rtol=2e-5, atol=2e-6
            )
    assert any(np.any(one.m != 0) for one in numpy.values())


@pytest.mark.parametrize(
    "adam",
    [Adam(), Adam(0.05), Adam(0.02, beta1=0.5, beta2=0.9, epsilon=1e-3), Adam(0.0)],
    ids=repr,
)
def test_steps_are_those_of_the_equations(adam: Adam) -> None:
    net = small()
    compiled = net.train_compiler(optimiser=adam)
    assert compiled.optimiser is adam
    _follow(net, compiled, adam, 3 * _batches())


def test_an_epoch_is_the_same_steps_with_a_smaller_last_batch() -> None:
    net = small()
    whole = net.train_compiler(optimiser=Adam(0.05))
    single = net.train_compiler(optimiser=Adam(0.05))
    x, y = spikes(10, seed=1), labels(10)
    whole.train(x, y, num_epochs=2, shuffle=False, callbacks=[])
    for batch_x, batch_y in 2 * _batches():
        single.train(batch_x, batch_y, callbacks=[])
    for layer in (net.hidden, net.output):
        np.testing.assert_allclose(
            whole.weights(layer), single.weights(layer), rtol=1e-5, atol=1e-7
        )


def test_a_rate_changed_between_trainings_takes_effect() -> None:
    net = small()
    adam = Adam(0.05)
    compiled = net.train_compiler(optimiser=adam)
    x, y = spikes(8), labels(8)
    compiled.train(x, y, callbacks=[])
    before = compiled.weights(net.output)
    adam.alpha = 0.0
    compiled.train(x, y, callbacks=[])
    assert np.array_equal(compiled.weights(net.output), before)
    adam.alpha = 0.05
    compiled.train(x, y, callbacks=[])
    assert not np.array_equal(compiled.weights(net.output), before)


class Freeze(Callback):
    """Sets the rate to 0 from a batch on."""

    def __init__(self, adam: Adam, batch: int) -> None:
        self.adam, self.batch = adam, batch

    def on_batch_begin(self, batch: int) -> None:
        """Changes the rate."""
        if batch == self.batch:
            self.adam.alpha = 0.0


def test_a_rate_changed_at_the_begin_of_a_batch_holds_for_that_batch() -> None:
    net = small()
    adam = Adam(0.05)
    compiled = net.train_compiler(optimiser=adam)
    x, y = spikes(12), labels(12)
    compiled.train(x, y, shuffle=False, callbacks=[Freeze(adam, 1)])
    other = net.train_compiler(optimiser=Adam(0.05))
    other.train(x[:4], y[:4], shuffle=False, callbacks=[])
    for layer in (net.hidden, net.output):
        assert np.array_equal(compiled.weights(layer), other.weights(layer))


def test_changed_decay_rates_follow_the_equations() -> None:
    net = small()
    adam = Adam(0.05)
    compiled = net.train_compiler(optimiser=adam)
    first, *rest = _batches()
    layer = net.output
    numpy = NumpyAdam(compiled.weights(layer), adam)
    for batch in (first, *rest):
        numpy.step(compiled.gradients(*batch)[layer.connection()])
        compiled.train(*batch, callbacks=[])
        np.testing.assert_allclose(
            compiled.weights(layer), numpy.x, rtol=2e-5, atol=2e-6
        )
        adam.beta1 = 0.6


def test_training_starts_at_the_step_of_its_first_epoch() -> None:
    net = small()
    adam = Adam(0.05)
    compiled = net.train_compiler(optimiser=adam)
    x, y = spikes(8), labels(8)
    gradient = compiled.gradients(x[:4], y[:4])[net.output.connection()]
    before = compiled.weights(net.output).astype(np.float64)
    compiled.train(
        [(x[:4], y[:4])], start_epoch=7, num_epochs=1, shuffle=False, callbacks=[]
    )
    n = 8  # seven epochs of one batch went before
    m_hat = 0.1 * gradient / (1 - 0.9**n)
    v_hat = 0.001 * gradient.astype(np.float64) ** 2 / (1 - 0.999**n)
    expected = before - 0.05 * m_hat / (np.sqrt(v_hat) + 1e-8)
    np.testing.assert_allclose(
        compiled.weights(net.output), expected, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("name", ["alpha", "beta1", "beta2", "epsilon"])
@pytest.mark.parametrize("wrong", ["x", None, np.nan, np.inf, [0.1], True, 1j, -0.1])
def test_bad_numbers_are_refused(name: str, wrong: Any) -> None:
    with pytest.raises(ValidationError, match=f"Adam: {name} is .*Received"):
        Adam(**{name: wrong})


@pytest.mark.parametrize("arguments", [{"beta1": 1.0}, {"beta2": 1}, {"epsilon": 0}])
def test_numbers_at_their_bounds_are_refused(arguments: dict[str, float]) -> None:
    (name,) = arguments
    with pytest.raises(ValidationError, match=f"Adam: {name} is .*Received"):
        Adam(**arguments)


def test_a_bad_rate_set_later_is_refused_before_weights_change() -> None:
    net = small()
    adam = Adam()
    compiled = net.train_compiler(optimiser=adam)
    before = compiled.weights(net.output)
    adam.alpha = np.nan
    with pytest.raises(ValidationError, match="Adam: alpha is a finite number"):
        compiled.train(spikes(4), labels(4), callbacks=[])
    assert np.array_equal(compiled.weights(net.output), before)


def test_none_is_no_optimiser() -> None:
    with pytest.raises(ValidationError, match="an optimiser is needed"):
        EventPropCompiler(10, "mean_square_error", None)  # type: ignore[arg-type]
