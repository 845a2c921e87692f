"""A trained ANN as a graph of simple steps, and what is linear in it.

Between neurons that rectify, an ANN is affine: `affine` collects what reaches a step as
a sum of linear maps of neurons, and a bias.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np

from ml_genn_tf.fusing import Chain
from ml_genn_tf.linear import Linear, Pad, Pair, Place, Pool, Reshape, Shape


@dataclass(frozen=True, eq=False)
class Node:
    """A step of an ANN.

    Args:
        layer: the Keras layer that it is a part of.
        step: what it does.
        inputs: what it is done to.
        shape: of an example of what comes out.
    """

    layer: Any
    step: Step
    inputs: tuple[Node, ...]
    shape: Shape

    @property
    def neurons(self) -> bool:
        """Whether it becomes a population: it is not affine."""
        return isinstance(self.step, Nonlinear)


@dataclass(frozen=True, eq=False)
class Affine:
    """A sum of linear maps of what comes out of nodes, and a bias.

    Args:
        terms: (node that becomes a population, maps one after the other).
        bias: of the shape of an example.
    """

    terms: tuple[tuple[Node, Chain], ...]
    bias: np.ndarray

    def then(self, step: Linear) -> Affine:
        """A linear map of it."""
        terms = tuple((node, (*chain, step)) for node, chain in self.terms)
        return Affine(terms, step.apply(self.bias[None])[0])

    def __add__(self, other: Affine) -> Affine:
        return Affine(self.terms + other.terms, self.bias + other.bias)


class Step:
    """What a node does."""


class AffineStep(Step, ABC):
    """A step that is affine."""

    @abstractmethod
    def of(self, inputs: Sequence[Affine]) -> Affine:
        """What comes out."""


@dataclass(frozen=True, eq=False)
class Map(AffineStep):
    """A linear map of the only input."""

    linear: Linear

    def of(self, inputs: Sequence[Affine]) -> Affine:
        """What comes out."""
        return inputs[0].then(self.linear)


@dataclass(frozen=True, eq=False)
class Shift(AffineStep):
    """A bias added to the only input."""

    bias: np.ndarray

    def of(self, inputs: Sequence[Affine]) -> Affine:
        """What comes out."""
        return replace(inputs[0], bias=inputs[0].bias + self.bias)


class Sum(AffineStep):
    """The sum of the inputs."""

    def of(self, inputs: Sequence[Affine]) -> Affine:
        """What comes out."""
        return reduce(Affine.__add__, inputs)


@dataclass(frozen=True, eq=False)
class Join(AffineStep):
    """The inputs beside each other.

    Args:
        places: where each one goes.
    """

    places: tuple[Place, ...]

    def of(self, inputs: Sequence[Affine]) -> Affine:
        """What comes out."""
        return reduce(Affine.__add__, map(Affine.then, inputs, self.places))


class Nonlinear(Step):
    """A step that becomes a population."""


class Source(Nonlinear):
    """Data of the user."""


@dataclass(frozen=True, eq=False)
class Rectify(Nonlinear):
    """What is above zero of the only input.

    Args:
        limit: the highest value; None if there is none.
    """

    limit: float | None = None


@dataclass(frozen=True, eq=False)
class Maximum(Nonlinear):
    """Maxima of patches of the only input.

    Args:
        size, strides: of patches in pixels.
        same: whether there are as many as pixels divided by strides, rounded up.
    """

    size: Pair
    strides: Pair
    same: bool


class Softmax(Step):
    """Probabilities of the only input, which is an output of the ANN."""


KEEP_SIGN = (Sum, Join, Maximum)  #: above zero where all inputs are
KEEP_SIGN_MAPS = (Pad, Place, Pool, Reshape)


def rectified(node: Node) -> bool:
    """Whether nothing that comes out is below zero."""
    step = node.step
    if isinstance(step, Rectify):
        return True
    keeps = isinstance(step, KEEP_SIGN) or (
        isinstance(step, Map) and isinstance(step.linear, KEEP_SIGN_MAPS)
    )
    return keeps and all(rectified(x) for x in node.inputs)


def rectify(layer: Any, node: Node, limit: float | None = None) -> Node:
    """What is above zero; maxima are taken of what has been rectified."""
    if isinstance(node.step, Maximum) and not (rectified(node) and limit is None):
        (before,) = node.inputs
        return replace(node, inputs=(rectify(layer, before, limit),))
    if limit is None and node.neurons and rectified(node):
        return node
    return Node(layer, Rectify(limit), (node,), node.shape)


def maximum(layer: Any, node: Node, step: Maximum, shape: Shape) -> Node:
    """Maxima of patches; what is known to be above zero becomes a population first."""
    if not node.neurons and rectified(node):
        node = rectify(layer, node)
    return Node(layer, step, (node,), shape)


def affine(node: Node, known: dict[Node, Affine]) -> Affine:
    """What comes out of a node, in terms of nodes that become populations.

    Args:
        node: any node.
        known: what has been found already; filled.
    """
    if node not in known:
        if isinstance(node.step, AffineStep):
            known[node] = node.step.of([affine(x, known) for x in node.inputs])
        else:
            known[node] = Affine(((node, ()),), np.zeros(node.shape, np.float32))
    return known[node]


def in_order(outputs: Sequence[Node]) -> list[Node]:
    """All nodes that outputs depend on, each after its inputs."""
    found: dict[Node, None] = {}
    todo = list(reversed(outputs))
    while todo:
        missing = [x for x in reversed(todo[-1].inputs) if x not in found]
        if missing:
            todo.extend(missing)
        else:
            found[todo.pop()] = None
    return list(found)
