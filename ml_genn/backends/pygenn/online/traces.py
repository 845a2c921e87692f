"""Traces: gradients that are taken while a network runs.

What a neuron does in a step is linear in what its past inputs left in it. With x the
variables with a memory, s the spike's slope, a whether a spike arrived and L the
learning signal, each synapse carries (Bellec et al. 2020)

    g      = ds/dx . X + ds/da a        what its weight did to the spike
    X     <- dx/dx . X + dx/da a        its eligibility
    Z     <- decay Z + g                what is left of that in an output
    dL/dw <- dL/dw + L Z + R g          R: the part that regularises firing rates

The derivatives are the neuron's (``lowering.step_jacobian``). With several
outputs there are as many Z and L. An output has no spike: dL/dw gains its error times
the eligibility of its variable.

Learning is ``lag`` steps behind the network. The error of an output is known a step
later, when it has seen the others; it takes a step to the synapses that carry it back
and one more to those that learn; and a spike took its delay to reach the output. So
what neurons did waits, in GeNN's queues of their variables, until the errors come.
"""

from __future__ import annotations

from dataclasses import dataclass

from ml_genn.codegen.online.layout import Path, Sweeps
from ml_genn.errors import UnsupportedError
from ml_genn.model.equations.expression import evaluate
from ml_genn.model.plan import Adjoint, NeuronGroup, Plan, SynapseGroup, Values

SPIKE = "spike"  #: the row of derivatives of a spike
RECENT = "recent_"  #: bits of a source: whether it spiked, the last step lowest
OUTPUT_GRAD = "grad_"  #: dL by the output variable, of the step before
RATE_PUSH = "rate_push_"  #: R
OUTPUT_LAG, HIDDEN_LAG = 1, 3  #: a delay to the outputs comes on top
LONGEST = 31 - 1 - HIDDEN_LAG  #: delay to the outputs that the bits are enough for


@dataclass(frozen=True)
class Traces:
    """How a group's weights and parameters learn while it runs.

    Args:
        plan, values: the plan and its numbers.
        group: the group.
        adjoint: its adjoint.
    """

    plan: Plan
    values: Values
    group: NeuronGroup
    adjoint: Adjoint

    @property
    def hidden(self) -> bool:
        """Whether it learns from signals, not from errors of its own."""
        return self.adjoint.surrogate is not None

    @property
    def kept(self) -> tuple[str, ...]:
        """Variables with a memory."""
        names = self.adjoint.eligible
        return tuple(name.removeprefix("lambda_") for name in names)

    @property
    def rows(self) -> tuple[str, ...]:
        """What derivatives are taken of."""
        return (*self.kept, SPIKE) if self.hidden else self.kept

    @property
    def learned(self) -> tuple[str, ...]:
        """Parameters that are learned."""
        return tuple(p.name for p in self.group.learned)

    @property
    def feedback(self) -> dict[Path, list[SynapseGroup]]:
        """{output and port: synapse groups that errors come back by}."""
        return Sweeps(self.plan, self.group, self.adjoint).feedback

    @property
    def decays(self) -> dict[str, float]:
        """{name in code: what an output keeps of a spike in a step}, path by path."""
        outputs = (output for output, _ in self.feedback)
        return {f"decay{k}_": self._decay(o) for k, o in enumerate(outputs)}

    def _decay(self, output: str) -> float:
        adjoint = self.plan.neuron(output).adjoint
        known = {**self.values.parameters.get(output, {}), "dt": self.values.dt}
        return float(evaluate(adjoint.decay, known)) if adjoint else 0.0

    @property
    def lag(self) -> int:
        """Steps that learning is behind.

        Raises:
            UnsupportedError: if it is more than the bits of spikes reach back.
        """
        if not self.hidden:
            return OUTPUT_LAG
        back = (s for groups in self.feedback.values() for s in groups)
        delay = max((delay_of(self.values, s) for s in back), default=0)
        if delay > LONGEST:
            raise UnsupportedError(
                f"Population '{self.group.name}': learning online, backend 'pygenn' "
                f"takes delays to outputs of at most {LONGEST} steps. Received {delay} "
                "steps. Use mode='event_driven', or backend='cpu'."
            )
        return HIDDEN_LAG + delay


def traces_of(plan: Plan, values: Values) -> dict[str, Traces]:
    """{group that learns while it runs: its traces}."""
    return {
        g.name: Traces(plan, values, g, g.adjoint)
        for g in plan.neurons
        if g.adjoint and plan.online
    }


def path_of(plan: Plan, values: Values, s: SynapseGroup) -> int:
    """Which of its source's ways to outputs a synapse group is."""
    return list(traces_of(plan, values)[s.source].feedback).index((s.target, s.port))


def remembers(plan: Plan, group: NeuronGroup) -> bool:
    """Whether synapses that learn ask a group when it spiked."""
    return plan.online and any(s.learn for s in plan.outgoing(group.name))


def delay_of(values: Values, s: SynapseGroup) -> int:
    """Steps that spikes of a group that learns are delayed."""
    return int(values.delays.get(s.stored, 0))


# ---------------------------------------------------------------- names
def by(row: str, column: str) -> str:
    """Variable of a neuron with a derivative by a variable or parameter."""
    return f"{row}_by_{column}_"


def by_port(row: str, port: int) -> str:
    """The same by a spike that arrives at a port."""
    return f"{row}_by_spike{port}_"


def trace(variable: str) -> str:
    """Variable with an eligibility."""
    return f"{variable}_trace_"


def left_in(path: int) -> str:
    """Variable with what is left in the output of a path."""
    return f"left{path}_"


def signal(path: int) -> str:
    """Variable of a neuron with the learning signal that came over a path."""
    return f"signal{path}_"


def sent(path: int) -> str:
    """Input that the synapses of a path add errors to."""
    return f"sent{path}_"
