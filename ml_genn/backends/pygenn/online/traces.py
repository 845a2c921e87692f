"""Eligibility traces of e-prop's online mode.

A weight acts on its neuron through the state: when a spike arrives, and later. With x
the state variables with a memory, s the spike (with its surrogate derivative), a = 1 if
a presynaptic spike arrives and L the learning signal, each synapse carries (Bellec et
al. 2020)

    g      = ds/dx . X + ds/da a        derivative of the spike by the weight
    X     <- dx/dx . X + dx/da a        eligibility trace
    Z     <- decay Z + g                filtered trace: derivative of the output
    dL/dw <- dL/dw + L Z + R g          R: dL/ds of the rate regularisation

The derivatives of the step belong to the neuron (``online.step_jacobian``). With
several outputs there are as many Z and L. An output does not spike: its dL/dw gains its
error times the eligibility trace of the output variable.

Learning is ``lag`` steps behind the network. The error of an output is known one step
later, when the output has read the other outputs. It takes one step to the synapses
that carry it back, and one more to those that learn, and a spike took its delay to
reach the output. Until then GeNN's delay queues hold the derivatives of the neurons.
"""

from __future__ import annotations

from dataclasses import dataclass

from ml_genn.backends.pygenn.online.spike_history import HISTORY_BITS
from ml_genn.codegen.online.layout import OnlineGroup, Path
from ml_genn.errors import UnsupportedError
from ml_genn.model.equations.expression import evaluate
from ml_genn.model.plan import Adjoint, NeuronGroup, Plan, PlanValues, SynapseGroup

SPIKE = "spike"  #: row of the step's Jacobian that belongs to the spike
OUTPUT_GRAD = "grad_"  #: dL/d(output variable) of the step before, as losses call it
OUTPUT_LAG, HIDDEN_LAG = (
    1,
    3,
)  #: steps; a hidden group's delay to the outputs adds to it
#: Longest delay to the outputs [steps] for which the spike history has bits: learning
#: reads bit lag + 1.
MAX_OUTPUT_DELAY = HISTORY_BITS - 2 - HIDDEN_LAG


@dataclass(frozen=True)
class EligibilityTraces:
    """Traces of the weights and parameters of one neuron group.

    Args:
        plan, values: the plan and its values.
        group: the group.
        adjoint: its adjoint, which reads no tapes.
    """

    plan: Plan
    values: PlanValues
    group: NeuronGroup
    adjoint: Adjoint

    @property
    def is_hidden(self) -> bool:
        """True if the group learns from learning signals, not from its own errors."""
        return self.adjoint.surrogate is not None

    @property
    def variables(self) -> tuple[str, ...]:
        """State variables with a memory."""
        names = self.adjoint.eligible
        return tuple(name.removeprefix("lambda_") for name in names)

    @property
    def rows(self) -> tuple[str, ...]:
        """Rows of the step's Jacobian: the variables and, if hidden, the spike."""
        return (*self.variables, SPIKE) if self.is_hidden else self.variables

    @property
    def learned(self) -> tuple[str, ...]:
        """Learned parameters."""
        return tuple(p.name for p in self.group.learned)

    @property
    def feedback(self) -> dict[Path, list[SynapseGroup]]:
        """{(output, port): synapse groups that carry errors back}."""
        return OnlineGroup(self.plan, self.group, self.adjoint).feedback

    @property
    def decays(self) -> dict[str, float]:
        """{name in code: factor by which an output decays in a step}, path by path."""
        outputs = (output for output, _ in self.feedback)
        return {f"decay{k}_": self._decay(o) for k, o in enumerate(outputs)}

    def _decay(self, output: str) -> float:
        adjoint = self.plan.neuron(output).adjoint
        known = {**self.values.parameters.get(output, {}), "dt": self.values.dt}
        return float(evaluate(adjoint.decay, known)) if adjoint else 0.0

    @property
    def lag(self) -> int:
        """Steps by which learning is behind the network.

        Raises:
            UnsupportedError: if the spike history has too few bits for it.
        """
        if not self.is_hidden:
            return OUTPUT_LAG
        synapses = (s for groups in self.feedback.values() for s in groups)
        delay = max((spike_delay(self.values, s) for s in synapses), default=0)
        if delay > MAX_OUTPUT_DELAY:
            raise UnsupportedError(
                f"Population '{self.group.name}': learning online, backend 'pygenn' "
                f"takes delays to outputs of at most {MAX_OUTPUT_DELAY} steps. "
                f"Received {delay} steps. Use mode='event_driven', or backend='cpu'."
            )
        return HIDDEN_LAG + delay


def traces_of(plan: Plan, values: PlanValues) -> dict[str, EligibilityTraces]:
    """Returns {neuron group that learns online: its traces}."""
    return {
        g.name: EligibilityTraces(plan, values, g, g.adjoint)
        for g in plan.neurons
        if g.adjoint and plan.online
    }


def path_index(plan: Plan, values: PlanValues, s: SynapseGroup) -> int:
    """Returns the index of a group's (output, port) among its source's paths."""
    return list(traces_of(plan, values)[s.source].feedback).index((s.target, s.port))


def spike_delay(values: PlanValues, s: SynapseGroup) -> int:
    """Returns the delay of a group that learns online [steps]."""
    return int(values.delays.get(s.stored, 0))


# ---------------------------------------------------------------- names in code
def derivative(row: str, column: str) -> str:
    """Returns a neuron's variable: d(row) by a state variable or parameter."""
    return f"d_{row}_d_{column}_"


def port_derivative(row: str, port: int) -> str:
    """Returns a neuron's variable: d(row) by a spike that arrives at a port."""
    return f"d_{row}_d_port{port}_"


def total_derivative(row: str, learned: str) -> str:
    """Returns a local: d(row) by a weight or parameter, through past states too."""
    return f"total_d_{row}_d_{learned}_"


def trace(variable: str) -> str:
    """Returns the variable with an eligibility trace."""
    return f"{variable}_trace_"


def filtered_trace(path: int) -> str:
    """Returns the variable with the filtered trace of a path to an output."""
    return f"filtered_trace{path}_"


def learning_signal(path: int) -> str:
    """Returns a neuron's variable: the learning signal that came over a path."""
    return f"learning_signal{path}_"


def feedback_input(path: int) -> str:
    """Returns the input that the synapses of a path add errors to."""
    return f"feedback{path}_"
