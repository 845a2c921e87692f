"""Numbers of a plan, as PyGeNN takes them."""

from __future__ import annotations

import numpy as np

from ml_genn.backends.pygenn.lowering.records import Variable
from ml_genn.model.equations.expression import evaluate, names
from ml_genn.model.plan import NeuronGroup, Values
from ml_genn.model.verify import PROVIDED


def constants(
    group: NeuronGroup, values: Values
) -> tuple[dict[str, float], tuple[Variable, ...]]:
    """Numbers that all neurons of a group share, and those of each neuron."""
    known = {**values.parameters.get(group.name, {}), "dt": values.dt}
    shared: dict[str, float] = {}
    own: list[Variable] = []
    for constant in group.constants:
        if constant.name in PROVIDED:
            continue
        value = evaluate(constant.expression, known)
        if constant.per_neuron:
            row = np.broadcast_to(value, group.size).astype(np.float32)
            own.append(Variable(constant.name, value=row, access="READ_ONLY"))
        else:
            shared[constant.name] = float(value)
    return shared, tuple(own)


def changing(group: NeuronGroup) -> frozenset[str]:
    """Constants that depend on learned parameters."""
    learned = {parameter.name for parameter in group.learned}
    return frozenset(
        c.name
        for c in group.constants
        if c.name not in PROVIDED and names(c.expression) & learned
    )


def state(group: NeuronGroup, values: Values) -> tuple[Variable, ...]:
    """State variables with their initial values."""
    given = values.initial.get(group.name, {})
    types = {"float": "scalar"}
    return tuple(
        Variable(v.name, types.get(v.type, v.type), given.get(v.name, 0.0))
        for v in group.variables
    )
