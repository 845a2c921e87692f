"""NIR graphs as our networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from ml_genn.connection import Connection
from ml_genn.connectivity import (
    AvgPool2D,
    AvgPoolConv2D,
    AvgPoolDense2D,
    Connectivity,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    OneToOne,
)
from ml_genn.connectivity.shared import Image, convolved
from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.network import Network
from ml_genn.neurons import SpikeInput
from ml_genn.nir.cells import Cell, cell_from, ours
from ml_genn.nir.dialects import Dialect, dialect_named
from ml_genn.nir.exporting import DIALECT, ORDER, READOUT, STEP
from ml_genn.nir.files import library, read
from ml_genn.population import Population
from ml_genn.utils.checks import free_name, shown

NEURONS = ("CubaLI", "CubaLIF", "IF", "LI", "LIF")
POOLS, WEIGHTS = ("AvgPool2d", "SumPool2d"), ("Affine", "Conv2d", "Linear")
#: Nodes that leave numbers as they are, in one order or another.
PASSES = ("Flatten", "Input", "Output")
KNOWN = (*NEURONS, *POOLS, *WEIGHTS, *PASSES)
REMEDIES = {
    "Conv1d": "Write it as a Conv2d whose images have one row.",
    "Delay": "Leave it out, or pass the delay to Connection afterwards.",
    "I": "Use a LI with a long tau.",
    "Scale": "Multiply the weights before or after it.",
    "Threshold": "Use an IF, LIF or CubaLIF, which have a threshold.",
}


def import_graph(
    graph: Any,
    dt: float | None = None,
    dialect: str | Dialect | None = None,
    readout: Any = None,
) -> Network:
    """A NIR graph as a network, whose populations have the names of its nodes.

    Images have channels first in the graph and last in the network.

    Args:
        graph: a ``nir.NIRGraph``, or the path of a file that has one.
        dt: time step [ms] that the network will be run with; None (default) for that
            of `export`, or 1.
        dialect: who wrote the graph: "exact", "norse", "snntorch" or a `Dialect`; None
            (default) for that of `export`, or "exact".
        readout: readout of the outputs; None (default) for that of `export`, or
            "avg_var" where they do not spike and "spike_count" where they do.

    Raises:
        UnsupportedError: if there is a node that we do not have, by its name.
        ValidationError: if shapes do not fit.
    """
    nir = library()
    if isinstance(graph, str | Path):
        graph = read(graph)
    if not isinstance(graph, nir.NIRGraph):
        raise ValidationError(
            "nir.import_graph: expected a nir.NIRGraph, or the path of a file. "
            f"Received {shown(graph)}."
        )
    said = graph.metadata
    dialect = said.get(DIALECT, "exact") if dialect is None else dialect
    found = dialect_named("nir.import_graph", dialect)
    step = float(said.get(STEP, 1.0)) if dt is None else dt
    return _Reader(_flat(graph), found, step, readout).network()


@dataclass(frozen=True)
class _Flat:
    """A graph without graphs in it."""

    nodes: dict[str, Any]
    edges: list[tuple[str, str]]

    def kind(self, name: str) -> str:
        """The class of a node."""
        return type(self.nodes[name]).__name__

    def after(self, name: str) -> list[str]:
        """Nodes that an edge leads to."""
        return [target for source, target in self.edges if source == name]

    def order(self, name: str) -> int:
        """When `export` met it; others come after, as they are in the graph."""
        return int(self.nodes[name].metadata.get(ORDER, len(self.nodes)))

    def is_end(self, name: str) -> bool:
        """Whether it is an input or output of the whole graph."""
        return self.kind(name) in ("Input", "Output") and "/" not in name

    def chains(
        self, name: str, chain: tuple[str, ...] = ()
    ) -> Iterator[tuple[tuple[str, ...], str]]:
        """What leads from a node to neurons and outputs, and which these are."""
        for after in self.after(name):
            if self.kind(after) in NEURONS or self.is_end(after):
                yield chain, after
            elif after in chain:
                raise ValidationError(
                    f"NIR node '{after}': it leads to itself without any neurons on "
                    "the way. Put neurons there."
                )
            else:
                yield from self.chains(after, (*chain, after))


def _flat(graph: Any, prefix: str = "") -> _Flat:
    """All nodes; those of a graph inside are named ``<graph>/<node>``."""
    nodes: dict[str, Any] = {}
    starts: dict[str, str] = {}
    ends: dict[str, str] = {}
    edges: list[tuple[str, str]] = []
    for name, node in graph.nodes.items():
        kind, full = type(node).__name__, f"{prefix}{name}"
        if kind == "NIRGraph":
            inner = _flat(node, f"{full}/")
            nodes |= inner.nodes
            edges += inner.edges
            starts[name] = _only(full, "Input", node, prefix)
            ends[name] = _only(full, "Output", node, prefix)
            continue
        if kind not in KNOWN:
            raise UnsupportedError(
                f"NIR node '{full}': there is no {kind} here. "
                f"{REMEDIES.get(kind, '')} Known: {', '.join(KNOWN)}.".replace(
                    "  ", " "
                )
            )
        nodes[full] = node
    for source, target in graph.edges:
        for end in (source, target):
            if end not in graph.nodes:
                raise ValidationError(
                    f"NIR edge ({source!r}, {target!r}): there is no node '{end}'. "
                    f"Nodes: {', '.join(graph.nodes)}."
                )
        first = ends.get(source, f"{prefix}{source}")
        edges.append((first, starts.get(target, f"{prefix}{target}")))
    return _Flat(nodes, edges)


def _only(name: str, kind: str, graph: Any, prefix: str) -> str:
    found = [k for k, node in graph.nodes.items() if type(node).__name__ == kind]
    if len(found) != 1:
        raise UnsupportedError(
            f"NIR graph '{name}': a graph in a graph has one {kind}. Received "
            f"{len(found)}. Put its nodes into the outer graph."
        )
    return f"{name}/{found[0]}"


@dataclass(frozen=True)
class _Reader:
    """A network as it grows, from the inputs on."""

    graph: _Flat
    dialect: Dialect
    dt: float
    readout: Any

    def network(self) -> Network:
        """The network."""
        graph, made = self.graph, dict[str, Population]()
        chains = {
            name: list(graph.chains(name))
            for name in graph.nodes
            if graph.kind(name) in NEURONS or graph.kind(name) == "Input"
            if "/" not in name or graph.kind(name) != "Input"
        }
        inputs = [name for name in chains if graph.kind(name) == "Input"]
        if not inputs:
            raise ValidationError("NIR graph: there is no Input. Add one.")
        self._check_outputs(chains)
        cells = self._cells(chains)
        waiting = [
            (name, chain, target)
            for name, leading in chains.items()
            for chain, target in leading
            if graph.kind(target) != "Output"
        ]
        self._check_reached(chains, {target for _, _, target in waiting})
        network = Network()
        with network:
            for name in sorted(chains, key=graph.order):
                neuron = cells[name][0] if name in cells else SpikeInput()
                made[name] = self._population(name, neuron, made)
            waiting.sort(key=lambda one: graph.order((one[2], *one[1])[-1]))
            while waiting:
                known = [one for one in waiting if made[one[0]].shape]
                if not known:
                    raise ValidationError(
                        f"NIR node '{waiting[0][0]}': nothing says how many neurons it "
                        "has. Give its parameters one number for each."
                    )
                self._connect(*known[0], made, cells, network)
                waiting.remove(known[0])
        return network

    def _check_reached(self, chains: Any, reached: set[str]) -> None:
        for name in chains:
            if self.graph.kind(name) in NEURONS and name not in reached:
                raise ValidationError(
                    f"NIR node '{name}': nothing leads there. Connect it or leave it "
                    "out."
                )

    def _connect(
        self,
        name: str,
        chain: tuple[str, ...],
        target: str,
        made: dict[str, Population],
        cells: dict[str, Any],
        network: Network,
    ) -> None:
        _, synapse, factor = cells[target]
        source, after = made[name], made[target]
        connectivity = self._connectivity(chain, source, target, np.asarray(factor))
        own = [c for c in chain if self.graph.kind(c) not in PASSES]
        title = _last(own[-1]) if own else f"{source}_{after}"
        title = free_name(title, {c.name for c in network.connections})
        Connection(source, after, connectivity, synapse, name=title)

    def _check_outputs(self, chains: Any) -> None:
        for name, leading in chains.items():
            for chain, target in leading:
                weights = [c for c in chain if self.graph.kind(c) in (*WEIGHTS, *POOLS)]
                if self.graph.kind(target) == "Output" and (
                    weights or self.graph.kind(name) == "Input"
                ):
                    raise UnsupportedError(
                        f"NIR node '{target}': an output shows neurons, and '{name}' "
                        "leads there without any behind it. Put a LI before the output."
                    )

    def _cells(self, chains: Any) -> dict[str, Any]:
        """Neuron, synapse and factor of weights of each node of neurons."""
        graph = self.graph
        found: dict[str, Any] = {}
        leading = [(c, t) for one in chains.values() for c, t in one]
        outputs = {
            name
            for name, one in chains.items()
            if any(graph.kind(target) == "Output" for _, target in one)
        }
        for name in chains:
            if graph.kind(name) == "Input":
                continue
            where, node = f"NIR node '{name}'", graph.nodes[name]
            cell = cell_from(where, node, self.dialect, self.dt)
            current = sum(
                (self._bias(chain) for chain, target in leading if target == name),
                np.zeros(()),
            )
            if np.any(current != 0.0):
                cell, current = _with_current(where, cell, current)
            cell = _rows_first(where, cell)
            if current.ndim == 3:
                current = current.transpose(1, 2, 0)
            readout = self._readout(node, cell) if name in outputs else None
            found[name] = ours(cell, self.dt, current, readout)
        return found

    def _bias(self, chain: Sequence[str]) -> np.ndarray:
        """What the last weights of a chain add in each step."""
        node = self.graph.nodes[chain[-1]] if chain else None
        bias = np.asarray(getattr(node, "bias", 0.0), float)
        return (
            bias[:, None, None]
            if bias.size and type(node).__name__ == "Conv2d"
            else bias
        )

    def _readout(self, node: Any, cell: Cell) -> Any:
        if self.readout is not None:
            return self.readout
        spikes = bool(np.any(np.isfinite(cell.v_thresh)))
        return node.metadata.get(READOUT, "spike_count" if spikes else "avg_var")

    def _population(self, name: str, neuron: Any, made: Any) -> Population:
        shape = self.graph.nodes[name].input_type["input"]
        known = None if prod(map(int, shape)) == 1 else _shape(name, shape)
        taken = {population.name for population in made.values()}
        return Population(neuron, known, name=free_name(_last(name), taken))

    # ------------------------------------------------------------ connections
    def _connectivity(
        self, chain: Sequence[str], source: Population, target: str, factor: np.ndarray
    ) -> Connectivity:
        graph = self.graph
        kept = [c for c in chain if graph.kind(c) not in PASSES]
        kinds = tuple(graph.kind(c) for c in kept)
        nodes = [graph.nodes[c] for c in kept]
        pool = nodes[0] if kinds and kinds[0] in POOLS else None
        last = nodes[-1] if kinds and kinds[-1] in WEIGHTS else None
        if len(kept) != (pool is not None) + (last is not None):
            raise UnsupportedError(
                f"NIR nodes {', '.join(kept)}, which lead to '{target}': between "
                "neurons there may be pooling, then weights, once each. Put neurons "
                "between them, or multiply weights."
            )
        if last is not None and kinds[-1] == "Conv2d":
            return self._convolution(kept[-1], last, pool, kinds[0], source, factor)
        if last is not None:
            return self._dense(kept[-1], last, pool, kinds[0], source, factor)
        if pool is not None:
            return self._pool(kept[-1], pool, kinds[0], source, factor)
        return OneToOne(float(factor) if factor.ndim == 0 else factor.ravel())

    def _dense(
        self,
        name: str,
        node: Any,
        pool: Any,
        pooling: str,
        source: Population,
        factor: np.ndarray,
    ) -> Connectivity:
        weight = np.asarray(node.weight)
        where = f"NIR node '{name}'"
        if weight.ndim != 2:
            raise UnsupportedError(
                f"{where}: weights have the shape (target, source). Received "
                f"{weight.shape}. Flatten what comes before."
            )
        image = source.shape if source.shape and len(source.shape) == 3 else None
        if pool is not None:
            size, strides, area = _pool_sizes(where, pool, pooling)
            image = _pooled(where, source, size, strides)
        if prod(image or source.shape or ()) != weight.shape[1]:
            raise ValidationError(
                f"{where}: weights of shape {weight.shape} take {weight.shape[1]} "
                f"numbers. Received {prod(image or source.shape or ())} from "
                f"'{source.name}', of shape {image or source.shape}."
            )
        if image is not None:
            rows, columns, channels = image
            given = weight.reshape(-1, channels, rows, columns).transpose(0, 2, 3, 1)
            weight = given.reshape(len(weight), -1)
        matrix = _times(weight.T, factor.ravel() if factor.ndim else factor)
        if pool is None:
            return Dense(matrix)
        return AvgPoolDense2D(_times(matrix, area), size, strides)

    def _convolution(
        self,
        name: str,
        node: Any,
        pool: Any,
        pooling: str,
        source: Population,
        factor: np.ndarray,
    ) -> Connectivity:
        where, weight = f"NIR node '{name}'", np.asarray(node.weight)
        image, area = _image(where, source), 1.0
        if pool is not None:
            size, strides, area = _pool_sizes(where, pool, pooling)
            image = _pooled(where, source, size, strides)
        groups, channels = int(node.groups), weight.shape[1] * int(node.groups)
        if groups not in (1, image[2]) or channels != image[2]:
            raise UnsupportedError(
                f"{where}: it has {groups} groups of {weight.shape[1]} channels, and "
                f"'{source.name}' has {image[2]}. Use one group, or one for each."
            )
        if any(n != 1 for n in _pair(node.dilation)):
            raise UnsupportedError(f"{where}: kernels are not dilated here.")
        stride, conv_size = _pair(node.stride), (weight.shape[2], weight.shape[3])
        kernel = _times(weight.transpose(2, 3, 1, 0), _for_pixels(where, factor) * area)
        common: dict[str, Any] = {
            "conv_strides": stride,
            "conv_padding": _padding(where, node.padding, image, conv_size, stride),
        }
        if groups > 1:
            if pool is not None:
                raise UnsupportedError(
                    f"{where}: pooling before a convolution with groups. Put neurons "
                    "between them."
                )
            filters = len(weight) // groups
            kernel = kernel.reshape(*conv_size, groups, filters)
            return DepthwiseConv2D(kernel, conv_size, filters, **common)
        if pool is not None:
            return AvgPoolConv2D(
                kernel, len(weight), size, conv_size, pool_strides=strides, **common
            )
        return Conv2D(kernel, len(weight), conv_size, **common)

    def _pool(
        self, name: str, pool: Any, pooling: str, source: Population, factor: np.ndarray
    ) -> Connectivity:
        where = f"NIR node '{name}'"
        channels = _image(where, source)[2]
        size, strides, area = _pool_sizes(where, pool, pooling)
        each = _for_pixels(where, factor) * area / prod(size)
        if each * prod(size) == 1.0:
            return AvgPool2D(size, pool_strides=strides)
        kernel = np.full((*size, channels, 1), each)
        return DepthwiseConv2D(kernel, size, conv_strides=strides)


def _with_current(
    where: str, cell: Cell, current: np.ndarray
) -> tuple[Cell, np.ndarray]:
    """A cell, and a constant current onto it, of the same shape."""
    if cell.tau_syn is not None or np.any(np.isinf(cell.tau_mem)):
        raise UnsupportedError(
            f"{where}: a bias of the weights before it reaches a neuron with a current "
            "or without a leak, which have no constant input here. Train without bias."
        )
    shape = np.broadcast_shapes(cell.gain.shape, current.shape)
    if cell.gain.size == 1 and current.size > 1:
        shape = current.shape
    return _mapped(cell, lambda v: np.broadcast_to(v, shape)), np.broadcast_to(
        current, shape
    )


def _rows_first(where: str, cell: Cell) -> Cell:
    """Channels last instead of first."""
    if cell.gain.ndim != 3:
        return cell
    return _mapped(cell, lambda v: v.transpose(1, 2, 0))


def _mapped(cell: Cell, change: Any) -> Cell:
    return replace(
        cell, **{k: change(v) for k, v in vars(cell).items() if v is not None}
    )


def _shape(name: str, shape: Any) -> tuple[int, ...]:
    sizes = tuple(int(n) for n in shape)
    if len(sizes) not in (1, 3):
        raise UnsupportedError(
            f"NIR node '{name}': neurons are a list, or images of shape (channels, "
            f"rows, columns). Received {sizes}."
        )
    return sizes if len(sizes) == 1 else (sizes[1], sizes[2], sizes[0])


def _image(where: str, source: Population) -> Image:
    shape = source.shape or ()
    if len(shape) != 3:
        raise ValidationError(
            f"{where}: it needs images of shape (channels, rows, columns). "
            f"'{source.name}' has shape {shape}."
        )
    return shape[0], shape[1], shape[2]


def _pair(size: Any) -> tuple[int, int]:
    rows, columns = (int(n) for n in np.broadcast_to(size, 2))
    return rows, columns


def _pool_sizes(where: str, pool: Any, kind: str) -> Any:
    """Size, strides, and how many pixels weights are divided by that should not be."""
    if any(_pair(pool.padding)):
        raise UnsupportedError(
            f"{where}: images are not padded before they are pooled. Use padding 0."
        )
    size = _pair(pool.kernel_size)
    return size, _pair(pool.stride), float(prod(size)) if kind == "SumPool2d" else 1.0


def _pooled(where: str, source: Population, size: Any, strides: Any) -> Image:
    rows, columns, channels = _image(where, source)
    row, column = (
        convolved(n, k, s, "valid").target
        for n, k, s in zip((rows, columns), size, strides, strict=True)
    )
    return row, column, channels


def _padding(where: str, given: Any, image: Image, size: Any, stride: Any) -> str:
    """Which of our paddings it is.

    Raises:
        UnsupportedError: if it is none.
    """
    if isinstance(given, bytes | str):
        return given.decode() if isinstance(given, bytes) else given
    both = _pair(given)
    if not any(both):
        return "valid"
    axes = [convolved(*one, "same") for one in zip(image, size, stride, strict=False)]
    reached = [
        (a.source + 2 * p - a.size) // a.stride + 1
        for a, p in zip(axes, both, strict=True)
    ]
    if tuple(a.before for a in axes) == both and reached == [a.target for a in axes]:
        return "same"
    raise UnsupportedError(
        f"{where}: an image of {image[0]} by {image[1]} pixels is padded by {both} for "
        f"a kernel of {tuple(size)} and strides of {tuple(stride)}. Here it is padded "
        f"by {tuple(a.before for a in axes)} ('same') or not at all ('valid')."
    )


def _for_pixels(where: str, factor: np.ndarray) -> float:
    if factor.ndim:
        raise UnsupportedError(
            f"{where}: r, or another number that weights are multiplied by, differs "
            "between the neurons of an image. Give all the same."
        )
    return float(factor)


def _times(weights: np.ndarray, factor: Any) -> np.ndarray:
    """Weights times a number, as they are where it is 1."""
    return weights if np.all(np.asarray(factor) == 1.0) else weights * factor


def _last(name: str) -> str:
    return name.rpartition("/")[2]
