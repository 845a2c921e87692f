"""Batches with numbers that are not finite take no step on PyGeNN."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ml_genn import Connection, Network, Population
from ml_genn.compilers import EventPropCompiler, InferenceCompiler
from ml_genn.connectivity import Dense
from ml_genn.errors import DivergedError
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from ml_genn.optimisers import SGD, Adam, Optimiser
from ml_genn.synapses import Exponential

pytestmark = pytest.mark.usefixtures("pygenn")

INPUTS, HIDDEN, CLASSES, STEPS, EXAMPLES = 6, 5, 3, 20, 3
BACKEND: dict[str, Any] = {"batch_size": EXAMPLES, "backend": "pygenn"}


def network() -> Network:
    with Network() as created:
        source = Population(SpikeInput(), INPUTS, name="in")
        hidden = Population(LeakyIntegrateFire(), HIDDEN, name="hidden")
        output = Population(LeakyIntegrate(readout="avg_var"), CLASSES, name="out")
        Connection(source, hidden, Dense(Normal(1.0, 0.5)), Exponential(5.0))
        Connection(hidden, output, Dense(Normal(0.0, 1.0)), Exponential(5.0))
    return created


def training(optimiser: Optimiser) -> Any:
    loss = "sparse_categorical_crossentropy"
    return EventPropCompiler(STEPS, loss, optimiser, **BACKEND).compile(network())


def data() -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).random((EXAMPLES, STEPS, INPUTS)) < 0.3
    return x, np.arange(EXAMPLES) % CLASSES


def train(compiled: Any, factor: float = 1.0) -> None:
    x, y = data()
    compiled.train(x, y, sample_weight=np.full(EXAMPLES, factor), callbacks=[])


@pytest.mark.parametrize(
    ("optimiser", "factor"),
    [(Adam(), 1e25), (SGD(1e37), 1e4), (SGD(3e38, momentum=0.9), 1e3)],
    ids=repr,
)
def test_steps_that_overflow_are_taken_back(optimiser: Any, factor: float) -> None:
    compiled = training(optimiser)
    before = dict(compiled.snapshot().arrays)
    for _ in range(2):
        with pytest.raises(DivergedError, match=r"optimiser's step .* connection '"):
            train(compiled, factor)
    for key, values in compiled.snapshot().arrays.items():
        np.testing.assert_array_equal(values, before[key], err_msg=str(key))


def test_gradients_that_overflow() -> None:
    compiled = training(Adam())
    before = dict(compiled.snapshot().arrays)
    with pytest.raises(DivergedError, match="not a finite number"):
        train(compiled, 3e38)
    for key, values in compiled.snapshot().arrays.items():
        np.testing.assert_array_equal(values, before[key], err_msg=str(key))
    train(compiled)
    assert np.isfinite(compiled.weights(compiled.network.connections[0])).all()


def test_states_that_are_infinite() -> None:
    """The neurons are silent, and loss and outputs finite."""
    x, y = data()
    for compiled in (
        training(Adam()),
        InferenceCompiler(STEPS, **BACKEND).compile(network()),
    ):
        weights = np.full((INPUTS, HIDDEN), -3e38, np.float32)
        compiled.set_weights(compiled.network.connections[0], weights)
        with pytest.raises(DivergedError, match="state of population 'hidden' is not"):
            compiled.evaluate(x, y, callbacks=[])
        with pytest.raises(DivergedError, match="'hidden'"):
            compiled.predict(x, callbacks=[])
    compiled = training(Adam())
    compiled.set_weights(compiled.network.connections[0], weights)
    with pytest.raises(DivergedError, match="'hidden' is not"):
        compiled.train(x, y, callbacks=[])
    np.testing.assert_array_equal(
        compiled.weights(compiled.network.connections[0]), weights
    )
