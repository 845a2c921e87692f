"""Translation of a plan's C code to GeNN's language.

GeNN's language takes precision from a model's ``scalar`` type, so it has neither
``float`` literals nor functions such as ``expf``; it has no ``>>``, ``/=`` and no casts
in the form of calls either. Functions that replace operators of integers become the
operators again, and iterations of loops are not counted. In CUDA functions of real
numbers, such as ``sqrt`` and ``fmax``, have no overloads for integers, so whole numbers
among their arguments get a decimal point.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ml_genn.errors import UnsupportedError
from ml_genn.model.code_strings.vocabulary.functions import FUNCTIONS
from ml_genn.model.code_strings.vocabulary.safe_integers import (
    CONVERSIONS,
    LOOP_CONTINUES,
    SAFE_FUNCTIONS,
)

_TYPES = {"float": "scalar", "double": "scalar"}
#: {C function in single precision: GeNN function}
_FUNCTIONS = {
    function.text: name
    for name, function in FUNCTIONS.items()
    if name != function.text and name not in ("abs", "min", "max")
}
_TOKEN = re.compile(
    r"(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fF]?)(?![\w.])"
    r"|(?P<word>[A-Za-z_]\w*)"
)
_CAST = re.compile(r"\b(float|double|int|u?int(?:32|64)_t|bool)\(")
_OPERATORS = {function: operator for operator, function in SAFE_FUNCTIONS.items()}
_CASTS = {function: name for name, function in CONVERSIONS.items()}
_SAFE_CALL = re.compile(rf"\b({'|'.join([*_OPERATORS, *_CASTS])})\(")
_SHIFT = re.compile(r"\b([A-Za-z]\w*) >> (\d+)\b")
_DIVISION = re.compile(r"^(\s*)(\w+)\s*/=\s*(.+);$")
_WITH_INTEGERS = {"ilogb", "ldexp", "scalbn"}  #: their second argument, or result
_REAL_FUNCTION = re.compile(
    rf"\b(?:{'|'.join(sorted({*_FUNCTIONS.values()} - _WITH_INTEGERS))})\("
)
_WHOLE_NUMBER = re.compile(r"\s*[+-]?\s*\d+\s*")
_UNSUPPORTED = {
    ">>": "shifts to the right other than of names by numbers",
    "/=": "/= inside an expression",
}


def genn_code(lines: Iterable[str], where: str) -> tuple[str, ...]:
    """Returns lines of C in GeNN's language.

    Args:
        lines: lines of C.
        where: start of error messages: the population or optimiser they belong to.

    Raises:
        UnsupportedError: if GeNN has no counterpart.
    """
    return tuple(_translated_line(line, where) for line in lines)


def genn_expression(text: str, where: str) -> str:
    """Returns a C expression in GeNN's language; see `genn_code`."""
    return _translated_line(text, where)


def _translated_line(line: str, where: str) -> str:
    line = _with_plain_integers(line.replace(f"{LOOP_CONTINUES}() && ", ""))
    line = line.replace(f"{LOOP_CONTINUES}()", "true")
    line = _DIVISION.sub(r"\1\2 = \2 / (\3);", line)
    line = _CAST.sub(r"(\1)(", line)
    line = _SHIFT.sub(_shift_as_division, line)
    for token, description in _UNSUPPORTED.items():
        if token in line:
            raise UnsupportedError(
                f"{where}: GeNN's code has no {description}. Received '{line.strip()}'."
            )
    line = _TOKEN.sub(lambda match: _translated_token(match, where), line)
    return _with_real_arguments(line)


def _with_real_arguments(line: str) -> str:
    """Returns a line in which whole numbers are real where a real number is needed."""
    for call in _REAL_FUNCTION.finditer(line):
        for start, end in _arguments(line, call.end()):
            if _WHOLE_NUMBER.fullmatch(line, start, end):
                text = line[start:end].rstrip()
                return _with_real_arguments(f"{line[:start]}{text}.0{line[end:]}")
    return line


def _arguments(line: str, first: int) -> list[tuple[int, int]]:
    """Returns start and end of each argument of a call.

    Args:
        line: a line that contains the whole call.
        first: position after the opening parenthesis.
    """
    spans, depth, start = [], 1, first
    for position in range(first, len(line)):
        character = line[position]
        depth += (character in "([") - (character in ")]")
        if (character == "," and depth == 1) or depth == 0:
            spans.append((start, position))
            start = position + 1
        if depth == 0:
            break
    return spans


def _with_plain_integers(line: str) -> str:
    """Returns a line with operators and casts instead of their safe functions."""
    while match := _SAFE_CALL.search(line):
        spans = _arguments(line, match.end())
        arguments = [line[start:end].strip() for start, end in spans]
        rest = line[spans[-1][1] + 1 :]
        line = line[: match.start()] + _plain(match[1], arguments) + rest
    return line


def _plain(function: str, arguments: list[str]) -> str:
    if function in _CASTS:
        return f"(({_CASTS[function]}) ({arguments[0]}))"
    left, right = arguments
    return f"(({left}) {_OPERATORS[function]} ({right}))"


def _shift_as_division(match: re.Match[str]) -> str:
    """Returns ``n >> bits`` as (n - n mod 2^bits) / 2^bits, exact for n < 0 too."""
    name, divisor = match[1], 1 << int(match[2])
    return f"(({name} - ({name} & {divisor - 1})) / {divisor})"


def _translated_token(match: re.Match[str], where: str) -> str:
    if match["number"]:
        return _literal(match["number"])
    word = match["word"]
    if word == "hypotf" or word.startswith("_"):
        raise UnsupportedError(f"{where}: GeNN's code cannot use the name '{word}'.")
    return _TYPES.get(word) or _FUNCTIONS.get(word, word)


def _literal(text: str) -> str:
    """Returns a literal without a suffix, with digits on both sides of the point."""
    number = text.rstrip("fF")
    number = f"0{number}" if number.startswith(".") else number
    return re.sub(r"\.(?!\d)", ".0", number)
