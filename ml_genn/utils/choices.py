"""Arguments left at None, whose values the compiler chooses."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

Choices = Mapping[type, Mapping[str, Any]]  #: {class: {argument: value}}


class HasChoices:
    """Mixin of dataclasses with arguments whose default None means "compiler's choice".

    Neurons and synapses use it for conventions that differ between learning rules, such
    as the scaling of input currents.
    """

    #: {argument: value where the compiler has no preference}
    CHOICES: ClassVar[Mapping[str, Any]] = {}

    def open_choices(self) -> tuple[str, ...]:
        """Names of the arguments that are None."""
        return tuple(name for name in self.CHOICES if getattr(self, name) is None)

    def choices(self) -> dict[str, Any]:
        """{argument: value}, with the value of `CHOICES` in place of None."""
        values = {name: getattr(self, name) for name in self.CHOICES}
        return {k: self.CHOICES[k] if v is None else v for k, v in values.items()}


C = TypeVar("C")


def resolved(obj: C, choices: Choices) -> C:
    """Returns a copy of an object in which no choice is open.

    Args:
        obj: a neuron or synapse; returned as it is if it has no open choice.
        choices: preferences of the compiler, used before those of `CHOICES`.
    """
    if not isinstance(obj, HasChoices) or not obj.open_choices():
        return obj
    preferred = choices.get(type(obj), {})
    values = {n: preferred.get(n, obj.CHOICES[n]) for n in obj.open_choices()}
    return dataclasses.replace(obj, **values)  # type: ignore[type-var]
