"""Values: numbers, arrays, initializers and their names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ml_genn import Connection, Network, Population
from ml_genn.connectivity import Dense
from ml_genn.errors import UnknownNameError, ValidationError
from ml_genn.initializers import Initializer, Normal, Uniform, Wrapper
from ml_genn.initializers.value import as_value, random_generator, sample_value
from ml_genn.lowering import lower
from ml_genn.neurons import (
    AdaptiveLeakyIntegrateFire,
    IntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
)
from ml_genn.synapses import Exponential

NEURONS = (
    AdaptiveLeakyIntegrateFire,
    IntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
)
VALUES = [
    (cls, name)
    for cls in NEURONS
    for name in ("v_thresh", "v_reset", "v", "a", "beta", "bias")
    if name in cls.__dataclass_fields__
]
TIMES = [
    (cls, name)
    for cls in (*NEURONS, Exponential)
    for name in ("tau_mem", "tau_refrac", "tau_adapt", "tau")
    if name in cls.__dataclass_fields__
]
FLAGS = [
    (cls, name)
    for cls in (*NEURONS, Exponential)
    for name in ("scale_i", "relative_reset", "integrate_during_refrac")
    if name in cls.__dataclass_fields__
]


# ---------------------------------------------------------------- accepted values
@pytest.mark.parametrize("value", [3, 3.0, np.float32(3.0), np.int64(3), np.array(3)])
def test_a_number_is_a_float(value: Any) -> None:
    checked = as_value("x", value)
    assert isinstance(checked, float)
    assert checked == 3.0


@pytest.mark.parametrize("value", [[1, 2], (1, 2), np.array([1, 2], dtype=np.int8)])
def test_a_sequence_is_an_array(value: Any) -> None:
    checked = as_value("x", value)
    assert isinstance(checked, np.ndarray)
    assert checked.dtype == np.float64
    assert checked.tolist() == [1.0, 2.0]


def test_initializers_and_their_names() -> None:
    normal = Normal(1.0, 2.0)
    assert as_value("x", normal) is normal
    assert as_value("x", "normal") == Normal()
    assert as_value("x", "uniform") == Uniform(0.0, 1.0)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "x is a number or an array of numbers. Received None"),
        ([[1, 2], [3]], "Received .*1, 2.*, .*3"),
        (["1", "2"], "Received .*'1', '2'"),
        (1j, "Received 1j"),
        (object, "Received <class 'object'>"),
        (np.nan, "not finite in single precision. Received nan"),
        ([1.0, np.inf, np.nan], r"Received inf \(2 of 3 are wrong\)"),
        (1e39, "not finite in single precision"),
        (Normal, r"Did you mean Normal\(\)\?"),
    ],
)
def test_other_types_are_refused(value: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        as_value("x", value)


def test_a_misspelt_initializer_gets_a_suggestion() -> None:
    with pytest.raises(UnknownNameError) as caught:
        as_value("Dense: weight", "unifrom")
    assert str(caught.value) == (
        "Dense: weight: unknown initializer 'unifrom'. Did you mean 'uniform'? "
        "Available: fluctuation_driven, glorot_normal, glorot_uniform, he_normal, "
        "he_uniform, le_cun_normal, normal, uniform."
    )


# ---------------------------------------------------------------- neurons and synapses
@pytest.mark.parametrize(("cls", "name"), VALUES)
@pytest.mark.parametrize("wrong", [None, np.nan, [0.0, np.inf], "x", [[1], [1, 2]]])
def test_parameters_that_are_no_values_are_refused(
    cls: Any, name: str, wrong: Any
) -> None:
    with pytest.raises(ValidationError, match=f"{cls.__name__}: {name}"):
        cls(**{name: wrong})


@pytest.mark.parametrize(("cls", "name"), VALUES)
@pytest.mark.parametrize("fine", [-2, [0.0, 1.0], "normal", Uniform(0.0, 2.0)])
def test_parameters_may_be_any_value(cls: Any, name: str, fine: Any) -> None:
    value = getattr(cls(**{name: fine}), name)
    assert value == fine
    assert (value is fine) is not isinstance(fine, list)


@pytest.mark.parametrize(("cls", "name"), TIMES)
@pytest.mark.parametrize("wrong", [0, -1.0, [1.0, -1.0], np.nan])
def test_time_constants_are_above_zero(cls: Any, name: str, wrong: Any) -> None:
    with pytest.raises(ValidationError, match=f"{cls.__name__}: {name} (is|holds)"):
        cls(**{name: wrong})
    assert getattr(cls(**{name: 2.0}), name) == 2.0


@pytest.mark.parametrize(("cls", "name"), FLAGS)
@pytest.mark.parametrize("wrong", ["yes", 2, 1, np.array([True, False])])
def test_flags_are_true_or_false(cls: Any, name: str, wrong: Any) -> None:
    """None is accepted where the compiler has a choice."""
    chosen = cls.__dataclass_fields__[name].default is None
    says = f"{cls.__name__}: {name} is True{',' if chosen else ' or'} False"
    for refused in (wrong, *[None] * (not chosen)):
        with pytest.raises(ValidationError, match=says):
            cls(**{name: refused})
    for fine in (True, False, *[None] * chosen):
        assert getattr(cls(**{name: fine}), name) is fine


# ---------------------------------------------------------------- initializers
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Normal(sd=-1.0), "Normal: sd is not negative. Received -1.0"),
        (lambda: Normal(np.nan), "Normal: mean is a finite number"),
        (lambda: Normal("a"), "Normal: mean is a finite number. Received 'a'"),
        (lambda: Normal(True), "Received True"),
        (lambda: Uniform(1.0, 0.0), "min is not above max. Received min=1.0, max=0.0"),
        (lambda: Uniform([1, 2]), "Uniform: min is a finite number"),
        (lambda: Wrapper(3), "snippet is a function"),
    ],
)
def test_bad_initializers_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        make()


def test_draws_have_the_distribution() -> None:
    rng = np.random.default_rng(1)
    normal = Normal(2.0, 0.5).sample(rng, (100, 100))
    assert abs(normal.mean() - 2.0) < 0.03
    assert abs(normal.std() - 0.5) < 0.02
    uniform = Uniform(-1.0, 3.0).sample(rng, (100, 100))
    assert uniform.min() >= -1.0
    assert uniform.max() <= 3.0
    assert abs(uniform.mean() - 1.0) < 0.06


def test_a_function_may_draw() -> None:
    def ramp(rng: np.random.Generator, shape: tuple[int, ...], slope: float) -> Any:
        assert isinstance(rng, np.random.Generator)
        return slope * np.arange(np.prod(shape)).reshape(shape)

    values = _weights(Wrapper(ramp, {"slope": 0.5}))
    np.testing.assert_array_equal(_weights(Wrapper(ramp, {}, {"slope": 0.5})), values)
    assert values.tolist() == [[0.0, 0.5, 1.0], [1.5, 2.0, 2.5]]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda rng, shape: np.ones(4), r"returned shape \(4,\), expected \(2, 3\)"),
        (lambda rng, shape: 1.0, r"returned shape \(\), expected \(2, 3\)"),
        (
            lambda rng, shape: np.full(shape, np.nan),
            "weight holds numbers that are not",
        ),
        (lambda rng, shape: np.full(shape, "a"), "is a number or an array of numbers"),
    ],
)
def test_arrays_drawn_by_a_function_are_checked(function: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        _weights(Wrapper(function))


class Ones(Initializer):
    """An initializer defined by a user."""

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Returns ones."""
        return np.ones(shape)


def test_users_may_write_initializers() -> None:
    assert np.array_equal(_weights(Ones()), np.ones((2, 3)))


# ---------------------------------------------------------------- seeds
def _weights(weight: Any, seed: int = 0, *, before: int = 0) -> np.ndarray:
    """Returns weights of a connection that follows ``before`` others."""
    with Network() as network:
        for k in range(before):
            other = Population("spike_input", 7, name=f"other{k}")
            target = Population("leaky_integrate", 2, name=f"target{k}")
            Connection(other, target, Dense(Normal()))
        a = Population("spike_input", 2, name="a")
        b = Population("leaky_integrate", 3, name="b")
        Connection(a, b, Dense(weight))
    lowered = lower(network, dt=1.0, seed=seed, choices={})
    return np.asarray(lowered.values.weights["Conn_a_b"])


def test_draws_are_repeated_with_the_same_seed() -> None:
    assert np.array_equal(_weights(Normal(), 3), _weights(Normal(), 3))
    assert not np.array_equal(_weights(Normal(), 3), _weights(Normal(), 4))


def test_draws_do_not_depend_on_other_connections() -> None:
    assert np.array_equal(_weights(Normal()), _weights(Normal(), before=3))


def test_draws_do_not_touch_the_global_generator() -> None:
    np.random.seed(5)
    expected = np.random.random()
    np.random.seed(5)
    _weights(Normal())
    assert np.random.random() == expected


def test_each_array_and_seed_has_its_own_random_numbers() -> None:
    def first(seed: int, *path: str) -> float:
        return float(random_generator(seed, *path).random())

    draws = {
        first(0, "a", "weight"),
        first(0, "b", "weight"),
        first(0, "a", "delay"),
        first(1, "a", "weight"),
    }
    assert len(draws) == 4
    assert first(0, "a", "weight") in draws


def test_parallel_connections_draw_different_weights() -> None:
    with Network() as network:
        a, b = Population("spike_input", 2), Population("leaky_integrate", 3)
        for _ in range(2):
            Connection(a, b, Dense("normal"))
    weights = lower(network, dt=1.0, seed=0, choices={}).values.weights
    assert not np.array_equal(weights["Conn_Pop0_Pop1"], weights["Conn_Pop0_Pop1_1"])


# ---------------------------------------------------------------- arrays and shapes
def test_an_array_has_the_shape_or_is_flat() -> None:
    rng = np.random.default_rng(0)
    values = np.arange(6.0)
    expected = values.reshape(2, 3)
    assert np.array_equal(sample_value("x", values, (2, 3), rng), expected)
    assert np.array_equal(sample_value("x", expected, (2, 3), rng), expected)
    assert sample_value("x", 2, (2, 3), rng) == 2.0


@pytest.mark.parametrize("shape", [(5,), (3, 2), (6, 1), (2, 3, 1)])
def test_an_array_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValidationError) as caught:
        sample_value("'out': tau_mem", np.ones(shape), (2, 3), np.random.default_rng(0))
    assert str(caught.value) == (
        "'out': tau_mem: expected a number or an array of shape (2, 3). Received an "
        f"array of shape {shape}."
    )


def test_arrays_of_the_wrong_length_are_refused_when_compiling() -> None:
    with Network() as network:
        a = Population("spike_input", 2)
        b = Population(LeakyIntegrate(v=[1.0, 2.0]), 3, name="out")
        Connection(a, b, Dense(1.0))
    with pytest.raises(ValidationError, match=r"'out': v: expected.*\(3,\)"):
        lower(network, dt=1.0, seed=0, choices={})


def test_values_of_each_neuron_are_drawn_or_arrays() -> None:
    with Network() as network:
        a = Population("spike_input", 2)
        neuron = LeakyIntegrate(v=[[1, 2], [3, 4]], tau_mem=Uniform(5.0, 10.0))
        b = Population(neuron, (2, 2), name="out")
        Connection(a, b, Dense(1.0))
    values = lower(network, dt=1.0, seed=0, choices={}).values
    assert values.initial["out"]["v"].tolist() == [1.0, 2.0, 3.0, 4.0]
    tau_mem = values.parameters["out"]["tau_mem"]
    assert tau_mem.shape == (4,)
    assert np.all((tau_mem >= 5.0) & (tau_mem <= 10.0))
