"""Rows of a target's gradients that the synapses into its ports read."""

from __future__ import annotations

from ml_genn.codegen.formats import format_code
from ml_genn.model.plan import NeuronGroup, Plan, SynapseGroup


def learns_in_blocks(synapses: SynapseGroup) -> bool:
    """True if weight gradients are summed over a block of steps, neuron by neuron: rows
    of dL/dw are stored until then."""
    return synapses.learn and format_code(synapses).complete_rows


def learns_at_spikes(synapses: SynapseGroup) -> bool:
    """True if weight gradients are added at each spike."""
    return synapses.learn and not learns_in_blocks(synapses)


def into_port(plan: Plan, group: str, port: int) -> tuple[SynapseGroup, ...]:
    """Synapse groups into a port of a group."""
    return tuple(s for s in plan.incoming(group) if s.port == port)


def weight_grad_row(group: NeuronGroup, port: int) -> str:
    """Name of the row with dL/dw of a spike into a port: an adjoint variable, or a row
    of its own."""
    adjoint = group.adjoint
    if adjoint is not None:
        name = adjoint.ports[port].weight_grad
        if name in adjoint.variables:
            return name
    return f"weight_grad{port}_"


def backprop_row(group: NeuronGroup, port: int) -> str:
    """Name of the row with the gradient that synapses into a port pass back."""
    same = backprops_weight_grad(group, port)
    return weight_grad_row(group, port) if same else f"backprop{port}_"


def backprops_weight_grad(group: NeuronGroup, port: int) -> bool:
    """True if the gradient passed back over a port is dL/dw, as under surrogate
    gradients; EventProp passes back a derivative by time."""
    adjoint = group.adjoint
    return adjoint is not None and adjoint.ports[port].backprops_weight_grad


def stores_weight_grad(plan: Plan, group: NeuronGroup, port: int) -> bool:
    """True if a synapse into a port reads dL/dw in every step."""
    same = backprops_weight_grad(group, port)
    return any(
        learns_at_spikes(s) or (s.reads_backprop and same)
        for s in into_port(plan, group.name, port)
    )


def reads_backprop(plan: Plan, group: NeuronGroup, port: int) -> bool:
    """True if a synapse into a port reads a gradient to pass back that is not dL/dw."""
    into = into_port(plan, group.name, port)
    return any(s.reads_backprop for s in into) and not backprops_weight_grad(
        group, port
    )


def takes_delay_difference(plan: Plan, synapses: SynapseGroup) -> bool:
    """True if the gradient by a delay is a difference of dL/ds over steps, because
    no derivative by time is passed back."""
    return backprops_weight_grad(plan.neuron(synapses.target), synapses.port)
