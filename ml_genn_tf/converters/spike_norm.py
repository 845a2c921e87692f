"""Conversion with thresholds by the highest input."""

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
from ml_genn_tf.converters.norms import NormConverter
from ml_genn_tf.converters.rates import NEVER, Scales
from ml_genn_tf.norm import Examples
from ml_genn_tf.report import Code
from ml_genn_tf.units import Unit, Units

Keys = PopulationType | Sequence[PopulationType]
BATCH = 100  #: examples that SpikeNorm runs together
#: time constants in a step, after which a variable is the input of that step alone
FORGOTTEN = 25.0


class SpikeNorm(NormConverter):
    """Converts to integrate-and-fire neurons with thresholds by spikes (Sengupta 2019).

    Layer by layer, the threshold is the highest input that neurons have in a time step
    while examples are run; see `spike_normalise`.

    Args:
        evaluate_timesteps: time steps of an example.
        signed_input: whether inputs may be below zero; no by default.
        norm_data: examples, as for `DataNorm`. Needed.
        input_type: how numbers become spikes, `InputType.POISSON` by default.
    """

    _gains: Mapping[Population, float]
    _scale: float

    def _scales(self, units: Units, examples: Examples) -> Scales:
        """The scale of the inputs, for all."""
        highest = [float(np.abs(x).max()) for x in examples.inputs]
        whole = self.input_type is InputType.IF and max(highest) > 0.0
        self._scale = max(highest) if whole else 1.0
        return dict.fromkeys(units.all, self._scale)

    def post_convert(
        self, network: Network, inputs: list[Population], outputs: list[Population]
    ) -> None:
        """Chooses thresholds."""
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
        """Numbers of spikes, up to one in each step."""
        scales = {u: self._scale * self._gains[p] for u, p in populations.items()}
        return super().unit_codes(populations, scales)


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
    """Chooses thresholds by the highest input that neurons have (Sengupta 2019).

    Layer by layer from the inputs on, the threshold of integrate-and-fire neurons
    becomes the highest input, bias included, that one of them has in a time step while
    examples are run; potentials at the start grow with it. What a spike stands for
    changes by this, so biases are divided accordingly; where layers with different
    changes meet, weights are multiplied, too.

    Args:
        net: the network, which is changed.
        net_inputs, net_outputs: populations or layers, one or a sequence of them.
        norm_data: yields batches (x, y); x is a sequence where there are several
            inputs, y is not looked at.
        evaluate_timesteps: time steps of an example.
        num_batches: how many batches are used; None (default) for all.
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
    """Chooses thresholds.

    Args:
        network: the network, which is changed.
        outputs: its outputs.
        batches: data of the inputs.
        compiler: how examples are run.
        limits: the highest value of populations, in what a spike of an input stands
            for.

    Returns:
        What a spike of each population stands for, relative to one of an input.
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
        found = _highest_input(network, population, gains, batches, compiler)
        found = min(found or old, limits.get(population, np.inf) / gain * old)
        start = _divided(neuron.v, old / found)
        population.neuron = replace(neuron, v_thresh=found, v=start)
        gains[population] = gain * found / old
    return gains


def _checked(population: Population) -> tuple[IntegrateFire, float]:
    """The neuron of a population, and its threshold."""
    neuron = population.neuron
    if not isinstance(neuron, IntegrateFire) or any(
        isinstance(given, Initializer) for given in (neuron.bias, neuron.v)
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
    """Makes spikes of all sources count as those of the first; what these stand for."""
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


def _multiplied(given: Connectivity, factor: float, source: Population) -> Connectivity:
    """Connectivity whose weights are multiplied."""
    if isinstance(given.weight, Initializer):
        raise UnsupportedError(
            "spike_normalise: where layers with different thresholds meet, weights are "
            f"numbers or arrays. Received {given!r}."
        )
    weight = factor * given.weight
    if isinstance(given, AvgPool2D):
        size, channels = given.pool_size, (source.shape or (1,))[-1]
        kernel = np.full((*size, channels, 1), weight)
        return DepthwiseConv2D(
            kernel, size, flatten=given.flatten, conv_strides=given.pool_strides
        )
    made = copy(given)
    made.weight = weight
    return made


def _highest_input(
    network: Network,
    population: Population,
    done: Container[Population],
    batches: Sequence[Mapping[Population, Any]],
    compiler: InferenceCompiler,
) -> float:
    """The highest input, with the bias, that neurons have in a time step.

    All neurons tell theirs, and those that are not done never spike: the network is the
    same for each population but for numbers, so that it is built once.
    """
    copies: dict[Population, Population] = {}
    with Network() as probe:
        for old in network.populations:
            neuron = old.neuron
            if isinstance(neuron, IntegrateFire) and not isinstance(neuron, Input):
                neuron = _telling(neuron, spikes=old in done and old is not population)
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
        found, _ = compiled.predict(x, copies[population], callbacks=[])
        highest = max(highest, float(found[copies[population]].max()))
    return highest


def _telling(neuron: IntegrateFire, spikes: bool) -> UserNeuron:
    """The neuron, with a readout of the highest input of a time step."""
    reset = "v - (v_thresh - v_reset)" if neuron.relative_reset else "v_reset"
    given = {"v_reset": neuron.v_reset, "bias": neuron.bias, "forgotten": FORGOTTEN}
    threshold = neuron.v_thresh if spikes else NEVER
    return UserNeuron(
        {
            "v": ("(Isyn + bias) / dt", reset),
            "arrived": ("(Isyn + bias - arrived) * forgotten / dt", None),
        },
        "arrived",
        threshold="v - v_thresh",
        param_vals={**given, "v_thresh": threshold},
        var_vals={"v": neuron.v},
        readout="max_var",
    )
