"""Units: layers of an ANN that become populations, and the chains between them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn_tf.fusion import Chain, fuse
from ml_genn_tf.graph import (
    Activate,
    Affine,
    BiasStep,
    Linear,
    MaxPool,
    Node,
    Rectify,
    Softmax,
    Source,
    Step,
    rectified,
    topological_order,
)
from ml_genn_tf.linear_maps import NO_PADDING, AvgPool, Reshape, Shape, same_padding
from ml_genn_tf.populations import affine_values
from ml_genn_tf.tracing import Ann

#: Operations for which few-spike codes have neurons.
ALL_STEPS: tuple[type[Step], ...] = (Source, Rectify, MaxPool, Linear, Activate)


class Output(Step):
    """Affine output of the model, which is read without rectification."""


@dataclass(frozen=True, eq=False)
class Unit:
    """Layer of neurons of an ANN, which becomes a population.

    Args:
        layer: the Keras layer whose output the neurons compute.
        step: `Source`, `Rectify`, `Activate`, `Linear`, `MaxPool` or `Output`.
        shape: shape of the population.
        bias: bias in that shape.
        terms: (source unit, chain of linear maps); their sum is the input.
        output: True for an output of the model.
    """

    layer: Any
    step: Step
    shape: Shape
    bias: np.ndarray
    terms: tuple[tuple[Unit, Chain], ...]
    output: bool

    @property
    def is_signed(self) -> bool:
        """True if its population sends numbers of either sign, minus an offset."""
        return isinstance(self.step, Linear | Activate)

    @property
    def limit(self) -> float | None:
        """Upper bound of the activation function; None if there is none."""
        return self.step.limit if isinstance(self.step, Rectify) else None

    def shifted_bias(self, offsets: Mapping[Unit, float]) -> np.ndarray:
        """Returns the bias of neurons if populations send values minus an offset.

        The chains carry the offsets of the sources, and the own offset is subtracted.

        Args:
            offsets: {unit: offset}; 0 for units that are not listed.
        """
        bias = self.bias - np.float32(offsets.get(self, 0.0))
        for source, chain in self.terms:
            offset = offsets.get(source, 0.0)
            if offset:
                x = np.full((1, *source.shape), offset, np.float32)
                bias = bias + mapped(chain, x).reshape(bias.shape)
        return np.asarray(bias, np.float32)

    @property
    def sources(self) -> tuple[Unit, ...]:
        """Source units."""
        return tuple(unit for unit, _ in self.terms)


@dataclass(frozen=True, eq=False)
class Units:
    """All units of an ANN.

    Args:
        inputs, outputs: units of the model's inputs and outputs, in the model's order.
        all: all units in topological order.
        layers: {Keras layer: unit that computes its output}.
    """

    inputs: tuple[Unit, ...]
    outputs: tuple[Unit, ...]
    all: tuple[Unit, ...]
    layers: dict[Any, Unit]

    def values(
        self,
        x: Sequence[np.ndarray],
        coded: Callable[[Unit, np.ndarray], np.ndarray] | None = None,
    ) -> dict[Unit, np.ndarray]:
        """Returns the activations of all units for examples of each input.

        Args:
            x: an array (examples,) + shape for each input.
            coded: function of a unit and its activations that returns what its spikes
                represent, which later units then receive. None (default): activations
                of the ANN.
        """
        activations: dict[Unit, np.ndarray] = {}
        inputs = dict(zip(self.inputs, x, strict=True))
        for unit in self.all:
            if unit in inputs:
                activations[unit] = np.asarray(inputs[unit], np.float32)
            else:
                activations[unit] = _activation(unit, activations)
            if coded is not None:
                activations[unit] = coded(unit, activations[unit])
        return activations


def _activation(unit: Unit, known: Mapping[Unit, np.ndarray]) -> np.ndarray:
    step = unit.step
    if isinstance(step, MaxPool):
        return _max_pooled(step, known[unit.sources[0]], unit.shape)
    total = np.zeros((len(known[unit.sources[0]]), *unit.shape), np.float32)
    total += unit.bias
    for source, chain in unit.terms:
        total += mapped(chain, known[source]).reshape(total.shape)
    if isinstance(step, Rectify):
        np.clip(total, 0.0, step.limit, out=total)
    return step.of(total) if isinstance(step, Activate) else total


def mapped(chain: Chain, x: np.ndarray) -> np.ndarray:
    """Returns the result of a chain for each example of ``x``."""
    for linear in chain:
        x = linear.apply(x.reshape(len(x), *linear.source))
    return x


def _max_pooled(step: MaxPool, x: np.ndarray, shape: Shape) -> np.ndarray:
    """Returns the maxima of patches; pixels of the padding have no part in them."""
    image = x.shape[1:]
    padding = same_padding(image, step.size, step.strides) if step.same else NO_PADDING
    lowest = float(np.finfo(np.float32).min)
    maxima = np.full((len(x), *shape), lowest, np.float32)
    pool = AvgPool(image, step.strides, padding, step.size)
    for _, _, pixels in pool.patches(x, outside=lowest):
        np.maximum(maxima, pixels, out=maxima)
    return maxima


def make_units(ann: Ann, steps: Collection[type[Step]] = ALL_STEPS) -> Units:
    """Returns the units of an ANN.

    Args:
        ann: the ANN.
        steps: operations for which there are neurons; all by default. With `Linear`,
            affine values become populations where chains would be listed.

    Raises:
        UnsupportedError: if spiking neurons cannot compute an operation.
        ValidationError: if an input leads to no output.
    """
    ends = [_end(n, steps) for n in ann.outputs]
    for end in ends:
        if isinstance(end.step, Source):
            raise UnsupportedError(
                f"Layer '{end.layer.name}' (InputLayer): an input is no output. Put a "
                "layer with weights in between."
            )
    order = topological_order(ends)
    for node in order:
        _check(node, steps)
    values = affine_values(order, cuts=Linear in steps)
    affine_inputs = {n: _fused(value) for n, value in values.inputs.items()}
    affine_inputs |= {n: _fused(values.output(n)) for n in ends if not n.is_population}
    builder = _UnitBuilder(ends, _image_shapes(affine_inputs))
    for node in values.inputs:
        builder.add(node, node.step, affine_inputs[node])
    outputs = [
        builder.units[n]
        if n.is_population
        else builder.add(n, Output(), affine_inputs[n])
        for n in ends
    ]
    layers = {
        layer: builder.units[source]
        for layer, node in ann.layers.items()
        if node in values.known
        and (source := _equal_population(values.known[node])) in builder.units
    }
    layers |= {
        layer: unit
        for layer, node in ann.layers.items()
        for end, out, unit in zip(ends, ann.outputs, outputs, strict=True)
        if node in (end, out)
    }
    inputs = tuple(builder.units[n] for n in ann.inputs if n in builder.units)
    if len(inputs) < len(ann.inputs):
        raise ValidationError("convert: an input of the model leads to no output.")
    return Units(inputs, tuple(outputs), tuple(builder.units.values()), layers)


class _UnitBuilder:
    """Builder of units in topological order.

    Attributes:
        ends: nodes of the model's outputs, without softmax.
        shapes: {node: shape of its population}, where it is not the node's.
        units: {node: unit} of the units so far.
    """

    def __init__(self, ends: Sequence[Node], shapes: Mapping[Node, Shape]) -> None:
        self.ends = ends
        self.shapes = shapes
        self.units: dict[Node, Unit] = {}

    def add(self, node: Node, step: Step, affine_input: Affine) -> Unit:
        """Adds and returns the unit of a node.

        Args:
            node: the node.
            step: operation of the unit.
            affine_input: input of the unit as a sum of chains and a bias.
        """
        terms = tuple(
            (self.units[source], _without_reshape(chain, self.units[source].shape))
            for source, chain in affine_input.terms
        )
        shape = self.shapes.get(node, node.shape)
        bias = affine_input.bias.reshape(shape)
        unit = Unit(node.layer, step, shape, bias, terms, node in self.ends)
        self.units[node] = unit
        return unit


def _fused(value: Affine) -> Affine:
    """Returns a value with chains fused as far as possible."""
    return Affine(tuple((n, fuse(c)) for n, c in value.terms), value.bias)


def _end(node: Node, steps: Collection[type[Step]]) -> Node:
    """Returns the node that an output reads.

    It is the operand of a softmax, and of a sigmoid if there are no neurons for it. A
    maximum of numbers of either sign is read through a sum, which removes the offset of
    the code.

    Args:
        node: node of the output.
        steps: operations for which there are neurons.
    """
    step = node.step
    is_sigmoid = isinstance(step, Activate) and step.function == "sigmoid"
    if isinstance(step, Softmax) or (is_sigmoid and Activate not in steps):
        (node,) = node.inputs
    if isinstance(node.step, MaxPool) and not rectified(node):
        bias = BiasStep(np.zeros(node.shape, np.float32))
        return Node(node.layer, bias, (node,), node.shape)
    return node


def _without_reshape(chain: Chain, shape: Shape) -> Chain:
    """Returns a chain without a leading change to the shape of its source."""
    if chain and isinstance(chain[0], Reshape) and chain[0].shape == shape:
        return chain[1:]
    return chain


def _image_shapes(affine_inputs: Mapping[Node, Affine]) -> dict[Node, Shape]:
    """Returns {node: image shape} for flat populations that targets read as images."""
    return {
        node: chain[0].shape
        for value in affine_inputs.values()
        for node, chain in value.terms
        if chain
        and isinstance(chain[0], Reshape)
        and isinstance(node.step, Rectify)
        and len(node.shape) == 1
        and len(chain[0].shape) == 3
    }


def _equal_population(value: Affine) -> Node | None:
    """Returns the population node that has a value; None if there is none."""
    is_single = len(value.terms) == 1 and not value.bias.any()
    if is_single and all(isinstance(m, Reshape) for m in value.terms[0][1]):
        return value.terms[0][0]
    return None


def _check(node: Node, steps: Collection[type[Step]]) -> None:
    """Raises UnsupportedError if spiking neurons cannot compute a node.

    Args:
        node: the node.
        steps: operations for which there are neurons.
    """
    name = f"Layer '{node.layer.name}' ({type(node.layer).__name__})"
    if isinstance(node.step, Softmax):
        raise UnsupportedError(
            f"{name}: softmax is understood at the output of a model only. Use 'relu' "
            "inside."
        )
    if isinstance(node.step, Activate) and Activate not in steps:
        raise UnsupportedError(
            f"{name}: spikes of a rate code add up linearly and have no activation "
            f"'{node.step.function}'. Use FewSpike, or train the model with 'relu'."
        )
    is_signed = any(isinstance(x.step, Linear) for x in node.inputs)
    if isinstance(node.step, MaxPool) and is_signed and Linear not in steps:
        raise UnsupportedError(
            f"{name}: maxima are taken of spikes, and numbers below zero have none. "
            "Put a ReLU right before or after it, or use FewSpike or DataNorm, which "
            "send numbers of either sign."
        )
