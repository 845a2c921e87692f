"""Neurons and synapses with values per neuron, compared with a simulation in NumPy.

Values of parameters and initial values are arrays, lists or initializers.
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
#: Ranges of values with which neurons spike now and then.
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
    """Returns parameters and initial values of a class."""
    fields = dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ()
    return [f.name for f in fields if str(f.type).startswith("InitValue")]


def values(form: str, arguments: list[str]) -> dict[str, Any]:
    """Returns {argument: values} in one of the forms."""
    rng = np.random.default_rng(5)
    return {name: FORMS[form](rng, *RANGES[name]) for name in arguments}


def simulated(drawn: dict[str, Any], x: np.ndarray, scale: bool = False) -> np.ndarray:
    """Returns v after each step, (steps, neurons).

    v = alpha v + x + bias; where it reaches v_thresh + beta a, outside the refractory
    period, v is v_reset and a grows by 1.

    Args:
        drawn: values of parameters and initial values.
        x: input (steps, neurons).
        scale: True if input is multiplied by 1 - alpha.
    """

    def of(name: str, default: float) -> np.ndarray:
        return np.asarray(drawn.get(name, default), dtype=float) * np.ones(SIZE)

    alpha, rho = np.exp(-DT / of("tau_mem", np.inf)), np.exp(-DT / of("tau_adapt", 1))
    v, a, left = of("v", 0.0), of("a", 0.0), np.zeros(SIZE)
    gain = 1 - alpha if scale else 1.0
    refrac = np.ceil(np.round(of("tau_refrac", 0.0) / DT, 3))
    course, num_spikes = np.zeros((STEPS, SIZE)), 0
    for n in range(STEPS):
        v = alpha * v + gain * x[n] + of("bias", 0.0)
        a, left = rho * a, np.where(left > 0, left - 1, left)
        above = v - of("v_thresh", np.inf) - of("beta", 0.0) * a
        free = left == 0
        assert np.all(np.abs(above[free]) > 1e-5), "a tie, which rounding decides"
        spikes = free & (above >= 0)
        v, a = np.where(spikes, of("v_reset", 0.0), v), a + spikes
        left = np.where(spikes, refrac, left)
        course[n], num_spikes = v, num_spikes + spikes.sum()
    assert "v_thresh" not in drawn or num_spikes > SIZE, "too few spikes to tell"
    return course


def engine(
    neuron: Any, synapse: Any = "delta", current: Any = None, variable: str = "v"
) -> tuple[np.ndarray, dict[str, Any]]:
    """Returns a variable after each step on the engine, and the values that were drawn.

    Args:
        neuron, synapse: with values per neuron.
        current: input of each neuron in each step.
        variable: variable of the neuron.
    """
    with Network() as network:
        if isinstance(neuron, Input):
            probe = Population(neuron, SIZE)
            target = Population(LeakyIntegrate(readout="var"), 1)
            Connection(probe, target, Dense(0.0))
            data = current[None]
        else:
            source = Population(BinarySpikeInput(), 1)
            probe = Population(neuron, SIZE)
            Connection(source, probe, Dense(current[None]), synapse)
            data = np.ones((1, 1))
    lowered = lower(network, dt=DT, seed=0, choices={}).values
    compiled = InferenceCompiler(STEPS, dt=DT, num_threads=1).compile(network)
    recorder = VarRecorder(probe, variable, key="v")
    runs = [compiled.predict(data, callbacks=[recorder])[1]["v"][0] for _ in range(2)]
    np.testing.assert_array_equal(*runs)
    return runs[0], {**lowered.parameters[probe.name], **lowered.initial[probe.name]}


def assert_drawn_from(drawn: dict[str, Any], arguments: dict[str, Any]) -> None:
    """Values are those of the arguments, or lie in the range and differ."""
    for name, argument in arguments.items():
        numbers = np.asarray(drawn[name])
        assert numbers.shape == (SIZE,)
        assert np.ptp(numbers) > 0
        if isinstance(argument, Uniform):
            low, high = RANGES[name]
            assert low <= numbers.min() <= numbers.max() <= high
        else:
            np.testing.assert_array_equal(numbers, argument)


#: Input of each neuron in a step.
CURRENT = np.linspace(0.12, 0.4, SIZE)
#: The same over a synapse: spikes arrive a step after they are sent.
ARRIVING = np.where(np.arange(STEPS)[:, None] > 0, CURRENT, 0.0)

#: Few-spike neurons have a compiler, and tests, of their own.
NEURONS = [
    cls for cls in classes("neurons") if names(cls) and not issubclass(cls, FewSpike)
]
every_form = pytest.mark.parametrize("form", FORMS)


@every_form
@pytest.mark.parametrize("cls", NEURONS, ids=lambda c: c.__name__)
def test_neurons_follow_their_equations(cls: Any, form: str) -> None:
    arguments = values(form, names(cls))
    flags = {f.name for f in dataclasses.fields(cls)} & {"relative_reset"}
    output = {"readout": "var"} if cls is LeakyIntegrate else {}
    course, drawn = engine(
        cls(**arguments, **dict.fromkeys(flags, False), **output), current=CURRENT
    )
    assert_drawn_from(drawn, arguments)
    x = np.tile(CURRENT, (STEPS, 1)) if issubclass(cls, Input) else ARRIVING
    np.testing.assert_allclose(course, simulated(drawn, x), rtol=1e-4, atol=1e-5)


def test_all_neurons_with_parameters_are_tested() -> None:
    assert {cls.__name__ for cls in NEURONS} >= {
        "AdaptiveLeakyIntegrateFire",
        "IntegrateFire",
        "IntegrateFireInput",
        "LeakyIntegrate",
        "LeakyIntegrateFire",
        "LeakyIntegrateFireInput",
    }


@every_form
def test_user_neurons_follow_their_equations(form: str) -> None:
    parameters = values(form, ["tau_mem", "v_thresh", "v_reset"])
    neuron = UserNeuron(
        {"v": ("(Isyn - v) / tau_mem", "v_reset")},
        "v",
        "v - v_thresh",
        parameters,
        values(form, ["v"]),
    )
    course, drawn = engine(neuron, current=8 * CURRENT)
    assert_drawn_from(drawn, {**parameters, **values(form, ["v"])})
    expected = simulated(drawn, 8 * ARRIVING, scale=True)
    np.testing.assert_allclose(course, expected, rtol=1e-4, atol=1e-5)


@every_form
def test_code_neurons_follow_their_code(form: str) -> None:
    model = {
        "var_name_types": [("v", "scalar")],
        "param_names": ["v_thresh", "v_reset"],
        "sim_code": "v += Isyn;",
        "threshold_condition_code": "v >= v_thresh",
        "reset_code": "v = v_reset;",
    }
    arguments = values(form, ["v_thresh", "v_reset", "v"])
    parameters = {name: arguments[name] for name in ("v_thresh", "v_reset")}
    neuron = CodeNeuron(model, "v", parameters, {"v": arguments["v"]})
    course, drawn = engine(neuron, current=CURRENT)
    assert_drawn_from(drawn, arguments)
    expected = simulated(drawn, ARRIVING)
    np.testing.assert_allclose(course, expected, rtol=1e-4, atol=1e-5)


def filtered(tau: np.ndarray) -> np.ndarray:
    """Returns v of an integrator without leak behind an exponential synapse."""
    current, v, course = np.zeros(SIZE), np.zeros(SIZE), np.zeros((STEPS, SIZE))
    for n in range(STEPS):
        current = current + ARRIVING[n]
        v = v + current
        current = current * np.exp(-DT / tau)
        course[n] = v
    return course


SYNAPSES: dict[str, Callable[[Any], Any]] = {
    "Exponential": lambda tau: Exponential(tau),
    "UserSynapse": lambda tau: UserSynapse(
        {"i": ("-i / tau", "i + weight")}, "i", {"tau": tau}
    ),
}


@every_form
@pytest.mark.parametrize("kind", SYNAPSES)
def test_synapses_follow_their_equations(kind: str, form: str) -> None:
    arguments = values(form, ["tau"])
    model = {"var_name_types": [("v", "scalar")], "sim_code": "v += Isyn;"}
    synapse = SYNAPSES[kind](arguments["tau"])
    course, drawn = engine(CodeNeuron(model, "v"), synapse, CURRENT)
    tau = {"tau": drawn["tau_syn0"]}
    assert_drawn_from(tau, arguments)
    np.testing.assert_allclose(course, filtered(tau["tau"]), rtol=1e-4, atol=1e-5)
