"""Converter with thresholds from the highest input currents."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np

from ml_genn import Connection, Network, Population
from ml_genn.compilers import InferenceCompiler
from ml_genn.connectivity import AvgPool2D, Connectivity, DepthwiseConv2D
from ml_genn.errors import UnsupportedError
from ml_genn.graph.graph import PopulationType, get_underlying_pop
from ml_genn.graph.traversal import get_network_dag
from ml_genn.initializers import Initializer
from ml_genn.neurons import Input, IntegrateFire, SpikingMaxPool, UserNeuron
from ml_genn.readouts import Var
from ml_genn_tf.converters.input_type import InputType
from ml_genn_tf.converters.norm_converter import NormConverter
from ml_genn_tf.converters.rate_converter import NEVER, Scales
from ml_genn_tf.norm_data import Examples
from ml_genn_tf.report import Code
from ml_genn_tf.units import Unit, Units

Keys = PopulationType | Sequence[PopulationType]
BATCH = 100  #: batch size of the runs of SpikeNorm
#: Decay rate of the recorded input, in time constants per time step. After a step
#: exp(-25) remains of the value before, less than single precision resolves, so that
#: the variable is the input of that step alone.
INPUT_DECAY = 25.0


class SpikeNorm(NormConverter):
    """Converter to integrate-and-fire neurons by Spike-Norm (Sengupta 2019).

    Layer by layer, the threshold becomes the highest input of a neuron in a time step
    while examples are simulated; see `spike_normalise`.

    Args:
        evaluate_timesteps: time steps of an example.
        signed_input: True if inputs may be negative; False by default.
        norm_data: examples, as for `DataNorm`. Required.
        input_type: encoding of inputs as spikes, `InputType.POISSON` by default.
    """

    _gains: Mapping[Population, float]
    _scale: float

    def _scales(self, units: Units, examples: Examples) -> Scales:
        """Returns the scale of the inputs for all units."""
        highest = [float(np.abs(x).max()) for x in examples.inputs]
        is_rate = self.input_type is InputType.IF and max(highest) > 0.0
        self._scale = max(highest) if is_rate else 1.0
        return Scales(dict.fromkeys(units.all, self._scale))

    def post_convert(
        self, network: Network, inputs: list[Population], outputs: list[Population]
    ) -> None:
        """Sets thresholds to the highest inputs."""
        examples = self._examples.inputs if self._examples else ()
        limits = {
            population: unit.limit / self._scale
            for unit, population in self.populations.items()
            if unit.limit
        }
        x = dict(zip(inputs, examples, strict=True))
        compiler = InferenceCompiler(self.evaluate_timesteps, batch_size=BATCH)
        self._gains = _normalise(network, outputs, [x], compiler, limits)

    def unit_codes(
        self, populations: Mapping[Unit, Population], pre_convert_output: Scales
    ) -> dict[Unit, Code]:
        """Returns the codes: numbers of spikes, up to one in each step."""
        scales = {u: self._scale * self._gains[p] for u, p in populations.items()}
        return super().unit_codes(populations, Scales(scales))


def spike_normalise(
    net: Network,
    net_inputs: Keys,
    net_outputs: Keys,
    norm_data: Iterable[tuple[Any, Any]],
    evaluate_timesteps: int,
    num_batches: int | None = None,
    dt: float = 1.0,
    batch_size: int = 1,
    rng_seed: int = 0,
    kernel_profiling: bool = False,
    prefer_in_memory_connect: bool = True,
    reset_time_between_batches: bool = True,
    **genn_kwargs: Any,
) -> None:
    """Sets thresholds to the highest inputs of neurons, Spike-Norm (Sengupta 2019).

    Layers are treated from the inputs on. The threshold of integrate-and-fire neurons
    becomes the highest input, bias included, of one of them in a time step while
    examples are simulated; initial voltages are scaled alike. A new threshold changes
    the value that a spike represents, so the biases of later layers are divided by the
    change. If the sources of a layer changed differently, weights are multiplied, too.

    Args:
        net: the network; it is modified.
        net_inputs, net_outputs: populations or layers, one or a sequence of them.
        norm_data: iterable of batches (x, y); x is a sequence if there are several
            inputs, y is ignored.
        evaluate_timesteps: time steps of an example.
        num_batches: number of batches that are used; None (default) for all.
        dt, batch_size, rng_seed: as for `InferenceCompiler`.
        kernel_profiling, prefer_in_memory_connect: as for `InferenceCompiler`.
        reset_time_between_batches: as for `InferenceCompiler`.
        **genn_kwargs: as for `InferenceCompiler`.
    """
    compiler = InferenceCompiler(
        evaluate_timesteps,
        dt=dt,
        batch_size=batch_size,
        rng_seed=rng_seed,
        kernel_profiling=kernel_profiling,
        prefer_in_memory_connect=prefer_in_memory_connect,
        reset_time_between_batches=reset_time_between_batches,
        **genn_kwargs,
    )
    inputs = _listed(net_inputs)
    batches = [
        dict(zip(inputs, x if len(inputs) > 1 else [x], strict=True))
        for x, _ in islice(norm_data, num_batches)
    ]
    _normalise(net, _listed(net_outputs), batches, compiler, {})


def _listed(keys: Keys) -> list[Population]:
    listed = keys if isinstance(keys, Sequence) else [keys]
    return [get_underlying_pop(key) for key in listed]


def _normalise(
    network: Network,
    outputs: Sequence[Population],
    batches: Sequence[Mapping[Population, Any]],
    compiler: InferenceCompiler,
    limits: Mapping[Population, float],
) -> dict[Population, float]:
    """Sets thresholds to the highest inputs of neurons.

    Args:
        network: the network; it is modified.
        outputs: its outputs.
        batches: data of the inputs.
        compiler: compiler for the simulation of the examples.
        limits: {population: highest activation}, in units of the value of an input's
            spike.

    Returns:
        {population: value of a spike, relative to that of an input's spike}.
    """
    gains: dict[Population, float] = {}
    for population in get_network_dag(list(batches[0]), list(outputs)):
        if isinstance(population.neuron, Input):
            gains[population] = 1.0
            continue
        gain = gains[population] = _equalise(network, population, gains)
        if isinstance(population.neuron, SpikingMaxPool):
            continue
        neuron, old = _checked(population)
        neuron = replace(neuron, bias=_divided(neuron.bias, gain))
        population.neuron = neuron
        if isinstance(neuron.readout, Var):
            continue
        threshold = _highest_input(network, population, gains, batches, compiler)
        threshold = min(threshold or old, limits.get(population, np.inf) / gain * old)
        v = _divided(neuron.v, old / threshold)
        population.neuron = replace(neuron, v_thresh=threshold, v=v)
        gains[population] = gain * threshold / old
    return gains


def _checked(population: Population) -> tuple[IntegrateFire, float]:
    """Returns the neuron of a population and its threshold.

    Raises:
        UnsupportedError: if it is no integrate-and-fire neuron with one threshold.
    """
    neuron = population.neuron
    if not isinstance(neuron, IntegrateFire) or any(
        isinstance(value, Initializer) for value in (neuron.bias, neuron.v)
    ):
        raise UnsupportedError(
            f"spike_normalise: population '{population.name}' has {neuron!r}. "
            "Thresholds are chosen for IntegrateFire neurons; their bias and v are no "
            "initializers."
        )
    if not isinstance(neuron.v_thresh, int | float):
        raise UnsupportedError(
            f"spike_normalise: all neurons of population '{population.name}' have the "
            f"same threshold, a number. Received {neuron.v_thresh!r}."
        )
    return neuron, float(neuron.v_thresh)


def _divided(bias: Any, gain: float) -> Any:
    return bias if gain == 1.0 else np.asarray(bias) / gain


def _equalise(
    network: Network, population: Population, gains: Mapping[Population, float]
) -> float:
    """Multiplies weights so that spikes of all sources have the value of the first's.

    Returns:
        The value of a spike of the first source.
    """
    incoming = [c for c in network.connections if c.ends()[1] is population]
    first = gains[incoming[0].ends()[0]]
    for connection in incoming:
        source = connection.ends()[0]
        if gains[source] != first:
            factor = gains[source] / first
            connection.connectivity = _multiplied(
                connection.connectivity, factor, source
            )
    return first


def _multiplied(
    connectivity: Connectivity, factor: float, source: Population
) -> Connectivity:
    """Returns a copy of a connectivity with weights multiplied by a factor."""
    if isinstance(connectivity.weight, Initializer):
        raise UnsupportedError(
            "spike_normalise: where layers with different thresholds meet, weights are "
            f"numbers or arrays. Received {connectivity!r}."
        )
    weight = factor * connectivity.weight
    if isinstance(connectivity, AvgPool2D):
        size, channels = connectivity.pool_size, (source.shape or (1,))[-1]
        kernel = np.full((*size, channels, 1), weight)
        return DepthwiseConv2D(
            kernel,
            size,
            flatten=connectivity.flatten,
            conv_strides=connectivity.pool_strides,
        )
    scaled = copy(connectivity)
    scaled.weight = weight
    return scaled


def _highest_input(
    network: Network,
    population: Population,
    normalised: Container[Population],
    batches: Sequence[Mapping[Population, Any]],
    compiler: InferenceCompiler,
) -> float:
    """Returns the highest input, with the bias, of a population in a time step.

    All neurons record their highest input, and those of later layers never spike. The
    network thus differs between populations in parameters only, and is built once.
    """
    copies: dict[Population, Population] = {}
    with Network() as probe:
        for old in network.populations:
            neuron = old.neuron
            if isinstance(neuron, IntegrateFire) and not isinstance(neuron, Input):
                neuron = _recording(
                    neuron, spikes=old in normalised and old is not population
                )
            copies[old] = Population(neuron, old.shape, name=old.name)
        for c in network.connections:
            source, target = (copies[end] for end in c.ends())
            Connection(
                source, target, c.connectivity, c.synapse, c.name, c.max_delay_steps
            )
    compiled = compiler.compile(probe)
    highest = 0.0
    for batch in batches:
        x = {copies[p]: values for p, values in batch.items()}
        inputs, _ = compiled.predict(x, copies[population], callbacks=[])
        highest = max(highest, float(inputs[copies[population]].max()))
    return highest


def _recording(neuron: IntegrateFire, spikes: bool) -> UserNeuron:
    """Returns the neuron with a readout of its highest input in a time step."""
    reset = "v - (v_thresh - v_reset)" if neuron.relative_reset else "v_reset"
    parameters = {
        "v_reset": neuron.v_reset,
        "bias": neuron.bias,
        "input_decay": INPUT_DECAY,
        "v_thresh": neuron.v_thresh if spikes else NEVER,
    }
    return UserNeuron(
        {
            "v": ("(Isyn + bias) / dt", reset),
            "last_input": ("(Isyn + bias - last_input) * input_decay / dt", None),
        },
        "last_input",
        threshold="v - v_thresh",
        param_vals=parameters,
        var_vals={"v": neuron.v},
        readout="max_var",
    )
