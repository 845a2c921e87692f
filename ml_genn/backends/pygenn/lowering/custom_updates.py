"""Custom updates: the start of a batch, results, gradients, optimisers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ml_genn.backends.pygenn.backward import neurons as backward
from ml_genn.backends.pygenn.backward.roles import GRADIENT, WEIGHT
from ml_genn.backends.pygenn.lowering.genn_code import genn_code
from ml_genn.backends.pygenn.lowering.records import (
    Neurons,
    Reference,
    Synapses,
    Update,
    Variable,
)
from ml_genn.backends.pygenn.lowering.synapse_storage import storage_of
from ml_genn.backends.pygenn.lowering.synapses import DELAY, DELAY_GRADIENT
from ml_genn.model.plan import (
    GLOBAL_NORM,
    GRADIENT_NORM,
    SIGN,
    Learned,
    LearnedKind,
    OptimiserUpdate,
    Plan,
    Values,
)

START, START_READOUT, FINISH = "Start", "StartReadout", "Finish"
REDUCE, OPTIMISE, APPLY = "Reduce", "Optimise", "Apply"
RESULT, SUM, X = "result_", "sum_", "x"
_GRADIENTS = {LearnedKind.WEIGHT: GRADIENT, LearnedKind.DELAY: DELAY_GRADIENT}
_VARIABLES = {LearnedKind.WEIGHT: WEIGHT, LearnedKind.DELAY: DELAY}


def start_of(group: Neurons) -> Iterator[Update]:
    """What puts a population into its initial state; readouts apart."""
    for name, variables in ((START, group.start), (START_READOUT, group.readout)):
        if variables:
            yield Update(
                f"{name} {group.name}",
                name,
                tuple(f"{v.name} = {v.name}start_;" for v in variables),
                tuple(
                    Reference(v.name, group.name, v.name, type=v.type)
                    for v in variables
                ),
                tuple(
                    Variable(f"{v.name}start_", v.type, v.value, "READ_ONLY_SHARED")
                    for v in variables
                ),
            )


def forgotten(s: Synapses) -> Iterator[Update]:
    """What puts traces of synapses to zero."""
    if s.start:
        yield Update(
            f"{START} {s.name}",
            START,
            tuple(f"{name} = 0;" for name in s.start),
            tuple(Reference(name, s.name, name, "wu_var") for name in s.start),
        )


def emptied(s: Synapses) -> Iterator[Update]:
    """What forgets spikes that are on their way."""
    if not s.spike:
        return
    yield _emptied(s, "waiting_", "src_spike_count_var", "uint32_t")
    if s.dendritic is not None:
        yield _emptied(s, "delayed_", "den_delay_var", "scalar")


def _emptied(s: Synapses, name: str, kind: str, type: str) -> Update:
    reference = Reference(name, s.name, kind=kind, type=type, access="BROADCAST")
    return Update(f"{name} {s.name}", START, (f"{name} = 0;",), (reference,))


def finish(group: Neurons) -> Iterator[Update]:
    """What makes the result of a readout."""
    if group.result is not None:
        used = [v for v in group.readout if v.name in group.result]
        steps = {"num_steps": 1.0} if "num_steps" in group.result else {}
        yield Update(
            f"{FINISH} {group.name}",
            FINISH,
            (f"{RESULT} = {group.result};",),
            tuple(
                Reference(v.name, group.name, v.name, type=v.type, access="READ_ONLY")
                for v in used
            ),
            (Variable(RESULT),),
            steps,
        )


def members(plan: Plan, array: Learned) -> tuple[Learned, ...]:
    """The array, and the same of groups that deliver its weights negated."""
    return tuple(
        Learned(array.kind, s.name) for s in plan.synapses if s.stored == array.owner
    )


def reduced(array: Learned) -> Update:
    """What sums a gradient over the batch, and starts it anew."""
    name = _GRADIENTS[array.kind]
    return Update(
        f"{REDUCE} {array}",
        REDUCE,
        (f"{SUM} = {name};", f"{name} = 0;"),
        (Reference(name, array.owner, name, "wu_var"),),
        (Variable(SUM, access="REDUCE_BATCH_SUM"),),
    )


def optimised(plan: Plan, values: Values, update: OptimiserUpdate) -> Iterator[Update]:
    """The step of an optimiser on numbers that all examples share, and what copies
    them to those that each example has."""
    array, where = update.target, f"Optimiser of '{update.target}'"
    norms = [n for n in (GRADIENT_NORM, GLOBAL_NORM) if n in update.code.reads]
    x = start_value(plan, values, array)
    lines = (f"scalar gradient = {SUM};", *update.code.lines)
    if array.kind is LearnedKind.WEIGHT and plan.synapse(array.owner).rewired:
        lines = _where_there_is_one(lines)
    yield Update(
        f"{OPTIMISE} {array}",
        OPTIMISE,
        genn_code(lines, where),
        (_gradient(array),),
        (Variable(X, value=x), *(Variable(slot) for slot in update.slots)),
        dict.fromkeys((*update.scalars, *norms), 0.0),
    )
    if array.kind is not LearnedKind.PARAMETER:
        yield _copied(array)


def start_value(plan: Plan, values: Values, array: Learned) -> np.ndarray:
    """What a learned array starts with, one after the other; parameters by neuron."""
    if array.kind is LearnedKind.PARAMETER:
        given = values.parameters[array.owner][array.name]
        given = np.broadcast_to(given, plan.neuron(array.owner).size)
        return np.asarray(given, np.float32)
    weight = array.kind is LearnedKind.WEIGHT
    given = (values.weights if weight else values.delays)[array.owner]
    storage = storage_of(plan, values, plan.synapse(array.owner))
    return storage.stored(np.asarray(given, np.float32))


def _where_there_is_one(lines: tuple[str, ...]) -> tuple[str, ...]:
    """A step that leaves out places without a synapse, which have no sign."""
    return (f"if ({SIGN} != 0.0) {{", *lines, "}")


def _gradient(array: Learned) -> Reference:
    """Where an optimiser finds the gradient."""
    if array.kind is LearnedKind.PARAMETER:
        name = backward.parameter_gradient(array.name)
        return Reference(SUM, array.owner, name, access="READ_ONLY")
    return Reference(SUM, f"{REDUCE} {array}", SUM, "wu_var", access="READ_ONLY")


def _copied(array: Learned) -> Update:
    name = _VARIABLES[array.kind]
    type_, taken = "scalar", X
    if array.kind is LearnedKind.DELAY:
        type_, taken = "uint16_t", f"(uint16_t)({X} + 0.5)"
    return Update(
        f"{APPLY} {array}",
        APPLY,
        (f"{name} = {taken};",),
        (
            Reference(name, array.owner, name, "wu_var", type=type_),
            Reference(X, f"{OPTIMISE} {array}", X, "wu_var", access="READ_ONLY"),
        ),
    )
