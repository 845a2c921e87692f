"""Frozen dataclasses as plain data, and plain data checked against dataclasses.

A dataclass is the schema of a JSON object: the annotations of its fields say what may
be there. ``record_of`` checks everything before it makes an instance, and names the
field that is wrong. Annotations may be: bool, int, float, str, None, Any, unions,
``Literal``, ``tuple[X, ...]``, ``frozenset[X]``, ``Mapping[str, X]``, enumerations of
text, other dataclasses, and ``Annotated[X, check]`` with a function that returns a rule
if a value breaks it. A field ``class_`` has the key "class".
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum, EnumMeta
from functools import cache
from types import UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from ml_genn.errors import BuildError, CheckpointError, MlGennError

NUMBERS = "biuf"  #: kinds of NumPy's types that are read and written
#: Deeper data are refused. Those of a network have about ten levels.
DEEPEST = 60
_LONGEST_SHOWN = 80  #: characters of a wrong value in a message
_LONGEST_MESSAGE = 1000  #: characters of another error's message

R = TypeVar("R")
Reader = Callable[[Any, str], Any]  #: (data, place) -> value


# ---------------------------------------------------------------- JSON
def parse_json(text: str | bytes, where: str) -> Any:
    """Returns the content of JSON whose numbers are finite and whose depth is bounded.

    Args:
        text: the JSON.
        where: start of error messages.

    Raises:
        CheckpointError: if it is something else.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: also wrong encodings
        raise CheckpointError(f"{where}: it is not JSON ({error}).") from None
    check_plain(data, where)
    return data


def check_plain(data: Any, where: str) -> None:
    """Checks that data can be written as JSON.

    Args:
        data: the data.
        where: start of error messages.

    Raises:
        CheckpointError: if a number is not finite, a part is of another type, or the
            data are nested too deeply.
    """
    level = [data]
    for _ in range(DEEPEST):
        level = [part for value in level for part in _parts(value, where)]
        if not level:
            return
    raise CheckpointError(f"{where}: it is nested more than {DEEPEST} times.")


def _parts(value: Any, where: str) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise CheckpointError(f"{where}: a key is text. Received {key!r}.")
        yield from value.values()
    elif isinstance(value, list | tuple):
        yield from value
    elif isinstance(value, float) and not math.isfinite(value):
        raise CheckpointError(f"{where}: numbers are finite. Received {value}.")
    elif not isinstance(value, str | int | float | bool | None):
        raise CheckpointError(
            f"{where}: expected plain data. Received {shortened(value)}."
        )


# ---------------------------------------------------------------- records
def plain_of(record: Any) -> Any:
    """Returns a dataclass, or one of the values that its fields may have, as JSON."""
    if is_dataclass(record) and not isinstance(record, type):
        return {_key(f): plain_of(getattr(record, f.name)) for f in fields(record)}
    if isinstance(record, Enum):
        return record.value
    if isinstance(record, frozenset):
        return sorted(plain_of(value) for value in record)
    if isinstance(record, tuple | list):
        return [plain_of(value) for value in record]
    if isinstance(record, Mapping):
        return {key: plain_of(value) for key, value in record.items()}
    return record


def record_of(cls: type[R], data: Any, where: str) -> R:
    """Returns the instance of a dataclass that plain data describe.

    Args:
        cls: a dataclass.
        data: result of `plain_of`; fields with a default may be left out.
        where: start of error messages.

    Raises:
        CheckpointError: if a field is missing, unknown or of another type; the message
            names it.
    """
    record: R = _reader(cast(Any, cls))(data, where)
    return record


def broken(place: str, rule: str, value: Any) -> CheckpointError:
    """Returns the error for data that break a rule."""
    return CheckpointError(f"{place}: expected {rule}. Received {shortened(value)}.")


def shortened(value: Any) -> str:
    """Returns the start of the representation of a value, which may be huge."""
    if isinstance(value, str):
        value = value[:_LONGEST_SHOWN]
    if isinstance(value, Mapping | list | tuple) and value:
        return f"a {type(value).__name__} with {len(value)} entries"
    try:
        return repr(value)[:_LONGEST_SHOWN]
    except ValueError:  # whole numbers of thousands of digits
        return "a huge number"


@cache
def _reader(annotation: Any) -> Reader:
    """Returns the function that checks and reads values of an annotation."""
    if annotation is Any:
        return lambda data, place: data
    if is_dataclass(annotation):
        return _record_reader(annotation)
    if isinstance(annotation, EnumMeta):
        members = cast(Iterable[Enum], annotation)
        return _choice_reader({member.value: member for member in members})
    make = _GENERIC.get(get_origin(annotation))
    if make is not None:
        return make(get_args(annotation))
    return record_number if annotation is float else _scalar_reader(annotation)


def _record_reader(cls: Any) -> Reader:
    hints = get_type_hints(cls, include_extras=True)
    needed = {_key(f) for f in fields(cls) if _is_needed(f)}
    names = {_key(f): f.name for f in fields(cls)}
    readers = {key: _reader(hints[name]) for key, name in names.items()}

    def read(data: Any, place: str) -> Any:
        if not isinstance(data, Mapping):
            raise broken(place, "a JSON object", data)
        for key in sorted(needed - data.keys()):
            raise CheckpointError(f"{place}: '{key}' is missing.")
        for key in data.keys() - names.keys():
            raise CheckpointError(f"{place}: {shortened(key)} is unknown.")
        return cls(
            **{names[k]: readers[k](v, f"{place}: {k}") for k, v in data.items()}
        )

    return read


def _key(field: Any) -> str:
    """Returns the key of a field; names that Python reserves end with "_" as fields."""
    return str(field.name).rstrip("_")


def _is_needed(field: Any) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _choice_reader(choices: Mapping[Any, Any]) -> Reader:
    def read(data: Any, place: str) -> Any:
        if not isinstance(data, str | int | None) or data not in choices:
            raise broken(place, f"one of {', '.join(map(str, choices))}", data)
        return choices[data]

    return read


def _union_reader(annotations: tuple[Any, ...]) -> Reader:
    """Reads None, or a value of the only other annotation."""
    (inner,) = (_reader(a) for a in annotations if a is not type(None))
    return lambda data, place: None if data is None else inner(data, place)


def _checked_reader(annotation: Any, check: Callable[[Any], str | None]) -> Reader:
    inner = _reader(annotation)

    def read(data: Any, place: str) -> Any:
        value = inner(data, place)
        rule = check(value)
        if rule is not None:
            raise broken(place, rule, data)
        return value

    return read


def _list_reader(make: type, annotation: Any) -> Reader:
    inner = _reader(annotation)

    def read(data: Any, place: str) -> Any:
        if not isinstance(data, list | tuple):
            raise broken(place, "a list", data)
        return make(inner(value, f"{place}[{k}]") for k, value in enumerate(data))

    return read


def _pair_reader(annotations: tuple[Any, ...]) -> Reader:
    """Reads tuples of a fixed length."""
    readers = [_reader(annotation) for annotation in annotations]

    def read(data: Any, place: str) -> Any:
        if not isinstance(data, list | tuple) or len(data) != len(readers):
            raise broken(place, f"a list of {len(readers)} values", data)
        pairs = enumerate(zip(readers, data, strict=True))
        return tuple(reader(value, f"{place}[{k}]") for k, (reader, value) in pairs)

    return read


def _mapping_reader(annotation: Any) -> Reader:
    inner = _reader(annotation)

    def read(data: Any, place: str) -> Any:
        if not isinstance(data, Mapping):
            raise broken(place, "a JSON object", data)
        return {key: inner(v, f"{place}: {shortened(key)}") for key, v in data.items()}

    return read


#: {origin of an annotation: function of its arguments that returns a reader}
_GENERIC: dict[Any, Callable[[tuple[Any, ...]], Reader]] = {
    Annotated: lambda a: _checked_reader(*a),
    Literal: lambda a: _choice_reader({value: value for value in a}),
    Mapping: lambda a: _mapping_reader(a[1]),
    Union: lambda a: _union_reader(a),
    UnionType: lambda a: _union_reader(a),
    frozenset: lambda a: _list_reader(frozenset, a[0]),
    tuple: lambda a: _list_reader(tuple, a[0]) if Ellipsis in a else _pair_reader(a),
}

_SCALAR_RULES = {bool: "true or false", int: "a whole number", str: "text"}


def _scalar_reader(annotation: type) -> Reader:
    rule = _SCALAR_RULES[annotation]

    def read(data: Any, place: str) -> Any:
        if type(data) is not annotation:  # True is an int, but no number of anything
            raise broken(place, rule, data)
        return data

    return read


def record_number(data: Any, place: str) -> float:
    """Returns a finite number, or refuses data of a file.

    Args:
        data: the data.
        place: the field, for error messages.

    Raises:
        CheckpointError: if it is no finite number.
    """
    try:
        number = float(data) if type(data) in (int, float) else math.nan
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise broken(place, "a finite number", data)
    return number


# ---------------------------------------------------------------- checks
def between(least: int, most: int) -> Callable[[int], str | None]:
    """Returns a check, for ``Annotated``, that a number is in a range."""
    rule = f"a number from {least} to {most}"
    return lambda value: None if least <= value <= most else rule


def at_most(length: int) -> Callable[[str], str | None]:
    """Returns a check, for ``Annotated``, that text is not too long."""
    rule = f"text of at most {length} characters"
    return lambda text: None if len(text) <= length else rule


def number_type(text: str) -> str | None:
    """Checks, for ``Annotated``, that text is the type of an array of numbers.

    Args:
        text: a type, as `numpy.dtype.str`.
    """
    rule = "the type of a boolean, an integer or a float"
    is_short = 2 < len(text) <= len("<f16")
    return None if is_short and text[1] in NUMBERS else rule


_LARGEST_COUNT = 2**62  #: sums of a few counts fit into 64 bits

Count = Annotated[int, between(0, _LARGEST_COUNT)]  #: whole number of at least 0


@contextmanager
def as_checkpoint_error(place: str) -> Iterator[None]:
    """Turns errors of constructors that are called with data of a file into ours.

    Args:
        place: start of the message, which names the field.

    Raises:
        CheckpointError: for every error inside the block.
    """
    try:
        yield
    except (CheckpointError, BuildError):  # the latter is the machine's fault
        raise
    except MlGennError as error:
        text = str(error)[:_LONGEST_MESSAGE]
        raise CheckpointError(f"{place}: {text}") from error
    except Exception as error:  # whatever a constructor does with wrong arguments
        text = f"{type(error).__name__}: {error}"[:_LONGEST_MESSAGE]
        raise CheckpointError(
            f"{place}: nothing can be made of it ({text})."
        ) from error
