"""Layouts: shapes of neurons, and their order in a graph and in a network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from ml_genn.errors import ValidationError
from ml_genn.nir.affine import Shape, output_shape
from ml_genn.nir.flat_graph import FlatGraph
from ml_genn.nir.schema import NEURONS, POOLS

Image = tuple[int, int, int]


@dataclass(frozen=True)
class Chain:
    """Affine nodes between two nodes of neurons.

    Args:
        source, target: names of the nodes at its ends.
        nodes: names of the nodes in between, in order.
    """

    source: str
    nodes: tuple[str, ...]
    target: str


@dataclass(frozen=True)
class Layout:
    """Shape and order of neurons.

    In a graph, images have the shape (channels, rows, columns), and lists that are made
    of images the same order. In a network, images have their channels last.

    Args:
        graph_shape: shape in the graph.
        image: channels, rows and columns of neurons that are an image in the network;
            None if they have the graph's shape and order.
    """

    graph_shape: Shape
    image: Image | None

    @property
    def shape(self) -> Shape:
        """Shape of the population."""
        if self.image is None:
            return self.graph_shape
        channels, rows, columns = self.image
        return rows, columns, channels

    @property
    def is_reordered(self) -> bool:
        """True if neurons have another order in the network than in the graph."""
        return self.image is not None and is_reordered(self.image)

    def order(self) -> np.ndarray:
        """Returns the index in the graph of each neuron of the population."""
        indices = np.arange(prod(self.graph_shape))
        if self.image is None:
            return indices
        return np.ravel(indices.reshape(self.image).transpose(1, 2, 0))

    def position(self) -> np.ndarray:
        """Returns the index in the population of each neuron of the graph."""
        return np.argsort(self.order())

    def from_graph(self, values: np.ndarray) -> np.ndarray:
        """Returns values of neurons in the shape of the population.

        Args:
            values: one value, or an array that the shape in the graph broadcasts with
                or that has as many values.
        """
        if values.size == prod(self.graph_shape):
            full: np.ndarray = values.reshape(self.graph_shape)
        else:
            full = np.broadcast_to(values, self.graph_shape)
        if self.image is None:
            return full
        return full.reshape(self.image).transpose(1, 2, 0)

    def to_graph(self, values: np.ndarray) -> np.ndarray:
        """Returns values of neurons in the shape of the graph.

        Args:
            values: one value, or one for each neuron in the order of the population.
        """
        full = np.broadcast_to(values.astype(float).ravel(), prod(self.graph_shape))
        return np.reshape(full[self.position()], self.graph_shape)


def is_reordered(image: Image) -> bool:
    """Returns True if pixels and channels are in another order with channels last."""
    return image[0] > 1 and image[1] * image[2] > 1


def chain_shapes(graph: FlatGraph, chain: Chain, source: Shape) -> list[Shape]:
    """Returns the shape of the input of each node of a chain, then that of its value.

    Raises:
        UnsupportedError, ValidationError: if a node cannot take its input.
    """
    shapes = [source]
    for name in chain.nodes:
        where = f"NIR node '{name}'"
        shapes.append(output_shape(where, graph.nodes[name], shapes[-1]))
    return shapes


def layouts_of(
    graph: FlatGraph, chains: Sequence[Chain], outputs: Iterable[str]
) -> dict[str, Layout]:
    """Returns the layouts of inputs and neurons.

    Lists that are made of an image stay images in the network, so that convolutions
    remain convolutions; outputs have the graph's order.

    Args:
        graph: the graph.
        chains: all chains between neurons.
        outputs: names of neurons that lead to an output.

    Raises:
        ValidationError: if shapes do not fit, or nothing says how many neurons a node
            has.
    """
    shapes = _graph_shapes(graph, chains)
    outputs = set(outputs)
    layouts: dict[str, Layout] = {}
    for name, shape in shapes.items():
        image = _as_image(shape)
        if image is None and graph.kind(name) in NEURONS and name not in outputs:
            incoming = [chain for chain in chains if chain.target == name]
            images = {_image_at_end(graph, c, shapes, layouts) for c in incoming}
            images -= {None}
            if len(images) == 1:
                (only,) = images
                image = only if only is not None and is_reordered(only) else None
        layouts[name] = Layout(shape, image)
    return layouts


def _graph_shapes(graph: FlatGraph, chains: Sequence[Chain]) -> dict[str, Shape]:
    """Returns {name: shape in the graph}, from inputs to outputs."""
    shapes: dict[str, Shape] = {}
    for name in graph.inputs():
        shape = graph.nodes[name].shape
        if not shape:
            raise ValidationError(
                f"NIR node '{name}': an Input has a shape. Write the graph with the "
                "sizes of its inputs."
            )
        shapes[name] = shape
    pending = list(chains)
    while pending:
        ready = [c for c in pending if c.source in shapes]
        if not ready:
            shapes |= _own_shapes(graph, pending)
            continue
        for chain in ready:
            end = chain_shapes(graph, chain, shapes[chain.source])[-1]
            shapes[chain.target] = _merged(graph, chain.target, end, shapes)
            pending.remove(chain)
    return shapes


def _own_shapes(graph: FlatGraph, pending: Sequence[Chain]) -> dict[str, Shape]:
    """Returns the shape of a source that is not reached from any input."""
    for chain in pending:
        shape = graph.nodes[chain.source].shape
        if shape and prod(shape) > 1:
            return {chain.source: shape}
    raise ValidationError(
        f"NIR node '{pending[0].source}': nothing says how many neurons it has. Give "
        "its parameters one number for each."
    )


def _merged(
    graph: FlatGraph, name: str, received: Shape, shapes: Mapping[str, Shape]
) -> Shape:
    """Returns the shape of neurons that receive values of a shape.

    Raises:
        ValidationError: if it is not the shape of their parameters, or of what they
            receive from elsewhere.
    """
    own = shapes.get(name) or graph.nodes[name].shape or (1,)
    if prod(own) == prod(received) == 1:
        return max(own, received, key=len)
    both_images = len(own) == len(received) == 3
    if prod(own) == prod(received) and (own == received or not both_images):
        return own
    if name not in shapes and _broadcasts(own, received):
        return received
    raise ValidationError(
        f"NIR node '{name}': there are neurons of shape {own}, and what leads there "
        f"has shape {received}. Give both the same number of values."
    )


def _broadcasts(own: Shape, received: Shape) -> bool:
    """Returns True if parameters of a shape are those of neurons of another."""
    if prod(own) == 1:
        return True
    try:
        return np.broadcast_shapes(own, received) == received
    except ValueError:
        return False


def _as_image(shape: Shape) -> Image | None:
    return (shape[0], shape[1], shape[2]) if len(shape) == 3 else None


def _image_at_end(
    graph: FlatGraph,
    chain: Chain,
    shapes: Mapping[str, Shape],
    layouts: Mapping[str, Layout],
) -> Image | None:
    """Returns the image whose values a chain yields in order; None if there is none."""
    image = layouts[chain.source].image if chain.source in layouts else None
    steps = chain_shapes(graph, chain, shapes[chain.source])[1:]
    for name, shape in zip(chain.nodes, steps, strict=True):
        kind = graph.kind(name)
        if kind in (*POOLS, "Conv2d"):
            image = _as_image(shape)
        elif kind in ("Affine", "Linear"):
            image = None
    return image
