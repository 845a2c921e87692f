"""Refractory periods last whole numbers of time steps, whatever the time step is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ml_genn import Connection, Network, Population
from ml_genn.callbacks import SpikeRecorder
from ml_genn.compilers import InferenceCompiler
from ml_genn.connectivity import OneToOne
from ml_genn.neurons import (
    AdaptiveLeakyIntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
    LeakyIntegrateFireInput,
)

LONGEST = 1000  #: steps
DTS = (1.0, 0.1, 0.2, 0.3, 0.7, 0.01, 0.05, 0.25, 1 / 3)
NEURONS = (LeakyIntegrateFire, AdaptiveLeakyIntegrateFire)


def intervals(neuron: Any, periods: Any, dt: float, **options: Any) -> np.ndarray:
    """Returns the steps between the spikes of neurons that get input in each step.

    Args:
        neuron: class of the neurons.
        periods: refractory period of each neuron [ms].
        dt: time step [ms].
        **options: arguments of the neuron.
    """
    periods = np.asarray(periods)
    steps = 2 * int(np.ceil(periods.max() / dt)) + 5
    with Network() as network:
        model = neuron(
            v_thresh=0.5, tau_refrac=periods, relative_reset=False, **options
        )
        if neuron is LeakyIntegrateFireInput:
            source = Population(model, periods.size, record_spikes=True)
        else:
            inputs = Population("spike_input", periods.size)
            source = Population(model, periods.size, record_spikes=True)
            Connection(inputs, source, OneToOne(50.0))
        readout = Population(LeakyIntegrate(readout="var"), periods.size)
        Connection(source, readout, OneToOne(1.0))
    shape = (1, steps, periods.size)
    data = np.ones(shape, bool)
    if neuron is LeakyIntegrateFireInput:
        data = np.full((1, periods.size), 50.0)
    compiled = InferenceCompiler(steps, dt=dt, num_threads=1).compile(network)
    _, recorded = compiled.predict(data, callbacks=[SpikeRecorder(source, key="s")])
    times, ids = recorded["s"][0][0], recorded["s"][1][0]
    measured = []
    for neuron_id in range(periods.size):
        between = np.diff(np.rint(np.asarray(times)[ids == neuron_id] / dt))
        assert len(between) and np.all(between == between[0])
        measured.append(int(between[0]))
    return np.array(measured)


@pytest.mark.parametrize("dt", DTS)
def test_every_multiple_of_the_time_step_is_exact(dt: float) -> None:
    steps = np.arange(1, LONGEST + 1)
    measured = intervals(LeakyIntegrateFire, steps * dt, dt)
    np.testing.assert_array_equal(measured, steps)


@pytest.mark.parametrize("integrate", [True, False])
@pytest.mark.parametrize(
    "neuron", [AdaptiveLeakyIntegrateFire, LeakyIntegrateFireInput]
)
def test_every_neuron_counts_steps(neuron: Any, integrate: bool) -> None:
    """A membrane that stood still needs one more step to reach the threshold."""
    steps = np.array([1, 2, 3, 6, 7, 30, 100])
    options = {"integrate_during_refrac": integrate}
    measured = intervals(neuron, steps * 0.1, 0.1, **options)
    np.testing.assert_array_equal(measured, steps + (not integrate))


def test_periods_in_single_precision_are_exact() -> None:
    steps = np.arange(1, LONGEST + 1)
    periods = (steps * 0.1).astype(np.float32)
    np.testing.assert_array_equal(intervals(LeakyIntegrateFire, periods, 0.1), steps)


def test_other_periods_last_until_the_next_step() -> None:
    """A neuron is refractory for at least its period, as in mlGeNN."""
    measured = intervals(LeakyIntegrateFire, [0.2, 1.0, 1.01, 2.5, 2.99, 4.0], 1.0)
    np.testing.assert_array_equal(measured, [1, 1, 2, 3, 3, 4])
