"""What PyGeNN is given, as plain records: the target of the lowering."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

#: {type of an array's element in code: type in NumPy}
DTYPES: Mapping[str, type] = {
    "scalar": np.float32,
    "uint8_t": np.uint8,
    "uint32_t": np.uint32,
}


@dataclass(frozen=True, slots=True, eq=False)
class Variable:
    """A variable of a model.

    Args:
        name, type: as code knows it.
        value: what it starts with: a number, or an array.
        access: name of a member of ``VarAccess``, or of ``CustomUpdateVarAccess``.
    """

    name: str
    type: str = "scalar"
    value: Any = 0.0
    access: str = "READ_WRITE"


@dataclass(frozen=True, slots=True, eq=False)
class Array:
    """An array that code indexes (an "extra global parameter").

    Args:
        name: as code knows it.
        type: of its elements.
        size: of it, from the number of steps and the batch size.
    """

    name: str
    type: str
    size: Callable[[int, int], int]


@dataclass(frozen=True, slots=True, eq=False)
class Neurons:
    """A neuron population.

    Args:
        name: of the plan's group.
        size: number of neurons.
        code: its step, ``sim_code``.
        threshold: condition on what the step left.
        parameters: {name: value}, compiled in.
        dynamic: names of parameters that are set while the model runs.
        variables: state and numbers per neuron.
        arrays: arrays that its code indexes.
        inputs: variables that synapses add to, zero at the start of each step.
        start: {variable: value} at the start of an example.
        readout: the same of its readout.
        result: C for its result.
        recorded: whether its spikes may be asked for.
    """

    name: str
    size: int
    code: tuple[str, ...]
    threshold: str | None
    parameters: Mapping[str, float]
    dynamic: tuple[str, ...] = ()
    variables: tuple[Variable, ...] = ()
    arrays: tuple[Array, ...] = ()
    inputs: tuple[str, ...] = ()
    start: tuple[Variable, ...] = ()
    readout: tuple[Variable, ...] = ()
    result: str | None = None
    recorded: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Toeplitz:
    """A convolution that PyGeNN's own snippet describes: {parameter: value}."""

    parameters: Mapping[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class Synapses:
    """A synapse population.

    Args:
        name: of the plan's group.
        source, target: names of neuron populations.
        matrix: name of a member of ``SynapseMatrixType``.
        into: input of the target that spikes add to.
        back_into: input of the source that `addToPre` adds to.
        spike: code at a spike.
        event, event_if: code at an event of the source, and when there is one.
        dynamics: code in each step.
        variables: one number per synapse, or per weight of a kernel.
        start: names of variables that are zero at the start of an example.
        parameters: {name: value}, compiled in.
        dynamic: names of parameters that are set while the model runs.
        source_refs, target_refs: {name in code: (type, variable of the population)}.
        indices: source and target of each synapse, if they are listed.
        toeplitz: what describes them, if that does.
        axonal: steps that spikes wait at the source.
        dendritic: the longest wait at the target; None where there is none.
        looks_back: how many steps back code reads variables of the target.
    """

    name: str
    source: str
    target: str
    matrix: str
    into: str
    back_into: str | None = None
    spike: tuple[str, ...] = ()
    event: tuple[str, ...] = ()
    event_if: str | None = None
    dynamics: tuple[str, ...] = ()
    variables: tuple[Variable, ...] = ()
    start: tuple[str, ...] = ()
    parameters: Mapping[str, float] = field(default_factory=dict)
    dynamic: tuple[str, ...] = ()
    source_refs: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    target_refs: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    indices: tuple[np.ndarray, np.ndarray] | None = None
    toeplitz: Toeplitz | None = None
    axonal: int = 0
    dendritic: int | None = None
    looks_back: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A variable that a custom update reads or writes.

    Args:
        name, type: as code knows it.
        owner: name of a neuron or synapse population, or of another update.
        variable: its name there; "" for what ``kind`` says.
        kind: function of PyGeNN that makes it, ``create_<kind>_ref``.
        access: name of a member of ``VarAccessMode``.
    """

    name: str
    owner: str
    variable: str = ""
    kind: str = "var"
    type: str = "scalar"
    access: str = "READ_WRITE"


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """A custom update.

    Args:
        name: unique among all.
        group: the group it is run with.
        code: for each neuron or synapse.
        references: what it reads and writes.
        variables: its own.
        dynamic: {parameter set while the model runs: value at first}.
    """

    name: str
    group: str
    code: tuple[str, ...]
    references: tuple[Reference, ...]
    variables: tuple[Variable, ...] = ()
    dynamic: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Lowering:
    """All that a plan becomes."""

    neurons: tuple[Neurons, ...]
    synapses: tuple[Synapses, ...]
    updates: tuple[Update, ...]
