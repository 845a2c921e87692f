"""Numbers in single precision."""

from __future__ import annotations

import re

_INTEGER = re.compile(r"(0[xX][0-9a-fA-F]{1,16}|[0-9]{1,22})[uUlL]*")
_FLOAT = re.compile(r"((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[fFlL]?")
#: smallest number that rounds to infinity in single precision
_FLOAT_LIMIT = 3.4028235677973366e38


def single_precision(value: str) -> str | None:
    """Returns a number in single precision; None if too large or not standard C."""
    if match := _INTEGER.fullmatch(value):
        digits = match[1]
        octal = digits.startswith("0") and digits.isdigit()
        limit = 64 if "u" in value.lower() else 63
        number = int(digits, 8) if octal else int(digits, 0)
        return value if number < 2**limit else None
    match = _FLOAT.fullmatch(value)
    if match is None or float(match[1]) >= _FLOAT_LIMIT:
        return None
    return f"{match[1]}f"


def is_integer(value: str) -> bool:
    """Returns True if a number is written as an integer."""
    return _INTEGER.fullmatch(value) is not None
