"""Base of converters to rate codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
from ml_genn_tf.graph import MaxPool, Source
from ml_genn_tf.report import Code
from ml_genn_tf.units import Output, Unit

NEVER = float(np.finfo(np.float32).max)  #: threshold that is never reached


@dataclass(frozen=True, eq=False)
class Scales:
    """Values that the rates of units represent: scale * rate + offset.

    Args:
        scales: {unit: scale}; a rate of 1 is a spike in every step.
        offsets: {unit: offset}; 0 for units that are not listed.
    """

    scales: Mapping[Unit, float]
    offsets: Mapping[Unit, float] = field(default_factory=dict)

    def __getitem__(self, unit: Unit) -> float:
        return self.scales[unit]


class RateConverter(Converter):
    """Base of converters to rate codes: firing rates represent activations.

    A spike in every time step represents the scale of a layer. Weights are those of the
    ANN. If the sources of a layer differ in scale, weights are multiplied by the scale
    of their source. Thresholds and biases are divided by the scale of the first source.
    Membrane voltages start at half the threshold, so that numbers of spikes are rounded
    to the nearest.

    Args:
        evaluate_timesteps: time steps of an example.
        signed_input: True if inputs may be negative; False by default.
        input_type: encoding of inputs as spikes, `InputType.POISSON` by default.
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
        """Returns the neuron of an input."""
        highest = pre_convert_output[unit]
        return input_neuron(self.input_type, self.signed_input, highest)

    def create_neurons(
        self, unit: Unit, pre_convert_output: Scales, is_output: bool
    ) -> Neuron:
        """Returns integrate-and-fire neurons; those of a linear output never spike."""
        readout = "spike_count" if is_output else None
        if isinstance(unit.step, MaxPool):
            return SpikingMaxPool(readout)
        source_scale = _source_scale(unit, pre_convert_output)
        offsets = pre_convert_output.offsets
        bias = neuron_bias(unit.shifted_bias(offsets)) / source_scale
        if isinstance(unit.step, Output):
            return IntegrateFire(v_thresh=NEVER, readout="var", bias=bias)
        threshold = pre_convert_output[unit] / source_scale
        return IntegrateFire(
            v_thresh=threshold,
            v=0.5 * threshold,
            readout=readout,
            bias=bias,
            relative_reset=True,
        )

    def gain(self, source: Unit, target: Unit, pre_convert_output: Scales) -> float:
        """Returns the source's scale, relative to that of the first source."""
        return pre_convert_output[source] / _source_scale(target, pre_convert_output)

    def unit_codes(
        self, populations: Mapping[Unit, Population], pre_convert_output: Scales
    ) -> dict[Unit, Code]:
        """Returns the codes: numbers of spikes, up to one in each step."""
        return {
            unit: Code(
                scale / self.evaluate_timesteps,
                scale,
                signed=self.signed_input and isinstance(unit.step, Source),
                offset=pre_convert_output.offsets.get(unit, 0.0),
            )
            for unit, scale in pre_convert_output.scales.items()
            if not isinstance(unit.step, Output)
        }

    def create_compiler(self, **kwargs: Any) -> Compiler:
        """Returns an `InferenceCompiler`.

        Args:
            **kwargs: arguments of the compiler.
        """
        return InferenceCompiler(self.evaluate_timesteps, **kwargs)


def _source_scale(unit: Unit, scales: Scales) -> float:
    """Returns the scale of the first source, 1 if there is none."""
    return scales[unit.sources[0]] if unit.sources else 1.0


def neuron_bias(bias: np.ndarray) -> float | np.ndarray:
    """Returns the bias of neurons: one number if all are the same."""
    first = bias.flat[0]
    return float(first) if np.all(bias == first) else bias
