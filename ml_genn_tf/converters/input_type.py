"""How numbers become spikes."""

from __future__ import annotations

from enum import Enum
from typing import Any

from ml_genn.errors import UnsupportedError, unknown_name
from ml_genn.neurons import BinarySpikeInput, IntegrateFireInput, Neuron, PoissonInput


class InputType(Enum):
    """How the numbers of an input become spikes.

    * SPIKE: a spike in every step where the number is above zero.
    * POISSON: at random, with probability 1 - exp(-x) in each step.
    * IF: integrate-and-fire neurons, so that x is the rate.
    """

    SPIKE = "spike"
    POISSON = "poisson"
    IF = "if"


def known_input_type(where: str, given: Any) -> InputType:
    """The input type, or the one of a name."""
    if isinstance(given, InputType):
        return given
    known = {kind.value: kind for kind in InputType}
    if given not in known:
        raise unknown_name("input_type", str(given), known, where=where)
    return known[given]


def check_signed(where: str, kind: InputType, signed_input: bool) -> None:
    """Refuses negative numbers where they have no spikes."""
    if signed_input and kind is InputType.IF:
        raise UnsupportedError(
            f"{where}: integrate-and-fire inputs send no negative spikes. Use "
            "input_type=InputType.POISSON or FewSpike with signed_input=True."
        )


def input_neuron(kind: InputType, signed_input: bool, highest: float) -> Neuron:
    """The neuron of an input.

    Args:
        kind: how numbers become spikes.
        signed_input: whether they may be below zero.
        highest: number at which an integrate-and-fire neuron spikes in every step.
    """
    if kind is InputType.IF:
        return IntegrateFireInput(highest, v=0.5 * highest, relative_reset=True)
    if kind is InputType.SPIKE:
        return BinarySpikeInput(signed_spikes=signed_input)
    return PoissonInput(signed_spikes=signed_input)
