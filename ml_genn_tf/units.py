"""Units: layers of an ANN that become populations, and the chains between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn_tf.fusion import Chain, fuse
from ml_genn_tf.graph import (
    Affine,
    MaxPool,
    Node,
    Rectify,
    Softmax,
    Source,
    Step,
    affine,
    rectified,
    topological_order,
)
from ml_genn_tf.linear_maps import NO_PADDING, AvgPool, Reshape, Shape, same_padding
from ml_genn_tf.tracing import Ann


class Output(Step):
    """Affine output of the model, which is read without rectification."""


@dataclass(frozen=True, eq=False)
class Unit:
    """Layer of neurons of an ANN, which becomes a population.

    Args:
        layer: the Keras layer whose output the neurons compute.
        step: `Source`, `Rectify`, `MaxPool` or `Output`.
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
    def limit(self) -> float | None:
        """Upper bound of the activation function; None if there is none."""
        return self.step.limit if isinstance(self.step, Rectify) else None

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

    def values(self, x: Sequence[np.ndarray]) -> dict[Unit, np.ndarray]:
        """Returns the activations of all units for examples of each input.

        Args:
            x: an array (examples,) + shape for each input.
        """
        activations: dict[Unit, np.ndarray] = {}
        inputs = dict(zip(self.inputs, x, strict=True))
        for unit in self.all:
            if unit in inputs:
                activations[unit] = np.asarray(inputs[unit], np.float32)
            else:
                activations[unit] = _activation(unit, activations)
        return activations


def _activation(unit: Unit, known: Mapping[Unit, np.ndarray]) -> np.ndarray:
    step = unit.step
    if isinstance(step, MaxPool):
        return _max_pooled(step, known[unit.sources[0]], unit.shape)
    total = np.zeros((len(known[unit.sources[0]]), *unit.shape), np.float32)
    total += unit.bias
    for source, chain in unit.terms:
        x = known[source]
        for linear in chain:
            x = linear.apply(x.reshape(len(x), *linear.source))
        total += x.reshape(total.shape)
    if isinstance(step, Rectify):
        np.clip(total, 0.0, step.limit, out=total)
    return total


def _max_pooled(step: MaxPool, x: np.ndarray, shape: Shape) -> np.ndarray:
    """Returns the maxima of patches of nonnegative values."""
    image = x.shape[1:]
    padding = same_padding(image, step.size, step.strides) if step.same else NO_PADDING
    maxima = np.zeros((len(x), *shape), np.float32)
    for _, _, pixels in AvgPool(image, step.strides, padding, step.size).patches(x):
        np.maximum(maxima, pixels, out=maxima)
    return maxima


def make_units(ann: Ann) -> Units:
    """Returns the units of an ANN.

    Raises:
        UnsupportedError: if spiking neurons cannot compute an operation.
        ValidationError: if an input leads to no output.
    """
    ends = [n.inputs[0] if isinstance(n.step, Softmax) else n for n in ann.outputs]
    for end in ends:
        if isinstance(end.step, Source):
            raise UnsupportedError(
                f"Layer '{end.layer.name}' (InputLayer): an input is no output. Put a "
                "layer with weights in between."
            )
    builder = _UnitBuilder(ann, ends)
    order = topological_order(ends)
    for node in order:
        _check(node)
    populations = [n for n in order if n.is_population]
    affine_inputs = {n: _affine_input(n, builder.known) for n in (*populations, *ends)}
    builder.shapes.update(_image_shapes(affine_inputs))
    for node in populations:
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
        if (source := _equal_population(node, builder.known)) in builder.units
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
        known: {node: affine value}, filled by `affine`.
        shapes: {node: shape of its population}, where it is not the node's.
        units: {node: unit} of the units so far.
    """

    def __init__(self, ann: Ann, ends: Sequence[Node]) -> None:
        self.ends = ends
        self.known: dict[Node, Affine] = {}
        self.shapes: dict[Node, Shape] = {}
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


def _affine_input(node: Node, known: dict[Node, Affine]) -> Affine:
    """Returns the input of a unit, with chains fused as far as possible."""
    value = Affine((), np.zeros(node.shape, np.float32))
    if isinstance(node.step, MaxPool):
        value = replace(value, terms=affine(node.inputs[0], known).terms)
    elif not isinstance(node.step, Source):
        value = affine(node.inputs[0] if node.is_population else node, known)
    return Affine(tuple((n, fuse(c)) for n, c in value.terms), value.bias)


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


def _equal_population(node: Node, known: dict[Node, Affine]) -> Node | None:
    """Returns the population node with the values of a node; None if there is none."""
    value = affine(node, known)
    is_single = len(value.terms) == 1 and not value.bias.any()
    if is_single and all(isinstance(m, Reshape) for m in value.terms[0][1]):
        return value.terms[0][0]
    return None


def _check(node: Node) -> None:
    """Raises UnsupportedError if spiking neurons cannot compute a node."""
    name = f"Layer '{node.layer.name}' ({type(node.layer).__name__})"
    if isinstance(node.step, Softmax):
        raise UnsupportedError(
            f"{name}: softmax is understood at the output of a model only. Use 'relu' "
            "inside."
        )
    if isinstance(node.step, MaxPool) and not (
        isinstance(node.inputs[0].step, Source) or rectified(node.inputs[0])
    ):
        raise UnsupportedError(
            f"{name}: maxima are taken of spikes, and numbers below zero have none. "
            "Put a ReLU right before or after it."
        )
