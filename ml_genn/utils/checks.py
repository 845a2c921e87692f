"""Checks of arguments; each returns the checked value.

Every number that a user can give goes through this module. Numbers of equations are
single precision in compiled code, so a number is refused if it is not finite there, or
if it has to be positive and is 0 there. Counts, sizes and indices become C integers, so
they are bounded by the type that they get. Numbers of NumPy of all types are numbers
and become Python's; booleans, complex numbers, text and masked arrays are no numbers.

All checks raise `ValidationError` with a message of the form "<where> <rule>. Received
<value>.", where the argument ``where`` names the class and argument.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, cast

import numpy as np

from ml_genn.errors import ValidationError, unknown_name
from ml_genn.utils.copies import owned
from ml_genn.utils.files import in_utf8

REAL = (int, float, np.integer, np.floating)

LARGEST = float(np.finfo(np.float32).max)  #: largest number in single precision
#: Smallest positive number in single precision. Smaller ones are denormal, which the
#: engine flushes to 0.
SMALLEST = float(np.finfo(np.float32).tiny)
LARGEST_INT32 = 2**31 - 1  #: largest count, size or index
LARGEST_SEED = 2**64 - 1  #: largest seed

_MASKED = (
    "is a masked array, whose mask would be lost. Fill it (array.filled(0)) or leave "
    "out what is masked (array.compressed())."
)


def shown(value: Any, longest: int = 200) -> str:
    """Returns the representation of a value, cut to ``longest`` characters."""
    try:
        text = repr(value)
    except (
        Exception
    ):  # any error of a class that is not ours, or an int of 5,000 digits
        text = f"<{type(value).__name__}>"
    return text if len(text) <= longest else f"{text[:longest]}..."


def number(where: str, value: Any) -> float:
    """Returns a number that is finite in single precision, as a float."""
    plain = _plain(value)
    if plain is None or not -math.inf < plain < math.inf:
        raise ValidationError(f"{where} is a finite number. Received {shown(value)}.")
    if abs(plain) > LARGEST:
        raise ValidationError(
            f"{where} is a finite number in single precision, at most {LARGEST:.1e}. "
            f"Received {shown(value)}."
        )
    return float(plain)


def positive(where: str, value: Any) -> float:
    """Returns a finite number that is above 0 in single precision, as a float."""
    checked = number(where, value)
    if checked <= 0:
        raise ValidationError(f"{where} is greater than 0. Received {shown(value)}.")
    if checked < SMALLEST:
        raise ValidationError(
            f"{where} is greater than 0 in single precision, where numbers below "
            f"{SMALLEST:.1e} are 0. Received {shown(value)}."
        )
    return checked


def not_negative(where: str, value: Any) -> float:
    """Returns a finite number of at least 0 as a float."""
    checked = number(where, value)
    if checked < 0:
        raise ValidationError(f"{where} is not negative. Received {shown(value)}.")
    return checked


def fraction(where: str, value: Any) -> float:
    """Returns a number of at least 0 and below 1 in single precision, as a float."""
    checked = number(where, value)
    if not 0 <= checked < 1:
        raise ValidationError(
            f"{where} is at least 0 and below 1. Received {shown(value)}."
        )
    if np.float32(checked) == 1:
        raise ValidationError(
            f"{where} is below 1 in single precision, which rounds it to 1. Received "
            f"{shown(value)}."
        )
    return checked


def probability(where: str, value: Any) -> float:
    """Returns a probability or a part of a whole, from 0 to 1, as a float."""
    checked = number(where, value)
    if not 0 <= checked <= 1:
        raise ValidationError(f"{where} is from 0 to 1. Received {shown(value)}.")
    return checked


def whole(where: str, value: Any, least: int = 1, most: int = LARGEST_INT32) -> int:
    """Returns a whole number from ``least`` to ``most`` as an int."""
    plain = _plain(value)
    if not isinstance(plain, int) or plain < least:
        raise ValidationError(
            f"{where} is a whole number of at least {least}. Received {shown(value)}."
        )
    if plain > most:
        raise ValidationError(f"{where} is at most {most}. Received {shown(value)}.")
    return plain


def seed(where: str, value: Any) -> int:
    """Returns a seed, a whole number of up to 64 bits, as an int."""
    return whole(where, value, least=0, most=LARGEST_SEED)


def shape(where: str, value: Any) -> tuple[int, ...]:
    """Returns a shape as a tuple; its elements can be counted by a C integer.

    Args:
        where: start of error messages.
        value: a whole number above 0, or a sequence of them.
    """
    sizes = (value,) if isinstance(value, REAL) else _listed(value)
    plain = [_plain(size) for size in sizes]
    if not plain or not all(isinstance(n, int) and n > 0 for n in plain):
        raise ValidationError(
            f"{where} is a whole number above 0 or a sequence of them. "
            f"Received {shown(value)}."
        )
    result = tuple(cast(list[int], plain))
    if math.prod(result) > LARGEST_INT32:
        raise ValidationError(
            f"{where} has at most {LARGEST_INT32} elements. Received {shown(value)}."
        )
    return result


def check_fields(owner: Any, **checks: Callable[[str, Any], Any]) -> None:
    """Replaces attributes of an object by their checked values, also if it is frozen.

    Numbers of NumPy thus become Python's: arithmetic in their types would overflow.

    Args:
        owner: the object; the name of its class starts error messages.
        **checks: functions of this module by the names of attributes.
    """
    for name, check in checks.items():
        value = check(f"{type(owner).__name__}: {name}", getattr(owner, name))
        object.__setattr__(owner, name, value)


def flag(where: str, value: Any) -> bool:
    """Returns True or False as a bool."""
    if not isinstance(value, bool | np.bool_):
        raise ValidationError(f"{where} is True or False. Received {shown(value)}.")
    return bool(value)


def mapping(where: str, value: Any) -> dict[Any, Any]:
    """Returns a copy of a mapping and its arrays; an empty dictionary for None."""
    if value is not None and not isinstance(value, Mapping):
        raise ValidationError(f"{where} is a dictionary. Received {shown(value)}.")
    return {key: owned(item) for key, item in (value or {}).items()}


def sequence(where: str, value: Any) -> Any:
    """Returns a sequence or an array; text does not count as a sequence."""
    if not isinstance(value, Sequence | np.ndarray) or isinstance(value, str | bytes):
        raise ValidationError(
            f"{where} is a list, a tuple or an array. Received {shown(value)}."
        )
    return value


def text(where: str, value: Any) -> str:
    """Returns text."""
    if not isinstance(value, str):
        raise ValidationError(f"{where} is text. Received {shown(value)}.")
    return value


def one_of(where: str, value: Any, kind: str, known: Iterable[str]) -> str:
    """Returns one of several names.

    Args:
        where: start of error messages.
        value: the name.
        kind: kind of name, for example "solver".
        known: known names.

    Raises:
        ValidationError: if it is no text.
        UnknownNameError: if it is not known.
    """
    names = tuple(known)
    if not isinstance(value, str):
        raise ValidationError(
            f"{where} is one of {', '.join(sorted(names))}. Received {shown(value)}."
        )
    if value not in names:
        raise unknown_name(kind, value, names, where=where)
    return value


def items(where: str, value: Any) -> list[Any]:
    """Returns the items of an iterable as a list; text does not count as one."""
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        try:
            return list(value)
        except TypeError:  # an array without dimensions
            pass
    raise ValidationError(f"{where} is a list. Received {shown(value)}.")


def function(where: str, value: Any) -> Callable[..., Any]:
    """Returns a callable."""
    if not callable(value):
        raise ValidationError(f"{where} is a function. Received {shown(value)}.")
    return cast(Callable[..., Any], value)


def file_path(where: str, value: Any) -> Path:
    """Returns the path of a file or folder; ``~`` is the user's folder."""
    if not isinstance(value, str | PathLike) or "\0" in str(value):
        raise ValidationError(f"{where} is a path. Received {shown(value)}.")
    if value == "":
        raise ValidationError(
            f"{where} is a path. Received an empty text; the current folder is '.'."
        )
    try:
        return Path(in_utf8(str(Path(value).expanduser())))
    except (RuntimeError, TypeError, UnicodeError) as error:
        # no folder of that user; a path in bytes; half of a character
        raise ValidationError(f"{where}: {error}. Received {shown(value)}.") from None


def finite_array(where: str, value: Any) -> np.ndarray:
    """Returns an array of float64 whose values are finite in single precision."""
    array = real_array(where, value)
    with np.errstate(over="ignore"):
        wrong = ~np.isfinite(array.astype(np.float32))
    if np.any(wrong):
        raise ValidationError(
            f"{where} holds numbers that are not finite in single precision. "
            f"Received {array[wrong].flat[0]} ({np.sum(wrong)} of {array.size} are "
            "wrong)."
        )
    return array.astype(np.float64, copy=False)


def as_array(where: str, value: Any) -> np.ndarray:
    """Returns a value as an array, for example a tensor of another library."""
    check_unmasked(where, value)
    try:
        return np.asarray(value)
    # Libraries raise errors of all kinds for what they do not convert.
    except Exception as error:
        raise ValidationError(
            f"{where}: expected an array. NumPy cannot make an array of what was "
            f"given: {error}"
        ) from error


def array_or_object(where: str, value: Any) -> np.ndarray:
    """Returns a value as an array; of objects if it is ragged or no array."""
    check_unmasked(where, value)
    try:
        return np.asarray(value)
    except Exception:  # as for as_array
        return np.asarray(None)


def real_array(where: str, value: Any) -> np.ndarray:
    """Returns an array of booleans, integers or floats; ragged lists are refused."""
    array = array_or_object(where, value)
    if array.dtype.kind not in "buif":
        of_type = "" if array.dtype == object else f" of type {array.dtype}"
        raise ValidationError(
            f"{where} is a number or an array of numbers. Received {shown(value)}"
            f"{of_type}."
        )
    return array


def whole_numbers(where: str, value: Any) -> np.ndarray:
    """Returns a 1-D array of int64; whole numbers of other types are converted."""
    array = real_array(where, value)
    if array.ndim != 1:
        raise ValidationError(f"{where} must be 1-D. Received shape {array.shape}.")
    values = array.astype(np.float64)
    wrong = np.flatnonzero(~((np.abs(values) < 2.0**63) & (array == np.trunc(array))))
    if wrong.size:
        raise ValidationError(
            f"{where} must be whole numbers. Received {array[wrong[0]]} at index "
            f"{wrong[0]}."
        )
    return array.astype(np.int64)


def check_range(where: str, values: np.ndarray, stop: int, remedy: str) -> None:
    """Raises ValidationError if an integer is outside 0 to ``stop - 1``.

    Args:
        where: start of the error message.
        values: the integers.
        stop: number above the largest allowed one.
        remedy: end of the error message: what the user can do.
    """
    if values.size == 0 or (values.min() >= 0 and values.max() < stop):
        return
    wrong = np.flatnonzero((values < 0) | (values >= stop))
    raise ValidationError(
        f"{where} must lie in 0 to {stop - 1}. Received {values[wrong[0]]} at index "
        f"{wrong[0]} ({wrong.size} of {values.size} are outside). {remedy}"
    )


def text_name(where: str, value: Any) -> str | None:
    """Returns a name that fits into a comment of generated code, or None for None."""
    if value is None:
        return None
    if not isinstance(value, str) or not value.isprintable() or "\\" in value:
        raise ValidationError(
            f"{where}: name is printable text without a backslash. "
            f"Received {shown(value)}."
        )
    return value


def free_name(name: str, names_in_use: Container[str]) -> str:
    """Returns the name, with ``_1``, ``_2``, ... appended if it is in use.

    Args:
        name: the preferred name.
        names_in_use: names in use.
    """
    candidate, k = name, 0
    while candidate in names_in_use:
        k += 1
        candidate = f"{name}_{k}"
    return candidate


def _plain(value: Any) -> int | float | None:
    """Returns a number as Python's, which neither wraps around nor loses digits.

    None if it is no real number. A NumPy array without dimensions is a number.
    """
    if isinstance(value, np.ndarray) and not isinstance(value, np.ma.MaskedArray):
        value = value[()] if value.ndim == 0 else None
    if isinstance(value, bool) or not isinstance(value, REAL):
        return None
    return int(value) if isinstance(value, int | np.integer) else float(value)


def _listed(value: Any) -> list[Any]:
    """Returns the items of a sequence; nothing for other values."""
    masked = isinstance(value, np.ma.MaskedArray)
    if masked or isinstance(value, str | bytes) or not isinstance(value, Iterable):
        return []
    try:
        return list(value)
    except TypeError:  # arrays without dimensions
        return []


def check_unmasked(where: str, value: Any) -> None:
    """Raises ValidationError for a masked array, and for a list of them."""
    parts = value if isinstance(value, list | tuple) else (value,)
    if any(isinstance(part, np.ma.MaskedArray) for part in parts):
        raise ValidationError(f"{where} {_MASKED}")
