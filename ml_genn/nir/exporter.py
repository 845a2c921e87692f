"""Export of networks as NIR graphs."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
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
from ml_genn.nir.flat_graph import ORDER
from ml_genn.nir.layouts import Layout
from ml_genn.population import Population
from ml_genn.readouts import Readout, default_readouts
from ml_genn.synapses import Delta
from ml_genn.utils.checks import free_name, shown

#: Keys of metadata with which `import_graph` restores a network.
DIALECT, STEP, READOUT = "dialect", "dt", "readout"
Image = tuple[int, int, int]


def export(
    model: Network | CompiledNetwork,
    dt: float | None = None,
    dialect: str | Dialect = "exact",
) -> Any:
    """Exports a network as a NIR graph, with images in the order channels first.

    Args:
        model: a compiled network, which is exported with its current weights and
            parameters; or a network, of which a copy is compiled by
            `InferenceCompiler`, with the choices that the network keeps.
        dt: time step [ms] of a network, by default that of its training, or else 1; a
            compiled network has its own.
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
    if isinstance(model, Network | CompiledNetwork):
        _check_windows(model if isinstance(model, Network) else model.network)
    if isinstance(model, Network):
        trained = 1.0 if model.time_step is None else model.time_step.value
        compiler = InferenceCompiler(1, dt=trained if dt is None else dt)
        model = compiler.compile(copy.deepcopy(model))
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


def _check_windows(network: Network) -> None:
    """Raises UnsupportedError for readouts of windows, which NIR does not have."""
    for population in network.populations:
        readout = population.neuron.readout
        if isinstance(readout, Readout) and readout.window is not None:
            raise UnsupportedError(
                f"{_where(population)}: NIR has no windows of readouts. Received "
                f"{readout!r}. Export the network with a readout without a window, "
                "and give the readout again to ml_genn.nir.import_graph."
            )


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
            node = self._nested(name, node, recurrent, factor)
        self.nodes[name] = node
        for connection in incoming:
            if connection not in recurrent:
                source = self.names[connection.ends()[0]]
                self._link((self.nodes, self.edges), source, connection, factor)
        if readout is not None:
            output = free_name(f"{name}_output", {*self.nodes, *self.names.values()})
            shape = self._layout(population).graph_shape
            self.nodes[output] = nir.Output(np.array(shape))
            self.edges.append((name, output))

    @property
    def _dt(self) -> float:
        return self.compiled.dt

    def _nested(
        self,
        name: str,
        node: Any,
        recurrent: Sequence[Connection],
        factor: np.ndarray,
    ) -> Any:
        """Returns a population with recurrent connections as a nested graph."""
        shape = np.array(node.input_type["input"])
        nodes = {"input": self.nir.Input(shape), name: node}
        edges = [("input", name)]
        for connection in recurrent:
            self._link((nodes, edges), name, connection, factor)
        nodes["output"] = self.nir.Output(shape)
        return self.nir.NIRGraph(nodes, [*edges, (name, "output")], {}, self.checks)

    def _link(
        self,
        graph: tuple[dict[str, Any], list[tuple[str, str]]],
        source: str,
        connection: Connection,
        factor: np.ndarray,
    ) -> None:
        """Adds the nodes and edges of a connection to nodes and edges of a graph.

        Args:
            graph: nodes and edges.
            source: name of the source in that graph.
            connection: the connection.
            factor: factor of its weights.
        """
        chain = self._chain(connection, factor)
        chain[-1][1].metadata[ORDER] = self.order[self.names[connection]]
        nodes, edges = graph
        nodes.update(chain)
        target = self.names[connection.ends()[1]]
        edges += pairwise([source, *(name for name, _ in chain), target])

    # ------------------------------------------------------------ populations
    def _input_shape(self, population: Population) -> tuple[int, ...]:
        neuron = population.neuron
        kinds = (SpikeInput, PoissonInput, BinarySpikeInput)
        if type(neuron) not in kinds or getattr(neuron, "signed_spikes", False):
            raise UnsupportedError(
                f"{_where(population)}: an input of a graph is given spikes. Use "
                f"SpikeInput instead of {neuron!r}."
            )
        return self._layout(population).graph_shape

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

    def _layout(self, population: Population) -> Layout:
        """Returns shape and order of the neurons in the graph.

        Images that also receive weights of single neurons are lists, since NIR makes
        lists of images but no images of lists.
        """
        pixels = self._image(population)
        if pixels is None:
            return Layout((population.size,), None)
        image = pixels[2], pixels[0], pixels[1]
        incoming = self._incoming(population)
        is_list = any(c.connectivity.image(*c.ends()) is None for c in incoming)
        return Layout((population.size,) if is_list else image, image)

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
        layout = self._layout(population)
        arrays = {k: layout.to_graph(np.asarray(v)) for k, v in values.items()}
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
        layout = self._layout(source)
        if kernel is not None and len(layout.graph_shape) != 3:
            raise UnsupportedError(
                f"{where}: '{source.name}' is a list of neurons in NIR, since weights "
                "of single neurons lead to it, and NIR makes no images of lists. "
                "Connect images by convolutions or pooling."
            )
        if kernel is None or connection.connectivity.image(source, target) is None:
            return self._dense(name, connection, kernel, factor.ravel())
        scale = float(factor.flat[0])
        if np.any(factor != scale):
            raise UnsupportedError(
                f"{where}: this dialect puts time constants into weights, which pixels "
                "share. Give all neurons of an image the same, or use dialect='exact'."
            )
        means = connection.connectivity.mean_pooling
        if means and self.dialect.mean_pooling and scale == 1.0:
            nodes = [(name, self._pool(self.nir.AvgPool2d, means))]
        else:
            weights = self.compiled.weights(connection) * (scale if scale != 1.0 else 1)
            convolution = self._convolution(where, kernel, weights)
            nodes = [*self._pooling(connection), (name, convolution)]
        target_layout = self._layout(target)
        if len(target_layout.graph_shape) == 1 and target_layout.image is not None:
            nodes.append(self._flatten(name, target_layout.image))
        return nodes

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
        self,
        name: str,
        connection: Connection,
        kernel: Kernel | None,
        factor: np.ndarray,
    ) -> list[tuple[str, Any]]:
        """Returns the nodes of weights between all neurons, after pooling if any."""
        source, target = connection.ends()
        layout, nodes = self._layout(source), self._pooling(connection)
        if kernel is not None:
            pooled = kernel.channels, kernel.rows.pooled, kernel.columns.pooled
            layout = Layout(pooled, pooled)
        matrix = self._matrix(connection).T
        if layout.image is not None:
            if len(layout.graph_shape) == 3:
                nodes = [*nodes, self._flatten(name, layout.image)]
            matrix = matrix[:, layout.position()]
        if self._layout(target).image is not None:
            matrix = matrix[self._layout(target).position()]
        if np.any(factor != 1.0):
            matrix = matrix * factor[:, None]
        return [*nodes, (name, self.nir.Linear(np.ascontiguousarray(matrix)))]

    def _flatten(self, name: str, image: tuple[int, int, int]) -> tuple[str, Any]:
        """Returns name and node that make a list of an image."""
        shape = {"input": np.array(image)}
        flat = self.nir.Flatten(shape, start_dim=0, end_dim=-1)
        return self._free(f"{name}_flat"), flat

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


def _padding(where: str, axes: Sequence[Axis]) -> Any:
    """Returns the padding of a convolution: zeros of each axis, or "same".

    Raises:
        UnsupportedError: if the padding is asymmetric and the stride is not 1.
    """
    pixels = [(a.pooled + 2 * a.before - a.size) // a.stride + 1 for a in axes]
    if pixels == [a.target for a in axes]:
        return tuple(a.before for a in axes)
    if all((a.stride, a.before) == (1, (a.size - 1) // 2) for a in axes) and all(
        a.target == a.pooled for a in axes
    ):
        return "same"
    raise UnsupportedError(
        f"{where}: NIR pads an image alike on both ends, and this padding does not. "
        "Use conv_padding='valid', or an odd conv_size and a stride of 1."
    )


def _where(population: Population) -> str:
    return f"Population '{population.name}'"
