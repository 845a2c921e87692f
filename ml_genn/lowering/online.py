"""Conditions under which gradients can be computed while a network runs.

The online form of e-prop holds one eligibility trace per presynaptic neuron and one
filter of the outputs' errors. Networks whose gradient needs more are refused.
"""

from __future__ import annotations

from ml_genn.errors import UnsupportedError
from ml_genn.model.plan import (
    Adjoint,
    Delay,
    NeuronGroup,
    Plan,
    PlanValues,
    SynapseGroup,
)

_INSTEAD = "mode='event_driven' has no such limit."


def check_online(plan: Plan, values: PlanValues) -> None:
    """Raises an error if a plan learns online and its gradient needs more state.

    Args:
        plan: any plan; those that do not learn online pass.
        values: its values.

    Raises:
        UnsupportedError: for learned synapses with negative spikes, delays of their own
            or shared weights, for other than one delay to the outputs, and for outputs
            with more than one eligible variable or time constant.
    """
    if not plan.online:
        return
    for synapses in plan.synapses:
        if synapses.learn or synapses.backpropagates:
            _check_synapses(synapses)
    for group in plan.neurons:
        if group.adjoint is not None and group.adjoint.surrogate:
            _check_hidden(plan, values, group)
        elif group.adjoint is not None:
            _check_output(group, group.adjoint)


def _check_synapses(synapses: SynapseGroup) -> None:
    if synapses.negates and synapses.learn:
        raise UnsupportedError(
            f"Connection '{synapses.negates}': learning online, an input has no "
            f"negative spikes. Use signed_spikes=False; {_INSTEAD}"
        )
    if synapses.delay is Delay.PER_SYNAPSE:
        raise UnsupportedError(
            f"Connection '{synapses.name}': learning online needs the same delay for "
            f"all of its synapses. Give one number; {_INSTEAD}"
        )
    if synapses.format.shares_weights:
        raise UnsupportedError(
            f"Connection '{synapses.name}': learning online needs a weight of its own "
            "for each synapse, but these share theirs. Use Dense or Sparse; "
            f"{_INSTEAD}"
        )


def _check_hidden(plan: Plan, values: PlanValues, group: NeuronGroup) -> None:
    feedback = [s for s in plan.outgoing(group.name) if s.backpropagates]
    if any(plan.neuron(s.target).threshold is not None for s in feedback):
        raise UnsupportedError(
            f"Population '{group.name}': learning online, the loss flows back from "
            "outputs that do not spike only."
        )
    delays = {int(values.delays.get(s.name, 0)) for s in feedback}
    if len(delays) > 1:
        raise UnsupportedError(
            f"Population '{group.name}' reaches the outputs over different delays "
            f"({', '.join(f'{d} steps' for d in sorted(delays))}); learning online "
            f"needs the same on all of these connections. {_INSTEAD}"
        )


def _check_output(group: NeuronGroup, adjoint: Adjoint) -> None:
    where = f"Population '{group.name}': learning online, an output"
    if group.loss is None or not group.loss.per_step:
        raise UnsupportedError(f"{where} needs a loss in every time step.")
    if len(adjoint.eligible) != 1:
        raise UnsupportedError(
            f"{where} has one variable with a memory. Received {len(adjoint.eligible)}."
        )
    per_neuron = {c.name for c in group.constants if c.per_neuron}
    if adjoint.tape or adjoint.step.reads & per_neuron:
        raise UnsupportedError(
            f"{where} forgets at one rate: all of its neurons have the same time "
            f"constant, given as a number, which is not learned. {_INSTEAD}"
        )
