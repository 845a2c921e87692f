"""`print(plan)` shows every field of a plan."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import Field, dataclass, fields, is_dataclass, replace
from enum import Enum
from inspect import isabstract
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from ml_genn import Connection, Network, Population
from ml_genn.compilers import BPTTCompiler
from ml_genn.connectivity import Dense
from ml_genn.errors import EquationError
from ml_genn.model.plan import Code, Plan
from ml_genn.model.plan.text import record_text
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput


class Samples:
    """Instances of types with all of their fields set, each string once."""

    def __init__(self) -> None:
        self._numbers = itertools.count(2)
        self.classes: set[type] = set()

    def of(self, kind: Any) -> Any:
        """Returns an instance of an annotated type."""
        parts = [p for p in get_args(kind) if p not in (Ellipsis, NoneType)]
        if get_origin(kind) is UnionType:
            return self.of(parts[0])
        if get_origin(kind) in (tuple, frozenset):
            return get_origin(kind)(self.of(part) for part in parts)
        if isabstract(kind):
            kind = kind.__subclasses__()[-1]
        return self._record(kind) if is_dataclass(kind) else self._scalar(kind)

    def _scalar(self, kind: Any) -> Any:
        if issubclass(kind, Enum):
            return list(kind)[-1]
        number = next(self._numbers)
        return f"name{number}" if kind is str else kind(number)

    def _record(self, cls: Any) -> Any:
        self.classes.add(cls)
        hints = get_type_hints(cls)
        values = {
            f.name: self.of(hints[f.name]) if f.compare else None for f in fields(cls)
        }
        return cls(**values)


def variants(kind: Any, value: Any) -> Iterator[Any]:
    """Yields values of a type, each of which differs from a value in one place."""
    if get_origin(kind) is UnionType:
        (kind,) = (part for part in get_args(kind) if part is not NoneType)
        yield None
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, Enum):
        yield from (member for member in type(value) if member is not value)
    elif isinstance(value, str):
        yield from (f"{value}x", "two, words", "two\nlines", " spaced", "'quoted'", "")
    elif isinstance(value, int | float):
        yield from (value + 1, type(value)(0))
    elif isinstance(value, frozenset):
        yield from (frozenset(), value | {"more"}, frozenset({"other"}))
    elif isinstance(value, tuple):
        yield from _tuples(kind, value)
    else:
        for field in compared(value):
            for change in changes(value, field):
                with suppress(EquationError):  # some records refuse odd names
                    yield replace(value, **change)


def _tuples(kind: Any, value: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    inner = get_args(kind)
    if inner[-1] is Ellipsis:
        yield from ((), (*value, *value))
        inner = inner[:1] * len(value)
    for k, part in enumerate(inner):
        for changed in variants(part, value[k]):
            yield (*value[:k], changed, *value[k + 1 :])


def compared(record: Any) -> list[Field[Any]]:
    """Returns the fields that take part in comparisons."""
    return [field for field in fields(record) if field.compare]


def changes(record: Any, field: Field[Any]) -> Iterator[dict[str, Any]]:
    """Yields the variants of one field, as arguments of `dataclasses.replace`."""
    kind = get_type_hints(type(record))[field.name]
    for value in variants(kind, getattr(record, field.name)):
        yield {field.name: value}


SAMPLES = Samples()
PLAN = SAMPLES.of(Plan)


@pytest.mark.parametrize("field", [field.name for field in fields(Plan)])
def test_plans_that_differ_print_differently(field: str) -> None:
    (changed,) = (f for f in fields(Plan) if f.name == field)
    plans = [PLAN, *(replace(PLAN, **change) for change in changes(PLAN, changed))]
    texts = [str(plan) for plan in plans]
    assert len(set(plans)) == len(set(texts)) == len(texts)


def test_the_sample_holds_every_record_of_a_plan() -> None:
    names = {cls.__name__ for cls in SAMPLES.classes}
    assert {"NeuronGroup", "SynapseGroup", "OptimiserUpdate", "Adjoint"} <= names
    assert {"SurrogateAdjoint", "PortAdjoint", "Readout", "Loss", "Kernel"} <= names
    assert {"LossFormula", "Axis", "Code", "Constant", "LearnedParameter"} <= names


@dataclass(frozen=True)
class Extended:
    """A record with a field that the printer has not been told of."""

    name: str
    code: Code
    added: tuple[tuple[str, int], ...] = ()


def test_a_new_field_is_printed() -> None:
    record = Extended("a", Code(("x = 1;",), frozenset(), frozenset({"x"})))
    assert record_text(record) == "name: a\ncode:\n  x = 1;\n  // writes x"
    assert record_text(replace(record, added=(("b", 2),))).endswith("added: (b, 2)")


def test_the_text_of_a_trained_network() -> None:
    with Network() as network:
        source = Population(SpikeInput(), 2, name="in")
        hidden = Population(LeakyIntegrateFire(), 3, name="hidden")
        output = Population(LeakyIntegrate(readout="avg_var"), 2, name="out")
        Connection(source, hidden, Dense(1.0))
        Connection(hidden, output, Dense(1.0))
    compiler = BPTTCompiler(10, "sparse_categorical_crossentropy")
    text = str(compiler.compile(network).lowered.plan)
    for part in (
        "in: size = 2, events",
        "  hidden:\n    size: 3",
        "threshold: k0_ + v >= 0.0F",
        "weight_grad: lambda_in_syn0",
        "surrogate:\n        condition: true",
        "readout:\n      variables: (v_avg_, 0.0)",
        "name: cross_entropy",
        "Conn_hidden_out: source = hidden, target = out, port = 0, learn, backprop",
        "- target: kind = weight, owner = Conn_hidden_out",
        "x -= alpha * (m * m_scale)",
        "learning_rule:\n  SurrogateGradient(surrogate_derivative='1 / (1 + ",
    ):
        assert part in text, f"{part!r} is missing in\n{text}"


def test_code_has_its_own_lines() -> None:
    make: Callable[..., Code] = Code
    reads, writes = frozenset({"a", "b"}), frozenset({"x"})
    code = make(("x = a + b;", "x += gennrand();"), reads, writes, frozenset({"r"}))
    text = record_text(Extended("n", code))
    assert text.splitlines()[2:] == [
        "  x = a + b;",
        "  x += gennrand();",
        "  // reads a, b",
        "  // writes x",
        "  // calls r",
    ]
