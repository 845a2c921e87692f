"""Loss and metrics by name, for callbacks and histories."""

from __future__ import annotations

from typing import Any

from ml_genn.errors import unknown_name

VALIDATION = "val_"  #: prefix of the names of validation


class Logs(dict[str, Any]):
    """Dictionary with abbreviated keys: any word of a key but the last may be omitted.

    ``"accuracy"`` is the entry "sparse_categorical_accuracy" and ``"val_accuracy"``
    that of validation, provided that no other key has the same abbreviation.

    Raises:
        UnknownNameError: if no key, or more than one, has such an abbreviation.
    """

    def __missing__(self, name: str) -> Any:
        matches = [key for key in self if _abbreviates(name, key)]
        if len(matches) != 1:
            raise unknown_name("log", name, self)
        return self[matches[0]]


def _abbreviates(name: str, key: str) -> bool:
    """True if a name is made of words of a key in their order, with the last one."""
    if name.startswith(VALIDATION) != key.startswith(VALIDATION):
        return False
    words, abbreviation = key.split("_"), name.split("_")
    remaining = iter(words)
    return abbreviation[-1] == words[-1] and all(w in remaining for w in abbreviation)
