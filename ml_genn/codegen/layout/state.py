"""Rows of an example's state block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ml_genn.codegen.layout.adjoints import adjoint_rings, interleaved_adjoints
from ml_genn.codegen.layout.ports import (
    reads_backprop,
    stores_weight_grad,
    weight_grad_row,
)
from ml_genn.codegen.sizes import padded
from ml_genn.model.plan import NeuronGroup, Plan

RESULT = "result_"  #: a readout's result at the end of an example
RESULT_GRAD = "result_grad_"  #: dL by the result
SPIKE_GRAD = "spike_grad_"  #: dL by the spikes, or their times, of a step


def saved(name: str) -> str:
    """Name of the row that holds a local of the step until spikes are processed."""
    return f"{name}_saved_"


@dataclass(frozen=True, slots=True)
class StateRow:
    """One number per neuron in the state block.

    Args:
        offset: of the first number from the start of the block, in floats.
        size: numbers, one per neuron.
        stride: floats from one number to the next.
    """

    offset: int
    size: int
    stride: int = 1

    @property
    def indices(self) -> slice:
        """The numbers' indices in the block."""
        return slice(self.offset, self.offset + self.size * self.stride, self.stride)


def state_rows(plan: Plan) -> dict[tuple[str, str], StateRow]:
    """{(group, name): row}, one after the other; interleaved ones side by side."""
    rows: dict[tuple[str, str], StateRow] = {}
    interleaved = interleaved_adjoints(plan)
    offset = 0
    for group in plan.neurons:
        pair = interleaved.get(group.name, ())
        for name in _row_names(plan, interleaved, group):
            if name not in pair:
                rows[group.name, name] = StateRow(offset, group.size)
                offset += padded(group.size)
                continue
            first = offset + pair.index(name)
            rows[group.name, name] = StateRow(first, group.size, len(pair))
            if name == pair[-1]:
                offset += padded(group.size) * len(pair)
    return rows


def _row_names(
    plan: Plan, interleaved: Mapping[str, object], group: NeuronGroup
) -> list[str]:
    names = [v.name for v in group.variables]
    names += [saved(name) for name in group.saved_locals]
    if group.readout:
        names += [name for name, _ in group.readout.variables]
        names.append(RESULT)
    if group.loss:
        names.append(RESULT_GRAD)
    if group.adjoint and not plan.online:
        names += group.adjoint.variables
        names += _port_rows(plan, interleaved, group, names)
        if group.threshold is not None:
            names.append(SPIKE_GRAD)
    return names


def _port_rows(
    plan: Plan, interleaved: Mapping[str, object], group: NeuronGroup, known: list[str]
) -> list[str]:
    """Rows of port gradients that are not adjoint variables or in a ring."""
    names: list[str] = []
    with_ring = adjoint_rings(plan)
    for port in range(len(group.ports)):
        if (group.name, port) in with_ring:
            continue
        weight_grad = weight_grad_row(group, port)
        if stores_weight_grad(plan, group, port) and weight_grad not in known + names:
            names.append(weight_grad)
        if reads_backprop(plan, group, port) and group.name not in interleaved:
            names.append(f"backprop{port}_")
    return names
