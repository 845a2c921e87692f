"""Mutated equations and code strings: refused by our errors, or built and run."""

from __future__ import annotations

import re
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import numpy as np

from ml_genn import Connection, Network, Population
from ml_genn.compilers import BPTTCompiler, EventPropCompiler, InferenceCompiler
from ml_genn.connectivity import Dense
from ml_genn.errors import BuildError, MlGennError
from ml_genn.model.code_strings.vocabulary.functions import FUNCTIONS as CODE_FUNCTIONS
from ml_genn.model.code_strings.vocabulary.functions import RANDOM
from ml_genn.model.equations.expression import FUNCTIONS
from ml_genn.neurons import CodeNeuron, LeakyIntegrate, SpikeInput, UserNeuron

#: seconds in which a text is refused, or its code derived, on a loaded machine
LIMIT = 10.0
EQUATIONS = (
    "(-v + Isyn) / tau",
    "0.04 * v**2 + 5 * v + 140 - u + Isyn",
    "(-v + a * exp((v - b) / a) + Isyn) / tau",
    "where(v > 0 and u < 1, v * u, -v) / tau",
    "tanh(v) * sin(u) + sqrt(abs(v)) + min(v, u)",
)
EQUATION_TOKENS = (
    "v u tau a b Isyn dt pi 0 1 2.5 1e30 1e400 9**9**9 10**400 ( ) + - * / ** , < >= "
    "and or not where( exp( log( sqrt( min( atan2( erf( sign( abs( tanh( == != % // ~ "
    "lambda if else [ ] . ' \" é _ __import__ v.real int float expf NAN mlg"
)
CODE = (
    "V += Isyn; n = n + 1;",
    "for (int i = 0; i < n; i++) { V += i / (n + 1); }",
    "while (V > 1.0) { V -= 0.5; if (n % 2) break; n <<= 1; }",
    "scalar x = exp(-dt / tau); V = x * V + min(n, 3) + fmod(V, 2.0);",
    "n = V > 0.5 ? (int) (V * 1e9) : n / 2; V = gennrand_uniform();",
)
CODE_TOKENS = (
    "V n tau Isyn x i id t dt batch 0 1 2.5 1e30 0x7fffffff ( ) { } ; , = += -= *= /= "
    "%= <<= >>= ++ -- + - * / % << >> & | ^ ~ ! && || < == ? : int scalar bool "
    "long unsigned char const if else for while do break continue exp( min( abs( "
    "ldexp( gennrand() gennrand_normal() true false return goto sizeof # ' [ ] . -> "
    "divide_ loops_ slot_ int64_t uint8_t lgamma( pow( NAN INFINITY std::"
)


_TOKEN = re.compile(r"\w+|\S")
#: tokens that may stand where another of the same list stands
_ALIKE = (
    (
        "v",
        "u",
        "tau",
        "a",
        "b",
        "V",
        "n",
        "Isyn",
        "dt",
        "t",
        "id",
        "0",
        "1",
        "2.5",
        "3",
    ),
    ("+", "-", "*", "/", "%", "<<", ">>", "&", "|", "^"),
    ("<", ">", ">=", "==", "!=", "&&"),
    ("=", "+=", "-=", "*=", "/=", "%=", "<<=", ">>=", "|="),
    ("exp", "sin", "sqrt", "abs", "erf", "lgamma", "floor", "sign", "ilogb"),
    ("int", "scalar", "bool", "long", "short", "unsigned", "char", "double"),
    ("if", "while"),
)


def mutated(text: str, tokens: Sequence[str], random: Random) -> str:
    """Returns a text with a few changes: most keep its form, some break it."""
    if random.random() < 0.6:
        return _with_other_tokens(text, random)
    for _ in range(random.choice((1, 1, 2, 4))):
        k, end = sorted(random.randint(0, len(text)) for _ in range(2))
        token = random.choice(tokens)
        text = random.choice(
            (
                f"{text[:k]} {token} {text[k:]}",
                text[:k] + text[min(k + 4, end) :],
                text[:end] + text[k:end] + text[end:],
                text.replace(random.choice(text.split() or [" "]), token, 1),
            )
        )
    return text


def _with_other_tokens(text: str, random: Random) -> str:
    def replaced(match: re.Match[str]) -> str:
        alike = [group for group in _ALIKE if match[0] in group]
        change = alike and random.random() < 0.25
        return random.choice(alike[0]) if change else match[0]

    return _TOKEN.sub(replaced, text)


def random_equation(random: Random, depth: int = 4) -> str:
    """Returns an expression of the grammar of equations."""
    if depth == 0 or random.random() < 0.1:
        return random.choice(("v", "u", "tau", "a", "b", "Isyn", "0", "1", "2", "0.5"))
    first, second = (random_equation(random, depth - 1) for _ in range(2))
    kind = random.random()
    if kind < 0.6:
        operator = random.choice(("+", "-", "*", "/", "+", "-", "*", "**"))
        return f"({first} {operator} {second})"
    if kind < 0.9:
        name = random.choice(sorted(FUNCTIONS))
        arguments = (first, second)[: FUNCTIONS[name][2]]
        return f"{name}({', '.join(arguments)})"
    return f"where({first} < {second}, {second}, {first})"


def random_code(random: Random, depth: int = 4) -> str:
    """Returns an expression of C over the names of a model."""
    if depth == 0 or random.random() < 0.1:
        return random.choice(
            ("V", "n", "tau", "Isyn", "id", "0", "1", "7", "2.5", "1e9", "gennrand()")
        )
    first, second = (random_code(random, depth - 1) for _ in range(2))
    kind = random.random()
    if kind < 0.6:
        operator = random.choice(
            ["+", "-", "*", "/", "%", "<<", ">>", "&", "|", "^", "<", "==", "&&", "||"]
        )
        if operator in ("%", "<<", ">>", "&", "|", "^"):
            first, second = f"(int) ({first})", f"(long) ({second})"
        return f"({first} {operator} {second})"
    if kind < 0.8:
        name = random.choice(sorted(CODE_FUNCTIONS.keys() - RANDOM))
        arguments = (first, second, first)[: CODE_FUNCTIONS[name].arity]
        return f"{name}({', '.join(arguments)})"
    if kind < 0.9:
        return f"({random.choice(_ALIKE[5][:4])}) ({first})"
    return f"(V > 0.5 ? {first} : {second})"


def _network(neuron: Any) -> tuple[Network, Population]:
    with Network() as network:
        source = Population(SpikeInput(), 2)
        hidden = Population(neuron, 3)
        output = Population(LeakyIntegrate(readout="avg_var"), 2)
        Connection(source, hidden, Dense(1.0))
        Connection(hidden, output, Dense(1.0))
    return network, source


def check_equations(seed: int, run: bool) -> str:
    """Builds a neuron with mutated equations; returns "refused" or "accepted".

    Args:
        seed: seed of the mutation.
        run: True to compile and run code that is accepted, which takes a second.
    """
    random = Random(seed)
    dynamics = mutated(random.choice(EQUATIONS), EQUATION_TOKENS.split(), random)
    if random.random() < 0.5:
        dynamics = random_equation(random, random.choice((2, 3, 4)))
    jump = random.choice(
        ("0.0", "a", mutated("v - a", EQUATION_TOKENS.split(), random))
    )
    variables = {"v": (dynamics, jump), "u": ("a * (b * v - u)", "u + 1")}
    rule = random.choice(("bptt", "event_prop", "inference"))
    values = {"tau": 10.0, "a": 0.5, "b": 0.25}

    def build() -> tuple[Network, Population]:
        return _network(UserNeuron(variables, "v", "v - 1", values))

    return _outcome(build, rule, run)


def check_code(seed: int, run: bool) -> str:
    """Builds a neuron with mutated code strings; see `check_equations`."""
    random = Random(seed)
    code = mutated(random.choice(CODE), CODE_TOKENS.split(), random)
    if random.random() < 0.5:
        code = f"V = {random_code(random)}; n = {random_code(random)};"
    model = {
        "vars": [("V", "scalar"), ("n", "int")],
        "params": ["tau"],
        "sim_code": code,
        "threshold_condition_code": mutated("V > 1.0", CODE_TOKENS.split(), random)
        if random.random() < 0.3
        else "V > 1.0",
        "reset_code": mutated("V = 0.0;", CODE_TOKENS.split(), random)
        if random.random() < 0.3
        else "V = 0.0;",
    }

    def build() -> tuple[Network, Population]:
        return _network(CodeNeuron(model, "V", {"tau": 10.0}))

    return _outcome(build, "inference", run)


def _outcome(
    build: Callable[[], tuple[Network, Population]], rule: str, run: bool
) -> str:
    """Returns "refused" or "accepted"; raises other errors than those of ml_genn."""
    start = time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network, source = build()
            _compile_and_run(network, source, rule, run)
    except BuildError:
        raise
    except MlGennError:
        return "refused"
    finally:
        seconds = time.process_time() - start
        assert seconds < LIMIT, f"took {seconds:.1f} s"
    return "accepted"


def _compile_and_run(
    network: Network, source: Population, rule: str, run: bool
) -> None:
    backend = None if run else "null"
    options: dict[str, Any] = {"backend": backend} if backend else {}
    if rule == "inference":
        compiler: Any = InferenceCompiler(5, num_threads=1, **options)
    else:
        kind = BPTTCompiler if rule == "bptt" else EventPropCompiler
        loss = "sparse_categorical_crossentropy"
        compiler = kind(5, loss, num_threads=1, **options)
    compiled = compiler.compile(network)
    if not run:
        assert compiled.model.source
        return
    x = np.ones((2, 5, 2), dtype=bool)
    compiled.predict({source: x}, callbacks=[])


def run_mutations(
    seeds: range, run: bool, report: Callable[[str], None]
) -> Counter[str]:
    """Checks mutations; returns counts of what came of them.

    Args:
        seeds: seeds of the mutations, of equations and code each.
        run: True to compile and run what is accepted.
        report: called with a line for each failure.
    """
    counts: Counter[str] = Counter()
    for check in (check_equations, check_code):
        for seed in seeds:
            try:
                counts[f"{check.__name__}: {check(seed, run)}"] += 1
            except Exception as error:
                counts["failed"] += 1
                text = str(error)[:600]
                report(
                    f"FAILED {check.__name__} {seed}: {type(error).__name__}: {text}"
                )
    return counts
