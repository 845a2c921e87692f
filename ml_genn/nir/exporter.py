"""Export of networks as NIR graphs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from ml_genn.compilers import CompiledNetwork, InferenceCompiler
from ml_genn.connection import Connection
from ml_genn.connectivity.connectivity import Pooling
from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.lowering.neurons.ports import ports_of
from ml_genn.model.equations.system import port_name
from ml_genn.model.plan import LearnedKind
from ml_genn.model.plan.kernel import Axis, Kernel
from ml_genn.network import Network
from ml_genn.neurons import BinarySpikeInput, Input, PoissonInput, SpikeInput
from ml_genn.nir.cells import Cell, cell_of, node_of_cell
from ml_genn.nir.dialects import Dialect, dialect_named
from ml_genn.nir.files import library
from ml_genn.population import Population
from ml_genn.readouts import default_readouts
from ml_genn.synapses import Delta
from ml_genn.utils.checks import free_name, shown

#: Keys of metadata with which `import_graph` restores a network.
DIALECT, STEP, READOUT, ORDER = "dialect", "dt", "readout", "order"
Image = tuple[int, int, int]


def export(
    model: Network | CompiledNetwork,
    dt: float | None = None,
    dialect: str | Dialect = "exact",
) -> Any:
    """Exports a network as a NIR graph, with images in the order channels first.

    Args:
        model: a compiled network, which is exported with its current weights and
            parameters; or a network, which is compiled by `InferenceCompiler`.
        dt: time step [ms] of a network, 1 by default; a compiled network has its own.
        dialect: discretisation by the reader: "exact" (default), "norse", "snntorch"
            or a `Dialect`.

    Returns:
        A ``nir.NIRGraph``.

    Raises:
        UnsupportedError: if NIR, or the dialect's reader, has no such neuron, synapse
            or connectivity, or the library nir is not installed.
        ValidationError: if dt differs from that of the compiled network.
    """
    nir, reader_dialect = library(), dialect_named("nir.export", dialect)
    if isinstance(model, Network):
        model = InferenceCompiler(1, dt=1.0 if dt is None else dt).compile(model)
    elif not isinstance(model, CompiledNetwork):
        raise ValidationError(
            "nir.export: expected a network or a compiled network. "
            f"Received {shown(model)}."
        )
    elif dt not in (None, model.dt):
        raise ValidationError(
            f"nir.export: the network was compiled with dt={model.dt}. Received "
            f"dt={dt}. Leave it out."
        )
    exporter = _Exporter(nir, reader_dialect, model)
    for population in model.network.populations:
        exporter.add(population)
    metadata = {DIALECT: dialect, STEP: model.dt} if isinstance(dialect, str) else {}
    return nir.NIRGraph(exporter.nodes, exporter.edges, metadata, exporter.checks)


@dataclass
class _Exporter:
    """Builder of a graph, population by population."""

    nir: Any
    dialect: Dialect
    compiled: CompiledNetwork
    nodes: dict[str, Any] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    #: True if the library's check of shapes supports all kernels
    checks: bool = True

    def __post_init__(self) -> None:
        network = self.compiled.network
        self.names: dict[Any, str] = {}
        owners: list[Any] = [*network.populations, *network.connections]
        for owner in owners:
            name = owner.name.replace("/", "_").replace(".", "_")
            self.names[owner] = free_name(name, self.names.values())
        self.order = {name: k for k, name in enumerate(self.names.values())}

    def add(self, population: Population) -> None:
        """Adds a population and its incoming connections."""
        nir, name = self.nir, self.names[population]
        if isinstance(self.compiled.lowered.neurons[population], Input):
            node = nir.Input(np.array(self._input_shape(population)))
            node.metadata[ORDER] = self.order[name]
            self.nodes[name] = node
            return
        node, factor = node_of_cell(
            _where(population), nir, self._cell(population), self.dialect, self._dt
        )
        node.metadata[ORDER] = self.order[name]
        incoming = self._incoming(population)
        recurrent = [c for c in incoming if c.ends()[0] is population]
        readout = self.compiled.lowered.neurons[population].readout
        aliases = {cls: alias for alias, cls in default_readouts.items()}
        if type(readout) in aliases:
            node.metadata[READOUT] = aliases[type(readout)]
        if recurrent:
            chains = [self._chain(c, factor) for c in recurrent]
            node = self._nested(name, node, chains)
        self.nodes[name] = node
        for connection in incoming:
            if connection not in recurrent:
                source = self.names[connection.ends()[0]]
                chain = self._chain(connection, factor)
                self._link(self.nodes, self.edges, source, chain, name)
        if readout is not None:
            output = free_name(f"{name}_output", {*self.nodes, *self.names.values()})
            self.nodes[output] = nir.Output(np.array(self._shape(population)))
            self.edges.append((name, output))

    @property
    def _dt(self) -> float:
        return self.compiled.dt

    def _nested(self, name: str, node: Any, chains: list[Any]) -> Any:
        """Returns a population with recurrent connections as a nested graph."""
        shape = np.array(node.input_type["input"])
        nodes = {"input": self.nir.Input(shape), name: node}
        edges = [("input", name)]
        for chain in chains:
            self._link(nodes, edges, name, chain, name)
        nodes["output"] = self.nir.Output(shape)
        return self.nir.NIRGraph(nodes, [*edges, (name, "output")], {}, self.checks)

    def _link(
        self,
        nodes: dict[str, Any],
        edges: list[tuple[str, str]],
        source: str,
        chain: Sequence[tuple[str, Any]],
        target: str,
    ) -> None:
        """Adds the nodes and edges of a chain between a source and a target."""
        nodes.update(chain)
        last, weights = chain[-1]
        weights.metadata[ORDER] = self.order[last]
        path = [source, *(name for name, _ in chain), target]
        edges += pairwise(path)

    # ------------------------------------------------------------ populations
    def _input_shape(self, population: Population) -> tuple[int, ...]:
        neuron = population.neuron
        kinds = (SpikeInput, PoissonInput, BinarySpikeInput)
        if type(neuron) not in kinds or getattr(neuron, "signed_spikes", False):
            raise UnsupportedError(
                f"{_where(population)}: an input of a graph is given spikes. Use "
                f"SpikeInput instead of {neuron!r}."
            )
        return self._shape(population)

    def _image(self, population: Population) -> Image | None:
        """Returns rows, columns and channels; None if the population is no image."""
        shape = population.shape or ()
        if isinstance(population.neuron, Input):
            return (shape[0], shape[1], shape[2]) if len(shape) == 3 else None
        for connection in self._incoming(population):
            image = connection.connectivity.image(*connection.ends())
            if image is not None:
                return image
        return None

    def _incoming(self, population: Population) -> list[Connection]:
        connections = self.compiled.network.connections
        return [c for c in connections if c.ends()[1] is population]

    def _shape(self, population: Population) -> tuple[int, ...]:
        """Returns the shape in the graph: channels first, or flat."""
        image = self._image(population)
        if image is None:
            return (population.size,)
        return image[2], image[0], image[1]

    def _cell(self, population: Population) -> Cell:
        lowered, name = self.compiled.lowered, population.name
        ports = ports_of(population, lowered.synapses)
        if len(ports.synapses) > 1:
            raise UnsupportedError(
                f"{_where(population)}: a neuron of NIR has one kind of synapse, and "
                f"these have {list(ports.synapses)}. Use one synapse with one tau for "
                "all connections onto them."
            )
        values = {**lowered.values.parameters[name], **lowered.values.initial[name]}
        for array in lowered.plan.learned:
            if array.kind is LearnedKind.PARAMETER and array.owner == name:
                values[array.name] = self.compiled.model.parameter(name, array.name)
        if port_name("tau", 0) in values:
            values["tau"] = values.pop(port_name("tau", 0))
        shape, image = self._shape(population), self._image(population)
        arrays = {k: _in_graph_shape(v, shape, image) for k, v in values.items()}
        synapse = ports.synapses[0] if ports.synapses else Delta()
        neuron = lowered.neurons[population]
        return cell_of(_where(population), neuron, synapse, arrays, self._dt)

    # ------------------------------------------------------------ connections
    def _chain(self, connection: Connection, factor: np.ndarray) -> Any:
        """Returns the nodes between source and target, as a list of (name, node)."""
        source, target = connection.ends()
        where, name = f"Connection '{connection.name}'", self.names[connection]
        if np.any(self.compiled.delays(connection) != 0):
            raise UnsupportedError(
                f"{where}: delays are not exported. Make and train it with delay=0."
            )
        kernel = connection.connectivity.kernel(source, target)
        image = self._image(source)
        scale = float(factor.flat[0])
        if kernel is None or connection.connectivity.image(source, target) is None:
            weights = self._matrix(connection)
            if np.any(factor != 1.0):
                weights = weights * factor.ravel()
            nodes = self._pooling(connection)
            if kernel is not None:
                axes = kernel.rows, kernel.columns
                image = axes[0].pooled, axes[1].pooled, kernel.channels
            return self._dense(name, nodes, weights, image)
        if np.any(factor != scale):
            raise UnsupportedError(
                f"{where}: this dialect puts time constants into weights, which pixels "
                "share. Give all neurons of an image the same, or use dialect='exact'."
            )
        means = connection.connectivity.mean_pooling
        if means and self.dialect.mean_pooling and scale == 1.0:
            return [(name, self._pool(self.nir.AvgPool2d, means))]
        nodes = self._pooling(connection)
        weights = self.compiled.weights(connection) * (scale if scale != 1.0 else 1)
        return [*nodes, (name, self._convolution(where, kernel, weights))]

    def _pooling(self, connection: Connection) -> list[tuple[str, Any]]:
        """Returns the nodes of pooling before weights.

        They sum patches: the weights include the division by the number of pixels.
        """
        pooling = connection.connectivity.pooling
        if pooling is None:
            return []
        pool = self._pool(self.nir.SumPool2d, pooling)
        return [(self._free(f"{self.names[connection]}_pool"), pool)]

    def _pool(self, node: Any, pooling: Pooling) -> Any:
        """Returns a pooling node of a class of NIR."""
        return node(
            kernel_size=np.array(pooling.size),
            stride=np.array(pooling.strides),
            padding=np.zeros(2, int),
        )

    def _matrix(self, connection: Connection) -> np.ndarray:
        """Returns weights (source, target), zero without a synapse."""
        source, target = connection.ends()
        weights = self.compiled.weights(connection)
        if weights.ndim == 2:
            return weights
        matrix = np.zeros((source.size, target.size), weights.dtype)
        matrix[self.compiled.indices(connection)] = weights
        return matrix

    def _dense(
        self, name: str, nodes: Any, weights: np.ndarray, image: Image | None
    ) -> Any:
        matrix = weights.T
        if image is not None:
            units = len(matrix)
            matrix = matrix.reshape(units, *image).transpose(0, 3, 1, 2)
            shape = np.array([image[2], image[0], image[1]])
            flat = self.nir.Flatten({"input": shape}, start_dim=0, end_dim=-1)
            nodes = [*nodes, (self._free(f"{name}_flat"), flat)]
            matrix = matrix.reshape(units, -1)
        return [*nodes, (name, self.nir.Linear(np.ascontiguousarray(matrix)))]

    def _convolution(self, where: str, kernel: Kernel, weights: np.ndarray) -> Any:
        axes = kernel.rows, kernel.columns
        if any(axis.transposed for axis in axes):
            raise UnsupportedError(f"{where}: NIR has no transposed convolution.")
        if kernel.channelwise:  # the library's check of shapes has no groups
            channels, filters = kernel.channels, kernel.filters
            shape = (*kernel.shape[:2], channels, channels, filters)
            full = np.zeros(shape, weights.dtype)
            diagonal = np.arange(channels)
            full[:, :, diagonal, diagonal] = np.broadcast_to(weights, kernel.shape)
            weights = full.reshape(*kernel.shape[:2], channels, channels * filters)
        pixels = tuple(axis.pooled for axis in axes)
        self.checks &= axes[0].size == axes[1].size
        return self.nir.Conv2d(
            input_shape=pixels,
            weight=np.ascontiguousarray(weights.transpose(3, 2, 0, 1)),
            stride=tuple(axis.stride for axis in axes),
            padding=_padding(where, axes),
            dilation=(1, 1),
            groups=1,
            bias=np.zeros(weights.shape[3], weights.dtype),
        )

    def _free(self, name: str) -> str:
        return free_name(name, {*self.nodes, *self.names.values()})


def _in_graph_shape(
    value: Any, shape: tuple[int, ...], image: Image | None
) -> np.ndarray:
    """Returns a parameter in the shape of the graph."""
    full = np.broadcast_to(np.asarray(value, float), prod(shape))
    return full if image is None else full.reshape(image).transpose(2, 0, 1)


def _padding(where: str, axes: Sequence[Axis]) -> Any:
    """Returns the padding of a convolution: zeros of each axis, or "same".

    Raises:
        UnsupportedError: if the padding is asymmetric and the stride is not 1.
    """
    pixels = [(a.pooled + 2 * a.before - a.size) // a.stride + 1 for a in axes]
    if pixels == [a.target for a in axes]:
        return tuple(a.before for a in axes)
    if all(a.stride == 1 for a in axes):
        return "same"
    raise UnsupportedError(
        f"{where}: NIR pads an image alike on both sides, and conv_padding='same' does "
        "not here. Use conv_padding='valid', or an odd conv_size and a stride of 1."
    )


def _where(population: Population) -> str:
    return f"Population '{population.name}'"
