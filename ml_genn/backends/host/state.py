"""Types of state variables and arrays of recorded ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_genn.codegen.layout import Layout
from ml_genn.model.batch import Record
from ml_genn.model.plan import Plan

#: {C type: NumPy type with which the state block is read}; all have four bytes.
STATE_TYPES: dict[str, Any] = {
    "float": np.float32,
    "int32_t": np.int32,
    "uint32_t": np.uint32,
    "bool": np.int32,
}


def state_type(plan: Plan, group: str, variable: str) -> str:
    """Returns the C type of a state variable; adjoint variables are floats."""
    types = {v.name: v.type for v in plan.neuron(group).variables}
    return types.get(variable, "float")


def typed_state(
    plan: Plan, group: str, variable: str, values: np.ndarray
) -> np.ndarray:
    """Returns values that were read as floats in the type of their variable."""
    name = state_type(plan, group, variable)
    typed: np.ndarray = values.view(STATE_TYPES[name])
    return typed != 0 if name == "bool" else typed


def is_forward(plan: Plan, record: Record) -> bool:
    """Returns True if a variable is recorded in the forward pass."""
    group = plan.neuron(record.group)
    return not group.adjoint or record.variable not in group.adjoint.variables


def record_array(
    layout: Layout, record: Record, examples: int, steps: int
) -> np.ndarray:
    """Returns an array for a recorded variable, (examples, steps, neurons)."""
    row = layout.rows[record.group, record.variable]
    return np.zeros((examples, steps, row.size), dtype=np.float32)
