"""Few-spike neuron that codes a rectified sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ml_genn.graph.default_params import network_default_params
from ml_genn.initializers.value import InitValue
from ml_genn.neurons.checks import check_value
from ml_genn.neurons.few_spike import Digits, FewSpike, check_digits


@network_default_params
@dataclass(frozen=True, eq=False)
class FewSpikeRelu(FewSpike):
    r"""Neuron that sends its rectified input as k binary digits (Stöckl & Maass 2021).

    While digits arrive, each adds its worth times the weight to fx. Then v starts from
    fx and the neuron sends its own digits, the highest first:

    .. math::
        v \ge h_s: \text{spike}, \ v \to v - h_s; \qquad
        h_s = \alpha \, 2^{-1-s}, \ s = 0, \ldots, k - 1

    What is sent is fx rounded down to a multiple of :math:`\alpha 2^{-k}`, and limited
    to the range from 0 to :math:`\alpha (1 - 2^{-k})`.

    Args:
        k: digits, 10 by default; at most 24, and the same in the whole network.
        alpha: end of the range of values, 25 by default.
        readout: "var" to read fx, in full precision and not rectified; None (default)
            if it is not an output.
        bias: number that fx starts from, 0 by default.
    """

    k: int = 10
    alpha: float = 25
    readout: Any = None
    bias: InitValue = 0.0

    def __post_init__(self) -> None:
        check_digits(self, self.k, self.alpha)
        check_value(self, "bias")
        self._set_readout()

    @property
    def digits(self) -> Digits:
        """What its spikes are worth."""
        return Digits(self.alpha * 2.0**-self.k)
