"""Data that a network cannot use as intended are reported, once in a call."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from ml_genn import Connection, Network, Population
from ml_genn.compilers import EventPropCompiler, InferenceCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import PreprocessedSpikes, preprocess_spikes
from ml_genn.data.ranges import DataWarnings, check_range
from ml_genn.errors import DataWarning, ValidationError
from ml_genn.neurons import (
    BinarySpikeInput,
    FewSpikeReluInput,
    IntegrateFireInput,
    LeakyIntegrate,
    LeakyIntegrateFireInput,
    PoissonInput,
    SpikeInput,
)
from ml_genn.synapses import Exponential

STEPS = 20


def compiled(neuron: Any, inputs: int = 3, steps: int = STEPS) -> Any:
    with Network() as network:
        source = Population(neuron, inputs)
        output = Population(LeakyIntegrate(tau_mem=5.0, readout="avg_var"), 2)
        weights = np.arange(2.0 * inputs).reshape(inputs, 2) + 1.0
        Connection(source, output, Dense(weights), Exponential(5.0))
    return InferenceCompiler(steps, batch_size=4, num_threads=1).compile(network)


def predicted(network: Any, x: Any) -> np.ndarray:
    (values,) = network.predict(x, callbacks=[])[0].values()
    return np.asarray(values)


NEURONS: dict[str, tuple[Any, tuple[float, float], str | None]] = {
    "poisson": (PoissonInput(), (0.0, 4.0), None),
    "poisson, below": (PoissonInput(), (-0.5, 1.0), "no numbers below 0. .*from -0.5"),
    "poisson, signed": (PoissonInput(signed_spikes=True), (-4.0, 4.0), None),
    "poisson, image": (PoissonInput(), (0.0, 255.0), "up to 4.605; .*from 0 to 255"),
    "poisson, below both": (
        PoissonInput(signed_spikes=True),
        (-255.0, 1.0),
        "no numbers below -4.6",
    ),
    "binary": (BinarySpikeInput(), (0.0, 255.0), None),
    "binary, below": (
        BinarySpikeInput(),
        (-1.0, 1.0),
        "BinarySpikeInput represents no",
    ),
    "binary, signed": (BinarySpikeInput(signed_spikes=True), (-1.0, 1.0), None),
    "if": (IntegrateFireInput(2.0), (0.0, 2.0), None),
    "if, below": (IntegrateFireInput(2.0), (-0.1, 2.0), "50.00% of them below"),
    "if, above": (IntegrateFireInput(2.0), (0.0, 2.1), "numbers up to 2; "),
    "if, bias": (IntegrateFireInput(2.0, bias=0.5), (-0.5, 1.5), None),
    "if, frames": (IntegrateFireInput(2.0, input_frames=2), (-1.0, 1.0), None),
    "if, many thresholds": (IntegrateFireInput(np.ones(2)), (-1.0, 9.0), None),
    "lif": (LeakyIntegrateFireInput(), (-1.0, 9.0), None),
    "few-spike": (FewSpikeReluInput(alpha=2.0), (0.0, 2.0), None),
    "few-spike, below": (FewSpikeReluInput(alpha=2.0), (-2.0, 2.0), "no numbers below"),
    "few-spike, above": (FewSpikeReluInput(alpha=2.0), (0.0, 9.0), "numbers up to 2"),
    "few-spike, signed": (
        FewSpikeReluInput(alpha=2.0, signed_input=True),
        (-2.0, 2.0),
        None,
    ),
}


@pytest.mark.parametrize("name", NEURONS)
def test_ranges_of_inputs(name: str) -> None:
    neuron, values, message = NEURONS[name]
    arguments = "Data", neuron, np.array(values, np.float32), 1.0, DataWarnings()
    if message is None:
        with warnings.catch_warnings(action="error"):
            check_range(*arguments)
        return
    with pytest.warns(DataWarning, match=message) as record:
        check_range(*arguments)
        check_range(*arguments)
    assert len(record) == 1


def test_range_of_rates_depends_on_the_time_step() -> None:
    values, neuron = np.array([0.0, 20.0], np.float32), PoissonInput()
    with warnings.catch_warnings(action="error"):
        check_range("Data", neuron, values, 0.1, DataWarnings())
    with pytest.warns(DataWarning, match="up to 4.605"):
        check_range("Data", neuron, values, 1.0, DataWarnings())


def test_numbers_below_zero_are_reported_when_data_arrive() -> None:
    network, x = compiled(PoissonInput()), np.full((4, 3), 0.2, np.float32)
    x[:2, 1] = -0.7
    with pytest.warns(DataWarning, match=r"-0.7 to 0.2, 16.67% of them") as record:
        predicted(network, x)
    assert len(record) == 1
    assert record[0].filename.endswith("test_data_warnings.py")


def test_iterables_are_reported_once() -> None:
    network = trained_network(PoissonInput())
    batches = [({0: -np.ones((2, 3))}, np.zeros(2, int)) for _ in range(3)]
    batches = [(x[0], y) for x, y in batches]
    with pytest.warns(DataWarning, match="no numbers below 0") as record:
        network.train(batches, num_epochs=2, callbacks=[])
    assert len(record) == 1


def trained_network(neuron: Any) -> Any:
    with Network() as network:
        source = Population(neuron, 3)
        output = Population(LeakyIntegrate(tau_mem=5.0, readout="avg_var"), 2)
        Connection(source, output, Dense(1.0), Exponential(5.0))
    compiler = EventPropCompiler(
        STEPS, "sparse_categorical_crossentropy", batch_size=2, num_threads=1
    )
    return compiler.compile(network)


def test_late_spikes_are_left_out() -> None:
    network = compiled(SpikeInput())
    times = np.array([3.0, 25.0, 7.0, 400.0, 1.0])
    late = PreprocessedSpikes(np.array([2, 4, 5]), times)
    inside = preprocess_spikes([3.0, 7.0, 1.0], [0, 1, 2], 3)
    expected = predicted(network, [inside, inside])
    message = "2 of 8 spikes come after the end of .*, 20 ms, the latest at 400 ms"
    with pytest.warns(DataWarning, match=message) as record:
        values = predicted(network, [late, inside])
    assert len(record) == 1
    np.testing.assert_array_equal(values, expected)
    assert np.abs(expected).min() > 0


def test_late_spikes_are_left_out_in_training() -> None:
    spikes = preprocess_spikes([1.0, 5.0, 120.0], [0, 1, 2], 3)
    with pytest.warns(DataWarning, match="1 of 3 spikes come after the end"):
        metrics = trained_network(SpikeInput()).train([spikes], [0], 1, callbacks=[])
    assert metrics


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([21.0, 300.0], "must not exceed the example's duration of 20.0 ms"),
        ([1.0, np.nan], "finite and non-negative"),
        ([-1.0, 30.0], "finite and non-negative"),
    ],
)
def test_examples_without_valid_spikes_are_refused(
    times: list[float], message: str
) -> None:
    spikes = PreprocessedSpikes(np.array([2, 2, 2]), np.array(times))
    with pytest.raises(ValidationError, match=message):
        predicted(compiled(SpikeInput()), [spikes])


def test_times_in_seconds_are_reported() -> None:
    rng = np.random.default_rng(0)
    network = compiled(SpikeInput(), steps=300)
    times, ids = rng.uniform(0.0, 300.0, 50), rng.integers(0, 3, 50)
    predicted(network, [preprocess_spikes(times, ids, 3)])
    with pytest.warns(DataWarning, match=r"all 50 spikes .* multiply seconds by 1000"):
        predicted(network, [preprocess_spikes(times * 1e-3, ids, 3)])
    volley = preprocess_spikes([0.0, 0.0, 0.25], [0, 1, 2], 3)
    predicted(network, [volley])


def test_numbers_instead_of_spikes_are_reported() -> None:
    network, rng = compiled(SpikeInput()), np.random.default_rng(0)
    raster = rng.random((2, STEPS, 3)) < 0.3
    predicted(network, raster)
    predicted(network, 2.0 * raster)
    predicted(network, np.ones((20, STEPS, 3), bool))
    with pytest.warns(DataWarning, match=r"numbers with fractions, from 0 to 0\.5"):
        predicted(network, 0.5 * raster)
    with pytest.warns(DataWarning, match="all neurons spike in every step"):
        predicted(network, np.full((20, STEPS, 3), 2))


def test_warnings_can_be_made_errors() -> None:
    network = compiled(SpikeInput())
    with warnings.catch_warnings(action="error"), pytest.raises(DataWarning):
        predicted(network, np.full((20, STEPS, 3), 2))
