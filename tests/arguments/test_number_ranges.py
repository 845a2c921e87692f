"""Ranges of numbers, and numbers of NumPy's types, which do not overflow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ml_genn import Network, Population
from ml_genn.callbacks import EarlyStopping
from ml_genn.compilers import InferenceCompiler
from ml_genn.data import (
    encode_events,
    generate_yin_yang_dataset,
    preprocess_spikes,
    preprocess_tonic_spikes,
)
from ml_genn.errors import EquationError, ValidationError
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire, UserNeuron
from ml_genn.optimisers import SGD, Adam, CosineDecay, ExponentialDecay, WarmUp
from ml_genn.surrogates import FastSigmoid
from ml_genn.utils import checks

INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
FLOATS = ["float16", "float32", "float64", "longdouble"]
LARGEST = float(np.finfo(np.float32).max)


@pytest.mark.parametrize("name", [*INTEGERS, *FLOATS])
def test_numbers_of_all_types_become_those_of_python(name: str) -> None:
    value = getattr(np, name)(3)
    for received in (value, np.array(value)):
        assert type(checks.number("x", received)) is float
        assert type(checks.positive("x", received)) is float
        assert checks.number("x", received) == 3.0
    if name in INTEGERS:
        assert type(checks.whole("x", value)) is int


@pytest.mark.parametrize("name", INTEGERS)
def test_extremes_of_integer_types_do_not_wrap_around(name: str) -> None:
    limits = np.iinfo(getattr(np, name))
    for limit in (limits.min, limits.max):
        value = getattr(np, name)(limit)
        assert checks.number("x", value) == float(limit)
        if abs(limit) < 2**31:
            assert checks.whole("x", value, least=-(2**31)) == limit
        else:
            with pytest.raises(ValidationError, match=r"is at most|of at least"):
                checks.whole("x", value, least=0)


def test_arithmetic_with_small_types_is_that_of_python() -> None:
    """Learning rates of steps that these types do not hold."""
    small, usual = np.int8(100), 100
    assert ExponentialDecay(0.1, small)(1000) == ExponentialDecay(0.1, usual)(1000)
    assert CosineDecay(0.1, small)(1000) == CosineDecay(0.1, usual)(1000)
    assert WarmUp(small, 0.1)(50) == WarmUp(usual, 0.1)(50)
    half = float(np.float16(0.9))
    assert Adam(beta1=np.float16(0.9)).scalars(7) == Adam(beta1=half).scalars(7)
    assert type(Normal(np.float16(0.5)).mean) is float
    assert EarlyStopping(patience=np.int8(127))._patience + 1 == 128


REFUSED: dict[str, Callable[[], Any]] = {
    "is a finite number in single precision": lambda: SGD(1e39),
    "limits is a finite number": lambda: SGD(0.1, limits=(-1e39, 1.0)),
    "clip_value is a finite number": lambda: SGD(0.1, clip_value=10**400),
    "sd is a finite number": lambda: Normal(sd=2 * LARGEST),
    "scale is a finite number": lambda: FastSigmoid(1e39),
    "beta2 is below 1 in single precision": lambda: Adam(beta2=1 - 1e-12),
    "epsilon is greater than 0 in single precision": lambda: Adam(epsilon=1e-45),
    "dt is greater than 0 in single precision": lambda: InferenceCompiler(9, dt=1e-310),
    "tau_mem is greater than 0": lambda: LeakyIntegrate(tau_mem=[1.0, 1e-40]),
    "v is a number, an array": lambda: LeakyIntegrateFire(v=True),
    "evaluate_timesteps is at most": lambda: InferenceCompiler(2**62),
    "batch_size is at most": lambda: InferenceCompiler(9, batch_size=2**31),
    "rng_seed is at most": lambda: InferenceCompiler(9, rng_seed=2**64),
}


@pytest.mark.parametrize("message", REFUSED)
def test_numbers_out_of_range(message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        REFUSED[message]()


def test_numbers_at_the_end_of_the_range() -> None:
    assert SGD(LARGEST).alpha == LARGEST
    assert SGD(0.0, weight_decay=1e-310).weight_decay == 1e-310  # 0 in the engine
    tiny = float(np.finfo(np.float32).tiny)
    assert LeakyIntegrate(tau_mem=tiny).tau_mem == tiny
    assert InferenceCompiler(2**31 - 1, rng_seed=2**64 - 1).rng_seed == 2**64 - 1


@pytest.mark.parametrize("shape", [(2**16, 2**16), 2**31, [2**40, 1], 10**400])
def test_populations_have_at_most_as_many_neurons_as_an_integer_counts(
    shape: Any,
) -> None:
    with Network(), pytest.raises(ValidationError, match="at most 2147483647 elements"):
        Population("spike_input", shape)


@pytest.mark.parametrize("text", ["1e39 * v", "v / 10**2 + 9" + "9" * 400, "-1e308"])
def test_numbers_of_equations_are_finite_in_single_precision(text: str) -> None:
    with pytest.raises(EquationError, match=r"numbers are at most 3.4e\+38"):
        UserNeuron({"v": (text, None)}, "v", "v - 1")


@pytest.mark.parametrize("dt", [1.0, 0.1, 0.2, 0.3, 0.7, 0.01, 0.05])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_spikes_at_multiples_of_the_time_step_are_in_their_step(
    dt: float, dtype: Any
) -> None:
    steps = np.arange(1001)
    spikes = preprocess_spikes((steps * dt).astype(dtype), np.zeros(1001, int), 1)
    np.testing.assert_array_equal(encode_events(spikes, 1001, dt).steps, steps)


def test_small_dots_of_yin_yang_are_drawn() -> None:
    """Rejection would not end; the points are uniform in both dots."""
    spikes, labels = generate_yin_yang_dataset(600, 1.0, r_small=1e-4, seed=1)
    points = np.array([s.spike_times[1:3] for s in spikes])[np.array(labels) == 2]
    distances = np.hypot(np.abs(points[:, 0] - 0.5) - 0.25, points[:, 1] - 0.5)
    assert len(points) > 150 and distances.max() <= 1e-4 * (1 + 1e-9)
    assert abs(np.mean(distances**2) / 1e-8 - 0.5) < 0.1
    assert 0.35 < np.mean(points[:, 0] > 0.5) < 0.65


def test_bins_of_histograms_are_counted_by_an_integer() -> None:
    fields = [("t", float), ("x", int), ("y", int), ("p", int)]
    events = np.array([(1e30, 0, 0, 0)], dtype=fields)
    with pytest.raises(ValidationError, match="at most 2147483647 bins"):
        preprocess_tonic_spikes(
            events, ("t", "x", "y", "p"), (1, 1, 1), dt=1.0, histogram_thresh=1
        )
