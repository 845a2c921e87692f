"""Attributes and methods by the words of other libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ml_genn.errors import UnknownAttributeError
from ml_genn.utils.synonyms.arguments import accepts_synonyms
from ml_genn.utils.synonyms.words import ATTRIBUTES, Instead, Same, answer


class AnswersSynonyms:
    """Mixin of classes whose constructor and objects answer words of other libraries.

    Words of `ATTRIBUTES` that are `Same` read and write our attribute; the others are
    errors. Type checkers do not see this, so wrong names stay errors for them.
    """

    __slots__ = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Makes the constructor of a subclass answer words of `ARGUMENTS`."""
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            accepts_synonyms(cls)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Returns the attribute that is meant, or raises an error that names it."""
            if not name.startswith("_"):
                ours = _answer(type(self), name)
                if ours is not None:
                    return getattr(self, ours)
            return object.__getattribute__(self, name)

        def __setattr__(self, name: str, value: Any) -> None:
            """Sets an attribute, also by another word for it."""
            if name in _SAME and not hasattr(type(self), name):
                name = _answer(type(self), name) or name
            super().__setattr__(name, value)


#: all words that are another name of an attribute
_SAME = frozenset(
    word
    for words in ATTRIBUTES.values()
    for word, entry in words.items()
    if isinstance(entry, Same)
)


def _answer(cls: type, name: str) -> str | None:
    """Returns our name of an attribute; None if the table does not have it.

    Raises:
        UnknownAttributeError: if another thing takes its place.
    """
    for base in cls.__mro__:
        ours = answer(ATTRIBUTES.get(base.__name__, {}), name)
        if isinstance(ours, Instead):
            message = f"{cls.__name__} has no '{name}'. {ours.text}"
            raise UnknownAttributeError(message, name=name)
        if ours is not None:
            return ours
    return None
