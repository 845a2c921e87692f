"""What a plan must be like for gradients to be taken while it runs."""

from __future__ import annotations

from ml_genn.errors import UnsupportedError
from ml_genn.model.plan import Adjoint, Delay, NeuronGroup, Plan, Values

_INSTEAD = "mode='event_driven' has no such limit."


def check_online(plan: Plan, values: Values) -> None:
    """Refuses a plan that asks for gradients while it runs and cannot have them.

    Raises:
        UnsupportedError: if a trace for each synapse does not say all about the past.
    """
    if not plan.online:
        return
    for s in plan.synapses:
        if s.negates and s.learn:
            raise UnsupportedError(
                f"Connection '{s.negates}': learning online, an input has no negative "
                f"spikes. Use signed_spikes=False; {_INSTEAD}"
            )
        if s.delay is Delay.PER_SYNAPSE and (s.learn or s.backpropagates):
            raise UnsupportedError(
                f"Connection '{s.name}': learning online needs the same delay for all "
                f"of its synapses. Give one number; {_INSTEAD}"
            )
        if s.kernel and (s.learn or s.backpropagates):
            raise UnsupportedError(
                f"Connection '{s.name}': learning online needs a weight of its own for "
                f"each synapse, but these share theirs. Use Dense or Sparse; {_INSTEAD}"
            )
    for group in plan.neurons:
        if group.adjoint is None:
            continue
        if group.adjoint.surrogate:
            _check_hidden(plan, values, group)
        else:
            _check_output(group, group.adjoint)


def _check_hidden(plan: Plan, values: Values, group: NeuronGroup) -> None:
    back = [s for s in plan.outgoing(group.name) if s.backpropagates]
    if any(plan.neuron(s.target).threshold is not None for s in back):
        raise UnsupportedError(
            f"Population '{group.name}': learning online, the loss flows back from "
            "outputs that do not spike only."
        )
    delays = {int(values.delays.get(s.name, 0)) for s in back}
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
    own = {c.name for c in group.constants if c.per_neuron}
    if adjoint.tape or adjoint.step.reads & own:
        raise UnsupportedError(
            f"{where} forgets at one rate: all of its neurons have the same time "
            f"constant, given as a number, which is not learned. {_INSTEAD}"
        )
