"""Base of converters by which the rate of spikes stands for a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ml_genn import Population
from ml_genn.compilers import InferenceCompiler
from ml_genn.compilers.compiler import Compiler
from ml_genn.neurons import IntegrateFire, Neuron, SpikingMaxPool
from ml_genn.utils.checks import flag, whole
from ml_genn_tf.converters.converter import Converter
from ml_genn_tf.converters.input_type import (
    InputType,
    check_signed,
    input_neuron,
    known_input_type,
)
from ml_genn_tf.graph import Maximum
from ml_genn_tf.report import Code
from ml_genn_tf.units import Output, Unit

NEVER = float(np.finfo(np.float32).max)  #: a threshold that is never reached
Scales = Mapping[Unit, float]  #: value that a spike in every step stands for


class RateConverter(Converter):
    """Base of converters by which the rate of spikes stands for a value.

    A spike in every step stands for the scale of a layer. Weights are those of the ANN,
    times the scale of their source where a layer has sources of several scales;
    thresholds and biases are divided by the scale of the (first) source. Potentials
    start at half the threshold, so that numbers of spikes are rounded to the nearest.

    Args:
        evaluate_timesteps: time steps of an example.
        signed_input: whether inputs may be below zero; no by default.
        input_type: how numbers become spikes, `InputType.POISSON` by default.
    """

    def __init__(
        self,
        evaluate_timesteps: int,
        signed_input: bool = False,
        input_type: InputType | str = InputType.POISSON,
    ) -> None:
        name = type(self).__name__
        self.evaluate_timesteps = whole(
            f"{name}: evaluate_timesteps", evaluate_timesteps
        )
        self.signed_input = flag(f"{name}: signed_input", signed_input)
        self.input_type = known_input_type(f"{name}: input_type", input_type)
        check_signed(name, self.input_type, self.signed_input)

    def create_input_neurons(self, pre_convert_output: Scales, unit: Unit) -> Neuron:
        """The neuron of an input."""
        highest = pre_convert_output[unit]
        return input_neuron(self.input_type, self.signed_input, highest)

    def create_neurons(
        self, unit: Unit, pre_convert_output: Scales, is_output: bool
    ) -> Neuron:
        """Integrate-and-fire neurons; at a linear output ones that never spike."""
        readout = "spike_count" if is_output else None
        if isinstance(unit.step, Maximum):
            return SpikingMaxPool(readout)
        before = _before(unit, pre_convert_output)
        bias = neuron_bias(unit) / before
        if isinstance(unit.step, Output):
            return IntegrateFire(v_thresh=NEVER, readout="var", bias=bias)
        threshold = pre_convert_output[unit] / before
        return IntegrateFire(
            v_thresh=threshold,
            v=0.5 * threshold,
            readout=readout,
            bias=bias,
            relative_reset=True,
        )

    def gain(self, source: Unit, target: Unit, pre_convert_output: Scales) -> float:
        """The source's scale, relative to that of the first source."""
        return pre_convert_output[source] / _before(target, pre_convert_output)

    def unit_codes(
        self, populations: Mapping[Unit, Population], pre_convert_output: Scales
    ) -> dict[Unit, Code]:
        """Numbers of spikes, up to one in each step."""
        return {
            unit: Code(scale / self.evaluate_timesteps, scale)
            for unit, scale in pre_convert_output.items()
            if not isinstance(unit.step, Output)
        }

    def create_compiler(self, **kwargs: Any) -> Compiler:
        """An `InferenceCompiler`.

        Args:
            **kwargs: its arguments.
        """
        return InferenceCompiler(self.evaluate_timesteps, **kwargs)


def _before(unit: Unit, scales: Scales) -> float:
    """The scale of the first source."""
    return scales[unit.sources[0]] if unit.sources else 1.0


def neuron_bias(unit: Unit) -> float | np.ndarray:
    """The bias of a unit's neurons; a number if all have the same."""
    first = unit.bias.flat[0]
    return float(first) if np.all(unit.bias == first) else unit.bias
