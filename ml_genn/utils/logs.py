"""Loss and metrics by name, as callbacks are told them and a history keeps them."""

from __future__ import annotations

from typing import Any

from ml_genn.errors import unknown_name

VALIDATION = "val_"  #: what names of validation begin with


class Logs(dict[str, Any]):
    """A dictionary whose keys may be shortened, words but the last one left out.

    ``"accuracy"`` finds ``"sparse_categorical_accuracy"``, ``"val_accuracy"`` that of
    validation, where there is only one such name.

    Raises:
        UnknownNameError: if there is no such name, or there are several.
    """

    def __missing__(self, name: str) -> Any:
        found = [key for key in self if _shortens(name, key)]
        if len(found) != 1:
            raise unknown_name("log", name, self)
        return self[found[0]]


def _shortens(name: str, key: str) -> bool:
    """Whether a name has words of a key in their order, its last one too."""
    if name.startswith(VALIDATION) != key.startswith(VALIDATION):
        return False
    words, given = key.split("_"), name.split("_")
    left = iter(words)
    return given[-1] == words[-1] and all(word in left for word in given)
