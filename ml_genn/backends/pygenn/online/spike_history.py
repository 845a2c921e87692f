"""Recent spikes of source neurons, as bits of one number."""

from __future__ import annotations

from ml_genn.backends.pygenn.lowering.names import FIRED
from ml_genn.backends.pygenn.lowering.records import Variable
from ml_genn.model.plan import NeuronGroup, Plan

SPIKE_HISTORY = "spike_history_"  #: variable; bit n: the neuron spiked n steps ago
HISTORY_BITS = 32
#: Statement at the end of a step, after which bit 0 is the step itself.
PUSH_SPIKE = f"{SPIKE_HISTORY} = ({SPIKE_HISTORY} << 1) | ({FIRED} ? 1U : 0U);"


def has_spike_history(plan: Plan, group: NeuronGroup) -> bool:
    """True if synapses that learn online read when a group spiked."""
    return plan.online and any(s.learn for s in plan.outgoing(group.name))


def spike_history(plan: Plan, group: NeuronGroup) -> list[Variable]:
    """Returns the variable of a group, if it has one."""
    history = Variable(SPIKE_HISTORY, "uint32_t", 0)
    return [history] if has_spike_history(plan, group) else []
