"""Choice of the affine values that become populations, and the chains between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ml_genn_tf.connectivity import is_proportional
from ml_genn_tf.graph import (
    Affine,
    AffineStep,
    Linear,
    MaxPool,
    Node,
    Source,
    linear,
)
from ml_genn_tf.linear_maps import LinearMap


@dataclass(frozen=True, eq=False)
class AffineValues:
    """Values of nodes as sums of linear maps of populations.

    Args:
        cuts: True if affine values may become populations.
        known: {node: its value in terms of populations}.
        inputs: {population: its input in terms of populations}, sources first.
        populations: {node: population that sends its affine value}.
    """

    cuts: bool
    known: dict[Node, Affine] = field(default_factory=dict)
    inputs: dict[Node, Affine] = field(default_factory=dict)
    populations: dict[Node, Node] = field(default_factory=dict)

    def add(self, node: Node) -> None:
        """Adds a node whose inputs have been added."""
        if isinstance(node.step, AffineStep):
            self._cut(node, node.step.maps(node.inputs))
            self.known[node] = node.step.of([self.known[x] for x in node.inputs])
        elif isinstance(node.step, Linear):
            self.known[node] = _itself(self._population(node.inputs[0], node))
        else:
            self.inputs[node] = self._input(node)
            self.known[node] = _itself(node)

    def _input(self, node: Node) -> Affine:
        """Returns the input of a population; a maximum has no bias."""
        nothing = np.zeros(node.shape, np.float32)
        if isinstance(node.step, Source):
            return Affine((), nothing)
        value = self.known[node.inputs[0]]
        return Affine(value.terms, nothing) if isinstance(node.step, MaxPool) else value

    def output(self, node: Node) -> Affine:
        """Returns the value of an output, without rounding by a population of its own.

        Args:
            node: an affine node.
        """
        population = self.populations.get(node)
        return self.known[node] if population is None else self.inputs[population]

    def _cut(self, node: Node, maps: Sequence[LinearMap | None]) -> None:
        """Makes inputs populations if their maps and that of a node do not combine."""
        for x, linear_map in zip(node.inputs, maps, strict=True):
            if linear_map is None or x.is_population or not self.cuts:
                continue
            chains = [(*chain, linear_map) for _, chain in self.known[x].terms]
            if not all(is_proportional(chain) for chain in chains):
                self.known[x] = _itself(self._population(x, linear(x)))

    def _population(self, node: Node, population: Node) -> Node:
        """Returns the population of an affine value: that of a call before, if any."""
        if node not in self.populations:
            self.populations[node] = population
            self.inputs[population] = self.known[node]
        return self.populations[node]


def _itself(node: Node) -> Affine:
    """Returns the value of a population in terms of itself."""
    return Affine(((node, ()),), np.zeros(node.shape, np.float32))


def affine_values(order: Sequence[Node], cuts: bool) -> AffineValues:
    """Returns the values of nodes in terms of populations.

    Args:
        order: nodes in topological order.
        cuts: True if affine values may become populations. Where a chain of maps has no
            connectivity of its size, such as two convolutions, the value between them
            then does.
    """
    values = AffineValues(cuts)
    for node in order:
        values.add(node)
    return values
