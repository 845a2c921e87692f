"""Records as text: all fields of a dataclass, and of those inside it.

A field is left out where it has its default or holds nothing. Everything else is shown,
so that records that differ print differently; a new field needs no change here. Fields
that take no part in comparisons are not shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from typing import Any

from ml_genn.model.plan.code import NO_CODE, Code

_INDENT = "  "
_LINE_LENGTH = 88
_NAME = "name"  #: field whose value stands before the others, without a label


def record_text(record: Any) -> str:
    """Returns a dataclass as text, one field after the other.

    Args:
        record: the dataclass. Its fields hold numbers, strings, members of
            enumerations, frozen sets of strings, `Code`, dataclasses, and tuples of
            these.
    """
    return "\n".join(_field_lines(_shown(record), record))


def _shown(record: Any) -> list[Field[Any]]:
    """Returns the fields that are shown: those that differ from their default."""
    return [f for f in fields(record) if f.compare and not _is_left_out(f, record)]


def _is_left_out(field: Field[Any], record: Any) -> bool:
    value = getattr(record, field.name)
    if field.default is MISSING:
        return isinstance(value, tuple | Code) and value in ((), NO_CODE)
    return bool(value == field.default)


def _field_lines(shown: Sequence[Field[Any]], record: Any) -> Iterator[str]:
    """Yields the lines of a record's fields."""
    for field in shown:
        yield from _labelled(field.name, getattr(record, field.name))


def _labelled(label: str, value: Any) -> Iterator[str]:
    """Yields the lines of a value after its label."""
    line = _line(value)
    if value is True:
        yield label
    elif line is not None and len(f"{label}: {line}") <= _LINE_LENGTH:
        yield f"{label}: {line}"
    else:
        yield f"{label}:"
        yield from (_INDENT + line for line in _block(value))


def _line(value: Any) -> str | None:
    """Returns a value in one line; None if it needs several."""
    if isinstance(value, tuple | frozenset):
        return _separated(sorted(value) if isinstance(value, frozenset) else value)
    return _fields_line(value) if is_dataclass(value) else _scalar(value)


def _scalar(value: Any) -> str:
    """Returns a value without parts."""
    if isinstance(value, str):
        return value if _is_plain(value) else repr(value)
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else repr(value)


def _is_plain(text: str) -> bool:
    """True if a string needs no quotation marks."""
    return text == text.strip() != "" and text[0] not in "'\"" and "\n" not in text


def _separated(values: Sequence[Any]) -> str | None:
    """Returns values with commas between them; None if one contains a comma itself."""
    lines = [_line(value) for value in values]
    for value, line in zip(values, lines, strict=True):
        if line is None or ("," in line and not isinstance(value, tuple)):
            return None
        if isinstance(value, str) and not _is_plain(value):
            return None
        if is_dataclass(value) and ":" in line:
            return None
    return ", ".join(
        f"({line})" if isinstance(value, tuple) else str(line)
        for value, line in zip(values, lines, strict=True)
    )


def _fields_line(record: Any) -> str | None:
    """Returns a record in one line; None if one of its fields has structure."""
    if isinstance(record, Code):
        return None
    texts, name = [], ""
    for field in _shown(record):
        value = getattr(record, field.name)
        line = _line(value)
        if line is None or isinstance(value, tuple | frozenset) or is_dataclass(value):
            return None
        if isinstance(value, str) and "," in value:
            line = repr(value)
        if field.name == _NAME:
            name = line
        else:
            texts.append(field.name if value is True else f"{field.name} = {line}")
    return f"{name}: {', '.join(texts)}" if name and texts else name + ", ".join(texts)


def _block(value: Any) -> Iterator[str]:
    """Yields the lines of a value that does not fit into one line."""
    if isinstance(value, Code):
        yield from _code(value)
    elif isinstance(value, tuple):
        for element in value:
            yield from _element(element)
    elif is_dataclass(value):
        yield from _field_lines(_shown(value), value)
    else:
        yield str(_line(value))


def _element(value: Any) -> Iterator[str]:
    """Yields the lines of an element of a tuple."""
    line = _line(value)
    if isinstance(value, str):
        yield value if "\n" not in value else repr(value)
    elif line is not None:
        yield line
    elif not is_dataclass(value):
        yield repr(value)
    else:
        shown = _shown(value)
        named = bool(shown) and shown[0].name == _NAME
        lines = _field_lines(shown[1:] if named else shown, value)
        yield f"{_line(getattr(value, _NAME))}:" if named else f"- {next(lines)}"
        yield from (_INDENT + line for line in lines)


def _code(code: Code) -> Iterator[str]:
    """Yields the lines of code, then the names that it uses."""
    yield from (repr(line) if "\n" in line else line for line in code.lines)
    for label in ("reads", "writes", "calls"):
        names = _line(getattr(code, label))
        if names:
            yield f"// {label} {names}"
