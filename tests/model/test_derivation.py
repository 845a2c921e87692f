"""Derived code: exact steps, their transposes, the jump at a spike."""

from __future__ import annotations

import re

import numpy as np
import pytest

from ml_genn.errors import EquationError, UnsupportedError
from ml_genn.model.derivation.derivation import derive
from ml_genn.model.equations import NeuronEquations, SynapseEquations, Variable
from ml_genn.model.equations.expression import evaluate
from ml_genn.model.equations.system import system_of
from ml_genn.model.plan import Code, Derivation
from ml_genn.model.spike_gradients import ExactGradient

DT, TAU, TAU_SYN = 0.5, 20.0, 5.0
PARAMETERS = {
    "dt": DT,
    "tau_mem": TAU,
    "v_thresh": 1.0,
    "v_reset": -0.2,
    "beta": 0.3,
    "tau_adapt": 100.0,
    "tau_syn0": TAU_SYN,
    "tau_syn1": 2.0,
}
EXPONENTIAL = SynapseEquations(
    (Variable("i", "-i / tau", "i + weight"),),
    "i * tau / dt * (1 - exp(-dt / tau))",
    ("tau",),
)
DELTA = SynapseEquations((), "weight")
LIF = NeuronEquations(
    (Variable("v", "(-v + Isyn) / tau_mem", "v_reset"),),
    ("tau_mem", "v_thresh", "v_reset"),
    "v",
    "v - v_thresh",
)
ALIF = NeuronEquations(
    (
        Variable("v", "(-v + Isyn) / tau_mem", "v - (v_thresh - v_reset)"),
        Variable("a", "-a / tau_adapt", "a + 1"),
    ),
    ("tau_mem", "v_thresh", "v_reset", "beta", "tau_adapt"),
    "v",
    "v - (v_thresh + beta * a)",
)


def constants(derivation: Derivation) -> dict[str, float]:
    """Values of the constants that code mentions."""
    return {
        c.name: float(evaluate(c.expression, PARAMETERS)) for c in derivation.constants
    }


def run(code: Code, values: dict[str, float]) -> dict[str, float]:
    """Runs straight-line C as Python."""
    names = {"fminf": min, "fmaxf": max, **values}
    for line in code.lines:
        text = line.removeprefix("const float ").rstrip(";")
        target, expression = text.split(" = ", 1)
        python = re.sub(
            r"^\(\((.*)\) \? (.*) : (.*)\)$",
            r"(\2 if \1 else \3)",
            expression.replace("F", ""),
        )
        names[target] = float(eval(python, {"__builtins__": {}}, names))
    return names


def test_exact_step() -> None:
    derivation = derive(system_of(LIF, (EXPONENTIAL,)), "here")
    after = run(derivation.step, {**constants(derivation), "v": 0.4, "i_syn0": 0.7})
    current = 0.7 * TAU_SYN / DT * (1 - np.exp(-DT / TAU_SYN))
    decay = np.exp(-DT / TAU)
    assert after["v"] == pytest.approx(0.4 * decay + current * (1 - decay), rel=1e-12)
    assert after["i_syn0"] == pytest.approx(0.7 * np.exp(-DT / TAU_SYN), rel=1e-12)


@pytest.mark.parametrize("neuron", [LIF, ALIF])
@pytest.mark.parametrize(
    "ports", [(EXPONENTIAL,), (DELTA,), (EXPONENTIAL, EXPONENTIAL)]
)
def test_adjoint_step_is_the_transposed_jacobian(
    neuron: NeuronEquations, ports: tuple[SynapseEquations, ...]
) -> None:
    derivation = derive(system_of(neuron, ports), "here", ExactGradient())
    assert derivation.adjoint is not None
    known = constants(derivation)
    known |= dict.fromkeys(derivation.adjoint.event_variables, 0.0)
    state = [v.name for v in derivation.variables if v.name != "delta_input_"]
    rng = np.random.default_rng(0)
    x, adjoint = rng.normal(size=len(state)), rng.normal(size=len(state))
    step = 1e-6
    jacobian = np.zeros((len(state), len(state)))
    for k in range(len(state)):
        ends = []
        for sign in (1, -1):
            moved = x.copy()
            moved[k] += sign * step
            after = run(
                derivation.step, {**known, **dict(zip(state, moved, strict=True))}
            )
            ends.append(np.array([after[name] for name in state]))
        jacobian[:, k] = (ends[0] - ends[1]) / (2 * step)
    arguments = {f"lambda_{n}": a for n, a in zip(state, adjoint, strict=True)}
    result = run(derivation.adjoint.step, {**known, **arguments})
    backward = np.array([result[f"lambda_{name}"] for name in state])
    np.testing.assert_allclose(backward, jacobian.T @ adjoint, rtol=1e-6, atol=1e-9)


def test_jump_of_a_lif_neuron() -> None:
    """l- = (f(v_reset) l+ - dL/dt) / f(v), f the slope of v, at the threshold.

    The adjoint after the spike is brought back to when it happened, and on from there.
    """
    derivation = derive(system_of(LIF, (EXPONENTIAL,)), "here", ExactGradient())
    assert derivation.adjoint is not None
    v = 1.01
    known = constants(derivation) | {"v": v, "Isyn": 1.5}
    records = run(derivation.adjoint.record, known)
    arguments = {"lambda_v": 0.3, "lambda_i_syn0": 0.1, "dL_dt_": 0.8}
    after = run(derivation.adjoint.jump, {**known, **records, **arguments})
    ago = (v - 1.0) * TAU / (1.5 - v)
    assert 0 < ago < DT
    crossed = v - ago * (1.5 - v) / TAU
    slope, again = (1.5 - crossed) / TAU, (1.5 + 0.2) / TAU
    then = 0.3 * (1 - ago / TAU)
    jumped = (again * then - 0.8) / slope
    assert after["lambda_v"] == pytest.approx(jumped * (1 + ago / TAU), rel=1e-9)
    current = TAU_SYN / DT * (1 - np.exp(-DT / TAU_SYN)) / TAU  # dv'/di
    here = 0.1 + ago * (current * 0.3 - 0.1 / TAU_SYN)
    expected = here - ago * (current * jumped - here / TAU_SYN)
    assert after["lambda_i_syn0"] == pytest.approx(expected, rel=1e-9)


def test_two_synapses_keep_their_time_constants() -> None:
    derivation = derive(system_of(LIF, (EXPONENTIAL, EXPONENTIAL)), "here")
    after = run(
        derivation.step,
        {**constants(derivation), "v": 0.0, "i_syn0": 1.0, "i_syn1": 1.0},
    )
    assert after["i_syn0"] == pytest.approx(np.exp(-DT / TAU_SYN))
    assert after["i_syn1"] == pytest.approx(np.exp(-DT / 2.0))


def test_nonlinear_neurons_take_euler_steps() -> None:
    neuron = NeuronEquations((Variable("v", "v**2 + Isyn"),), (), "v", sub_steps=4)
    derivation = derive(system_of(neuron, (DELTA,)), "here")
    assert any(line.startswith("for (int") for line in derivation.step.lines)
    (constant,) = derivation.constants
    assert evaluate(constant.expression, PARAMETERS) == pytest.approx(DT / 4)


QIF = NeuronEquations(
    (Variable("v", "(v**2 - v + Isyn) / tau_mem", "v_reset"),),
    ("tau_mem", "v_reset"),
    "v",
    "v - 2",
)


def test_state_that_the_adjoint_reads_is_recorded() -> None:
    derivation = derive(system_of(QIF, (EXPONENTIAL,)), "here", ExactGradient())
    assert derivation.adjoint is not None
    assert derivation.adjoint.tape == ("v",)


def test_linear_neurons_need_no_history() -> None:
    derivation = derive(system_of(ALIF, (EXPONENTIAL,)), "here", ExactGradient())
    assert derivation.adjoint is not None
    assert derivation.adjoint.tape == ()


def test_delta_synapses_onto_nonlinear_neurons_send_nothing_back() -> None:
    with pytest.raises(UnsupportedError, match="not proportional to its weight"):
        derive(system_of(QIF, (DELTA,)), "here", ExactGradient())


def test_sub_steps_have_no_adjoint() -> None:
    neuron = NeuronEquations((Variable("v", "-v + Isyn"),), (), "v", sub_steps=2)
    with pytest.raises(UnsupportedError, match="sub_steps"):
        derive(system_of(neuron, (EXPONENTIAL,)), "here", ExactGradient())


@pytest.mark.parametrize(
    ("variables", "inject", "message"),
    [
        ({"i": "i + 2 * weight"}, "i", "only add its weight"),
        ({"i": "i + weight", "u": "u + 1"}, "i", "only add its weight"),
    ],
)
def test_synapses_only_add_their_weight(
    variables: dict[str, str], inject: str, message: str
) -> None:
    states = tuple(Variable(n, f"-{n}", jump) for n, jump in variables.items())
    synapse = SynapseEquations(states, inject)
    with pytest.raises(EquationError, match=message):
        derive(system_of(LIF, (synapse,)), "here")


@pytest.mark.parametrize(
    ("inject", "jump"), [("i", "i"), ("i + weight", "i + weight"), ("i", None)]
)
def test_a_spike_enters_at_one_place(inject: str, jump: str | None) -> None:
    synapse = SynapseEquations((Variable("i", "-i", jump),), inject)
    with pytest.raises(EquationError, match="exactly one place"):
        synapse.check("here")
