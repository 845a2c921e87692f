"""Constructors copy arrays, lists and dictionaries, which callers may then change."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from contract.registered import (
    EVERY,
    REQUIRED,
    REQUIRED_BY_CLASS,
    SOURCE,
    config,
    example,
)

from ml_genn import Connection, Network, Population, callbacks
from ml_genn.compilers import InferenceCompiler
from ml_genn.config.codec import MODULES
from ml_genn.connectivity import Dense, Sparse
from ml_genn.errors import MlGennError
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire
from ml_genn.synapses import Exponential

#: arrays of 3 numbers, of 3 x 3, and of a kernel of 2 x 2 with 1 input and 2 outputs
SHAPES = ((3,), (3, 3), (2, 2, 1, 2))
DTYPES = (np.float64, np.float32, np.int64)


def changeable(cls: type, name: str) -> Iterator[Any]:
    """Arrays, lists and dictionaries that an argument may accept."""
    for shape in SHAPES:
        for dtype in DTYPES:
            yield np.full(shape, 3, dtype)
    yield [3.0, 3.0, 3.0]
    yield [0.0, 3.0]
    yield {"a": np.full(3, 3.0)}
    values = {**REQUIRED, **REQUIRED_BY_CLASS.get(cls.__name__, {})}
    if isinstance(values.get(name), list | dict):
        yield deepcopy(values[name])


def change(value: Any) -> None:
    """Changes an array, list or dictionary in place."""
    if isinstance(value, np.ndarray):
        value[...] = 1
    elif isinstance(value, list):
        value[:] = [1.0, 2.0]
    else:
        for item in value.values():
            if isinstance(item, np.ndarray | list | dict):
                change(item)
        value.clear()


#: objects with equal arguments have equal configurations, or representations
KINDS = (*MODULES, "schedules")
CASES = [
    pytest.param(kind, cls, name, id=f"{cls.__name__}-{name}")
    for kind, cls in EVERY
    if kind in KINDS
    for name in inspect.signature(cls).parameters
]


def accepted(cls: type, name: str) -> Iterator[tuple[Any, Any]]:
    """(object, argument) for each value that a class accepts as an argument."""
    for value in changeable(cls, name):
        try:
            yield example(cls, **{name: value}), value
        except (MlGennError, TypeError, ValueError):
            continue


@pytest.mark.parametrize(("kind", "cls", "name"), CASES)
def test_later_changes_of_an_argument_have_no_effect(
    kind: str, cls: type, name: str
) -> None:
    for obj, value in accepted(cls, name):
        before, text = config(kind, obj), repr(obj)
        change(value)
        assert config(kind, obj) == before, f"{name} was changed"
        assert repr(obj) == text


def test_enough_arguments_accept_arrays() -> None:
    """The test above is about something."""
    arrays = {
        (cls.__name__, name)
        for kind, cls in EVERY
        if kind in KINDS
        for name in inspect.signature(cls).parameters
        for _, value in accepted(cls, name)
        if isinstance(value, np.ndarray)
    }
    assert len(arrays) > 30


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_buffer_may_be_filled_for_each_layer(dtype: Any) -> None:
    rng, buffer = np.random.default_rng(0), np.empty((4, 4), dtype)
    expected, connections = [], []
    with Network() as network:
        populations = [Population("spike_input", 4)]
        for _ in range(3):
            buffer[...] = rng.normal(0, 9, (4, 4))
            expected.append(buffer.astype(np.float32))
            populations.append(Population(LeakyIntegrateFire(tau_mem=buffer[0] + 40)))
            connections.append(
                Connection(*populations[-2:], Dense(buffer), Exponential(5.0))
            )
    compiled = InferenceCompiler(5, num_threads=1).compile(network)
    for connection, weights in zip(connections, expected, strict=True):
        np.testing.assert_array_equal(compiled.weights(connection), weights)


def test_lists_of_synapses_and_initial_values_are_copied() -> None:
    pre, post, weight, v = (np.arange(3) for _ in range(4))
    weight = weight + 0.5
    sparse = Sparse(pre, post, weight, delay=post)
    neuron = LeakyIntegrate(v=v, readout="var")
    for array in (pre, post, weight, v):
        array[...] = 1
    assert sparse.pre_ind.tolist() == sparse.post_ind.tolist() == [0, 1, 2]
    assert np.asarray(sparse.weight).tolist() == [0.5, 1.5, 2.5]
    assert np.asarray(sparse.delay).tolist() == neuron.v.tolist() == [0, 1, 2]


def test_filters_of_recorders_are_copied() -> None:
    neurons, examples = np.array([0, 2]), [1]
    recorder = callbacks.SpikeRecorder(
        SOURCE, example_filter=examples, neuron_filter=neurons
    )
    neurons[:], examples[:] = 1, [0]
    assert recorder._neuron_filter.tolist() == [0, 2]
    assert recorder._example_filter.mask(0, 2).tolist() == [False, True]
