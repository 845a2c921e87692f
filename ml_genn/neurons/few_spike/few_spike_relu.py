"""Few-spike neuron that codes a rectified sum."""

from __future__ import annotations

from typing import Any

from ml_genn.dynamics.arguments import (
    compiler_value,
    integer,
    output_readout,
    positive_number,
)
from ml_genn.dynamics.model import model_class
from ml_genn.initializers.value import InitValue
from ml_genn.neurons.few_spike.digits import (
    MAX_DIGITS,
    NUM_DIGITS,
    RANGE_END,
    Digits,
    FewSpike,
)


@model_class
class FewSpikeRelu(FewSpike):
    r"""Neuron that sends its rectified input as k binary digits (Stöckl & Maass 2021).

    While digits arrive, each adds its value times the weight to fx. Then v starts from
    fx and the neuron sends its own digits, the highest first:

    .. math::
        v \ge h_s: \text{spike}, \ v \to v - h_s; \qquad
        h_s = \alpha \, 2^{-1-s}, \ s = 0, \ldots, k - 1

    The number that it sends is fx rounded down to a multiple of
    :math:`\alpha 2^{-k}`, and limited to the range from 0 to
    :math:`\alpha (1 - 2^{-k})`.
    """

    k: int = integer(NUM_DIGITS, default=10, most=MAX_DIGITS)
    alpha: float = positive_number(RANGE_END, default=25)
    readout: Any = output_readout(
        'for an output "var", which reads fx in full precision and not rectified, '
        "unless there is an output_limit",
        default=None,
    )
    bias: InitValue = compiler_value("initial value of fx", default=0.0)
    output_limit: float | None = positive_number(
        "for an output: fx is limited to the range from 0 to this number; None for no "
        "limits",
        default=None,
        kw_only=True,
    )

    @property
    def digits(self) -> Digits:
        """Values of its spikes."""
        return Digits(self.alpha * 2.0**-self.k)
