"""Parts that neuron and synapse groups of a plan have in the backward pass."""

from __future__ import annotations

from ml_genn.backends.pygenn.lowering.names import port_backprop, weight_grad
from ml_genn.model.plan import (
    NeuronGroup,
    Plan,
    Sensitivity,
    SynapseGroup,
)


def backprop_of(group: NeuronGroup, port: int) -> str:
    """Returns the variable that flows back through a port, times the weight.

    With surrogate gradients it is the gradient of the weight, which is stored once.
    """
    same = group.adjoint is not None and (
        group.adjoint.ports[port].backprop == group.adjoint.ports[port].weight_grad
    )
    return weight_grad(port) if same else port_backprop(port)


def gradients_for_synapses(plan: Plan, group: NeuronGroup) -> dict[str, str]:
    """Returns {variable: C expression} that synapses into a group read."""
    gradients: dict[str, str] = {}
    for s in plan.incoming(group.name):
        if not s.trained or group.adjoint is None:
            continue
        port = group.adjoint.ports[s.port]
        if s.learn:
            gradients[weight_grad(s.port)] = port.weight_grad
        if s.reads_backprop:
            gradients[backprop_of(group, s.port)] = port.backprop
    return gradients


def trained_outgoing(plan: Plan, group: NeuronGroup) -> tuple[SynapseGroup, ...]:
    """Returns the synapse groups out of a group that have a backward pass."""
    return tuple(s for s in plan.outgoing(group.name) if s.trained)


def receives_backprop(plan: Plan, group: NeuronGroup) -> bool:
    """True if the loss flows back to a group through its synapses."""
    return any(s.backpropagates for s in trained_outgoing(plan, group))


def has_surrogate(group: NeuronGroup) -> bool:
    """True if spikes have a surrogate derivative, so that active neurons count too."""
    return bool(group.adjoint and group.adjoint.surrogate)


def records_activity(plan: Plan, group: NeuronGroup) -> bool:
    """True if the backward pass needs to know when neurons spiked or were active."""
    needed = group.adjoint is not None or bool(trained_outgoing(plan, group))
    return plan.trains and needed and group.threshold is not None


# ---------------------------------------------------------------- losses
def loss_depends_on_spike_count(group: NeuronGroup) -> bool:
    """True if the loss depends on the number of a group's spikes."""
    return _loss_depends_on(group, Sensitivity.SPIKES)


def loss_depends_on_spike_time(group: NeuronGroup) -> bool:
    """True if the loss depends on the time of first spikes."""
    return _loss_depends_on(group, Sensitivity.SPIKE_TIME)


def loss_depends_on_output(group: NeuronGroup) -> bool:
    """True if the loss depends on the output variable."""
    return _loss_depends_on(group, Sensitivity.VARIABLE)


def _loss_depends_on(group: NeuronGroup, sensitivity: Sensitivity) -> bool:
    readout = group.readout
    return bool(group.loss and readout and readout.sensitivity is sensitivity)


def has_step_loss(group: NeuronGroup) -> bool:
    """True if the loss is a sum over time steps."""
    return bool(group.loss and group.loss.per_step)


def has_first_spike_loss(group: NeuronGroup) -> bool:
    """True if the loss is of first spike times and a gradient flows from it."""
    return bool(group.adjoint and group.loss and group.loss.first_spike)
