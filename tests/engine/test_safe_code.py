"""Code strings that are undefined in C, or never end, have results or errors."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from ml_genn import Connection, Network, Population
from ml_genn.backends.pygenn.lowering.genn_code import genn_code
from ml_genn.callbacks import Callback, VarRecorder
from ml_genn.compilers import InferenceCompiler
from ml_genn.connectivity import Dense
from ml_genn.errors import EquationError, MlGennError
from ml_genn.neurons import CodeNeuron, SpikeInput

LEAST, MOST = -(2**31), 2**31 - 1
PAIRS = [
    (7, 2),
    (-7, 2),
    (7, 0),
    (-7, 0),
    (0, 0),
    (LEAST, -1),
    (LEAST, 1),
    (MOST, MOST),
    (1, 31),
    (1, 32),
    (-1, 40),
    (5, -1),
    (-8, 3),
]
REALS = [0.0, 2.9, -2.9, 1e10, -1e10, 3e38, -3e38, 300.0, -300.0, 70000.0, np.nan]


def run_once(
    model: dict[str, Any],
    start_values: dict[str, Any],
    size: int,
    names: list[str],
    parameters: dict[str, Any] | None = None,
) -> dict[str, np.ndarray]:
    """Variables of the neurons of a model after one time step."""
    with Network() as network:
        source = Population(SpikeInput(), 1)
        neuron = CodeNeuron(model, names[0], parameters, start_values, readout="var")
        target = Population(neuron, size, name="hostile")
        Connection(source, target, Dense(0.0))
    compiled = InferenceCompiler(1, num_threads=1).compile(network)
    recorders = [VarRecorder(target, name, key=name) for name in names]
    x = np.zeros((1, 1, 1), dtype=bool)
    _, recorded = compiled.predict(x, callbacks=recorders)
    return {name: np.asarray(recorded[name])[0, 0] for name in names}


def wrapped(value: int, bits: int = 32) -> int:
    """An integer in two's complement."""
    return (value + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)


def quotient(a: int, b: int) -> int:
    """Rounded towards zero, as in C; 0 for b = 0."""
    return wrapped(abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)) if b else 0


def test_integer_operators() -> None:
    """Divisions by zero are 0, sums and products wrap, wide shifts give 0."""
    expressions = {
        "q": "a / b",
        "r": "a % b",
        "left": "a << b",
        "right": "a >> b",
        "total": "a + b",
        "product": "a * b",
        "negative": "-a",
        "size": "abs(a)",
        "wide": "(int) ((a * 4294967296LL) / ((long long) b * 4294967296LL))",
    }
    assigned = {"aq": "/=", "ar": "%=", "aleft": "<<=", "aright": ">>="}
    code = [f"{name} = {text};" for name, text in expressions.items()]
    code += [f"{name} = a; {name} {op} b;" for name, op in assigned.items()]
    names = [*expressions, *assigned]
    a, b = np.array(PAIRS).T
    model = {
        "vars": [(name, "int") for name in ("a", "b", *names)],
        "sim_code": "\n".join(code),
    }
    result = run_once(model, {"a": a, "b": b}, len(PAIRS), names)
    for k, (i, j) in enumerate(PAIRS):
        remainder = i - quotient(i, j) * j if j else 0
        left, right = (wrapped(i << j), i >> j) if 0 <= j < 32 else (0, 0)
        expected = {
            "q": quotient(i, j),
            "r": wrapped(remainder),
            "left": left,
            "right": right,
            "total": wrapped(i + j),
            "product": wrapped(i * j),
            "negative": wrapped(-i),
            "size": wrapped(abs(i)),
            "wide": quotient(i, j) if (i, j) != (LEAST, -1) else MOST,
            "aq": quotient(i, j),
            "ar": wrapped(remainder),
            "aleft": left,
            "aright": right,
        }
        if (i, j) == (LEAST, -1):
            del expected["wide"]  # does not fit an int: 2^31 is converted
        values = {name: int(result[name][k]) for name in expected}
        assert values == expected, (i, j)


def test_conversions_to_integers() -> None:
    """Nearest number of the type, rounded towards zero; NaN becomes 0."""
    ranges = {
        "i": ("int", LEAST, MOST),
        "u": ("uint32_t", 0, 2**32 - 1),
        "small": ("signed char", -128, 127),
        "short_u": ("unsigned short", 0, 2**16 - 1),
    }
    code = [f"{kind} {name}_local = real;" for name, (kind, _, _) in ranges.items()]
    code += [f"{name} = {name}_local;" for name in ranges]
    code += [f"cast_{name} = ({kind}) real;" for name, (kind, _, _) in ranges.items()]
    code += ["added = 1; added += real;", "from_param = k;"]
    code += ["y = ldexp(1.0, real < 3.0 ? real : 0.0);"]
    names = [*ranges, *(f"cast_{name}" for name in ranges), "added", "from_param", "y"]
    types = {"u": "uint32_t", "cast_u": "uint32_t", "y": "scalar"}
    model = {
        "vars": [("x", "scalar"), *((name, types.get(name, "int")) for name in names)],
        "params": [("k", "int")],
        "sim_code": "\n".join(
            ["scalar real = x;", "if (isnan) real = sqrt(-1.0);", *code]
        ),
    }
    model["vars"].append(("isnan", "bool"))
    x = np.nan_to_num(REALS, posinf=0.0)
    start_values = {"x": x, "isnan": np.isnan(REALS)}
    result = run_once(model, start_values, len(REALS), names, {"k": 1e30})
    for k, value in enumerate(REALS):
        real = 0.0 if np.isnan(value) else float(np.float32(value))
        for name, (_, least, most) in ranges.items():
            expected = int(min(max(np.trunc(real), least), most))
            assert int(result[name][k]) == expected, (name, value)
            assert int(result[f"cast_{name}"][k]) == expected, (name, value)
        total = np.trunc(np.float32(1) + np.float32(value))
        expected = 0 if np.isnan(value) else int(min(max(total, LEAST), MOST))
        assert int(result["added"][k]) == expected, value
    assert (result["from_param"] == MOST).all()
    np.testing.assert_array_equal(result["y"][:3], [1.0, 4.0, 0.25])


@pytest.mark.parametrize("code", ["n = 5 / 0;", "n %= 0;", "n = n % 0u;"])
def test_division_by_the_number_zero_is_refused(code: str) -> None:
    with pytest.raises(EquationError, match="integer division by zero"):
        CodeNeuron({"vars": [("n", "int")], "sim_code": code})


@pytest.mark.parametrize("condition", ["n & 256", "V", "0.25 * n"])
def test_condition_is_true_if_it_is_not_zero(condition: str) -> None:
    """Also where it is a number that is 0 in eight bits, or less than 1."""
    model = {
        "vars": [("n", "int"), ("V", "scalar"), ("spikes", "int")],
        "sim_code": "n = 256 + 1; V = 0.5;",
        "threshold_condition_code": condition,
        "reset_code": "spikes += 1;",
    }
    assert run_once(model, {}, 3, ["spikes"])["spikes"].tolist() == [1, 1, 1]


ENDLESS = {
    "while": "while (1) {}",
    "for": "for (;;) V += 1.0;",
    "do": "do { V = V * 0.5; } while (true);",
    "nested": "for (int i = 0; i < 2000; ++i) for (int j = 0; j < 2000; ++j) V += 1;",
    "condition_in_state": "while (V < 1.0) V += 0.0;",
    "counts_back": "for (unsigned int i = 10; i >= 0u; --i) V += i;",
}


@pytest.mark.parametrize("slot", ["sim_code", "reset_code"])
@pytest.mark.parametrize("threads", [1, 2])
def test_loops_without_an_end_are_errors(slot: str, threads: int) -> None:
    """The batch ends soon, and the network can run others."""
    code = ENDLESS["condition_in_state"]
    model = {
        "vars": [("V", "scalar")],
        "sim_code": "if (Isyn > 0.5) { V = 0.5; }\n",
        "threshold_condition_code": "Isyn > 0.5",
        "reset_code": "V = 0.75;",
    }
    model[slot] = f"{model[slot]} if (V > 0.0) {code}"
    with Network() as network:
        source = Population(SpikeInput(), 1)
        target = Population(CodeNeuron(model, "V", readout="var"), 50, name="hostile")
        Connection(source, target, Dense(1.0))
    compiler = InferenceCompiler(40, batch_size=4, num_threads=threads)
    compiled = compiler.compile(network)
    x = np.zeros((4, 40, 1), dtype=bool)
    silent = compiled.predict(x, callbacks=[])[0][target]
    x[2, 5] = True
    begin = time.perf_counter()
    for callbacks in ([], [EachStep()]):
        with pytest.raises(MlGennError, match=r"'hostile'.*1,000,000 times"):
            compiled.predict(x, callbacks=callbacks)
    assert time.perf_counter() - begin < 20, "all neurons ran all iterations"
    again = compiled.predict(np.zeros_like(x), callbacks=[])[0][target]
    np.testing.assert_array_equal(again, silent)


class EachStep(Callback):
    """Makes a network advance step by step."""

    def on_timestep_end(self, timestep: int) -> None:
        """Called, which is enough."""


def test_all_kinds_of_loops_end() -> None:
    """Each in a neuron of its own, so that one build tests them all."""
    lines = [f"if (id == {k} && on) {{ {c} }}" for k, c in enumerate(ENDLESS.values())]
    model = {"vars": [("V", "scalar"), ("on", "bool")], "sim_code": "\n".join(lines)}
    for k in range(len(ENDLESS)):
        on = np.arange(len(ENDLESS)) == k
        with pytest.raises(MlGennError, match="1,000,000 times"):
            run_once(model, {"on": on}, len(ENDLESS), ["V"])
    run_once(model, {"on": np.zeros(len(ENDLESS), dtype=bool)}, len(ENDLESS), ["V"])


def test_loops_that_end_are_unchanged() -> None:
    """Padding of a row is no neuron, so its zeros cannot make a loop endless."""
    model = {
        "vars": [("V", "scalar"), ("n", "int")],
        "params": ["gain"],
        "sim_code": "while (V < 1.0) { V += gain; n++; }",
    }
    gains = np.array([0.5, 0.25, 0.125])
    result = run_once(model, {}, 3, ["n"], {"gain": gains})
    assert result["n"].tolist() == [2, 4, 8]


def test_genn_code_has_plain_operators() -> None:
    """GeNN's language has no functions of ours."""
    model = {
        "vars": [("n", "int"), ("V", "scalar")],
        "sim_code": """
            n = (n / (n - 1)) % max(n, 2);
            n <<= n;
            n = V / (n + 1.0);
            for (int i = 0; i < n / n; i++) V += i;
        """,
    }
    code = CodeNeuron(model).code.sim
    lines = genn_code(code.text.splitlines(), "")
    text = "\n".join(lines)
    assert "_(" not in text
    assert "n = ((((n) / (n - 1))) % (((n) > (2) ? (n) : (2))));" in lines
    assert "n = ((n) << (n));" in lines
    assert "n = ((int) (V / (n + 1.0)));" in lines
    assert "for (int i = 0; (i < (((n) / (n)))); i++)" in lines
