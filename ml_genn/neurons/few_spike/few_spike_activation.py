"""Few-spike neuron that codes a function of a sum."""

from __future__ import annotations

from typing import Any

from ml_genn.dynamics.arguments import (
    compiler_value,
    function,
    integer,
    number,
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
from ml_genn.neurons.few_spike.functions import function_text


@model_class
class FewSpikeActivation(FewSpike):
    r"""Neuron that sends a function of its input as k binary digits.

    While digits arrive, they add up to fx as in `FewSpikeRelu`. Then the neuron sends
    :math:`f(fx) - o`, with the offset o, rounded down to a multiple of
    :math:`\alpha 2^{-k}` and limited to the range from 0 to
    :math:`\alpha (1 - 2^{-k})`. Numbers below zero are sent with an offset below zero,
    and the biases of the targets include it, times the weights.
    """

    activation: str = function(
        "the function f: a name such as 'swish', 'gelu', 'sigmoid', 'tanh', 'elu' or "
        "'hard_swish', or an expression in x",
        default="swish",
    )
    k: int = integer(NUM_DIGITS, default=10, most=MAX_DIGITS)
    alpha: float = positive_number(RANGE_END + ", without the offset", default=25)
    offset: float = number("number that is sent as no spikes", default=0.0)
    readout: Any = output_readout(
        'for an output "var", which reads f(fx) in full precision', default=None
    )
    bias: InitValue = compiler_value("initial value of fx", default=0.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        function_text(f"{type(self).__name__}: activation", self.activation)

    @property
    def digits(self) -> Digits:
        """Values of its spikes."""
        return Digits(self.alpha * 2.0**-self.k)

    @property
    def expression(self) -> str:
        """Expression of the function in x."""
        return function_text(f"{type(self).__name__}: activation", self.activation)
