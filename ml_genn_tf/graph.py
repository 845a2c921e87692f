"""Graph of a trained ANN, and the affine maps between its neurons.

An ANN is affine between its activation functions and maxima: values are sums of linear
maps of populations, and a bias (`Affine`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np

from ml_genn.model.equations.expression import evaluate
from ml_genn.neurons.few_spike.functions import VARIABLE, function_text
from ml_genn_tf.fusion import Chain
from ml_genn_tf.linear_maps import (
    AvgPool,
    LinearMap,
    Pad,
    Pair,
    Reshape,
    Scatter,
    Shape,
)


@dataclass(frozen=True, eq=False)
class Node:
    """One operation of an ANN.

    Args:
        layer: the Keras layer of which the operation is a part.
        step: kind of operation.
        inputs: nodes whose values are the operands.
        shape: shape of the value, for one example.
    """

    layer: Any
    step: Step
    inputs: tuple[Node, ...]
    shape: Shape

    @property
    def is_population(self) -> bool:
        """True if the node becomes a population: its step is not affine."""
        return isinstance(self.step, Nonlinear)


@dataclass(frozen=True, eq=False)
class Affine:
    """Sum of linear maps of nodes, and a bias.

    Args:
        terms: (node that becomes a population, chain of linear maps).
        bias: bias in the shape of one example.
    """

    terms: tuple[tuple[Node, Chain], ...]
    bias: np.ndarray

    def then(self, step: LinearMap) -> Affine:
        """Returns the sum after a further linear map."""
        terms = tuple((node, (*chain, step)) for node, chain in self.terms)
        return Affine(terms, step.apply(self.bias[None])[0])

    def __add__(self, other: Affine) -> Affine:
        return Affine(self.terms + other.terms, self.bias + other.bias)


class Step:
    """Base of the operations of nodes."""


class AffineStep(Step, ABC):
    """Base of affine operations."""

    @abstractmethod
    def of(self, inputs: Sequence[Affine]) -> Affine:
        """Returns the value in terms of the inputs' values."""

    def maps(self, inputs: Sequence[Node]) -> tuple[LinearMap | None, ...]:
        """Returns the linear map of each input; None where it is the identity."""
        return (None,) * len(inputs)


@dataclass(frozen=True, eq=False)
class LinearStep(AffineStep):
    """Linear map of the only input."""

    linear: LinearMap

    def of(self, inputs: Sequence[Affine]) -> Affine:
        """Returns the value in terms of the inputs' values."""
        return inputs[0].then(self.linear)

    def maps(self, inputs: Sequence[Node]) -> tuple[LinearMap | None, ...]:
        """Returns the linear map of each input."""
        return (self.linear,)


@dataclass(frozen=True, eq=False)
class BiasStep(AffineStep):
    """Sum of the only input and a bias."""

    bias: np.ndarray

    def of(self, inputs: Sequence[Affine]) -> Affine:
        """Returns the value in terms of the inputs' values."""
        return replace(inputs[0], bias=inputs[0].bias + self.bias)


class Sum(AffineStep):
    """Sum of the inputs."""

    def of(self, inputs: Sequence[Affine]) -> Affine:
        """Returns the value in terms of the inputs' values."""
        return reduce(Affine.__add__, inputs)


@dataclass(frozen=True, eq=False)
class Concatenate(AffineStep):
    """Concatenation of the inputs.

    Args:
        scatters: position of each input in the result.
    """

    scatters: tuple[Scatter, ...]

    def of(self, inputs: Sequence[Affine]) -> Affine:
        """Returns the value in terms of the inputs' values."""
        return reduce(Affine.__add__, map(Affine.then, inputs, self.scatters))

    def maps(self, inputs: Sequence[Node]) -> tuple[LinearMap | None, ...]:
        """Returns the linear map of each input."""
        return self.scatters


class Nonlinear(Step):
    """Base of operations that become populations."""


class Source(Nonlinear):
    """Input of the model."""


@dataclass(frozen=True, eq=False)
class Rectify(Nonlinear):
    """Rectified linear activation max(x, 0) of the only input.

    Args:
        limit: upper bound of the activation; None if there is none.
    """

    limit: float | None = None


class Linear(Nonlinear):
    """Affine value of the only input, of either sign, that a population sends.

    It becomes a population where maxima are computed of it, or where the maps before
    and after it have no common connectivity.
    """


@dataclass(frozen=True, eq=False)
class Activate(Nonlinear):
    """Activation function of the only input.

    Args:
        function: name of the function, or an expression in x, as for
            `ml_genn.neurons.FewSpikeActivation`.
    """

    function: str

    def of(self, x: np.ndarray) -> np.ndarray:
        """Returns the function of numbers."""
        text = function_text("Activate", self.function)
        return evaluate(text, {VARIABLE: x.astype(float)}).astype(np.float32)


@dataclass(frozen=True, eq=False)
class MaxPool(Nonlinear):
    """Max pooling of the only input.

    Args:
        size, strides: size and strides of the patches in pixels.
        same: True for Keras' padding "same": the number of patches is the number of
            pixels divided by the strides, rounded up.
    """

    size: Pair
    strides: Pair
    same: bool


class Softmax(Step):
    """Softmax of the only input, which is an output of the ANN."""


#: Steps and linear maps whose results are nonnegative if all inputs are.
KEEP_SIGN = (Sum, Concatenate, MaxPool)
KEEP_SIGN_MAPS = (Pad, Scatter, AvgPool, Reshape)


def rectified(node: Node) -> bool:
    """Returns True if the value of a node is never negative."""
    step = node.step
    if isinstance(step, Rectify):
        return True
    keeps_sign = isinstance(step, KEEP_SIGN) or (
        isinstance(step, LinearStep) and isinstance(step.linear, KEEP_SIGN_MAPS)
    )
    return keeps_sign and all(rectified(x) for x in node.inputs)


def rectify(layer: Any, node: Node, limit: float | None = None) -> Node:
    """Returns a node with the rectified value of a node.

    Rectification and max pooling commute, so pooling is moved behind it: maxima are
    computed of spikes, which are never negative.
    """
    if isinstance(node.step, Linear):
        (node,) = node.inputs
    if isinstance(node.step, MaxPool) and not (rectified(node) and limit is None):
        (source,) = node.inputs
        return replace(node, inputs=(rectify(layer, source, limit),))
    if limit is None and node.is_population and rectified(node):
        return node
    return Node(layer, Rectify(limit), (node,), node.shape)


def max_pool(layer: Any, node: Node, step: MaxPool, shape: Shape) -> Node:
    """Returns a max-pooling node; an affine input becomes a population."""
    if not node.is_population and rectified(node):
        node = rectify(layer, node)
    if not node.is_population:
        node = linear(node)
    return Node(layer, step, (node,), shape)


def linear(node: Node) -> Node:
    """Returns a node that sends the affine value of a node."""
    return Node(node.layer, Linear(), (node,), node.shape)


def topological_order(outputs: Sequence[Node]) -> list[Node]:
    """Returns all nodes on which outputs depend, in topological order."""
    ordered: dict[Node, None] = {}
    stack = list(reversed(outputs))
    while stack:
        missing = [x for x in reversed(stack[-1].inputs) if x not in ordered]
        if missing:
            stack.extend(missing)
        else:
            ordered[stack.pop()] = None
    return list(ordered)
