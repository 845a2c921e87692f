"""From the plan's C to GeNN's language, which has types and functions of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ml_genn.errors import UnsupportedError
from ml_genn.model.code_strings.vocabulary.functions import FUNCTIONS

_TYPES = {"float": "scalar", "double": "scalar"}
#: {function in single precision: what GeNN calls it}; it takes the precision from types
_FUNCTIONS = {
    function.text: name
    for name, function in FUNCTIONS.items()
    if name != function.text and name not in ("abs", "min", "max")
}
_TOKEN = re.compile(
    r"(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fF]?)(?![\w.])"
    r"|(?P<word>[A-Za-z_]\w*)"
)
_CALLED_TYPE = re.compile(r"\b(float|double|int|u?int(?:32|64)_t|bool)\(")
_SHIFTED = re.compile(r"\b([A-Za-z]\w*) >> (\d+)\b")
_DIVIDED = re.compile(r"^(\s*)(\w+)\s*/=\s*(.+);$")
_MISSING = {
    ">>": "shifts to the right but of names by numbers",
    "/=": "/= inside an expression",
}


def genn_code(lines: Iterable[str], where: str) -> tuple[str, ...]:
    """Lines of C as GeNN reads them.

    Raises:
        UnsupportedError: if GeNN has no counterpart.
    """
    return tuple(_line(line, where) for line in lines)


def genn_expression(text: str, where: str) -> str:
    """An expression of C as GeNN reads it."""
    return _line(text, where)


def _line(line: str, where: str) -> str:
    line = _DIVIDED.sub(r"\1\2 = \2 / (\3);", line)
    line = _CALLED_TYPE.sub(r"(\1)(", line)
    line = _SHIFTED.sub(_shifted, line)
    for token, what in _MISSING.items():
        if token in line:
            raise UnsupportedError(
                f"{where}: GeNN's code has no {what}. Received '{line.strip()}'."
            )
    return _TOKEN.sub(lambda found: _token(found, where), line)


def _shifted(found: re.Match[str]) -> str:
    """A whole number without its lowest bits, divided by what they count."""
    name, size = found[1], 1 << int(found[2])
    return f"(({name} - ({name} & {size - 1})) / {size})"


def _token(found: re.Match[str], where: str) -> str:
    if found["number"]:
        return _number(found["number"])
    word = found["word"]
    if word == "hypotf" or word.startswith("_"):
        raise UnsupportedError(f"{where}: GeNN's code cannot use the name '{word}'.")
    return _TYPES.get(word) or _FUNCTIONS.get(word, word)


def _number(text: str) -> str:
    """A literal of the model's precision, with digits around the point."""
    number = text.rstrip("fF")
    number = f"0{number}" if number.startswith(".") else number
    return re.sub(r"\.(?!\d)", ".0", number)
