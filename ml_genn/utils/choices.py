"""Choices: True-or-False arguments that the compiler decides where they are None."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, TypeVar

from ml_genn.errors import ValidationError

#: Preferences of a compiler: {class of neuron or synapse: {argument: value}}
Choices = Mapping[type, Mapping[str, Any]]


class HasChoices:
    """Mixin of dataclasses with arguments whose default None means "compiler's choice".

    Neurons and synapses use it for conventions that differ between learning rules, such
    as the scaling of input currents. An argument is open while its value is None.
    """

    #: {argument: value where the compiler has no preference}
    CHOICES: ClassVar[Mapping[str, Any]] = {}

    def open_choices(self) -> tuple[str, ...]:
        """Returns the names of the choices whose value is None."""
        return tuple(name for name in self.CHOICES if getattr(self, name) is None)

    def choices(self) -> dict[str, Any]:
        """Returns {argument: value}, with the value of `CHOICES` in place of None."""
        values = {name: getattr(self, name) for name in self.CHOICES}
        return {k: self.CHOICES[k] if v is None else v for k, v in values.items()}


class Decision(NamedTuple):
    """Value of a choice, and its origin.

    Attributes:
        value: the value.
        compiler: name of the compiler class that chose it; empty if the user wrote it.
        file: checkpoint from which it was loaded; empty (default) if it was not.
    """

    value: Any
    compiler: str
    file: str = ""

    @property
    def origin(self) -> str:
        """Text of who decided, and of the checkpoint, if any."""
        user = "the network that was saved" if self.file else "an argument before"
        decider = self.compiler or user
        return f"{decider} ({self.file})" if self.file else decider

    @property
    def binding(self) -> bool:
        """True if the user may not write another value for the argument.

        Trained weights may belong to a value that a compiler chose or a checkpoint
        contained. A value that the user wrote in this network is not binding: a later
        value replaces it.
        """
        return bool(self.compiler or self.file)


def decisions_of(
    where: str,
    model: Any,
    earlier: Mapping[str, Decision],
    preferences: Choices,
    compiler: str,
) -> dict[str, Decision]:
    """Returns {argument: decision} for all choices of a neuron or synapse.

    The value of a choice is the first of these that exists: the model's argument, the
    earlier decision, the preference of the compiler, the value of ``CHOICES``.

    Args:
        where: start of the error message.
        model: a neuron or synapse; one without `HasChoices` has no decisions.
        earlier: {argument: decision} of the compilers before.
        preferences: preferences of the compiler.
        compiler: name of the compiler class.

    Raises:
        ValidationError: if an argument of the model contradicts an earlier decision.
    """
    if not isinstance(model, HasChoices):
        return {}
    preferred = preferences.get(type(model), {})
    decisions = {}
    for name, default in model.CHOICES.items():
        argument, earlier_decision = getattr(model, name), earlier.get(name)
        if argument is None:
            chosen = Decision(bool(preferred.get(name, default)), compiler)
            decisions[name] = earlier_decision or chosen
        else:
            check_agreement(where, model, name, earlier_decision)
            decisions[name] = Decision(bool(argument), "")
    return decisions


def check_agreement(
    where: str, model: Any, name: str, decision: Decision | None
) -> None:
    """Checks that an argument of a model does not contradict a binding decision.

    Args:
        where: start of the error message.
        model: a neuron or synapse.
        name: name of the argument.
        decision: earlier decision about the argument; None if there is none.

    Raises:
        ValidationError: if the argument is not None and has another value.
    """
    argument = getattr(model, name, None)
    if decision is None or argument is None or not decision.binding:
        return
    if bool(argument) != decision.value:
        raise ValidationError(
            f"{where}: its {type(model).__name__} has {name}={argument}, but "
            f"{name}={decision.value} was chosen by {decision.origin}, and weights "
            f"belong to that. Leave out {name}, or forget all choices with "
            "Network.reset_choices() if the weights are to be trained again."
        )


C = TypeVar("C")


def resolved(obj: C, decisions: Mapping[str, Decision]) -> C:
    """Returns a copy of a neuron or synapse, with decisions in place of None.

    Args:
        obj: a neuron or synapse; it is returned itself if no choice is open.
        decisions: {argument: decision}, for all open choices at least.
    """
    if not isinstance(obj, HasChoices) or not obj.open_choices():
        return obj
    values = {name: decisions[name].value for name in obj.open_choices()}
    return dataclasses.replace(obj, **values)  # type: ignore[type-var]
