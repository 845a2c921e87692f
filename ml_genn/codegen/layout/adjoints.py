"""Adjoints that the backward pass stores or steps in a way of their own."""

from __future__ import annotations

from ml_genn.codegen.formats import format_code
from ml_genn.codegen.layout.ports import learns_at_spikes, reads_backprop
from ml_genn.model.plan import Adjoint, Delay, NeuronGroup, Plan


def adjoint_rings(plan: Plan) -> tuple[tuple[str, int], ...]:
    """(group, port) whose gradients are stored for several steps, because a synapse
    into the port has a delay."""
    ports = {
        (s.target, s.port): None
        for s in plan.synapses
        if s.delay is not Delay.NONE and s.trained
    }
    return () if plan.online else tuple(ports)


def lazy_adjoints(plan: Plan) -> tuple[str, ...]:
    """Groups whose adjoint is zero from the end of an example back to the last step in
    which one of their neurons spiked or was active.

    Their backward step does not run before that.
    """
    if plan.online:
        return ()
    with_ring = {group for group, _ in adjoint_rings(plan)}
    return tuple(
        g.name
        for g in plan.neurons
        if g.adjoint
        and g.threshold is not None
        and not g.loss
        and g.name not in with_ring
        and not (g.adjoint.surrogate and g.adjoint.surrogate.all_active)
    )


def interleaved_adjoints(plan: Plan) -> dict[str, tuple[str, ...]]:
    """{group whose two adjoints are stored side by side: their names}.

    The adjoint of such a group follows a linear step that is the same for all neurons,
    and only CSR rows, or other formats that can, read it. Each synapse then finds both
    numbers in one place, and the step is applied to a matrix instead of to every
    neuron: see ``mlg::LazyPropagator`` in the engine's headers.
    """
    return {
        g.name: g.adjoint.variables
        for g in plan.neurons
        if g.adjoint and not plan.online and _is_interleaved(plan, g, g.adjoint)
    }


def _is_interleaved(plan: Plan, group: NeuronGroup, adjoint: Adjoint) -> bool:
    readers = [
        s for s in plan.incoming(group.name) if learns_at_spikes(s) or s.reads_backprop
    ]
    same_for_all = {*adjoint.variables, "prev_step_loss_grad_", "dt"}
    same_for_all |= {c.name for c in group.constants if not c.per_neuron}
    return (
        len(adjoint.variables) == 2
        and not group.loss
        and not group.learned
        and all(group.name != with_ring for with_ring, _ in adjoint_rings(plan))
        and any(reads_backprop(plan, group, s.port) for s in readers)
        and all(format_code(s).reads_interleaved_adjoints for s in readers)
        and adjoint.step.reads <= same_for_all
        and all(adjoint.ports[s.port].reads <= same_for_all for s in readers)
    )
