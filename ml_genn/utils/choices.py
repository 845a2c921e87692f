"""Arguments left at None, whose values the compiler chooses."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, TypeVar

from ml_genn.errors import ValidationError

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


class Decision(NamedTuple):
    """Value of a choice, and its origin.

    Attributes:
        value: the value.
        compiler: class of the compiler that chose it; empty if the user wrote it.
        file: checkpoint from which it was loaded; empty (default) if it was not.
    """

    value: Any
    compiler: str
    file: str = ""

    @property
    def origin(self) -> str:
        """Compiler and checkpoint, for messages and summaries."""
        written = "the network that was saved" if self.file else "an argument before"
        compiler = self.compiler or written
        return f"{compiler} ({self.file})" if self.file else compiler

    @property
    def binding(self) -> bool:
        """True if an argument with another value contradicts it.

        A value that the user wrote in this network is replaced by what the user writes
        later.
        """
        return bool(self.compiler or self.file)


def decisions_of(
    where: str,
    model: Any,
    earlier: Mapping[str, Decision],
    choices: Choices,
    compiler: str,
) -> dict[str, Decision]:
    """Returns {argument: decision} of all choices of a neuron or synapse.

    The values are the model's own; where it has none, the earlier ones; where there are
    none, those of the compiler.

    Args:
        where: start of the error message.
        model: a neuron or synapse.
        earlier: earlier decisions.
        choices: preferences of the compiler, used before those of ``CHOICES``.
        compiler: class of the compiler.

    Raises:
        ValidationError: if an argument of the model contradicts an earlier decision.
    """
    if not isinstance(model, HasChoices):
        return {}
    preferred = choices.get(type(model), {})
    decisions = {}
    for name, otherwise in model.CHOICES.items():
        own, before = getattr(model, name), earlier.get(name)
        if own is None:
            chosen = Decision(bool(preferred.get(name, otherwise)), compiler)
            decisions[name] = before or chosen
        else:
            check_agreement(where, model, name, before)
            decisions[name] = Decision(bool(own), "")
    return decisions


def check_agreement(
    where: str, model: Any, name: str, decision: Decision | None
) -> None:
    """Raises ValidationError if an argument of a model contradicts a decision.

    Args:
        where: start of the error message.
        model: a neuron or synapse.
        name: the argument.
        decision: a decision; None for none.
    """
    own = getattr(model, name, None)
    if decision is None or own is None or not decision.binding:
        return
    if bool(own) != decision.value:
        raise ValidationError(
            f"{where}: its {type(model).__name__} has {name}={own}, but "
            f"{name}={decision.value} was chosen by {decision.origin}, and weights "
            f"belong to that. Leave out {name}, or forget all choices with "
            "Network.reset_choices() if the weights are to be trained again."
        )


C = TypeVar("C")


def resolved(obj: C, decisions: Mapping[str, Decision]) -> C:
    """Returns a copy of an object in which no choice is open.

    Args:
        obj: a neuron or synapse; returned as it is if it has no open choice.
        decisions: {argument: decision} of all choices.
    """
    if not isinstance(obj, HasChoices) or not obj.open_choices():
        return obj
    values = {name: decisions[name].value for name in obj.open_choices()}
    return dataclasses.replace(obj, **values)  # type: ignore[type-var]
