"""Dense connectivity: weights, delays and the shapes that they determine."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from ml_genn import (
    Connection,
    InputLayer,
    Layer,
    Network,
    Population,
    SequentialNetwork,
)
from ml_genn.connectivity import Dense
from ml_genn.errors import ValidationError
from ml_genn.initializers import Normal, Uniform
from ml_genn.lowering import lower
from ml_genn.model.plan import Delay


def test_an_array_of_weights_determines_shapes() -> None:
    with SequentialNetwork():
        first = InputLayer("spike_input")
        second = Layer(Dense(np.ones((4, 3))), "leaky_integrate_fire")
        third = Layer(Dense([[1.0], [2.0], [3.0]]), "leaky_integrate")
        shapes = [layer.population().shape for layer in (first, second, third)]
    assert shapes == [(4,), (3,), (1,)]


def test_an_array_of_delays_determines_shapes() -> None:
    with Network():
        a, b = Population("spike_input"), Population("leaky_integrate")
        Connection(a, b, Dense(1.0, np.ones((4, 3))))
    assert (a.shape, b.shape) == ((4,), (3,))


@pytest.mark.parametrize("weight", [1.0, "normal", Uniform(0.0, 1.0)])
def test_other_weights_determine_no_shapes(weight: Any) -> None:
    with Network():
        a, b = Population("spike_input"), Population("leaky_integrate", (2, 2))
        Connection(a, b, Dense(weight))
    assert (a.shape, b.shape) == (None, (2, 2))


def test_populations_of_several_dimensions_are_counted_in_row_major_order() -> None:
    weights = np.arange(12.0).reshape(4, 3)
    with Network() as network:
        a, b = Population("spike_input", (2, 2)), Population("leaky_integrate", 3)
        connection = Connection(a, b, Dense(weights))
    assert a.shape == (2, 2)
    values = lower(network, dt=1.0, seed=0, choices={}).values
    assert np.array_equal(values.weights[connection.name], weights)


@pytest.mark.parametrize(("sizes", "wrong"), [((5, 3), "Pop0"), ((4, 2), "Pop1")])
def test_weights_for_other_sizes_are_refused(
    sizes: tuple[int, int], wrong: str
) -> None:
    with Network():
        a = Population("spike_input", sizes[0])
        b = Population("leaky_integrate", sizes[1])
        with pytest.raises(ValidationError, match=f"Dense: population '{wrong}' has"):
            Connection(a, b, Dense(np.ones((4, 3))))


@pytest.mark.parametrize("which", ["weight", "delay"])
@pytest.mark.parametrize("array", [np.ones(3), np.ones((2, 3, 1)), np.ones((0, 3))])
def test_arrays_are_matrices(which: str, array: np.ndarray) -> None:
    with pytest.raises(ValidationError, match=f"Dense: an array given as {which}"):
        Dense(**{"weight": 1.0, which: array})


def test_weights_and_delays_of_different_shapes_are_refused() -> None:
    with pytest.raises(ValidationError, match="weight and delay have the same shape"):
        Dense(np.ones((3, 4)), np.ones((5, 6)))
    with pytest.raises(ValidationError, match="weight and delay have the same shape"):
        Dense(np.ones((3, 4)), np.ones((4, 3)))


@pytest.mark.parametrize("delay", [-1, [[0, -1]], np.full((2, 2), -0.5)])
def test_negative_delays_are_refused(delay: Any) -> None:
    with pytest.raises(ValidationError, match="Dense: delays are not negative"):
        Dense(1.0, delay)


@pytest.mark.parametrize("delay", [np.nan, None, "norml", Normal])
def test_delays_are_values(delay: Any) -> None:
    with pytest.raises(ValidationError, match="Dense: delay"):
        Dense(1.0, delay)


# ---------------------------------------------------------------- delays in a network
def _delays(delay: Any, longest: int | None = None, seed: int = 0) -> Any:
    """Returns kind, steps and longest delay of a connection from 2 to 3 neurons."""
    with Network() as network:
        a = Population("spike_input", 2, name="a")
        b = Population("leaky_integrate", 3, name="b")
        Connection(a, b, Dense(1.0, delay), max_delay_steps=longest)
    lowered = lower(network, dt=1.0, seed=seed, choices={})
    name = "Conn_a_b"
    (group,) = lowered.plan.synapses
    return group.delay, lowered.values.delays[name], lowered.values.max_delays[name]


def test_a_whole_number_is_a_delay_of_all_synapses() -> None:
    assert _delays(0) == (Delay.NONE, 0, 0)
    assert _delays(3) == (Delay.CONSTANT, 3, 3)
    assert _delays(np.float64(3.0), longest=5) == (Delay.CONSTANT, 3, 3)


def test_an_array_has_a_delay_for_each_synapse_rounded_to_steps() -> None:
    kind, steps, longest = _delays([[0.0, 1.4, 2.6], [3.0, 0.0, 1.0]])
    assert kind is Delay.PER_SYNAPSE
    assert steps.tolist() == [[0, 1, 3], [3, 0, 1]]
    assert longest == 3


def test_a_delay_that_is_not_whole_is_refused() -> None:
    with pytest.raises(
        ValidationError, match=r"'Conn_a_b': a delay is a whole number.*"
    ):
        _delays(1.5)


def test_drawn_delays_need_the_longest_delay() -> None:
    with pytest.raises(ValidationError, match=r"'Conn_a_b':.*max_delay_steps"):
        _delays(Uniform(0.0, 3.0))


def test_drawn_delays_are_whole_and_within_their_bounds() -> None:
    kind, steps, longest = _delays(Normal(1.0, 5.0), longest=2)
    assert kind is Delay.PER_SYNAPSE
    assert set(np.unique(steps)) <= {0, 1, 2}
    assert longest <= 2
    again = _delays(Normal(1.0, 5.0), longest=2)[1]
    assert np.array_equal(steps, again)


@pytest.mark.parametrize("delay", [3, [[0, 3, 1], [0, 0, 0]]])
def test_delays_above_the_longest_are_refused(delay: Any) -> None:
    with pytest.raises(ValidationError, match="a delay of 3 steps is longer than max_"):
        _delays(delay, longest=2)


def test_description() -> None:
    assert repr(Dense(1.5)) == "Dense(1.5, delay=0)"
    assert repr(Dense("normal", 2)) == "Dense(Normal(mean=0.0, sd=1.0), delay=2)"


def test_numbers_that_keras_takes_for_sizes_are_warned_of() -> None:
    with pytest.warns(UserWarning, match=r"64 is the weight of all synapses, not a"):
        Dense(64)


@pytest.mark.parametrize(
    "weight", [64.0, 1, 0, -2, 0.5, np.float32(3), np.ones((2, 3))]
)
def test_other_weights_are_not_warned_of(weight: object) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Dense(weight)


@pytest.mark.parametrize("delay", [2**31, 1e30, np.full((2, 3), 1e12)])
def test_delays_are_bounded(delay: object) -> None:
    with pytest.raises(ValidationError, match="a delay is at most 2147483647 time"):
        Dense(1.0, delay=delay)
