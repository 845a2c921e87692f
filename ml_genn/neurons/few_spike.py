"""Base of neurons whose spikes are the digits of a number."""

from __future__ import annotations

from dataclasses import dataclass

from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.initializers.value import InitValue
from ml_genn.model.equations import NeuronEquations
from ml_genn.neurons.neuron import Neuron
from ml_genn.utils.checks import positive, whole

MOST_DIGITS = 24  #: of a number in single precision
ONLY = (
    "its spikes are the digits of a number. Compile the network with FewSpikeCompiler, "
    "which runs it but does not train it."
)


@dataclass(frozen=True, slots=True)
class Digits:
    """What the spikes of a few-spike neuron are worth.

    Args:
        unit: worth of the last one.
        signed: whether every second one is worth less than zero.
    """

    unit: float
    signed: bool = False


class FewSpike(Neuron):
    """A neuron whose spikes are the digits of a number, the highest first.

    It has no equations: what a spike means depends on when its population's turn is,
    which is for `FewSpikeCompiler` to know.
    """

    def equations(self) -> NeuronEquations:
        """A few-spike neuron has no equations.

        Raises:
            UnsupportedError: always.
        """
        raise UnsupportedError(f"{type(self).__name__}: {ONLY}")

    def parameters(self) -> dict[str, InitValue]:
        """None that could be learned."""
        return {}

    def initial(self) -> dict[str, InitValue]:
        """None but what the compiler gives it."""
        return {}


def check_digits(owner: FewSpike, k: int, alpha: float) -> None:
    """Refuses a number of digits, or a range, that cannot be."""
    name = type(owner).__name__
    if whole(f"{name}: k", k) > MOST_DIGITS:
        raise ValidationError(
            f"{name}: k is at most {MOST_DIGITS}, the digits that a number in single "
            f"precision has. Received {k}."
        )
    positive(f"{name}: alpha", alpha)
