"""Serialisers: formats in which arrays and whole snapshots are stored."""

from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeAlias

from ml_genn.serialisers.numpy import Numpy
from ml_genn.serialisers.safetensors import Safetensors
from ml_genn.serialisers.serialiser import Serialiser, as_keys, load_snapshot
from ml_genn.utils.module import aliases, get_object
from ml_genn.utils.synonyms import answer_names_of

AnySerialiser: TypeAlias = Serialiser | str | Path  #: or its name, or a folder

#: {name: class} of serialisers that can be passed by name
default_serialisers: dict[str, type[Serialiser]] = aliases(Numpy, Safetensors)


#: Likeness from which a text is a mistyped name of a serialiser, and no folder:
#: one wrong letter of the shortest name.
_TYPO = 0.8


def get_serialiser(serialiser: Any) -> Serialiser:
    """Returns a serialiser: `Safetensors` for a folder, `Numpy` for None.

    Args:
        serialiser: a serialiser, its name, the path of a folder, or None. A text that
            is neither a name nor close to one is a folder.

    Raises:
        UnknownNameError: if it is close to a name, such as "nunpy"; ``Path`` and texts
            with a separator are always folders.
        ValidationError: if it is none of these.
    """
    if isinstance(serialiser, Path) or _is_folder(serialiser):
        return Safetensors(serialiser)
    instance = get_object(serialiser, Serialiser, "Serialiser", default_serialisers)
    return Numpy() if instance is None else instance


def _is_folder(text: Any) -> bool:
    """True if a text is neither the name of a serialiser nor close to one."""
    if not isinstance(text, str) or not text:
        return False
    names = list(default_serialisers)
    return "/" in text or not get_close_matches(text.lower(), names, cutoff=_TYPO)


__all__ = [
    "AnySerialiser",
    "Numpy",
    "Safetensors",
    "Serialiser",
    "as_keys",
    "default_serialisers",
    "get_serialiser",
    "load_snapshot",
]

answer_names_of(__name__)
