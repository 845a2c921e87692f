"""Encodings of a network's inputs as spikes."""

from __future__ import annotations

from enum import Enum
from typing import Any

from ml_genn.errors import UnsupportedError
from ml_genn.neurons import BinarySpikeInput, IntegrateFireInput, Neuron, PoissonInput
from ml_genn.utils.checks import one_of


class InputType(Enum):
    """Encoding of an input's values x as spikes.

    * SPIKE: one spike in every time step with x > 0.
    * POISSON: random spikes with probability 1 - exp(-x) per time step.
    * IF: integrate-and-fire neurons, which spike with rate x per time step.
    """

    SPIKE = "spike"
    POISSON = "poisson"
    IF = "if"


def known_input_type(where: str, name: Any) -> InputType:
    """Returns the input type with a name; an input type is returned as it is."""
    if isinstance(name, InputType):
        return name
    known = {kind.value: kind for kind in InputType}
    return known[one_of(where, name, "input_type", known)]


def check_signed(where: str, kind: InputType, signed_input: bool) -> None:
    """Raises UnsupportedError if an encoding cannot send negative numbers."""
    if signed_input and kind is InputType.IF:
        raise UnsupportedError(
            f"{where}: integrate-and-fire inputs send no negative spikes. Use "
            "input_type=InputType.POISSON or FewSpike with signed_input=True."
        )


def input_neuron(kind: InputType, signed_input: bool, highest: float) -> Neuron:
    """Returns the neuron of an input.

    Args:
        kind: encoding of values as spikes.
        signed_input: True if values may be negative.
        highest: value with which an integrate-and-fire neuron spikes in every step.
    """
    if kind is InputType.IF:
        return IntegrateFireInput(highest, v=0.5 * highest, relative_reset=True)
    if kind is InputType.SPIKE:
        return BinarySpikeInput(signed_spikes=signed_input)
    return PoissonInput(signed_spikes=signed_input)
