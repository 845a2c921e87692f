"""Synapses from users' equations, against loops written by hand."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from engine.helpers import (
    EXAMPLES,
    STEPS,
    Bool,
    advance,
    arrivals,
    random_input,
    traces,
)
from numpy.typing import NDArray

from ml_genn import Connection, Network, Population
from ml_genn.connectivity import Dense
from ml_genn.neurons import LeakyIntegrate, SpikeInput, UserNeuron
from ml_genn.synapses import Delta, Exponential, UserSynapse

Array = NDArray[np.float64]

INPUTS, SIZE = 8, 5
SOLVERS = ("exponential_euler", "linear_euler")


def rise_and_decay(solver: str, sub_steps: int) -> UserSynapse:
    return UserSynapse(
        {"g": ("-g/tau_rise", "g + weight"), "i": ("(g - i)/tau", None)},
        "strength*i + g/8",
        {"tau_rise": 2.0, "tau": 6.0, "strength": 0.5},
        {"i": 0.2},
        solver,
        sub_steps,
    )


@cache
def synapse_traces() -> tuple[Array, dict[tuple[str, str], Any]]:
    """Arriving input, and the engine's variables for every solver, dt = 0.5 ms."""
    rng = np.random.default_rng(2)
    weight = rng.normal(0.1, 0.4, (INPUTS, SIZE))
    with Network() as network:
        source = Population(SpikeInput(), INPUTS)
        variables = {}
        for solver in SOLVERS:
            for sub_steps in (1, 3):
                target = Population(LeakyIntegrate(), SIZE, name=f"{solver}{sub_steps}")
                synapse = rise_and_decay(solver, sub_steps)
                Connection(source, target, Dense(weight, 2), synapse)
                variables[target] = ("v", "g_syn0", "i_syn0")
    raster = random_input(rng, INPUTS)
    _, recordings = traces(network, {source: raster}, variables, dt=0.5)
    return arrivals(raster, weight, 2), recordings


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("sub_steps", [1, 3])
def test_user_synapse(solver: str, sub_steps: int) -> None:
    """Spikes arrive, the current is injected, then the variables move together."""
    arriving, recordings = synapse_traces()
    exact = solver == "exponential_euler"
    h, alpha = 0.5 / sub_steps, np.exp(-0.5 / 20.0)
    g, v = np.zeros((2, EXAMPLES, SIZE))
    i = np.full((EXAMPLES, SIZE), 0.2)
    for n in range(STEPS):
        g = g + arriving[:, n]
        v = alpha * v + 0.5 * i + g / 8.0
        for _ in range(sub_steps):
            g, i = (
                advance(g, -g / 2.0, -0.5 if exact else None, h),
                advance(i, (g - i) / 6.0, -1.0 / 6.0 if exact else None, h),
            )
        for name, value in {"g_syn0": g, "i_syn0": i, "v": v}.items():
            np.testing.assert_allclose(
                recordings[f"{solver}{sub_steps}", name][:, n],
                value,
                rtol=1e-5,
                atol=1e-5,
            )
    assert np.abs(v).max() > 0.5


@cache
def synapse_pairs() -> dict[tuple[str, str], Any]:
    """Leaky integrators fed by built-in synapses, and by the same as equations."""
    rng = np.random.default_rng(4)
    weight = rng.normal(0.1, 0.4, (INPUTS, SIZE))
    tau = rng.uniform(2.0, 6.0, SIZE)
    decay = {"i": ("-i / tau", "i + weight")}
    synapses: dict[str, Any] = {
        "delta": Delta(),
        "user delta": UserSynapse({}, "weight"),
        "exponential": Exponential(4.0),
        "user exponential": UserSynapse(decay, "i", {"tau": 4.0}),
        "exponential of its own": Exponential(tau),
        "user exponential of its own": UserSynapse(decay, "i", {"tau": tau}),
        "twice delta": Delta(),
        "user twice delta": UserSynapse({}, "2 * weight"),
    }
    with Network() as network:
        source = Population(SpikeInput(), INPUTS)
        for name, synapse in synapses.items():
            target = Population(LeakyIntegrate(), SIZE, name=name)
            factor = 2.0 if name == "twice delta" else 1.0
            Connection(source, target, Dense(factor * weight), synapse)
    variables = dict.fromkeys(network.populations[1:], ("v",))
    return traces(network, {source: random_input(rng, INPUTS)}, variables)[1]


@pytest.mark.parametrize(
    "name", ["delta", "exponential", "exponential of its own", "twice delta"]
)
def test_user_synapse_is_the_built_in_one(name: str) -> None:
    recordings = synapse_pairs()
    assert np.abs(recordings[name, "v"]).max() > 0.5
    np.testing.assert_allclose(
        recordings[f"user {name}", "v"], recordings[name, "v"], rtol=1e-6, atol=1e-6
    )


def two_equal_connections(synapse: UserSynapse) -> tuple[Bool, Bool, Any]:
    """Two inputs with weight 1 over equal synapses; what the target integrates."""
    with Network() as network:
        first, second = Population(SpikeInput(), 1), Population(SpikeInput(), 1)
        neuron = UserNeuron({"v": ("Isyn / dt", None)}, "v")
        target = Population(neuron, 1, name="target")
        for source in (first, second):
            Connection(source, target, Dense(1.0), synapse)
    rasters = np.random.default_rng(0).random((2, 1, 20, 1)) < 0.3
    inputs = {first: rasters[0], second: rasters[1]}
    _, recordings = traces(network, inputs, {target: ("v",)}, batch_size=1)
    return rasters[0], rasters[1], recordings["target", "v"][0, :, 0]


def test_equal_synapses_that_are_not_linear_stay_apart() -> None:
    """The sum of two squares is not the square of the sum."""
    synapse = UserSynapse({"i": ("-i/4", "i + weight")}, "i**2")
    first, second, v = two_equal_connections(synapse)
    expected = np.zeros(20)
    for raster in (first, second):
        i, arriving = 0.0, arrivals(raster, np.ones((1, 1)))[0, :, 0]
        for n in range(20):
            i += arriving[n]
            expected[n] += i**2
            i *= np.exp(-1 / 4)
    np.testing.assert_allclose(v, np.cumsum(expected), rtol=1e-5)


def test_equal_synapses_each_start_in_their_initial_state() -> None:
    """Two currents of 1 at the start are a current of 2."""
    synapse = UserSynapse({"i": ("-i/4", "i + weight")}, "i", var_vals={"i": 1.0})
    first, second, v = two_equal_connections(synapse)
    arriving = arrivals(first | second, np.ones((1, 1)))[0, :, 0]
    arriving += arrivals(first & second, np.ones((1, 1)))[0, :, 0]
    i, expected = 2.0, []
    for n in range(20):
        i += arriving[n]
        expected.append(i)
        i *= np.exp(-1 / 4)
    np.testing.assert_allclose(v, np.cumsum(expected), rtol=1e-5)
