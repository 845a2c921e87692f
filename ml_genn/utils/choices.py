"""Arguments left at None, for the compiler to choose."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

Choices = Mapping[type, Mapping[str, Any]]  #: {class: {argument: value}}


class Chosen:
    """Mixed into dataclasses that leave some arguments to the compiler."""

    #: {argument: value that holds where no compiler has a better one}
    CHOICES: ClassVar[Mapping[str, Any]] = {}

    def open_choices(self) -> tuple[str, ...]:
        """Arguments that the user left to the compiler."""
        return tuple(name for name in self.CHOICES if getattr(self, name) is None)

    def choices(self) -> dict[str, Any]:
        """Every choice as it stands, open ones at their usual value."""
        given = {name: getattr(self, name) for name in self.CHOICES}
        return {k: self.CHOICES[k] if v is None else v for k, v in given.items()}


C = TypeVar("C")


def resolved(obj: C, choices: Choices) -> C:
    """A copy of the object with every open choice made."""
    if not isinstance(obj, Chosen) or not obj.open_choices():
        return obj
    best = choices.get(type(obj), {})
    made = {name: best.get(name, obj.CHOICES[name]) for name in obj.open_choices()}
    return dataclasses.replace(obj, **made)  # type: ignore[type-var]
