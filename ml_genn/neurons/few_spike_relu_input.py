"""Few-spike neuron that is given its value."""

from __future__ import annotations

from dataclasses import dataclass, field

from ml_genn.errors import ValidationError
from ml_genn.graph.default_params import network_default_params
from ml_genn.neurons.few_spike import Digits, FewSpike, check_digits
from ml_genn.neurons.input_base import InputBase
from ml_genn.utils.checks import flag


@network_default_params
@dataclass(frozen=True, eq=False)
class FewSpikeReluInput(InputBase, FewSpike):
    r"""Input that sends the number it is given as k binary digits, the highest first.

    Without a sign they are those of `FewSpikeRelu`, and numbers below zero are sent as
    zero. With one, digits in even steps are worth more than zero, those in odd steps
    less:

    .. math:: h_s = \pm \alpha \, 2^{-1 - \lfloor s / 2 \rfloor}

    so that there are k / 2 for either sign; a number above zero is rounded down, one
    below zero up, to a multiple of :math:`\alpha 2^{-k/2}`.

    Args:
        k: digits, 10 by default; at most 24, and the same in the whole network.
        alpha: end of the range of values, 25 by default.
        signed_input: whether numbers may be below zero; k is even then. No by default.

    Raises:
        ValidationError: if ``k`` is out of its range, or odd with a sign.
    """

    k: int = 10
    alpha: float = 25
    signed_input: bool = False
    input_frames: int = field(default=1, init=False, repr=False)
    input_frame_timesteps: int = field(default=1, init=False, repr=False)

    def __post_init__(self) -> None:
        check_digits(self, self.k, self.alpha)
        flag("FewSpikeReluInput: signed_input", self.signed_input)
        if self.signed_input and self.k % 2:
            raise ValidationError(
                "FewSpikeReluInput: with signed_input half of the k digits are for "
                f"numbers below zero, so k is even. Received {self.k}."
            )

    @property
    def digits(self) -> Digits:
        """What its spikes are worth."""
        places = self.k // 2 if self.signed_input else self.k
        return Digits(self.alpha * 2.0**-places, bool(self.signed_input))
