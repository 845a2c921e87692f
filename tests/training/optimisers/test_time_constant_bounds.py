"""Lower bounds of learned time constants."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ml_genn import Connection, Network, Population
from ml_genn.compilers import BPTTCompiler, EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.neurons import (
    AdaptiveLeakyIntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
    SpikeInput,
    UserNeuron,
)
from ml_genn.optimisers import Adam
from ml_genn.synapses import Exponential

STEPS, BATCH = 20, 4
CROSS_ENTROPY = "sparse_categorical_crossentropy"
LEARNED = ("tau_mem", "tau_syn0", "v_thresh")


def data() -> tuple[np.ndarray, np.ndarray]:
    """Returns random spikes and labels."""
    x = np.random.default_rng(0).random((3 * BATCH, STEPS, 5)) < 0.3
    return x, np.arange(3 * BATCH) % 2


def compile_net(
    compiler: Any = EventPropCompiler,
    hidden: Any = None,
    *,
    tau_syn: Any = 5.0,
    dt: float = 1.0,
    learned: tuple[str, ...] = LEARNED,
    alpha: float = 1000.0,
) -> tuple[Any, Population, Population]:
    """Returns a network that learns parameters of both layers with huge steps."""
    rng = np.random.default_rng(1)
    with Network() as network:
        source = Population(SpikeInput(), 5)
        middle = Population(hidden or LeakyIntegrateFire(tau_mem=20.0), 6)
        output = Population(LeakyIntegrate(tau_mem=15.0, readout="avg_var"), 2)
        weight = rng.normal(3.0, 1.0, (5, 6))
        Connection(source, middle, Dense(weight), Exponential(tau_syn))
        Connection(middle, output, Dense(rng.normal(0, 1, (6, 2))), Exponential(5.0))
    optimiser = Adam(alpha)
    optimisers = {
        middle: dict.fromkeys(learned, optimiser),
        output: dict.fromkeys((n for n in learned if n != "v_thresh"), optimiser),
    }
    compiled = compiler(
        STEPS,
        CROSS_ENTROPY,
        dt=dt,
        batch_size=BATCH,
        num_threads=1,
    ).compile(network, optimisers=optimisers)
    return compiled, middle, output


def extremes(
    compiled: Any, names: list[tuple[Population, str]]
) -> dict[str, tuple[float, float]]:
    """Returns {parameter: (smallest, largest value)} over nine batches."""
    x, y = data()
    history: dict[str, list[float]] = {}
    for k in range(9):
        batch = slice(k % 3 * BATCH, (k % 3 + 1) * BATCH)
        compiled.train(x[batch], y[batch], shuffle=False, callbacks=[])
        assert np.isfinite(compiled.loss(x, y))
        for p, name in names:
            values = np.ravel(compiled.parameter(p, name))
            assert np.all(np.isfinite(values))
            history.setdefault(f"{p.name}.{name}", []).extend(values.tolist())
    return {key: (min(values), max(values)) for key, values in history.items()}


@pytest.mark.parametrize("compiler", [EventPropCompiler, BPTTCompiler])
@pytest.mark.parametrize("dt", [1.0, 0.25])
def test_time_constants_stay_at_least_a_time_step(compiler: Any, dt: float) -> None:
    """At least one of them reaches that bound."""
    compiled, hidden, output = compile_net(compiler, dt=dt)
    taus = [(p, n) for p in (hidden, output) for n in ("tau_mem", "tau_syn0")]
    lowest = [low for low, _ in extremes(compiled, taus).values()]
    assert all(low >= dt for low in lowest)
    assert min(lowest) == dt


def test_thresholds_have_no_bounds() -> None:
    """A threshold may fall below zero."""
    compiled, hidden, _ = compile_net(learned=("v_thresh",), alpha=3.0)
    low, high = extremes(compiled, [(hidden, "v_thresh")])[f"{hidden.name}.v_thresh"]
    assert low < 0.0 or high > 3.0
    assert low != 1.0


@pytest.mark.parametrize("which", ["tau_mem", "tau_syn0"])
def test_initial_values_below_a_time_step_are_the_bound(which: str) -> None:
    """The bound is then the smallest initial value. EventProp refuses such neurons."""
    short = np.array([0.4, 20.0, 20.0, 20.0, 20.0, 20.0])
    parameters: dict[str, Any] = {"tau_mem": short} if which == "tau_mem" else {}
    tau_syn = short if which == "tau_syn0" else 5.0
    compiled, hidden, _ = compile_net(
        BPTTCompiler,
        LeakyIntegrateFire(**parameters),
        tau_syn=tau_syn,
        learned=(which,),
    )
    before = compiled.parameter(hidden, which)
    np.testing.assert_allclose(before, short)
    low, _ = extremes(compiled, [(hidden, which)])[f"{hidden.name}.{which}"]
    assert low == np.float32(0.4)


def test_time_constant_of_adaptation() -> None:
    """It has a bound; the strength of adaptation, ``beta``, has none."""
    rng = np.random.default_rng(1)
    with Network() as network:
        source = Population(SpikeInput(), 5)
        hidden = Population(AdaptiveLeakyIntegrateFire(beta=0.3, tau_adapt=30.0), 6)
        output = Population(LeakyIntegrate(readout="avg_var"), 2)
        weight = rng.normal(3.0, 1.0, (5, 6))
        Connection(source, hidden, Dense(weight), Exponential(5.0))
        Connection(hidden, output, Dense(rng.normal(0, 1, (6, 2))), Exponential(5.0))
    huge = Adam(1000.0)
    compiled = BPTTCompiler(
        STEPS, CROSS_ENTROPY, batch_size=BATCH, num_threads=1
    ).compile(network, optimisers={hidden: {"tau_adapt": huge, "beta": huge}})
    ranges = extremes(compiled, [(hidden, "tau_adapt"), (hidden, "beta")])
    low, high = ranges[f"{hidden.name}.tau_adapt"]
    assert low == 1.0 or high > 1000.0
    assert low >= 1.0
    low, high = ranges[f"{hidden.name}.beta"]
    assert low < -500.0 or high > 500.0


def test_small_steps_are_not_affected() -> None:
    """The first step of Adam is its learning rate, up or down."""
    compiled, hidden, output = compile_net(alpha=0.125)
    before = {
        (p, n): compiled.parameter(p, n)
        for p in (hidden, output)
        for n in ("tau_mem", "tau_syn0")
    }
    x, y = data()
    compiled.train(x[:BATCH], y[:BATCH], callbacks=[])
    for (p, n), value in before.items():
        change = np.abs(compiled.parameter(p, n) - value)
        np.testing.assert_allclose(change, 0.125, rtol=1e-3)


def test_time_constants_of_user_neurons() -> None:
    """One label makes the time constant grow, the other one makes it shrink."""
    neuron = UserNeuron(
        {"v": ("(-v + Isyn)/tau", "0")},
        "v",
        threshold="v - 1",
        param_vals={"tau": 20.0},
    )
    with Network() as network:
        source = Population(SpikeInput(), 5)
        hidden = Population(neuron, 6)
        output = Population(LeakyIntegrate(readout="avg_var"), 2)
        Connection(source, hidden, Dense(3.0), Exponential(5.0))
        Connection(hidden, output, Dense(np.arange(12.0).reshape(6, 2)))
    compiler = BPTTCompiler(STEPS, CROSS_ENTROPY, num_threads=1)
    taus = []
    for label in (0, 1):
        optimisers = {hidden: {"tau": Adam(1000.0)}}
        compiled = compiler.compile(network, optimisers=optimisers)
        compiled.train(data()[0][:1], [label], callbacks=[])
        taus.append(float(compiled.parameter(hidden, "tau")))
    assert max(taus) == pytest.approx(1020.0, rel=1e-3)
    assert min(taus) > 0.0
