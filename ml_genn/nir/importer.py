"""Import of NIR graphs as networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from ml_genn.connection import Connection
from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.network import Network
from ml_genn.neurons import SpikeInput
from ml_genn.nir.cells import Cell, cell_of_node, neuron_and_synapse
from ml_genn.nir.connectivity import connectivity_of
from ml_genn.nir.dialects import Dialect, dialect_named
from ml_genn.nir.exporter import DIALECT, READOUT, STEP
from ml_genn.nir.files import library, read
from ml_genn.nir.flat_graph import (
    NEURONS,
    PASS_THROUGH,
    POOLS,
    WEIGHTS,
    FlatGraph,
    flatten,
)
from ml_genn.population import Population
from ml_genn.utils.checks import free_name, shown


def import_graph(
    graph: Any,
    dt: float | None = None,
    dialect: str | Dialect | None = None,
    readout: Any = None,
) -> Network:
    """Imports a NIR graph as a network; populations have the names of the nodes.

    Images are channels first in the graph and channels last in the network.

    Args:
        graph: a ``nir.NIRGraph``, or the path of a file with a graph.
        dt: time step [ms] with which the network will be compiled; None (default) for
            that of `export`, or 1.
        dialect: program that wrote the graph: "exact", "norse", "snntorch" or a
            `Dialect`; None (default) for that of `export`, or "exact".
        readout: readout of the outputs; None (default) for that of `export`, or
            "spike_count" for spiking neurons and "avg_var" for others.

    Raises:
        UnsupportedError: if ml_genn has no equivalent of a node.
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
    metadata = graph.metadata
    dialect = metadata.get(DIALECT, "exact") if dialect is None else dialect
    writer_dialect = dialect_named("nir.import_graph", dialect)
    step = float(metadata.get(STEP, 1.0)) if dt is None else dt
    return _Importer(flatten(graph), writer_dialect, step, readout).network()


@dataclass(frozen=True)
class _Importer:
    """Builder of a network from a flat graph."""

    graph: FlatGraph
    dialect: Dialect
    dt: float
    readout: Any

    def network(self) -> Network:
        """Returns the network.

        Raises:
            ValidationError: if the graph has no input, or shapes are unknown.
        """
        graph, populations = self.graph, dict[str, Population]()
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
        pending = [
            (name, chain, target)
            for name, leading in chains.items()
            for chain, target in leading
            if graph.kind(target) != "Output"
        ]
        self._check_reached(chains, {target for _, _, target in pending})
        network = Network()
        with network:
            for name in sorted(chains, key=graph.order):
                neuron = cells[name][0] if name in cells else SpikeInput()
                populations[name] = self._population(name, neuron, populations)
            pending.sort(key=lambda edge: graph.order((edge[2], *edge[1])[-1]))
            while pending:
                ready = [edge for edge in pending if populations[edge[0]].shape]
                if not ready:
                    raise ValidationError(
                        f"NIR node '{pending[0][0]}': nothing says how many neurons it "
                        "has. Give its parameters one number for each."
                    )
                self._connect(*ready[0], populations, cells, network)
                pending.remove(ready[0])
        return network

    def _check_reached(self, chains: Any, reached: set[str]) -> None:
        """Raises ValidationError if neurons have no input."""
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
        populations: dict[str, Population],
        cells: dict[str, Any],
        network: Network,
    ) -> None:
        _, synapse, factor = cells[target]
        source, target_population = populations[name], populations[target]
        connectivity = connectivity_of(
            self.graph, chain, source, target, np.asarray(factor)
        )
        computing = [c for c in chain if self.graph.kind(c) not in PASS_THROUGH]
        title = _last(computing[-1]) if computing else f"{source}_{target_population}"
        title = free_name(title, {c.name for c in network.connections})
        Connection(source, target_population, connectivity, synapse, name=title)

    def _check_outputs(self, chains: Any) -> None:
        """Raises UnsupportedError if weights or an input lead to an output."""
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
        """Returns {name: (neuron, synapse, factor of weights)} of nodes of neurons."""
        graph = self.graph
        cells: dict[str, Any] = {}
        edges = [(c, t) for leading in chains.values() for c, t in leading]
        outputs = {
            name
            for name, leading in chains.items()
            if any(graph.kind(target) == "Output" for _, target in leading)
        }
        for name in chains:
            if graph.kind(name) == "Input":
                continue
            where, node = f"NIR node '{name}'", graph.nodes[name]
            cell = cell_of_node(where, node, self.dialect, self.dt)
            current = sum(
                (self._bias(chain) for chain, target in edges if target == name),
                np.zeros(()),
            )
            if np.any(current != 0.0):
                cell, current = _with_current(where, cell, current)
            cell = _channels_last(cell)
            if current.ndim == 3:
                current = current.transpose(1, 2, 0)
            readout = self._readout(node, cell) if name in outputs else None
            cells[name] = neuron_and_synapse(cell, self.dt, current, readout)
        return cells

    def _bias(self, chain: Sequence[str]) -> np.ndarray:
        """Returns the bias of the last weights of a chain, added in each step."""
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

    def _population(self, name: str, neuron: Any, populations: Any) -> Population:
        shape = self.graph.nodes[name].input_type["input"]
        known = None if prod(map(int, shape)) == 1 else _shape(name, shape)
        names = {population.name for population in populations.values()}
        return Population(neuron, known, name=free_name(_last(name), names))


def _with_current(
    where: str, cell: Cell, current: np.ndarray
) -> tuple[Cell, np.ndarray]:
    """Returns a cell and its constant input current in the same shape.

    Raises:
        UnsupportedError: if the cell has a synaptic current or no leak.
    """
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


def _channels_last(cell: Cell) -> Cell:
    """Returns a cell of images with channels last instead of first."""
    if cell.gain.ndim != 3:
        return cell
    return _mapped(cell, lambda v: v.transpose(1, 2, 0))


def _mapped(cell: Cell, change: Any) -> Cell:
    """Returns a cell with a function applied to all arrays."""
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


def _last(name: str) -> str:
    """Returns a node's name without those of the graphs around it."""
    return name.rpartition("/")[2]
