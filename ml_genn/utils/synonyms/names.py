"""Names of objects and of what modules contain, by the words of other libraries."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache, partial
from typing import Any

from ml_genn.errors import (
    UnknownAttributeError,
    UnknownImportError,
    UnknownNameError,
    unknown_name,
)
from ml_genn.utils.synonyms.words import EXPORTS, NAMES, Instead, Words, answer


def object_name(kind: str, name: str, known: Iterable[str], *, where: str = "") -> str:
    """Returns our name of an object; capitals, underscores and hyphens are ignored.

    Args:
        kind: kind of object, for example "neuron".
        name: the name of the user.
        known: our names.
        where: start of the message; empty by default.

    Raises:
        UnknownNameError: if the name is not known, with our word if there is one.
    """
    names = list(known)
    if name in names:
        return name
    ours = answer(_plain_table(kind), plain(name), names)
    if isinstance(ours, Instead):
        prefix = f"{where}: " if where else ""
        raise UnknownNameError(f"{prefix}there is no {kind} '{name}'. {ours.text}")
    equal = [n for n in names if plain(n) == plain(name)]
    if ours is None and not equal:
        raise unknown_name(kind, name, names, where=where)
    return ours or equal[0]


def plain(name: str) -> str:
    """Returns a name in small letters, without underscores, hyphens and blanks."""
    return name.lower().translate(_NO_SEPARATORS)


_NO_SEPARATORS = str.maketrans("", "", "_- ")


@cache
def _plain_table(kind: str) -> Words:
    return {plain(word): entry for word, entry in NAMES.get(kind, {}).items()}


def module_attribute(module: str, name: str) -> Any:
    """Returns an object of a module by another library's name, for ``__getattr__``.

    Args:
        module: name of the module.
        name: a name that the module does not have.

    Raises:
        UnknownImportError: if another thing takes its place.
        UnknownAttributeError: if the name is not known.
    """
    check_import(module, name)
    space = sys.modules[module]
    ours = answer(EXPORTS.get(module, {}), name)
    if isinstance(ours, str):
        return getattr(space, ours)
    close = get_close_matches(name, getattr(space, "__all__", ()), n=1)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    message = f"module '{module}' has no attribute '{name}'.{hint}"
    raise UnknownAttributeError(message, name=name, obj=space)


def check_import(module: str, name: str) -> None:
    """Raises UnknownImportError for a name in whose place another thing stands.

    Args:
        module: name of the module.
        name: name of the object or submodule.
    """
    ours = answer(EXPORTS.get(module, {}), name)
    if isinstance(ours, Instead):
        raise UnknownImportError(f"{module} has no '{name}'. {ours.text}", name=module)


def answer_names_of(module: str) -> None:
    """Gives a module the ``__getattr__`` that answers words of other libraries.

    Its ``dir`` has its public names. A function in the module itself would hide wrong
    names from type checkers.

    Args:
        module: name of the module.
    """
    space = vars(sys.modules[module])
    space["__getattr__"] = partial(module_attribute, module)
    space["__dir__"] = lambda: list(space["__all__"])
