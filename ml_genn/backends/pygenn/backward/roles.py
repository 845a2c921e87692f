"""What neurons and synapses of a plan have to do with its backward pass."""

from __future__ import annotations

from ml_genn.model.plan import (
    NeuronGroup,
    Plan,
    Sensitivity,
    SynapseGroup,
)

WEIGHT, GRADIENT = "weight", "gradient"  #: variables of synapses
SPIKED, ACTIVE = 1, 2  #: bits of a neuron's mark of a step
MARK = "mark_ahead_"  #: variable with the mark of the step that comes next, going back
SENT = "sent_back_"  #: input that what flows back to a neuron adds to


def slope(port: int) -> str:
    """Variable with dL/dw of a spike that arrives at a port."""
    return f"slope{port}_"


def back(group: NeuronGroup, port: int) -> str:
    """Variable with what flows back over a port; with some rules it is the slope."""
    adjoint = group.adjoint
    same = adjoint is not None and _same(group, port)
    return slope(port) if same else f"back{port}_"


def _same(group: NeuronGroup, port: int) -> bool:
    adjoint = group.adjoint
    return (
        adjoint is not None
        and adjoint.ports[port].backprop == adjoint.ports[port].weight_grad
    )


def asked_of(plan: Plan, group: NeuronGroup) -> dict[str, str]:
    """{variable: C} that synapses into a group read in the backward pass."""
    found: dict[str, str] = {}
    for s in plan.incoming(group.name):
        if not s.trained or group.adjoint is None:
            continue
        port = group.adjoint.ports[s.port]
        if s.learn:
            found[slope(s.port)] = port.weight_grad
        if s.reads_backprop:
            found[back(group, s.port)] = port.backprop
    return found


def trained_outgoing(plan: Plan, group: NeuronGroup) -> tuple[SynapseGroup, ...]:
    """Synapse groups out of a group that the backward pass visits."""
    return tuple(s for s in plan.outgoing(group.name) if s.trained)


def surrogate(group: NeuronGroup) -> bool:
    """Whether active neurons are visited, not those that spiked only."""
    return bool(group.adjoint and group.adjoint.surrogate)


def marked(plan: Plan, group: NeuronGroup) -> bool:
    """Whether what a group's neurons did in each step is kept."""
    wanted = group.adjoint is not None or bool(trained_outgoing(plan, group))
    return plan.trains and wanted and group.threshold is not None


def fed_back(plan: Plan, group: NeuronGroup) -> bool:
    """Whether synapses send something back to a group."""
    return any(s.backpropagates for s in trained_outgoing(plan, group))


def counts_spikes(group: NeuronGroup) -> bool:
    """Whether the loss looks at the number of a group's spikes."""
    return _looks_at(group, Sensitivity.SPIKES)


def looks_at_times(group: NeuronGroup) -> bool:
    """Whether the loss looks at the time of first spikes."""
    return _looks_at(group, Sensitivity.SPIKE_TIME)


def looks_at_variable(group: NeuronGroup) -> bool:
    """Whether the loss looks at the output variable."""
    return _looks_at(group, Sensitivity.VARIABLE)


def _looks_at(group: NeuronGroup, what: Sensitivity) -> bool:
    readout = group.readout
    return bool(group.loss and readout and readout.sensitivity is what)
