"""Spikes, voltages and readouts of every built-in neuron and synapse, step by step."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from engine.helpers import (
    EXAMPLES,
    Case,
    assert_readout,
    assert_same,
    engine_run,
    random_input,
    without_ties,
)
from reference import discrete

from ml_genn import Connection, Network, Population
from ml_genn.connectivity import Dense
from ml_genn.neurons import (
    AdaptiveLeakyIntegrateFire,
    IntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
    Neuron,
    SpikeInput,
)
from ml_genn.synapses import Delta, Exponential, Synapse

INPUTS, SIZE = 12, 5
SYNAPSES: dict[str, Synapse] = {
    "delta": Delta(),
    "exponential": Exponential(4.0, scale_i=False),
    "exponential, scaled": Exponential(4.0, scale_i=True),
}
REFRACTORY: dict[str, dict[str, Any]] = {
    "no refractory period": {"tau_refrac": None},
    "integrates while refractory": {
        "tau_refrac": 5.0,
        "integrate_during_refrac": True,
    },
    "stands still while refractory": {
        "tau_refrac": 5.0,
        "integrate_during_refrac": False,
    },
}
READOUTS = ("avg_var", "avg_var_exp_weight", "max_var", "sum_var", "var")
SPIKE_READOUTS = ("spike_count", "first_spike_time")
BATCHES = [(7, 1), (7, 2), (3, 1), (3, 2), (1, 1), (1, 2)]


def neurons() -> dict[str, Neuron]:
    """Every neuron with every reset, refractory period and scaling."""
    results: dict[str, Neuron] = {
        "IF": IntegrateFire(v_thresh=1.2, v_reset=-0.1, v=0.2),
        "LI": LeakyIntegrate(v=0.3, bias=0.02, tau_mem=12.0, scale_i=False),
        "LI, scaled": LeakyIntegrate(v=0.3, bias=0.02, tau_mem=12.0, scale_i=True),
    }
    for refractory, options in REFRACTORY.items():
        for relative in (False, True):
            for scaled in (False, True):
                name = f"{refractory}, relative={relative}, scaled={scaled}"
                flags = {**options, "relative_reset": relative, "scale_i": scaled}
                results[f"LIF, {name}"] = LeakyIntegrateFire(
                    v_thresh=0.9, v_reset=-0.2, v=0.1, tau_mem=15.0, **flags
                )
                results[f"ALIF, {name}"] = AdaptiveLeakyIntegrateFire(
                    v_thresh=0.9,
                    v_reset=-0.2,
                    v=0.1,
                    a=0.5,
                    beta=0.3,
                    tau_mem=15.0,
                    tau_adapt=40.0,
                    **flags,
                )
    return results


def strength(neuron: Neuron, synapse: Synapse, dt: float) -> float:
    """A weight that makes neurons spike now and then, whatever scales their input."""
    size = 0.25
    if neuron.choices().get("scale_i"):
        size /= 1.0 - np.exp(-dt / neuron.parameters()["tau_mem"])
    if isinstance(synapse, Exponential):
        scaled = bool(synapse.choices()["scale_i"])
        size *= dt / synapse.tau if scaled else 1.0 - np.exp(-dt / synapse.tau)
    return float(size)


def every_neuron(rng: np.random.Generator, kind: str, dt: float) -> Case:
    """All neurons beside each other, fed by one synapse model from one input."""
    synapse = SYNAPSES[kind]
    with Network() as network:
        source = Population(SpikeInput(), INPUTS, name="input", record_spikes=True)
        for name, neuron in neurons().items():
            spikes = not isinstance(neuron, LeakyIntegrate)
            population = Population(neuron, SIZE, name=name, record_spikes=spikes)
            mean = strength(neuron, synapse, dt)
            weight = rng.normal(mean, 2.0 * mean, (INPUTS, SIZE))
            Connection(source, population, Dense(weight), synapse)
    return network, {source: random_input(rng, INPUTS)}


@cache
def case(kind: str, dt: float) -> tuple[Case, discrete.Result]:
    return without_ties(lambda rng: every_neuron(rng, kind, dt), dt)


@pytest.mark.parametrize("kind", SYNAPSES)
@pytest.mark.parametrize(("batch_size", "num_threads"), BATCHES)
def test_every_neuron(kind: str, batch_size: int, num_threads: int) -> None:
    (network, inputs), result = case(kind, 1.0)
    run = engine_run(network, inputs, batch_size=batch_size, num_threads=num_threads)
    assert_same(run, result)


@pytest.mark.parametrize("kind", SYNAPSES)
@pytest.mark.parametrize("dt", [0.1, 0.5, 2.5])
def test_every_neuron_with_other_time_steps(kind: str, dt: float) -> None:
    (network, inputs), result = case(kind, dt)
    assert_same(engine_run(network, inputs, dt, batch_size=3, num_threads=2), result)


@pytest.mark.parametrize("kind", SYNAPSES)
def test_what_is_compared_says_something(kind: str) -> None:
    """Each population spikes, and each option changes what it does."""
    (network, _), result = case(kind, 1.0)
    active = [p.name for p in network.populations if p.record_spikes]
    counts = {name: int(result.spikes[name].sum()) for name in active}
    assert min(counts.values()) > 50, counts
    longest = max(np.abs(v).max() for v in result.v_after_step.values())
    assert longest < 40.0


def test_one_example_alone_is_as_in_a_batch() -> None:
    (network, inputs), _ = case("exponential", 1.0)
    (source,) = inputs
    together = engine_run(network, inputs)
    alone = engine_run(network, {source: inputs[source][4:5]}, batch_size=5)
    for name, v in together.v.items():
        np.testing.assert_array_equal(alone.v[name][0], v[4])


def readout_case(rng: np.random.Generator) -> Case:
    """A population for each readout, spiking ones and silent ones, equal otherwise."""
    spiking = rng.normal(0.12, 0.3, (INPUTS, SIZE))
    silent = rng.normal(0.0, 0.3, (INPUTS, SIZE))
    with Network() as network:
        source = Population(SpikeInput(), INPUTS, name="input")
        for readout in (*READOUTS, *SPIKE_READOUTS):
            neuron: Neuron = LeakyIntegrateFire(relative_reset=False, readout=readout)
            target = Population(neuron, SIZE, name=f"LIF {readout}", record_spikes=True)
            Connection(source, target, Dense(spiking))
        for readout in READOUTS:
            target = Population(
                LeakyIntegrate(readout=readout), SIZE, name=f"LI {readout}"
            )
            Connection(source, target, Dense(silent))
    return network, {source: random_input(rng, INPUTS)}


@pytest.mark.parametrize("dt", [1.0, 0.5])
@pytest.mark.parametrize(("batch_size", "num_threads"), [(7, 2), (3, 1)])
def test_readouts(dt: float, batch_size: int, num_threads: int) -> None:
    (network, inputs), result = without_ties(readout_case, dt)
    run = engine_run(network, inputs, dt, batch_size, num_threads)
    assert_same(run, result)
    for name in run.readouts:
        assert_readout(run, result, name, name.split()[1])


def test_readouts_of_no_spikes() -> None:
    (network, inputs), result = without_ties(readout_case)
    run = engine_run(network, inputs)
    assert not result.spikes["LIF spike_count"][0].any()
    assert result.spikes["LIF spike_count"][1:].any()
    assert np.all(run.readouts["LIF spike_count"][0] == 0.0)
    lowest = np.finfo(np.float32).min
    assert np.all(run.readouts["LIF first_spike_time"][0] == lowest)


def test_max_var_of_a_negative_trajectory_is_zero() -> None:
    with Network() as network:
        source = Population(SpikeInput(), 1)
        target = Population(LeakyIntegrate(readout="max_var"), 3)
        Connection(source, target, Dense(-0.5))
    run = engine_run(network, {source: np.ones((EXAMPLES, 20, 1), dtype=bool)})
    assert np.all(run.v[target.name][:, 2:] < 0.0)
    assert np.all(run.readouts[target.name] == 0.0)
