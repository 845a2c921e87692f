"""Few-spike input."""

from __future__ import annotations

from dataclasses import field

from ml_genn.dynamics.arguments import flag, integer, number, positive_number
from ml_genn.dynamics.model import model_class
from ml_genn.errors import ValidationError
from ml_genn.neurons.few_spike.digits import (
    MAX_DIGITS,
    NUM_DIGITS,
    RANGE_END,
    Digits,
    FewSpike,
)
from ml_genn.neurons.inputs.input_base import InputBase


@model_class
class FewSpikeReluInput(InputBase, FewSpike):
    r"""Input that sends its number as k binary digits, the highest first.

    Without a sign they are those of `FewSpikeRelu`, and numbers below zero are sent as
    zero. With a sign, digits in even steps are positive, those in odd steps negative:

    .. math:: h_s = \pm \alpha \, 2^{-1 - \lfloor s / 2 \rfloor}

    so that there are k / 2 for either sign; a number above zero is rounded down, one
    below zero up, to a multiple of :math:`\alpha 2^{-k/2}`.

    With an offset, the digits are those of the number minus the offset. Biases of the
    targets include it, times the weights. So numbers below zero have all k digits.
    """

    k: int = integer(NUM_DIGITS, default=10, most=MAX_DIGITS)
    alpha: float = positive_number(RANGE_END, default=25)
    signed_input: bool = flag(
        "numbers may be below zero, for which k has to be even", default=False
    )
    offset: float = number("number that is sent as no spikes", default=0.0)
    input_frames: int = field(default=1, init=False, repr=False)
    input_frame_timesteps: int = field(default=1, init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.signed_input and self.k % 2:
            raise ValidationError(
                "FewSpikeReluInput: with signed_input half of the k digits are for "
                f"numbers below zero, so k is even. Received {self.k}."
            )

    def data_range(self, dt: float) -> tuple[float, float]:
        """Returns the range of the digits."""
        lowest = -self.alpha if self.signed_input else 0.0
        return lowest + self.offset, self.alpha + self.offset

    @property
    def digits(self) -> Digits:
        """Values of its spikes."""
        places = self.k // 2 if self.signed_input else self.k
        return Digits(self.alpha * 2.0**-places, bool(self.signed_input))
