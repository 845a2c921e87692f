"""Import of NIR graphs as networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ml_genn.connection import Connection
from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.network import Network
from ml_genn.neurons import SpikeInput
from ml_genn.nir.affine import Shape, chain_bias
from ml_genn.nir.cells import Cell, cell_of_node, neuron_and_synapse
from ml_genn.nir.connectivity import connectivity_of, link
from ml_genn.nir.dialects import Dialect, dialect_named
from ml_genn.nir.exporter import DIALECT, READOUT, STEP
from ml_genn.nir.files import library, read
from ml_genn.nir.flat_graph import MAX_PATHS, FlatGraph, flatten
from ml_genn.nir.layouts import Chain, Layout, chain_shapes, layouts_of
from ml_genn.nir.schema import NEURONS, PASS_THROUGH, POOLS, WEIGHTS, GraphNode
from ml_genn.population import Population
from ml_genn.utils.checks import free_name, positive, shown


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
    metadata = graph.metadata if isinstance(graph.metadata, Mapping) else {}
    dialect = metadata.get(DIALECT, "exact") if dialect is None else dialect
    writer_dialect = dialect_named("nir.import_graph", dialect)
    step = _step(metadata.get(STEP, 1.0)) if dt is None else dt
    step = positive("nir.import_graph: dt", step)
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
            UnsupportedError: if ml_genn has no equivalent of a node or chain.
            ValidationError: if the graph has no input, or shapes do not fit.
        """
        graph = self.graph
        chains, to_outputs = self._chains()
        outputs = {chain.source for chain in to_outputs}
        layouts = layouts_of(graph, chains, outputs)
        for chain in to_outputs:
            chain_shapes(
                graph,
                replace(chain, nodes=(*chain.nodes, chain.target)),
                layouts[chain.source].graph_shape,
            )
        links = {chain: self._shapes(chain, layouts) for chain in chains}
        cells = {
            name: self._cell(name, layouts[name], links, name in outputs)
            for name in layouts
            if graph.kind(name) in NEURONS
        }
        populations: dict[str, Population] = {}
        network = Network()
        with network:
            for name in sorted(layouts, key=graph.order):
                neuron = cells[name][0] if name in cells else SpikeInput()
                names = {population.name for population in populations.values()}
                populations[name] = Population(
                    neuron, layouts[name].shape, name=free_name(_last(name), names)
                )
            for chain in sorted(chains, key=self._position):
                self._connect(chain, links[chain], layouts, populations, cells)
        return network

    def _chains(self) -> tuple[list[Chain], list[Chain]]:
        """Returns the chains to neurons and those to outputs.

        Raises:
            UnsupportedError: if weights or an input lead to an output, or there are too
                many paths.
            ValidationError: if there is no input, or a node is not connected.
        """
        graph = self.graph
        if not graph.inputs():
            raise ValidationError("NIR graph: there is no Input. Add one.")
        sources = [n for n in graph.nodes if graph.kind(n) in NEURONS]
        paths = [
            Chain(source, path, target)
            for source in (*graph.inputs(), *sources)
            for path, target in islice(graph.paths(source), MAX_PATHS)
        ]
        if len(paths) >= MAX_PATHS:
            raise UnsupportedError(
                f"NIR graph: there are more than {MAX_PATHS} paths between neurons. "
                "Put neurons where branches meet."
            )
        chains = [c for c in paths if graph.kind(c.target) in NEURONS]
        to_outputs = [c for c in paths if graph.kind(c.target) == "Output"]
        self._check_outputs(to_outputs)
        self._check_connected(chains, to_outputs)
        return chains, to_outputs

    def _check_connected(self, chains: list[Chain], to_outputs: list[Chain]) -> None:
        """Raises ValidationError if a node is on no way from neurons to neurons."""
        reached = {c.target for c in chains}
        used = {name for c in (*chains, *to_outputs) for name in c.nodes}
        for name in self.graph.nodes:
            kind = self.graph.kind(name)
            is_on_path = name in used or kind in ("Input", "Output")
            if name not in reached if kind in NEURONS else not is_on_path:
                raise ValidationError(
                    f"NIR node '{name}': nothing leads there, or it leads nowhere. "
                    "Connect it or leave it out."
                )
        unused = {*self.graph.inputs()} - {c.source for c in chains}
        for name in sorted(unused):
            raise ValidationError(
                f"NIR node '{name}': this input leads to no neurons. Connect it or "
                "leave it out."
            )

    def _check_outputs(self, to_outputs: list[Chain]) -> None:
        """Raises UnsupportedError if weights or an input lead to an output."""
        for chain in to_outputs:
            kinds = [self.graph.kind(name) for name in chain.nodes]
            weights = [kind for kind in kinds if kind in (*WEIGHTS, *POOLS)]
            if weights or self.graph.kind(chain.source) == "Input":
                raise UnsupportedError(
                    f"NIR node '{chain.target}': an output shows neurons, and "
                    f"'{chain.source}' leads there without any behind it. Put a LI "
                    "before the output."
                )

    def _position(self, chain: Chain) -> int:
        """Returns the position of a chain's last node in `export`."""
        return self.graph.order((chain.target, *chain.nodes)[-1])

    def _shapes(self, chain: Chain, layouts: Mapping[str, Layout]) -> list[Shape]:
        return chain_shapes(self.graph, chain, layouts[chain.source].graph_shape)

    def _connect(
        self,
        chain: Chain,
        shapes: Sequence[Shape],
        layouts: Mapping[str, Layout],
        populations: Mapping[str, Population],
        cells: Mapping[str, Any],
    ) -> None:
        graph = self.graph
        _, synapse, factor = cells[chain.target]
        source, target = populations[chain.source], populations[chain.target]
        computing = [c for c in chain.nodes if graph.kind(c) not in PASS_THROUGH]
        connectivity = connectivity_of(
            link(
                f"NIR nodes {', '.join(computing)}, which lead to '{chain.target}'",
                [graph.nodes[name] for name in chain.nodes],
                shapes,
                (layouts[chain.source], layouts[chain.target]),
                np.asarray(factor),
            )
        )
        title = _last(computing[-1]) if computing else f"{source}_{target}"
        Connection(source, target, connectivity, synapse, name=title)

    def _cell(
        self,
        name: str,
        layout: Layout,
        links: Mapping[Chain, list[Shape]],
        is_output: bool,
    ) -> Any:
        """Returns neuron, synapse and factor of weights of a node of neurons."""
        where, node = f"NIR node '{name}'", self.graph.nodes[name]
        cell = cell_of_node(where, node, self.dialect, self.dt)
        current = sum(
            (
                self._bias(chain, shapes).reshape(layout.graph_shape)
                for chain, shapes in links.items()
                if chain.target == name
            ),
            np.zeros(()),
        )
        if np.any(current != 0.0) and cell.tau_syn is not None:
            raise UnsupportedError(
                f"{where}: a bias of the weights before it reaches a neuron with a "
                "synaptic current, which has no constant input here. Train without "
                "bias."
            )
        if np.any(current != 0.0) or cell.gain.size > 1:
            cell = _mapped(cell, layout.from_graph)
            current = layout.from_graph(current)
        readout = self._readout(node, cell) if is_output else None
        return neuron_and_synapse(cell, self.dt, current, readout)

    def _bias(self, chain: Chain, shapes: Sequence[Shape]) -> np.ndarray:
        """Returns the constant input by the biases of a chain, in each step."""
        return chain_bias([self.graph.nodes[name] for name in chain.nodes], shapes)

    def _readout(self, node: GraphNode, cell: Cell) -> Any:
        if self.readout is not None:
            return self.readout
        spikes = bool(np.any(np.isfinite(cell.v_thresh)))
        return node.metadata.get(READOUT, "spike_count" if spikes else "avg_var")


def _step(value: Any) -> Any:
    """Returns a time step of metadata, where numbers of files are arrays."""
    return value.item() if isinstance(value, np.ndarray) and value.size == 1 else value


def _mapped(cell: Cell, change: Any) -> Cell:
    """Returns a cell with a function applied to all arrays."""
    return replace(
        cell, **{k: change(v) for k, v in vars(cell).items() if v is not None}
    )


def _last(name: str) -> str:
    """Returns a node's name without those of the graphs around it."""
    return name.rpartition("/")[2]
