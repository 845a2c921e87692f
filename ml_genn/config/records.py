"""Schema of networks as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from ml_genn.utils.records import Count, at_most, between

FORMAT = 1  #: version of the format
_LARGEST_SIZE = 2**31 - 1  #: neurons, and rows or columns of them: a C integer

_LONGEST_NAME = 500  #: characters

Size = Annotated[int, between(1, _LARGEST_SIZE)]
Name = Annotated[str, at_most(_LONGEST_NAME)]  #: of a part, or of a class
ValueText = Annotated[str, at_most(_LONGEST_NAME)]  #: a number, a range or a class


@dataclass(frozen=True, slots=True)
class PopulationRecord:
    """Arguments of a population; its neuron is data of `ml_genn.config.codec`."""

    name: Name
    neuron: Any
    shape: tuple[Size, ...] | None
    record_spikes: bool
    record_spike_events: bool


@dataclass(frozen=True, slots=True)
class ConnectionRecord:
    """Arguments of a connection.

    Args:
        name: its name.
        source, target: names of populations.
        connectivity, synapse: data of `ml_genn.config.codec`.
        max_delay_steps: as for `Connection`.
    """

    name: Name
    source: Name
    target: Name
    connectivity: Any
    synapse: Any
    max_delay_steps: Annotated[int, between(0, _LARGEST_SIZE)] | None


@dataclass(frozen=True, slots=True)
class NetworkRecord:
    """A network.

    Args:
        format: version of the format.
        class_: name of its class.
        default_params: data of `ml_genn.config.codec`.
        populations, connections: its parts.
        layers: (population, connection) of the layers of a `SequentialNetwork`, None
            for the input layer; none by default.
        decisions: choices of the compiler; none by default.
    """

    format: int
    class_: Name
    default_params: Any
    populations: tuple[PopulationRecord, ...]
    connections: tuple[ConnectionRecord, ...]
    layers: tuple[tuple[Name, Name | None], ...] = ()
    decisions: Any = None


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """Facts about the arrays of a checkpoint, entries of a snapshot's info.

    Args:
        apart: owners of arrays that belong to no part of a network.
        synapse_parameters: learned parameters of synapses, by the owner and name that
            they have in the file, with the (connection, parameter) pairs that use them.
        fixed_values: values that training does not change, as text, by the population
            or connection and the name that they have.
    """

    apart: tuple[str, ...] = ()
    synapse_parameters: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = ()
    fixed_values: Mapping[str, Mapping[str, ValueText]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OptimiserRecord:
    """Numbers of an optimiser, by the names of its attributes."""

    class_: Name
    numbers: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ProgressRecord:
    """Progress of training.

    Args:
        epoch: number of the last epoch that began; None before training.
        steps_taken: optimiser steps so far.
        optimisers: the optimisers, in the order of the network's.
        random: random state; None (default) in files of earlier versions.
        numpy_random: state of NumPy's generator in files of earlier versions, which is
            not used; None by default.
    """

    epoch: Count | None
    steps_taken: Count
    optimisers: tuple[OptimiserRecord, ...]
    random: Any = None
    numpy_random: Any = None


@dataclass(frozen=True, slots=True)
class CheckpointRecord(NetworkFacts):
    """Info of a checkpoint.

    Args:
        engine: facts of the backend.
        progress: progress of training; None (default) without training.
        decisions: choices of the compiler; none by default.
    """

    engine: Mapping[str, Any] = field(default_factory=dict)
    progress: ProgressRecord | None = None
    decisions: Any = None


@dataclass(frozen=True, slots=True)
class CompilerRecord:
    """A compiler.

    Args:
        class_: name of its class.
        arguments: arguments of its constructor, data of `ml_genn.config.codec`.
        compiled_with: arguments of its method ``compile``, likewise.
    """

    class_: Name
    arguments: Mapping[str, Any]
    compiled_with: Any


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """Info of a model file.

    Args:
        network: the network.
        compiler: the compiler; None (default) if the network is not compiled.
        state: info of the checkpoint; None (default) likewise.
    """

    network: NetworkRecord
    compiler: CompilerRecord | None = None
    state: CheckpointRecord | None = None
