"""Neuron models given as code strings: spellings, normalised text and refusals."""

from __future__ import annotations

import enum
import math
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml_genn.backends.cpu.toolchain import INCLUDES
from ml_genn.errors import EquationError, UnknownNameError
from ml_genn.model.code_strings import (
    CodeBlock,
    CodeVariable,
    NeuronCode,
    parse_neuron_code,
)

WHERE = "neuron 'hidden'"
EMPTY = CodeBlock("", frozenset(), frozenset(), frozenset())


def parse(**model: Any) -> NeuronCode:
    """A model with a few names of every kind."""
    names: dict[str, Any] = {
        "vars": [
            ("V", "scalar"),
            ("n", "int"),
            ("flag", "bool"),
            ("fixed", "scalar", "READ_ONLY"),
        ],
        "params": ["tau", ("steps", "int")],
        "derived_params": [("Alpha", lambda pars, dt: math.exp(-dt / pars[0]))],
        "additional_input_vars": [("Isyn2", "scalar", 0.0)],
    }
    return parse_neuron_code({**names, **model}, WHERE)


def sim(code: str) -> CodeBlock:
    return parse(sim_code=code).sim


def text(code: str) -> str:
    """Normalised text of one expression."""
    return sim(f"V = {code};").text.removeprefix("V = ").removesuffix(";")


def refusal(code: str, slot: str = "sim_code") -> str:
    with pytest.raises(EquationError) as caught:
        parse(**{slot: code})
    return str(caught.value)


# Spellings of the dictionary


def test_older_spelling() -> None:
    model = {
        "var_name_types": [("V", "scalar")],
        "sim_code": "$(V) += $(Isyn);",
        "threshold_condition_code": "$(V) >= 1.0",
        "reset_code": "$(V) = 0.0;",
        "is_auto_refractory_required": False,
    }
    v = frozenset({"V"})
    assert parse_neuron_code(model, WHERE) == NeuronCode(
        variables=(CodeVariable("V", "float", False),),
        parameters=(),
        derived_parameters=(),
        extra_inputs=(),
        sim=CodeBlock("V += Isyn;", v | {"Isyn"}, v, frozenset()),
        threshold=CodeBlock("V >= 1.0f", v, frozenset(), frozenset()),
        reset=CodeBlock("V = 0.0f;", frozenset(), v, frozenset()),
        auto_refractory=False,
    )


def test_newer_spelling_is_the_same_model() -> None:
    older = {
        "var_name_types": [("V", "scalar")],
        "param_names": ["tau", "beta"],
        "sim_code": "$(V) += (DT / $(tau)) * $(beta) * $(gennrand_uniform);",
        "is_auto_refractory_required": True,
    }
    newer = {
        "vars": (["V", "scalar"],),
        "params": ["tau", ("beta", "scalar")],
        "sim_code": "V += (dt / tau) * beta * gennrand_uniform();",
        "auto_refractory_required": True,
    }
    code = parse_neuron_code(newer, WHERE)
    assert parse_neuron_code(older, WHERE) == code
    assert code.parameters == ("tau", "beta")
    assert code.auto_refractory
    assert code.sim.calls == {"gennrand_uniform"}


@pytest.mark.parametrize("missing", [None, "", "  \n", "// only a comment"])
def test_blocks_may_be_missing(missing: str | None) -> None:
    slots = ("sim_code", "threshold_condition_code", "reset_code")
    code = parse(**dict.fromkeys(slots, missing))
    assert (code.sim, code.threshold, code.reset) == (EMPTY, None, EMPTY)
    bare = parse_neuron_code({}, WHERE)
    assert (bare.variables, bare.sim, bare.threshold) == ((), EMPTY, None)
    assert not bare.auto_refractory


def test_a_variable_called_dt_in_capitals_is_kept() -> None:
    code = parse_neuron_code({"vars": [("DT", "scalar")], "sim_code": "DT += 1;"}, "")
    assert code.sim.text == "DT += 1;"


@pytest.mark.parametrize(
    ("given_type", "expected"),
    [
        ("scalar", "float"),
        ("timepoint", "float"),
        ("float", "float"),
        ("double", "double"),
        ("bool", "bool"),
        ("int", "int"),
        ("signed int", "int"),
        ("unsigned", "unsigned int"),
        ("unsigned int", "unsigned int"),
        ("int unsigned", "unsigned int"),
        ("char", "int8_t"),
        ("unsigned char", "uint8_t"),
        ("short int", "int16_t"),
        ("unsigned long int", "uint64_t"),
        ("long long", "int64_t"),
        ("size_t", "uint64_t"),
        *((f"{u}int{n}_t", f"{u}int{n}_t") for u in ("", "u") for n in (8, 16, 32, 64)),
    ],
)
def test_types(given_type: str, expected: str) -> None:
    code = parse_neuron_code(
        {"vars": [("x", given_type)], "sim_code": f"{given_type} y = ({given_type})x;"},
        WHERE,
    )
    assert code.variables[0].type == expected
    assert code.sim.text == f"{expected} y = ({expected}) x;"


def test_access_modes() -> None:
    class VarAccess(enum.Enum):
        READ_WRITE = 194
        READ_ONLY_DUPLICATE = 193

    modes = {
        None: False,
        "READ_WRITE": False,
        "READ_ONLY": True,
        "VarAccess.READ_ONLY": True,
        "read_only_shared_neuron": True,
        VarAccess.READ_WRITE: False,
        VarAccess.READ_ONLY_DUPLICATE: True,
    }
    for mode, read_only in modes.items():
        entry = ("V", "scalar") if mode is None else ("V", "scalar", mode)
        (variable,) = parse_neuron_code({"vars": [entry]}, WHERE).variables
        assert variable.read_only is read_only


def test_derived_parameters_index_by_position_or_name() -> None:
    code = parse_neuron_code(
        {
            "params": ["tau", "beta"],
            "derived_params": [
                ("Alpha", lambda pars, dt: math.exp(-dt / pars[0])),
                ("Scaled", lambda pars, dt: pars["beta"] * dt, "scalar"),
                ("Count", lambda pars, dt: len(pars) + pars[-1], "int"),
            ],
            "sim_code": "float x = Alpha * Scaled;",
        },
        WHERE,
    )
    values = {
        name: function([20.0, 3.0], 0.5) for name, function in code.derived_parameters
    }
    assert values == {"Alpha": math.exp(-0.025), "Scaled": 1.5, "Count": 5.0}
    assert code.sim.reads == {"Alpha", "Scaled"}
    assert code == code and hash(code) is not None


def test_a_derived_parameter_misses_a_parameter() -> None:
    model = {"params": ["tau"], "derived_params": [("A", lambda pars, dt: pars["ta"])]}
    ((_, function),) = parse_neuron_code(model, WHERE).derived_parameters
    with pytest.raises(UnknownNameError, match=r"parameter 'ta'. Did you mean 'tau'"):
        function([20.0], 1.0)


def test_models_without_functions_can_be_pickled() -> None:
    code = parse_neuron_code({"vars": [("V", "scalar")], "sim_code": "V = 1;"}, WHERE)
    assert pickle.loads(pickle.dumps(code)) == code


def test_importing_the_module_does_not_import_pycparser() -> None:
    script = (
        "import sys; from ml_genn.model import code_strings; "
        "sys.exit(any(name.startswith('pycparser') for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True)


# Normalised text


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("0.5", "0.5f"),
        ("1e-3", "1e-3f"),
        (".5 + 1.", ".5f + 1.f"),
        ("2.5L", "2.5f"),
        ("2.0f", "2.0f"),
        ("3.4028235e38", "3.4028235e38f"),
        ("7", "7"),
        ("0x1Fu", "0x1Fu"),
        ("true", "true"),
        ("n / 2 + 1 / 2", "(n / 2) + (1 / 2)"),
        ("-(-V)", "-(-V)"),
        ("exp(-dt / tau)", "expf((-dt) / tau)"),
        ("expf(V)", "expf(V)"),
        ("fabs(V) + abs(V)", "fabsf(V) + fabsf(V)"),
        ("min(V, 1) + max(1.0, n)", "fminf(V, 1) + fmaxf(1.0f, n)"),
        ("fmin(n, 1) + fmod(V, 2.0)", "fminf(n, 1) + fmodf(V, 2.0f)"),
        ("pow(V, 2) * fma(V, 1, n)", "powf(V, 2) * fmaf(V, 1, n)"),
        ("gennrand_normal()", "gennrand_normal()"),
        ("$(gennrand_exponential)", "gennrand_exponential()"),
        ("$(gennrand_exponential) ()", "gennrand_exponential()"),
        ("gennrand() % 2u", "gennrand() % 2u"),
        ("V > 0 ? 1.0 : $( n )", "(V > 0) ? (1.0f) : (n)"),
        ("(scalar)n / (double)2", "((float) n) / ((double) 2)"),
        ("(n, 3)", "(n, 3)"),
        ("Isyn + $(Isyn2) /* in */ + t", "(Isyn + Isyn2) + t"),
        ("id + batch * num_batch + num_neurons", None),
    ],
)
def test_expressions(code: str, expected: str | None) -> None:
    assert text(code) == (expected or "(id + (batch * num_batch)) + num_neurons")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("min(n, 3)", "((n) < (3) ? (n) : (3))"),
        ("max(n, id)", "((n) > (id) ? (n) : (id))"),
        ("abs(n - 1) / 2", "((n - 1) < 0 ? -(n - 1) : (n - 1)) / 2"),
        ("steps / 2", "to_int_(steps) / 2"),
    ],
)
def test_integers_stay_integers(code: str, expected: str) -> None:
    assert text(code) == expected
    assert not sim(f"V = {code};").calls


STATEMENTS = """
const scalar decay = exp(-dt / tau), half = 0.5;  // don't mind the comment
scalar sum;
sum = decay * V;
if (V > half && n < 3) { V -= .5; n++; }
else if (flag) V = 0.0;
for (int i = 0, j = 9; i < steps; i++, --j) {
    if (i == j) continue;
    V += i / 2;
}
while (n > 0) { n %= 2; break; }
do { --n; } while (n > 0);
{ float sum = 1.0; V *= sum; }
;
"""
PRINTED_STATEMENTS = [
    "const float decay = expf((-dt) / tau);",
    "const float half = 0.5f;",
    "float sum;",
    "sum = decay * V;",
    "if ((V > half) && (n < 3))",
    "{",
    "  V -= .5f;",
    "  n++;",
    "}",
    "else",
    "  if (flag)",
    "  V = 0.0f;",
    "for (int i = 0, j = 9; loop_continues_() && (i < to_int_(steps)); i++, --j)",
    "{",
    "  if (i == j)",
    "    continue;",
    "  V += i / 2;",
    "}",
    "while (loop_continues_() && (n > 0))",
    "{",
    "  n %= 2;",
    "  break;",
    "}",
    "do",
    "{",
    "  --n;",
    "}",
    "while (loop_continues_() && (n > 0));",
    "{",
    "  float sum = 1.0f;",
    "  V *= sum;",
    "}",
    ";",
]


def test_statements() -> None:
    block = sim(STATEMENTS)
    assert block.text.splitlines() == PRINTED_STATEMENTS
    assert block.reads == {"dt", "tau", "V", "n", "flag", "steps"}
    assert block.writes == {"V", "n"}
    assert block.calls == {"expf", "loop_continues_"}


@pytest.mark.parametrize(
    ("code", "reads"),
    [
        ("V = 1.0;", set()),
        ("V += 1.0;", {"V"}),
        ("V++;", {"V"}),
        ("--V;", {"V"}),
        ("float x = V = 2; V = x;", set()),
    ],
)
def test_only_a_plain_assignment_does_not_read(code: str, reads: set[str]) -> None:
    block = sim(code)
    assert block.reads == reads
    assert block.writes == {"V"}


def test_normalised_text_is_a_fixed_point() -> None:
    once = sim("V = min(V, .5) * exp(-dt / tau) + (n ? 1. : 0.) - abs(V - -1);")
    assert sim(once.text.replace("(n) ? (1.f) : (0.f)", "n ? 1.f : 0.f")) == once


def test_locals_of_the_step_reach_the_threshold() -> None:
    code = parse(
        sim_code="const scalar limit = 1.0; { scalar inner = 1.0; }",
        threshold_condition_code="V >= limit",
    )
    assert code.threshold is not None
    assert code.threshold.text == "V >= limit"
    assert code.threshold.reads == {"V"}
    with pytest.raises(UnknownNameError, match="threshold_condition_code, line 1"):
        parse(sim_code="{ scalar a = 1.0; }", threshold_condition_code="V >= a")


def test_a_condition_can_be_embedded() -> None:
    code = parse(threshold_condition_code="\n  n, // comma\n V > 0.5 \n")
    assert code.threshold is not None
    assert code.threshold.text == "(n, V > 0.5f) != 0"


# Refusals of the dictionary


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("V += 1;", "a neuron model must be a dictionary, got 'V"),
        (
            {"vars": [], "var_name_types": []},
            "'vars' and 'var_name_types' are two spellings of one entry; give only one",
        ),
        (
            {"extra_global_params": [("x", "scalar*")]},
            "extra_global_params are not supported: they are pointers",
        ),
        ({"vars": "V"}, "vars: a list is needed, got 'V'"),
        ({"vars": {"V": "scalar"}}, "vars: a list is needed"),
        (
            {"vars": ["V"]},
            "vars: an entry has 2 or 3 items, a name first; got 'V'",
        ),
        ({"params": [3]}, "params: an entry has 1 or 2 items, a name first; got 3"),
        (
            {"additional_input_vars": [("x", "scalar")]},
            "additional_input_vars: an entry has 3 items, a name first",
        ),
        (
            {"additional_input_vars": [("x", "scalar", math.nan)]},
            "initial value of 'x' must be a finite number, got nan",
        ),
        (
            {"additional_input_vars": [("x", "scalar", "0")]},
            "initial value of 'x' must be a finite number, got '0'",
        ),
        (
            {"derived_params": [("x", 3.0)]},
            "derived_params: 'x' needs a function of the parameters and dt, got 3.0",
        ),
        ({"vars": [("V", int)]}, "variable 'V': the type must be text, got <class"),
        (
            {"params": [("p", "scalar*")]},
            "parameter 'p': its type is 'scalar*'; pointers are not supported",
        ),
        (
            {"vars": [("V m", "scalar")]},
            "vars: the name 'V m' is not a letter followed by letters, digits and",
        ),
        ({"vars": [("_V", "scalar")]}, "the name '_V' is not a letter followed by"),
        ({"params": ["class"]}, "params: the name 'class' is reserved in C or C++"),
        ({"params": ["scalar"]}, "the name 'scalar' is reserved in C or C++"),
        ({"params": ["printf"]}, "the name 'printf' is reserved in C or C++"),
        ({"params": ["exp"]}, "the name 'exp' is a function"),
        ({"params": ["dt"]}, "the name 'dt' is provided by the simulator"),
        (
            {"vars": [("x", "scalar")], "params": ["x"]},
            "vars: the name 'x' is declared twice",
        ),
        ({"sim_code": ["V = 1;"]}, "sim_code must be text, got ['V = 1;']"),
        (
            {"auto_refractory_required": 1},
            "auto_refractory_required must be a bool: 1",
        ),
    ],
)
def test_malformed_dictionaries(model: Any, message: str) -> None:
    with pytest.raises(EquationError) as caught:
        parse_neuron_code(model, WHERE)
    assert str(caught.value).startswith(f"{WHERE}: ")
    assert message in str(caught.value)


def test_empty_extra_global_parameters_are_accepted() -> None:
    assert parse(extra_global_params=[]) is not None


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            {"sim_cod": ""},
            f"{WHERE}: unknown key of a neuron model 'sim_cod'. "
            "Did you mean 'sim_code'?",
        ),
        (
            {"vars": [("V", "scaler")]},
            f"{WHERE}: variable 'V': unknown type 'scaler'. Did you mean 'scalar'?",
        ),
        (
            {"vars": [("V", "scalar", "READ_ONYL")]},
            f"{WHERE}: variable 'V': unknown access mode 'READ_ONYL'. "
            "Did you mean 'READ_ONLY'?",
        ),
    ],
)
def test_unknown_names_in_the_dictionary(model: Any, message: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        parse_neuron_code(model, WHERE)
    assert str(caught.value).startswith(message)


# Refusals of code


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "V = 1;\nV = Vv;",
            "sim_code, line 2: unknown identifier 'Vv'. Did you mean 'V'?",
        ),
        (
            "\n\n  V = exxp(V);",
            "sim_code, line 3: unknown function 'exxp'. Did you mean 'exp'?",
        ),
        ("W = 1;", "sim_code, line 1: unknown identifier 'W'."),
        ("V = x; float x = 1;", "unknown identifier 'x'"),
        ("{ float x = 1; } V = x;", "unknown identifier 'x'"),
        ("while (n) { float x = 1; } V = x;", "unknown identifier 'x'"),
        ("for (int i = 0; i < 3; i++) ; n = i;", "unknown identifier 'i'"),
        ("long double x;", "line 1: unknown type 'long double'. Did you mean 'double'"),
        ("V = (long double) V;", "unknown type 'long double'"),
        ("V = M_PI;", "unknown identifier 'M_PI'"),
    ],
)
def test_unknown_names_in_code(code: str, message: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        parse(sim_code=code)
    assert str(caught.value).startswith(f"{WHERE}: ")
    assert message in str(caught.value)
    assert "Available: " in str(caught.value)


@pytest.mark.parametrize(
    ("code", "line", "reason"),
    [
        ("V += ;", 1, "unexpected ';'"),
        ("V = 1;\n\nV += ;\nn = 2;", 3, "unexpected ';'"),
        ("V = 1;\nV = (1 + 2;", 2, "unexpected ';'"),
        ("V = 1; // end\n n = 2 // no semicolon\n\n", 2, "unexpected end, is a ';'"),
        ("V = exp(2", 1, "unexpected end, is a ';' missing?"),
        ("V = 1.5d;", 1, "unexpected 'd'"),
        ("Foo x;", 1, "unexpected 'x'"),
        ("V := 2;", 1, "unexpected '='"),
        ("else V = 1;", 1, "unexpected 'else'"),
        ("V = 1 \\\n + 2;", 1, "Illegal character"),
        ("V = é;", 1, "Illegal character"),
        ("V = 09;", 1, "octal"),
        ("$(V)$(n) = 2;", 1, "unexpected 'n'"),
        ("V = 1;\r\nV = $(n) 2;\r", 2, "unexpected '2'"),
    ],
)
def test_syntax_errors(code: str, line: int, reason: str) -> None:
    message = refusal(code)
    start, shown = message.split("\n")
    assert start.startswith(f"{WHERE}: sim_code, line {line}: syntax error: ")
    assert reason in start
    assert shown == "    " + code.splitlines()[line - 1].strip()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("tau = 1;", "'tau' cannot be written: it is a parameter"),
        ("Alpha = 1;", "'Alpha' cannot be written: it is a derived parameter"),
        ("Isyn2 = 1;", "'Isyn2' cannot be written: it is an additional input"),
        ("fixed++;", "'fixed' cannot be written: it is declared read-only"),
        ("const int a = 1; a = 2;", "'a' cannot be written: it is a local constant"),
        ("true = 2;", "'true' cannot be written"),
        ("1 = 2;", "only a variable can be assigned to"),
        ("(V + 1) = 2;", "only a variable can be assigned to"),
        ("(V++)++;", "only a variable can be assigned to"),
        ("$(V = 2;", "malformed '$'; the older spelling of a name is '$(name)'"),
        ("$(1 + 2);", "malformed '$'"),
        ("$() = 1;", "malformed '$'"),
        ("V = $V;", "malformed '$'"),
        ("V = $(gennrand_gamma, 2.0);", "malformed '$'"),
        ("V = 1; /* open", "a comment is not closed"),
        ("#include <math.h>", "preprocessor directives are not supported"),
        ("# 1 line", "preprocessor directives are not supported"),
        ('printf("%f", V);', "text is not supported"),
        ("V = 'a';", "characters are not supported"),
        ("printf(V);", "'printf' is refused: code cannot print; record the variable"),
        ("goto end;", "'goto' is refused: code runs from its first to its last line"),
        ("return;", "'return' is refused"),
        ("switch (n) { }", "'switch' is refused: use if and else instead"),
        ("struct A { int x; } a;", "'struct' is refused: types cannot be defined"),
        ("typedef int foo;", "'typedef' is refused: types cannot be defined"),
        ("static int x = 1;", "'static' is refused: the only qualifier of a local is"),
        ("V = sizeof(V);", "'sizeof' is refused: memory layout is not available"),
        ("void *p;", "'void' is refused: neither functions nor pointers"),
        ("asm(1);", "'asm' is refused: assembly is not supported"),
        ("assert(V);", "'assert' is refused: code cannot stop the simulation"),
        (
            "for_each_synapse { }",
            "'for_each_synapse' is refused: a neuron model has no",
        ),
        ("__asm__(1);", "'__asm__' is refused: names start with a letter"),
        ("float f(float x) { V = x; }", "functions cannot be defined here"),
        ("} void evil(void) {", "functions cannot be defined here"),
        ("float f(float x);", "functions cannot be declared here"),
        ("V = 1; }", "unmatched '}'"),
        ("V = 1; } {", "unmatched '}'"),
        ("if (V > 1) {\n V = 1;", "'{' is not closed"),
        ("float *p;", "pointers are not supported"),
        ("V = *n;", "pointers are not supported"),
        ("V = &V;", "pointers are not supported"),
        ("V = (float *) n;", "pointers are not supported"),
        ("float (*f)(int);", "pointers are not supported"),
        ("V = V[0];", "arrays are not supported"),
        ("float x[3];", "arrays are not supported"),
        ("V.x = 2;", "structures are not supported"),
        ("V = n->x;", "structures are not supported"),
        ("float x = {1};", "a local needs a single value"),
        ("V = (float){1};", "a local needs a single value"),
        ("end: V = 1;", "labels are not supported"),
        ("V = ({ 1; });", "this is not an expression (Compound)"),
        ("const float x;", "the local name 'x' is a constant and needs a value"),
        ("float x; float x;", "the local name 'x' is declared twice"),
        ("for (int i = 0;;) { int i; }", "the local name 'i' is declared twice"),
        ("float V = 1;", "the local name 'V' is a name of the model"),
        ("int id = 1;", "the local name 'id' is a name of the model"),
        ("float exp = 1;", "the local name 'exp' is a function"),
        ("float new = 1;", "the local name 'new' is reserved in C or C++"),
        ("int x = 1; { int x = x; }", "'x' is used in its own first value"),
        ("break;", "'break' and 'continue' belong in a loop"),
        ("while (n) n--; continue;", "'break' and 'continue' belong in a loop"),
        ("V = exp;", "'exp' is a function; call it"),
        ("V = V(3);", "'V' is not a function"),
        ("float x = 1; V = x(3);", "'x' is not a function"),
        ("V = (3)(4);", "only a function can be called"),
        ("V = pow(V);", "'pow' takes 2 argument(s), got 1"),
        ("V = gennrand_uniform(1);", "'gennrand_uniform' takes 0 argument(s), got 1"),
        ("V = V % 2;", "'%' needs two integers; fmod takes the remainder of floats"),
        ("n <<= 2.0;", "'<<' needs two integers"),
        ("n = n & (V > 0 ? 1.0 : 0);", "'&' needs two integers"),
        ("n = ~V;", "'~' needs an integer"),
        ("flag++;", "a bool cannot be counted up or down"),
        ("n = min(n++, 2);", "'min' of integers works out its arguments twice"),
        ("n = abs(1 - gennrand());", "'abs' of integers works out its arguments twice"),
        ("V = 1e39;", "the number 1e39 is too large or not supported"),
        ("V = 99999999999999999999;", "the number 99999999999999999999 is too large"),
        ("V = 0b11;", "the number 0b11 is too large or not supported"),
        ("V = 0x1p3;", "the number 0x1p3 is too large or not supported"),
        (
            "V = " + "-(" * 5000 + "V" + ")" * 5000 + ";",
            "the code is nested too deeply",
        ),
        ("V = " + "1 + " * 5000 + "1;", "the code is nested too deeply"),
    ],
)
def test_refused_code(code: str, reason: str) -> None:
    message = refusal("n = 1;\n" + code)
    place, actual = message.split("\n")[0].split("_code, line ")
    assert place == f"{WHERE}: sim"
    assert actual.partition(": ")[2].startswith(reason)
    if "nested" not in reason:
        assert actual.startswith("2: ")
        assert message.split("\n")[1] == "    " + code.split("\n")[0]
    assert len(message) < 300


@pytest.mark.parametrize(
    "name", ["dt", "t", "Isyn", "id", "batch", "num_batch", "num_neurons"]
)
@pytest.mark.parametrize("code", ["{} = 1;", "{}++;", "n = 1 + ({} -= 2);"])
def test_what_the_simulator_provides_is_read_only(name: str, code: str) -> None:
    reason = f"'{name}' cannot be written: it is provided by the simulator"
    assert reason in refusal(code.format(name))


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("V >= 1.0;", "a condition is one expression without ';'"),
        ("1) ; (V", "a condition is one expression without ';'"),
        ("if (V > 1) { }", "a condition is one expression"),
        ("float x = 1", "this is not an expression (Decl)"),
        ("V = 1.0", "a condition cannot assign; '==' compares"),
        ("n++ > 2", "a condition cannot assign"),
        ("V >", "syntax error: unexpected end\n    V >"),
        ("(V > 1", "syntax error: unexpected end\n    (V > 1"),
        ("V > > 1", "syntax error: unexpected '>'"),
    ],
)
def test_refused_conditions(code: str, reason: str) -> None:
    message = refusal(code, "threshold_condition_code")
    assert message.startswith(f"{WHERE}: threshold_condition_code, line 1: {reason}")


def test_an_early_condition_cannot_use_locals_of_the_step() -> None:
    model = {"sim_code": "float a = 1;", "threshold_condition_code": "V\n> a"}
    assert parse(**model).threshold is not None
    with pytest.raises(EquationError, match=r"line 2: 'a' is a local of sim_code, but"):
        parse(**model, auto_refractory_required=True)


@pytest.mark.parametrize(
    "reset",
    ["n = 0;\nV -= limit;", "n = 0;\nlimit = 2.0;", "\n{ V = exp(limit); }"],
)
@pytest.mark.parametrize("local", ["scalar limit = 1.0;", "const scalar limit = V;"])
def test_a_reset_cannot_use_locals_of_the_step(local: str, reset: str) -> None:
    with pytest.raises(EquationError) as caught:
        parse(sim_code=local, reset_code=reset)
    assert str(caught.value) == (
        f"{WHERE}: reset_code, line 2: 'limit' is a local of sim_code, but reset_code "
        "runs in a loop of its own; store it in a variable, or compute it again in "
        f"reset_code\n    {reset.splitlines()[1]}"
    )


def test_a_reset_may_give_its_locals_the_names_of_those_of_the_step() -> None:
    code = parse(
        sim_code="const scalar limit = 1.0; V += limit;",
        reset_code="scalar limit = 2.0; limit += V; V = limit;",
    )
    assert code.reset.text == "float limit = 2.0f;\nlimit += V;\nV = limit;"
    assert code.reset.reads == {"V"}
    assert code.reset.writes == {"V"}


def test_a_reset_is_not_told_of_locals_it_cannot_use() -> None:
    with pytest.raises(UnknownNameError) as caught:
        parse(sim_code="scalar limit = 1.0;", reset_code="V -= limmit;")
    assert "unknown identifier 'limmit'" in str(caught.value)
    assert "limit" not in str(caught.value).replace("limmit", "")


def test_the_place_may_have_no_owner() -> None:
    with pytest.raises(EquationError, match=r"^reset_code, line 1: unmatched"):
        parse_neuron_code({"reset_code": "}"}, "")
    with pytest.raises(UnknownNameError, match=r"^variable 'x': unknown type"):
        parse_neuron_code({"vars": [("x", "y")]}, "")


# Properties

NAMES = ("V", "n", "flag", "fixed", "tau", "Alpha", "Isyn", "Isyn2", "dt", "t", "id")
CALLS = {"exp": "expf", "fabs": "fabsf", "cosf": "cosf", "lgamma": "lgammaf"}


def _grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from(["+", "-", "*", "/", "<", ">=", "==", "&&", "||"])
    return st.one_of(
        st.builds("{} {} {}".format, inner, operators, inner),
        st.builds("({})".format, inner),
        st.builds("{}({})".format, st.sampled_from(["-", "!", "+"]), inner),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
        st.builds("{}({})".format, st.sampled_from(sorted(CALLS)), inner),
        st.builds("(scalar)({})".format, inner),
    )


LEAVES = st.one_of(
    st.sampled_from([*NAMES, *(f"$({name})" for name in NAMES)]),
    st.sampled_from(["1", "0.5", "2e-3", ".25f", "true"]),
)
EXPRESSIONS = st.recursive(LEAVES, _grow, max_leaves=12)


def _mentioned(code: str) -> set[str]:
    for sign in "$()+-*/<>=&|!?:,;":
        code = code.replace(sign, " ")
    return set(code.split())


@given(EXPRESSIONS)
def test_every_identifier_of_an_expression_is_classified(code: str) -> None:
    block = sim(f"V = {code};")
    words = _mentioned(code)
    assert block.reads == words & set(NAMES)
    assert block.calls == {CALLS[word] for word in words & CALLS.keys()}
    assert block.writes == {"V"}
    assert "$" not in block.text and "scalar" not in block.text
    if "_(" not in block.text:  # functions that users do not write
        assert sim(block.text).reads == block.reads


TOKENS = """
    V n tau Isyn exp min ( ) { } [ ] ; , + - * / % & | ! ~ ? : = += ++ -- < << . 1 2.0
    .5 1e3 0x1 09 'a' " # $ $( $(V) @ \\ // /* */ if else for while do break float int
    scalar unsigned long const bool return DT gennrand_uniform _x é
"""
CODE = st.lists(st.sampled_from(["\n", *TOKENS.split()]), max_size=12).map(" ".join)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.one_of(st.text(max_size=30), CODE),
    st.sampled_from(["sim_code", "threshold_condition_code", "reset_code"]),
)
def test_any_text_is_parsed_or_refused(code: str, slot: str) -> None:
    try:
        parse(**{slot: code})
    except (EquationError, UnknownNameError) as error:
        assert str(error).startswith(f"{WHERE}: {slot}, line ")


# What comes out compiles

STUB = """
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include "safe_integers.h"
bool loop_continues_(void);
float gennrand_uniform(void);
float gennrand_normal(void);
float gennrand_exponential(void);
uint32_t gennrand(void);
void step(float V, int n, bool flag, const float fixed, const float tau,
          const float steps, const float Alpha, const float Isyn, const float Isyn2,
          const float dt, const float t, const unsigned int id,
          const unsigned int batch, const unsigned int num_batch,
          const unsigned int num_neurons, int* spikes)
{
bool spiked = false;
{
%s
if (%s) spiked = true;
}
if (spiked) {
*spikes += 1;
%s
}
}
"""
EVERYTHING = """
const scalar a = exp(-dt / tau) * (1.0 - Alpha), b = sqrt(fabs(V)), c = min(V, 2);
double d = atan2(a, b) + hypot(a, c) + fma(a, b, c) + ldexp(a, 2) + scalbn(a, n);
unsigned long int count = 0;
for (int i = 0, j = 1; i < steps; i++, j *= 2) {
    if (i % 2 == 0 && j < max(n, 3)) continue; else if (flag) break;
    count += (uint8_t)j << 1 | ~n;
}
while (n > 0) --n;
do { n += abs(n - 1) + gennrand() % 3; } while (n < steps / 2);
V += gennrand_uniform() + $(gennrand_normal) - gennrand_exponential() + Isyn * Isyn2;
V -= (fixed > t ? a : (b, c)) + id + batch + num_batch + num_neurons + count + d;
flag = !flag || true; ;
{ int n2 = ilogb(V); V += n2 / 2; }
"""


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_the_text_compiles(tmp_path: Path, compiler: str) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"no {compiler}")
    code = parse(
        sim_code=EVERYTHING,
        threshold_condition_code="V >= a || isgood",
        reset_code="V -= 1; const scalar a = 0.5; n = a > 0.1 ? 1 : 0;",
        vars=[
            ("V", "scalar"),
            ("n", "int"),
            ("flag", "bool"),
            ("fixed", "scalar", "READ_ONLY"),
        ],
        params=["tau", ("steps", "int"), "isgood"],
    )
    assert code.threshold is not None
    condition = code.threshold.text.replace("isgood", "0")
    source = tmp_path / "step.cc"
    source.write_text(STUB % (code.sim.text, condition, code.reset.text))
    command = [compiler, "-std=c++17", "-fsyntax-only", "-Wall", str(source)]
    command += [word for folder in INCLUDES for word in ("-iquote", str(folder))]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
