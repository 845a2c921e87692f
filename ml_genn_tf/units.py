"""What becomes populations and connections, before it has spikes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn_tf.fusing import Chain, fused
from ml_genn_tf.graph import (
    Affine,
    Maximum,
    Node,
    Rectify,
    Softmax,
    Source,
    Step,
    affine,
    in_order,
    rectified,
)
from ml_genn_tf.linear import NO_PADDING, Pool, Reshape, Shape, same_padding
from ml_genn_tf.walk import Ann


class Output(Step):
    """A sum that is read and not rectified."""


@dataclass(frozen=True, eq=False)
class Unit:
    """A layer of neurons.

    Args:
        layer: the Keras layer whose output its values are.
        step: `Source`, `Rectify`, `Maximum` or `Output`.
        shape: of the population.
        bias: what is added to what arrives.
        terms: (unit that values come from, linear maps one after the other).
        output: whether it is an output of the model.
    """

    layer: Any
    step: Step
    shape: Shape
    bias: np.ndarray
    terms: tuple[tuple[Unit, Chain], ...]
    output: bool

    @property
    def limit(self) -> float | None:
        """The highest value of its activation function; None if there is none."""
        return self.step.limit if isinstance(self.step, Rectify) else None

    @property
    def sources(self) -> tuple[Unit, ...]:
        """Units that values come from."""
        return tuple(unit for unit, _ in self.terms)


@dataclass(frozen=True, eq=False)
class Units:
    """All layers of neurons of an ANN.

    Args:
        inputs, outputs: those of the model, in its order.
        all: each after those that feed it.
        layers: {Keras layer: unit whose values are what comes out of it}.
    """

    inputs: tuple[Unit, ...]
    outputs: tuple[Unit, ...]
    all: tuple[Unit, ...]
    layers: dict[Any, Unit]

    def values(self, x: Sequence[np.ndarray]) -> dict[Unit, np.ndarray]:
        """What the neurons of the ANN compute for examples of each input."""
        found: dict[Unit, np.ndarray] = {}
        given = dict(zip(self.inputs, x, strict=True))
        for unit in self.all:
            if unit in given:
                found[unit] = np.asarray(given[unit], np.float32)
            else:
                found[unit] = _value(unit, found)
        return found


def _value(unit: Unit, known: Mapping[Unit, np.ndarray]) -> np.ndarray:
    step = unit.step
    if isinstance(step, Maximum):
        return _maximum(step, known[unit.sources[0]], unit.shape)
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


def _maximum(step: Maximum, x: np.ndarray, shape: Shape) -> np.ndarray:
    """Maxima of patches of what is not below zero."""
    image = x.shape[1:]
    padding = same_padding(image, step.size, step.strides) if step.same else NO_PADDING
    best = np.zeros((len(x), *shape), np.float32)
    for _, _, pixels in Pool(image, step.strides, padding, step.size).patches(x):
        np.maximum(best, pixels, out=best)
    return best


def make_units(ann: Ann) -> Units:
    """The layers of neurons of an ANN.

    Raises:
        UnsupportedError, ValidationError: if a layer is used in a way that spiking
            neurons cannot be.
    """
    ends = [n.inputs[0] if isinstance(n.step, Softmax) else n for n in ann.outputs]
    for end in ends:
        if isinstance(end.step, Source):
            raise UnsupportedError(
                f"Layer '{end.layer.name}' (InputLayer): an input is no output. Put a "
                "layer with weights in between."
            )
    made = _Units(ann, ends)
    order = in_order(ends)
    for node in order:
        _check(node)
    chosen = [n for n in order if n.neurons]
    forms = {n: _form(n, made.known) for n in (*chosen, *ends)}
    made.shapes.update(_image_shapes(forms))
    for node in chosen:
        made.add(node, node.step, forms[node])
    outputs = [
        made.units[n] if n.neurons else made.add(n, Output(), forms[n]) for n in ends
    ]
    layers = {
        layer: made.units[found]
        for layer, node in ann.layers.items()
        if (found := _neurons_of(node, made.known)) in made.units
    }
    layers |= {
        layer: unit
        for layer, node in ann.layers.items()
        for end, out, unit in zip(ends, ann.outputs, outputs, strict=True)
        if node in (end, out)
    }
    inputs = tuple(made.units[n] for n in ann.inputs if n in made.units)
    if len(inputs) < len(ann.inputs):
        raise ValidationError("convert: an input of the model leads to no output.")
    return Units(inputs, tuple(outputs), tuple(made.units.values()), layers)


class _Units:
    """Units as they are made, each after those that feed it."""

    def __init__(self, ann: Ann, ends: Sequence[Node]) -> None:
        self.ends = ends
        self.known: dict[Node, Affine] = {}
        self.shapes: dict[Node, Shape] = {}
        self.units: dict[Node, Unit] = {}

    def add(self, node: Node, step: Step, form: Affine) -> Unit:
        """The unit of a node."""
        terms = tuple(
            (self.units[source], _from(chain, self.units[source].shape))
            for source, chain in form.terms
        )
        shape = self.shapes.get(node, node.shape)
        bias = form.bias.reshape(shape)
        unit = Unit(node.layer, step, shape, bias, terms, node in self.ends)
        self.units[node] = unit
        return unit


def _form(node: Node, known: dict[Node, Affine]) -> Affine:
    """What arrives at a unit, with chains as short as can be."""
    form = Affine((), np.zeros(node.shape, np.float32))
    if isinstance(node.step, Maximum):
        form = replace(form, terms=affine(node.inputs[0], known).terms)
    elif not isinstance(node.step, Source):
        form = affine(node.inputs[0] if node.neurons else node, known)
    return Affine(tuple((n, fused(c)) for n, c in form.terms), form.bias)


def _from(chain: Chain, shape: Shape) -> Chain:
    """A chain without the change of shape that its source has made already."""
    if chain and isinstance(chain[0], Reshape) and chain[0].shape == shape:
        return chain[1:]
    return chain


def _image_shapes(forms: Mapping[Node, Affine]) -> dict[Node, Shape]:
    """Flat populations that are used as images."""
    return {
        node: chain[0].shape
        for form in forms.values()
        for node, chain in form.terms
        if chain
        and isinstance(chain[0], Reshape)
        and isinstance(node.step, Rectify)
        and len(node.shape) == 1
        and len(chain[0].shape) == 3
    }


def _neurons_of(node: Node, known: dict[Node, Affine]) -> Node | None:
    """The node of neurons whose values are those of a node; None if there is none."""
    form = affine(node, known)
    same = len(form.terms) == 1 and not form.bias.any()
    if same and all(isinstance(m, Reshape) for m in form.terms[0][1]):
        return form.terms[0][0]
    return None


def _check(node: Node) -> None:
    name = f"Layer '{node.layer.name}' ({type(node.layer).__name__})"
    if isinstance(node.step, Softmax):
        raise UnsupportedError(
            f"{name}: softmax is understood at the output of a model only. Use 'relu' "
            "inside."
        )
    if isinstance(node.step, Maximum) and not (
        isinstance(node.inputs[0].step, Source) or rectified(node.inputs[0])
    ):
        raise UnsupportedError(
            f"{name}: maxima are taken of spikes, and numbers below zero have none. "
            "Put a ReLU right before or after it."
        )
