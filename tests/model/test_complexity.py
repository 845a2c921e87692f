"""Expressions of users that are too large, or no numbers, are refused at once."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from ml_genn import Connection, Network, Population
from ml_genn.compilers import (
    BPTTCompiler,
    Compiler,
    EventPropCompiler,
    InferenceCompiler,
)
from ml_genn.connectivity import Dense
from ml_genn.errors import (
    EquationError,
    MlGennError,
    UnknownNameError,
    UnsupportedError,
)
from ml_genn.model.equations.complexity import MAX_TERMS, check_complexity
from ml_genn.neurons import LeakyIntegrate, SpikeInput, UserNeuron
from ml_genn.surrogates import Expression
from ml_genn.synapses import UserSynapse

SECONDS = 1.0  #: processor time in which a text is refused


def nested(function: str, depth: int) -> str:
    return f"{function}(" * depth + "v" + ")" * depth


REFUSED = {
    "9**9**9**9": "finite number",
    "1e400 * v": "range of single precision",
    "10**400 * v": "finite number",
    "3**200 * v": "finite number",
    "0**-1": "finite number",
    "sqrt(-1) * v": "finite number",
    "log(0) * v": "finite number",
    "v / 0": "divides by zero",
    "v / (2 - 2)": "divides by zero",
    "v**1000000": "exponent 1e[+]06 is larger",
    "(v + a + 1)**40": f"more than {MAX_TERMS} terms",
    "*".join(["(v + a)"] * 20): f"more than {MAX_TERMS} terms",
    nested("tanh", 150): "functions inside functions",
    nested("where(v > 0, 1, abs", 9).replace(")", "))"): "functions inside|branches",
    "+".join(["v"] * 400): "operators, functions",
    "+".join(["v"] * 100000): "characters",
    "(" * 150 + "v" + ")" * 150 + " +": "not an expression",
    "(" * 5000 + "v" + ")" * 5000: "characters",
    "-" * 2000 + "v": "nested too deeply",
    "v > 1": "condition, not a number",
    "(v > 1) * 2": "condition, not a number",
    "(v > 1) < 2": "condition, not a number",
    "v + (v > 0 and v < 1)": "condition, not a number",
    "where(v, 1, 2)": "not a condition",
    "where(v > 0 or v, 1, 2)": "conditions only",
    "where(where(where(v > 0, v, a) > 1, v, a) > 2, v, a)": "where in conditions",
    "1" * 5000: "not an expression|characters",
    "v if v else a": "IfExp is not allowed",
    "1j * v": "Constant is not allowed",
    "": "not an expression",
    "v\x00": "not an expression",
}


@pytest.mark.parametrize("text", REFUSED, ids=[text[:20] for text in REFUSED])
def test_expression_is_refused_within_a_second(text: str) -> None:
    start = time.process_time()
    with pytest.raises(EquationError, match=REFUSED[text]) as refusal:
        UserNeuron({"v": (text, None)}, "v", None, {"a": 1.0})
    assert time.process_time() - start < SECONDS
    assert len(str(refusal.value)) < 800, "the text is shown in part"


@pytest.mark.parametrize(
    "text",
    [
        "0.04 * v**2 + 5 * v + 140 + Isyn",
        "a * (v - a) * (v - 2 * a) * exp((v - 30) / a) / (1 + tanh(v))",
        "where(v > 0 and v < 1, v, where(v > 2, 1, -v))",
        "(v + a)**8",
        "v**0.5 + 2**100 * 1e-30 + (1 / 3)**2",
    ],
)
def test_usual_expressions_are_accepted(text: str) -> None:
    check_complexity(text, "neuron")


@pytest.mark.parametrize(
    "use",
    [
        lambda text: UserNeuron({"v": ("-v", text)}, "v"),
        lambda text: UserNeuron({"v": ("-v", None)}, "v", text),
        lambda text: UserSynapse({"i": (text, "i + weight")}, "i"),
        lambda text: UserSynapse({"i": ("-i", "i + weight")}, text),
        lambda text: Expression(text),
    ],
    ids=["jump", "threshold", "synapse", "inject", "surrogate"],
)
def test_all_expressions_of_users_are_bounded(use: Callable[[str], object]) -> None:
    with pytest.raises(EquationError, match="finite number"):
        use("9**9**9**9")


def compiled(dynamics: str, rule: type[Compiler]) -> None:
    with Network() as network:
        source = Population(SpikeInput(), 2)
        neuron = UserNeuron({"v": (dynamics, "0.0")}, "v", "v - 1", {"a": 1.0})
        hidden = Population(neuron, 3)
        output = Population(LeakyIntegrate(readout="avg_var"), 2)
        Connection(source, hidden, Dense(1.0))
        Connection(hidden, output, Dense(1.0))
    loss = () if rule is InferenceCompiler else ("sparse_categorical_crossentropy",)
    rule(5, *loss, backend="null").compile(network)


@pytest.mark.parametrize("dynamics", ["Isyn + v / (a - a)", "Isyn + 0**v", "(-1)**v"])
def test_numbers_that_are_not_real_are_refused(dynamics: str) -> None:
    """They appear only when SymPy simplifies the equations."""
    for rule in (InferenceCompiler, BPTTCompiler):
        try:
            compiled(dynamics, rule)
        except UnknownNameError as error:
            raise AssertionError("the name of SymPy's infinity") from error
        except MlGennError as error:
            assert "not a finite real number" in str(error)


def test_constants_of_derivatives_are_evaluated() -> None:
    """The derivative of erf(erf(v)) has a factor 4 / pi."""
    compiled("-v + erf(erf(v)) + Isyn", BPTTCompiler)


def test_event_prop_refuses_conditions_that_take_minutes() -> None:
    dynamics = "-v + Isyn + where(where(v > 0, v, a) > 1, where(v > a, 1, 2), a)"
    start = time.process_time()
    with pytest.raises(UnsupportedError, match="inside conditions"):
        compiled(dynamics, EventPropCompiler)
    assert time.process_time() - start < 5 * SECONDS  # SymPy may be imported first
    compiled(dynamics, BPTTCompiler)


@pytest.mark.parametrize(
    "dynamics",
    [
        # the branch's condition would contain the other branch at the crossing
        "where(sign(a) / exp(v) < tan(v - 0.5), tan(v - 0.5), sign(a) / exp(v))",
        "where((v**2)**(a**2) > 1, ((v**3)**2)**a, -v)",
        "where(v > 0.5, (v**a)**(a**v), (a**v)**a)",
    ],
)
def test_event_prop_derives_branches_in_seconds(dynamics: str) -> None:
    compiled("Isyn - v", EventPropCompiler)  # imports SymPy
    start = time.process_time()
    compiled(dynamics, EventPropCompiler)
    assert time.process_time() - start < 5 * SECONDS
