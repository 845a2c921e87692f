"""Custom updates: reset of an example, results, gradients and optimiser steps.

In the order in which a batch runs them:

    Reset, ResetReadout   states at the start of an example; spikes on their way
    ReadOut               results of readouts
    Reduce                gradients of all examples -> their sum; gradients -> 0
    Optimise              one step of an optimiser on the values that examples share
    Copy                  those values -> the copy that each example has
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ml_genn.backends.pygenn.lowering.genn_code import genn_code
from ml_genn.backends.pygenn.lowering.names import (
    COPY,
    DELAY,
    DELAY_GRADIENT,
    GRADIENT,
    OPTIMISE,
    OPTIMISED,
    READ_OUT,
    REDUCE,
    RESET,
    RESET_READOUT,
    RESULT,
    SUM,
    WEIGHT,
    parameter_gradient,
)
from ml_genn.backends.pygenn.lowering.records import (
    CustomUpdate,
    NeuronPopulation,
    Reference,
    SynapsePopulation,
    Variable,
)
from ml_genn.backends.pygenn.lowering.synapses.formats import genn_format
from ml_genn.model.plan import (
    GLOBAL_NORM,
    GRADIENT_NORM,
    SIGN,
    Learned,
    LearnedKind,
    OptimiserUpdate,
    Plan,
    PlanValues,
)

_GRADIENTS = {LearnedKind.WEIGHT: GRADIENT, LearnedKind.DELAY: DELAY_GRADIENT}
_VARIABLES = {LearnedKind.WEIGHT: WEIGHT, LearnedKind.DELAY: DELAY}


# ---------------------------------------------------------------- start of an example
def reset_neurons(population: NeuronPopulation) -> Iterator[CustomUpdate]:
    """Yields updates that assign initial values to the state and to the readout."""
    groups = {RESET: population.state, RESET_READOUT: population.readout}
    for group, variables in groups.items():
        if variables:
            yield CustomUpdate(
                f"{group} {population.name}",
                group,
                tuple(f"{v.name} = {_initial(v)};" for v in variables),
                tuple(
                    Reference(v.name, population.name, v.name, type=v.type)
                    for v in variables
                ),
                tuple(
                    Variable(_initial(v), v.type, v.value, "READ_ONLY_SHARED")
                    for v in variables
                ),
            )


def _initial(variable: Variable) -> str:
    """Returns the name of the initial value of a variable."""
    return f"{variable.name}_initial_"


def reset_synapses(s: SynapsePopulation) -> Iterator[CustomUpdate]:
    """Yields the update that sets traces to zero."""
    if s.state:
        yield CustomUpdate(
            f"{RESET} {s.name}",
            RESET,
            tuple(f"{name} = 0;" for name in s.state),
            tuple(Reference(name, s.name, name, "wu_var") for name in s.state),
        )


def clear_delayed_spikes(s: SynapsePopulation) -> Iterator[CustomUpdate]:
    """Yields updates that drop spikes which have not arrived yet."""
    if not s.spike_code:
        return
    yield _clear(s, "axonal_", "src_spike_count_var", "uint32_t")
    if s.max_dendritic_delay is not None:
        yield _clear(s, "dendritic_", "den_delay_var", "scalar")


def _clear(s: SynapsePopulation, name: str, kind: str, type: str) -> CustomUpdate:
    reference = Reference(name, s.name, kind=kind, type=type, access="BROADCAST")
    return CustomUpdate(f"{name} {s.name}", RESET, (f"{name} = 0;",), (reference,))


# ---------------------------------------------------------------- results
def read_out(population: NeuronPopulation) -> Iterator[CustomUpdate]:
    """Yields the update that computes the result of a readout."""
    if population.result is not None:
        used = [v for v in population.readout if v.name in population.result]
        steps = {"num_steps": 1.0} if "num_steps" in population.result else {}
        yield CustomUpdate(
            f"{READ_OUT} {population.name}",
            READ_OUT,
            (f"{RESULT} = {population.result};",),
            tuple(
                Reference(
                    v.name, population.name, v.name, type=v.type, access="READ_ONLY"
                )
                for v in used
            ),
            (Variable(RESULT),),
            steps,
        )


# ---------------------------------------------------------------- gradients
def arrays_with_same_weights(plan: Plan, array: Learned) -> tuple[Learned, ...]:
    """Returns an array and those of groups that deliver its weights negated."""
    return tuple(
        Learned(array.kind, s.name) for s in plan.synapses if s.stored == array.owner
    )


def reduce_gradient(array: Learned) -> CustomUpdate:
    """Returns the update that sums a gradient over the batch and sets it to zero."""
    name = _GRADIENTS[array.kind]
    return CustomUpdate(
        f"{REDUCE} {array}",
        REDUCE,
        (f"{SUM} = {name};", f"{name} = 0;"),
        (Reference(name, array.owner, name, "wu_var"),),
        (Variable(SUM, access="REDUCE_BATCH_SUM"),),
    )


# ---------------------------------------------------------------- optimisers
def optimise(
    plan: Plan, values: PlanValues, update: OptimiserUpdate
) -> Iterator[CustomUpdate]:
    """Yields the step of an optimiser, and the copy of its values to all examples."""
    array, where = update.target, f"Optimiser of '{update.target}'"
    norms = [n for n in (GRADIENT_NORM, GLOBAL_NORM) if n in update.code.reads]
    lines = (f"scalar gradient = {SUM};", *update.code.lines)
    if array.kind is LearnedKind.WEIGHT and plan.synapse(array.owner).rewired:
        lines = _only_synapses(lines)
    initial = initial_values(plan, values, array)
    yield CustomUpdate(
        f"{OPTIMISE} {array}",
        OPTIMISE,
        genn_code(lines, where),
        (_gradient_reference(array),),
        (
            Variable(OPTIMISED, value=initial),
            *(Variable(slot) for slot in update.slots),
        ),
        dict.fromkeys((*update.scalars, *norms), 0.0),
    )
    if array.kind is not LearnedKind.PARAMETER:
        yield _copy(array)


def initial_values(plan: Plan, values: PlanValues, array: Learned) -> np.ndarray:
    """Returns the initial values of a learned array in the order of the device.

    Parameters that neurons share are repeated for each neuron.
    """
    if array.kind is LearnedKind.PARAMETER:
        parameter = values.parameters[array.owner][array.name]
        row = np.broadcast_to(parameter, plan.neuron(array.owner).size)
        return np.asarray(row, np.float32)
    weight = array.kind is LearnedKind.WEIGHT
    initial = (values.weights if weight else values.delays)[array.owner]
    synapses = plan.synapse(array.owner)
    storage = genn_format(synapses).storage(plan, values, synapses)
    return storage.to_device(np.asarray(initial, np.float32))


def _only_synapses(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Returns code that skips elements of Deep-R's matrix without a synapse.

    Their sign is zero.
    """
    return (f"if ({SIGN} != 0.0) {{", *lines, "}")


def _gradient_reference(array: Learned) -> Reference:
    """Returns the reference to the gradient that an optimiser reads."""
    if array.kind is LearnedKind.PARAMETER:
        gradient = parameter_gradient(array.name)
        return Reference(SUM, array.owner, gradient, access="READ_ONLY")
    return Reference(SUM, f"{REDUCE} {array}", SUM, "wu_var", access="READ_ONLY")


def _copy(array: Learned) -> CustomUpdate:
    """Returns the update that copies optimised values to each example's synapses.

    Delays are rounded to whole time steps.
    """
    name = _VARIABLES[array.kind]
    type_, value = "scalar", OPTIMISED
    if array.kind is LearnedKind.DELAY:
        type_, value = "uint16_t", f"(uint16_t)({OPTIMISED} + 0.5)"
    return CustomUpdate(
        f"{COPY} {array}",
        COPY,
        (f"{name} = {value};",),
        (
            Reference(name, array.owner, name, "wu_var", type=type_),
            Reference(
                OPTIMISED,
                f"{OPTIMISE} {array}",
                OPTIMISED,
                "wu_var",
                access="READ_ONLY",
            ),
        ),
    )
