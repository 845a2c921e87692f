"""Every neuron and synapse with values for each neuron, against plain NumPy.

Values are given as arrays, lists or initializers; parameters and states at the start.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from contract.registered import classes

from ml_genn import Connection, Network, Population
from ml_genn.callbacks import VarRecorder
from ml_genn.compilers import InferenceCompiler
from ml_genn.connectivity import Dense
from ml_genn.initializers import Uniform
from ml_genn.lowering import lower
from ml_genn.neurons import (
    BinarySpikeInput,
    CodeNeuron,
    Input,
    LeakyIntegrate,
    UserNeuron,
)
from ml_genn.neurons.few_spike.digits import FewSpike
from ml_genn.synapses import Exponential, UserSynapse

SIZE, STEPS, DT = 7, 40, 0.5
#: Ranges in which values lie, so that neurons spike now and then.
RANGES = {
    "a": (0.0, 1.0),
    "beta": (0.1, 0.4),
    "bias": (-0.1, 0.1),
    "tau": (2.0, 9.0),
    "tau_adapt": (5.0, 30.0),
    "tau_mem": (4.0, 20.0),
    "tau_refrac": (1.0, 3.0),
    "v": (-0.5, 0.5),
    "v_reset": (-0.3, 0.1),
    "v_thresh": (0.8, 1.3),
}
FORMS: dict[str, Callable[..., Any]] = {
    "array": lambda rng, low, high: rng.uniform(low, high, SIZE),
    "list": lambda rng, low, high: rng.uniform(low, high, SIZE).tolist(),
    "initializer": lambda rng, low, high: Uniform(low, high),
}


def names(cls: Any) -> list[str]:
    """Parameters and states of a class that may be numbers."""
    fields = dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ()
    return [f.name for f in fields if str(f.type).startswith("InitValue")]


def values(form: str, wanted: list[str]) -> dict[str, Any]:
    rng = np.random.default_rng(5)
    return {name: FORMS[form](rng, *RANGES[name]) for name in wanted}


def simulated(drawn: dict[str, Any], x: np.ndarray, scale: bool = False) -> np.ndarray:
    """v after each step, (steps, neurons): v = alpha v + x + bias; where it reaches
    v_thresh + beta a, outside the refractory period, v is v_reset and a grows."""

    def of(name: str, default: float) -> np.ndarray:
        return np.asarray(drawn.get(name, default), dtype=float) * np.ones(SIZE)

    alpha, rho = np.exp(-DT / of("tau_mem", np.inf)), np.exp(-DT / of("tau_adapt", 1))
    v, a, left = of("v", 0.0), of("a", 0.0), np.zeros(SIZE)
    gain = 1 - alpha if scale else 1.0
    found, count = np.zeros((STEPS, SIZE)), 0
    for n in range(STEPS):
        v = alpha * v + gain * x[n] + of("bias", 0.0)
        a, left = rho * a, np.where(left > 0, left - DT, left)
        above = v - of("v_thresh", np.inf) - of("beta", 0.0) * a
        free = left <= 1e-6
        assert np.all(np.abs(above[free]) > 1e-5), "a tie, which rounding decides"
        spikes = free & (above >= 0)
        v, a = np.where(spikes, of("v_reset", 0.0), v), a + spikes
        left = np.where(spikes, of("tau_refrac", 0.0), left)
        found[n], count = v, count + spikes.sum()
    assert "v_thresh" not in drawn or count > SIZE, "too few spikes to tell"
    return found


def engine(
    neuron: Any, synapse: Any = "delta", drive: Any = None, variable: str = "v"
) -> tuple[np.ndarray, dict[str, Any]]:
    """The same on the engine, and the numbers that were drawn."""
    with Network() as network:
        if isinstance(neuron, Input):
            probe = Population(neuron, SIZE)
            target = Population(LeakyIntegrate(readout="var"), 1)
            Connection(probe, target, Dense(0.0))
            data = drive[None]
        else:
            source = Population(BinarySpikeInput(), 1)
            probe = Population(neuron, SIZE)
            Connection(source, probe, Dense(drive[None]), synapse)
            data = np.ones((1, 1))
    given = lower(network, dt=DT, seed=0, choices={}).values
    compiled = InferenceCompiler(STEPS, dt=DT, num_threads=1).compile(network)
    recorder = VarRecorder(probe, variable, key="v")
    runs = [compiled.predict(data, callbacks=[recorder])[1]["v"][0] for _ in range(2)]
    np.testing.assert_array_equal(*runs)
    return runs[0], {**given.parameters[probe.name], **given.initial[probe.name]}


def assert_given(drawn: dict[str, Any], given: dict[str, Any]) -> None:
    """Numbers are those that were given, or lie in the range and differ."""
    for name, value in given.items():
        found = np.asarray(drawn[name])
        assert found.shape == (SIZE,)
        assert np.ptp(found) > 0
        if isinstance(value, Uniform):
            low, high = RANGES[name]
            assert low <= found.min() <= found.max() <= high
        else:
            np.testing.assert_array_equal(found, value)


#: What is given to each neuron in a step.
DRIVE = np.linspace(0.12, 0.4, SIZE)
#: The same over a synapse: spikes arrive a step after they are sent.
ARRIVING = np.where(np.arange(STEPS)[:, None] > 0, DRIVE, 0.0)

#: Few-spike neurons have a compiler, and tests, of their own.
NEURONS = [
    cls for cls in classes("neurons") if names(cls) and not issubclass(cls, FewSpike)
]
every_form = pytest.mark.parametrize("form", FORMS)


@every_form
@pytest.mark.parametrize("cls", NEURONS, ids=lambda c: c.__name__)
def test_neurons(cls: Any, form: str) -> None:
    given = values(form, names(cls))
    flags = {f.name for f in dataclasses.fields(cls)} & {"relative_reset"}
    output = {"readout": "var"} if cls is LeakyIntegrate else {}
    found, drawn = engine(
        cls(**given, **dict.fromkeys(flags, False), **output), drive=DRIVE
    )
    assert_given(drawn, given)
    x = np.tile(DRIVE, (STEPS, 1)) if issubclass(cls, Input) else ARRIVING
    np.testing.assert_allclose(found, simulated(drawn, x), rtol=1e-4, atol=1e-5)


def test_neurons_of_the_registry_are_all_here() -> None:
    """Those without numbers have none to give: a class that has some is tested."""
    assert {cls.__name__ for cls in NEURONS} >= {
        "AdaptiveLeakyIntegrateFire",
        "IntegrateFire",
        "IntegrateFireInput",
        "LeakyIntegrate",
        "LeakyIntegrateFire",
        "LeakyIntegrateFireInput",
    }


@every_form
def test_equations(form: str) -> None:
    parameters = values(form, ["tau_mem", "v_thresh", "v_reset"])
    neuron = UserNeuron(
        {"v": ("(Isyn - v) / tau_mem", "v_reset")},
        "v",
        "v - v_thresh",
        parameters,
        values(form, ["v"]),
    )
    found, drawn = engine(neuron, drive=8 * DRIVE)
    assert_given(drawn, {**parameters, **values(form, ["v"])})
    expected = simulated(drawn, 8 * ARRIVING, scale=True)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@every_form
def test_code(form: str) -> None:
    model = {
        "var_name_types": [("v", "scalar")],
        "param_names": ["v_thresh", "v_reset"],
        "sim_code": "v += Isyn;",
        "threshold_condition_code": "v >= v_thresh",
        "reset_code": "v = v_reset;",
    }
    given = values(form, ["v_thresh", "v_reset", "v"])
    parameters = {name: given[name] for name in ("v_thresh", "v_reset")}
    neuron = CodeNeuron(model, "v", parameters, {"v": given["v"]})
    found, drawn = engine(neuron, drive=DRIVE)
    assert_given(drawn, given)
    expected = simulated(drawn, ARRIVING)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def filtered(tau: np.ndarray) -> np.ndarray:
    """v of a perfect integrator behind an exponential synapse."""
    current, v, found = np.zeros(SIZE), np.zeros(SIZE), np.zeros((STEPS, SIZE))
    for n in range(STEPS):
        current = current + ARRIVING[n]
        v = v + current
        current = current * np.exp(-DT / tau)
        found[n] = v
    return found


SYNAPSES: dict[str, Callable[[Any], Any]] = {
    "Exponential": lambda tau: Exponential(tau),
    "UserSynapse": lambda tau: UserSynapse(
        {"i": ("-i / tau", "i + weight")}, "i", {"tau": tau}
    ),
}


@every_form
@pytest.mark.parametrize("kind", SYNAPSES)
def test_synapses(kind: str, form: str) -> None:
    given = values(form, ["tau"])
    model = {"var_name_types": [("v", "scalar")], "sim_code": "v += Isyn;"}
    synapse = SYNAPSES[kind](given["tau"])
    found, drawn = engine(CodeNeuron(model, "v"), synapse, DRIVE)
    tau = {"tau": drawn["tau_syn0"]}
    assert_given(tau, given)
    np.testing.assert_allclose(found, filtered(tau["tau"]), rtol=1e-4, atol=1e-5)
