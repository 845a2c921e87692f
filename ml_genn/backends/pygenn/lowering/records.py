"""Records of a GeNN model: populations, custom updates, their variables and code.

The lowering makes them from a plan; `ml_genn.backends.pygenn.runtime.build` makes
PyGeNN calls from them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

#: {GeNN type of an array's elements: NumPy type}
DTYPES: Mapping[str, type] = {
    "scalar": np.float32,
    "uint8_t": np.uint8,
    "uint32_t": np.uint32,
}
#: {name in synapse code: (type, variable of a neuron population)}
VariableReferences = Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True, eq=False)
class Variable:
    """Variable of a neuron, synapse or custom update model.

    Args:
        name: its name in code.
        type: its GeNN type.
        value: initial value: a number or an array.
        access: member of ``VarAccess``, or of ``CustomUpdateVarAccess``.
    """

    name: str
    type: str = "scalar"
    value: Any = 0.0
    access: str = "READ_WRITE"


@dataclass(frozen=True, slots=True, eq=False)
class Array:
    """Array of a neuron population ("extra global parameter" in GeNN).

    Args:
        name: its name in code.
        type: GeNN type of its elements.
        size: function (time steps, batch size) -> number of elements.
    """

    name: str
    type: str
    size: Callable[[int, int], int]


@dataclass(frozen=True, slots=True, eq=False)
class NeuronPopulation:
    """Neuron population.

    Args:
        name: name of the plan's neuron group.
        size: number of neurons.
        code: one time step, ``sim_code``.
        threshold: expression that is true if the neuron spikes, evaluated after
            ``code``; None if it never spikes.
        parameters: {name: value}; compiled in unless dynamic.
        dynamic: names of parameters that are set while the model runs.
        variables: state, constants of each neuron, gradients.
        arrays: arrays that the code indexes.
        inputs: names of inputs that synapses add to; zero at the start of each step.
        state: variables that are reset at the start of an example, with their initial
            values.
        readout: variables of the readout, with their initial values.
        result: expression of the readout's result; None if it is not an output.
        records_spikes: true if spikes of the population may be recorded.
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
    state: tuple[Variable, ...] = ()
    readout: tuple[Variable, ...] = ()
    result: str | None = None
    records_spikes: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class SynapsePopulation:
    """Synapse population.

    Args:
        name: name of the plan's synapse group.
        source, target: names of neuron populations.
        matrix: member of ``SynapseMatrixType``.
        post_target: input of the target that ``addToPost`` adds to.
        pre_target: input of the source that ``addToPre`` adds to.
        spike_code: code at a spike of the source.
        event_code: code at an event of the source.
        event_condition: expression that is true if the source has an event.
        step_code: code of every synapse in every step, ``synapse_dynamics_code``.
        variables: of each synapse, or of each weight of a convolution.
        state: names of variables that are zero at the start of an example.
        parameters: {name: value}; compiled in unless dynamic.
        dynamic: names of parameters that are set while the model runs.
        source_refs, target_refs: variables of the two neuron populations.
        indices: (source, target) neuron of each synapse if the matrix is SPARSE.
        convolution: parameters of GeNN's ``Conv2D`` if the matrix is TOEPLITZ.
        axonal_delay: steps from a spike to ``spike_code``.
        max_dendritic_delay: longest delay of ``addToPostDelay`` [steps]; None if the
            code does not call it.
        history: how many steps back the code reads variables of the target.
    """

    name: str
    source: str
    target: str
    matrix: str
    post_target: str
    pre_target: str | None = None
    spike_code: tuple[str, ...] = ()
    event_code: tuple[str, ...] = ()
    event_condition: str | None = None
    step_code: tuple[str, ...] = ()
    variables: tuple[Variable, ...] = ()
    state: tuple[str, ...] = ()
    parameters: Mapping[str, float] = field(default_factory=dict)
    dynamic: tuple[str, ...] = ()
    source_refs: VariableReferences = field(default_factory=dict)
    target_refs: VariableReferences = field(default_factory=dict)
    indices: tuple[np.ndarray, np.ndarray] | None = None
    convolution: Mapping[str, int] | None = None
    axonal_delay: int = 0
    max_dendritic_delay: int | None = None
    history: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Variable of a population or of another custom update, in a custom update's code.

    Args:
        name: its name in code.
        owner: name of the neuron or synapse population, or of the custom update.
        variable: its name there; "" if ``kind`` alone tells which.
        kind: PyGeNN's function ``create_<kind>_ref`` makes the reference.
        type: its GeNN type.
        access: member of ``VarAccessMode``.
    """

    name: str
    owner: str
    variable: str = ""
    kind: str = "var"
    type: str = "scalar"
    access: str = "READ_WRITE"


@dataclass(frozen=True, slots=True, eq=False)
class CustomUpdate:
    """Custom update: code that runs once for each neuron or synapse, when called.

    Args:
        name: its name, unique among all.
        group: custom updates of one group run together.
        code: ``update_code``.
        references: variables of others that the code reads and writes.
        variables: variables of its own.
        dynamic: {parameter that is set while the model runs: initial value}.
    """

    name: str
    group: str
    code: tuple[str, ...]
    references: tuple[Reference, ...]
    variables: tuple[Variable, ...] = ()
    dynamic: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class LoweredModel:
    """Everything that a GeNN model is built from."""

    neurons: tuple[NeuronPopulation, ...]
    synapses: tuple[SynapsePopulation, ...]
    updates: tuple[CustomUpdate, ...]
