"""Converter to few-spike codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn import Population
from ml_genn.compilers import FewSpikeCompiler
from ml_genn.compilers.compiler import Compiler
from ml_genn.neurons import (
    FewSpikeActivation,
    FewSpikeMaxPool,
    FewSpikeRelu,
    FewSpikeReluInput,
    Neuron,
)
from ml_genn.utils.checks import flag, positive, whole
from ml_genn_tf.converters.converter import Converter
from ml_genn_tf.converters.rate_converter import neuron_bias
from ml_genn_tf.graph import Activate, MaxPool, Rectify, Source
from ml_genn_tf.norm_data import Examples, norm_examples
from ml_genn_tf.report import Code
from ml_genn_tf.units import ALL_STEPS, Output, Unit, Units


@dataclass(frozen=True)
class Range:
    """Range of the numbers that a population sends: from offset to offset + alpha.

    Args:
        alpha: value of the first digit, times two.
        offset: number that is sent as no spikes; 0 by default.
    """

    alpha: float
    offset: float = 0.0


Ranges = Mapping[Unit, Range]
#: Factor of the ranges of inputs. It keeps values that the digits represent exactly,
#: such as n / 255, from being rounded down to the next lower code in single precision.
INPUT_MARGIN = 1.0 - 2.0**-20
NUM_SAMPLES = 1001  #: arguments with which a function's range is estimated
#: Upper limit of rectified outputs that have none.
UNLIMITED = float(np.finfo(np.float32).max)


class FewSpike(Converter):
    r"""Converter to neurons that send numbers as k binary digits (Stöckl & Maass 2021).

    The bias of a layer includes half the value of the last digit, so that activations
    are rounded to the nearest code. Inputs are rounded down, and outputs are exact.

    With norm_data the range of a layer ends at the highest activation of the ANN,
    :math:`\alpha = a_{max} / (1 - 2^{-k})`.

    Args:
        k: number of digits, 10 by default.
        alpha: end of the range of values without norm_data, 25 by default.
        signed_input: True if inputs may be negative: with norm_data they are sent minus
            the lowest number; else half of the digits encode negative numbers. False by
            default.
        norm_data: examples, as for `DataNorm`. None (default): all ranges end at alpha.
    """

    steps = ALL_STEPS

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

    def pre_convert(self, units: Units) -> Ranges:
        """Returns the range of each layer."""
        self._examples = None
        if self.norm_data is None:
            limits = {unit: self._default_limits(unit) for unit in units.all}
        else:
            self._examples = norm_examples("FewSpike", self.norm_data, units)
            limits = self._examples.ranges(units)
        ranges: dict[Unit, Range] = {}
        for unit in units.all:
            is_max = isinstance(unit.step, MaxPool)
            ranges[unit] = (
                ranges[unit.sources[0]] if is_max else self._range(unit, *limits[unit])
            )
        return ranges

    def _default_limits(self, unit: Unit) -> tuple[float, float]:
        """Returns the smallest and the largest value of a layer without examples."""
        highest = self.alpha * self._largest_code(unit)
        x = np.linspace(-highest, highest, NUM_SAMPLES, dtype=np.float32)
        if isinstance(unit.step, Activate):
            x = unit.step.of(x)
        return (float(x.min()), float(x.max())) if unit.is_signed else (0.0, highest)

    def _range(self, unit: Unit, low: float, high: float) -> Range:
        """Returns the range of a layer with these limits."""
        largest = self._largest_code(unit)
        if unit.is_signed or self._has_offset(unit):
            return Range(((high - low) or self.alpha) / largest, low)
        margin = INPUT_MARGIN if isinstance(unit.step, Source) else 1.0
        value = margin * max(abs(low), abs(high)) or self.alpha * largest
        return Range(min(value, unit.limit or value) / largest)

    def _has_offset(self, unit: Unit) -> bool:
        """Returns True for signed inputs whose lowest number is known."""
        return self._is_signed_input(unit) and self._examples is not None

    def _is_signed_input(self, unit: Unit) -> bool:
        return self.signed_input and isinstance(unit.step, Source)

    def _digits(self, unit: Unit) -> int:
        """Returns the number of digits of positive numbers."""
        signed_digits = self._is_signed_input(unit) and not self._has_offset(unit)
        return self.k // 2 if signed_digits else self.k

    def _largest_code(self, unit: Unit) -> float:
        """Returns the highest value that the digits represent, relative to alpha."""
        return 1.0 - 2.0 ** -self._digits(unit)

    def create_input_neurons(self, pre_convert_output: Ranges, unit: Unit) -> Neuron:
        """Returns the neuron of an input."""
        own = pre_convert_output[unit]
        if not self._has_offset(unit):
            return FewSpikeReluInput(self.k, own.alpha, self.signed_input)
        half = own.alpha * 2.0 ** (-self.k - 1)
        return FewSpikeReluInput(self.k, own.alpha, offset=own.offset - half)

    def create_neurons(
        self, unit: Unit, pre_convert_output: Ranges, is_output: bool
    ) -> Neuron:
        """Returns the neuron of a layer."""
        readout = "var" if is_output else None
        if isinstance(unit.step, MaxPool):
            return FewSpikeMaxPool(readout)
        own = pre_convert_output[unit]
        alpha = own.alpha
        half = 0.0 if is_output else alpha * 2.0 ** (-self.k - 1)
        offsets = {u: r.offset for u, r in pre_convert_output.items()}
        if isinstance(unit.step, Activate):
            bias = neuron_bias(unit.shifted_bias({**offsets, unit: 0.0}))
            return FewSpikeActivation(
                unit.step.function, self.k, alpha, own.offset - half, readout, bias
            )
        bias, limit = neuron_bias(unit.shifted_bias(offsets)) + half, None
        if is_output and isinstance(unit.step, Rectify):
            limit = UNLIMITED if unit.limit is None else unit.limit
        return FewSpikeRelu(self.k, alpha, readout, bias, output_limit=limit)

    def unit_codes(
        self, populations: Mapping[Unit, Population], pre_convert_output: Ranges
    ) -> dict[Unit, Code]:
        """Returns the codes: multiples of the last digit's value.

        The code of a max-pooling layer is that of its source.
        """
        codes: dict[Unit, Code] = {}
        for unit in populations:
            alpha, offset = (
                pre_convert_output[unit].alpha,
                pre_convert_output[unit].offset,
            )
            if isinstance(unit.step, MaxPool):
                codes[unit] = codes[unit.sources[0]]
            elif not isinstance(unit.step, Output):
                step = alpha * 2.0 ** -self._digits(unit)
                is_input = isinstance(unit.step, Source) and not self._has_offset(unit)
                rounds = not is_input and not unit.output
                highest = alpha * self._largest_code(unit)
                signed = self._is_signed_input(unit) and is_input
                codes[unit] = Code(step, highest, rounds, signed, offset)
        return codes

    def examples(self) -> Examples | None:
        """Returns the examples of norm_data."""
        return self._examples

    def create_compiler(self, **kwargs: Any) -> Compiler:
        """Returns a `FewSpikeCompiler`.

        Args:
            **kwargs: arguments of the compiler.
        """
        return FewSpikeCompiler(k=self.k, **kwargs)
