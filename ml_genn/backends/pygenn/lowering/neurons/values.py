"""Constants and initial values of a neuron group, as GeNN parameters and variables."""

from __future__ import annotations

import numpy as np

from ml_genn.backends.pygenn.lowering.records import Variable
from ml_genn.model.equations.expression import evaluate, names
from ml_genn.model.plan import NeuronGroup, PlanValues
from ml_genn.model.plan.code import PROVIDED


def constants(
    group: NeuronGroup, values: PlanValues
) -> tuple[dict[str, float], tuple[Variable, ...]]:
    """Returns ({name: constant of all neurons}, constants of each neuron)."""
    known = {**values.parameters.get(group.name, {}), "dt": values.dt}
    shared: dict[str, float] = {}
    per_neuron: list[Variable] = []
    for constant in group.constants:
        if constant.name in PROVIDED:
            continue
        value = evaluate(constant.expression, known)
        if constant.per_neuron:
            row = np.broadcast_to(value, group.size).astype(np.float32)
            per_neuron.append(Variable(constant.name, value=row, access="READ_ONLY"))
        else:
            shared[constant.name] = float(value)
    return shared, tuple(per_neuron)


def learned_constants(group: NeuronGroup) -> frozenset[str]:
    """Returns names of constants that depend on learned parameters."""
    learned = {parameter.name for parameter in group.learned}
    return frozenset(
        c.name
        for c in group.constants
        if c.name not in PROVIDED and names(c.expression) & learned
    )


def state(group: NeuronGroup, values: PlanValues) -> tuple[Variable, ...]:
    """Returns the state variables with their initial values."""
    initial = values.initial.get(group.name, {})
    types = {"float": "scalar"}
    return tuple(
        Variable(v.name, types.get(v.type, v.type), initial.get(v.name, 0.0))
        for v in group.variables
    )
