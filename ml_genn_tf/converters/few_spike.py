"""Conversion to few-spike codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_genn import Population
from ml_genn.compilers import FewSpikeCompiler
from ml_genn.compilers.compiler import Compiler
from ml_genn.neurons import FewSpikeMaxPool, FewSpikeRelu, FewSpikeReluInput, Neuron
from ml_genn.utils.checks import flag, positive, whole
from ml_genn_tf.converters.converter import Converter
from ml_genn_tf.converters.rates import neuron_bias
from ml_genn_tf.graph import Maximum, Rectify, Source
from ml_genn_tf.norm import Examples, norm_examples
from ml_genn_tf.report import Code
from ml_genn_tf.units import Output, Unit, Units

Alphas = Mapping[Unit, float]
#: Ranges of inputs are smaller by this, so that single precision does not make the next
#: lower number of one that digits can stand for, such as n / 255.
WHOLE = 1.0 - 2.0**-20


class FewSpike(Converter):
    r"""Converts to neurons that send numbers as k digits (Stöckl & Maass 2021).

    Layers add half the worth of the last digit to their bias, so that they send values
    rounded to the nearest; inputs are rounded down, and outputs read exactly.

    With norm_data the range of a layer ends at the highest activation that the ANN has
    with it, :math:`\alpha = a_{max} / (1 - 2^{-k})`.

    Args:
        k: digits, 10 by default.
        alpha: end of the range of values without norm_data, 25 by default.
        signed_input: whether inputs may be below zero; half of the digits are then for
            these. No by default.
        norm_data: examples, as for `DataNorm`; None (default): all ranges end at alpha.
    """

    def __init__(
        self,
        k: int = 10,
        alpha: float = 25,
        signed_input: bool = False,
        norm_data: Any = None,
    ) -> None:
        self.k = whole("FewSpike: k", k)
        self.alpha = positive("FewSpike: alpha", alpha)
        self.signed_input = flag("FewSpike: signed_input", signed_input)
        self.norm_data = norm_data
        self._examples: Examples | None = None

    def pre_convert(self, units: Units) -> Alphas:
        """The end of each layer's range."""
        highest = {unit: self.alpha * self._share(unit) for unit in units.all}
        self._examples = None
        if self.norm_data is not None:
            self._examples = norm_examples("FewSpike", self.norm_data, units)
            for unit, found in self._examples.highest(units).items():
                whole = WHOLE if isinstance(unit.step, Source) else 1.0
                highest[unit] = whole * found or highest[unit]
        return {
            unit: min(most, unit.limit or most) / self._share(unit)
            for unit, most in highest.items()
        }

    def _digits(self, unit: Unit) -> int:
        """Digits for numbers above zero."""
        signed = self.signed_input and isinstance(unit.step, Source)
        return self.k // 2 if signed else self.k

    def _share(self, unit: Unit) -> float:
        """The highest value, relative to alpha."""
        return 1.0 - 2.0 ** -self._digits(unit)

    def create_input_neurons(self, pre_convert_output: Alphas, unit: Unit) -> Neuron:
        """The neuron of an input."""
        return FewSpikeReluInput(self.k, pre_convert_output[unit], self.signed_input)

    def create_neurons(
        self, unit: Unit, pre_convert_output: Alphas, is_output: bool
    ) -> Neuron:
        """The neuron of a layer."""
        readout = "var" if is_output else None
        if isinstance(unit.step, Maximum):
            return FewSpikeMaxPool(readout)
        alpha = pre_convert_output[unit]
        half = 0.0 if is_output else alpha * 2.0 ** (-self.k - 1)
        return FewSpikeRelu(self.k, alpha, readout, neuron_bias(unit) + half)

    def unit_codes(
        self, populations: Mapping[Unit, Population], pre_convert_output: Alphas
    ) -> dict[Unit, Code]:
        """Multiples of the last digit's worth; maxima have those of their source."""
        codes: dict[Unit, Code] = {}
        for unit in populations:
            alpha = pre_convert_output[unit]
            if isinstance(unit.step, Maximum):
                codes[unit] = codes[unit.sources[0]]
            elif not isinstance(unit.step, Output):
                step = alpha * 2.0 ** -self._digits(unit)
                rounds = isinstance(unit.step, Rectify) and not unit.output
                codes[unit] = Code(step, alpha * self._share(unit), rounds)
        return codes

    def examples(self) -> Examples | None:
        """Those of norm_data."""
        return self._examples

    def create_compiler(self, **kwargs: Any) -> Compiler:
        """A `FewSpikeCompiler`.

        Args:
            **kwargs: its arguments.
        """
        return FewSpikeCompiler(k=self.k, **kwargs)
