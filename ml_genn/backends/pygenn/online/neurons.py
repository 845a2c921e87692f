"""Neurons in e-prop's online mode; see ``online.traces`` for the equations.

Each class is a `LearningCode`: `OnlineNeurons` do not learn, `OutputNeurons`
compute their errors, `HiddenNeurons` receive learning signals.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from ml_genn.backends.pygenn.backward.neurons import parameter_gradients
from ml_genn.backends.pygenn.lowering.names import (
    ACTIVE,
    DEVICE_STEP,
    RATE_GRAD,
    adjoint,
    weight_grad,
)
from ml_genn.backends.pygenn.lowering.records import Array, Variable
from ml_genn.backends.pygenn.online import step_losses
from ml_genn.backends.pygenn.online.spike_history import (
    PUSH_SPIKE,
    has_spike_history,
    spike_history,
)
from ml_genn.backends.pygenn.online.step_jacobian import (
    jacobian_variables,
    write_jacobian,
    write_rate_gradient,
)
from ml_genn.backends.pygenn.online.traces import (
    OUTPUT_GRAD,
    SPIKE,
    EligibilityTraces,
    derivative,
    feedback_input,
    filtered_trace,
    learning_signal,
    port_derivative,
    total_derivative,
    trace,
)
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import Adjoint, NeuronGroup, Plan, PlanValues
from ml_genn.model.plan.tapes import without_tapes


def online_learning(
    plan: Plan, values: PlanValues, group: NeuronGroup
) -> OnlineNeurons:
    """Returns the learning code of a group."""
    if group.adjoint is None:
        return OnlineNeurons(plan, group)
    kind = HiddenNeurons if group.adjoint.surrogate else OutputNeurons
    return kind(plan, values, group, group.adjoint)


class OnlineNeurons:
    """Neurons that do not learn; synapses onto others may read their spike history.

    Args:
        plan: the plan.
        group: one of its neuron groups.

    Attributes:
        group: the group.
        parameters: {name: value} of parameters that the code reads.
    """

    def __init__(self, plan: Plan, group: NeuronGroup) -> None:
        self.group = group
        self.parameters: dict[str, float] = {}
        self._plan = plan

    @property
    def inputs(self) -> tuple[str, ...]:
        """No inputs."""
        return ()

    def variables(self) -> list[Variable]:
        """Returns the state of the rule and the spike history."""
        return [*self.state(), *spike_history(self._plan, self.group)]

    def state(self) -> tuple[Variable, ...]:
        """Returns no variables."""
        return ()

    def arrays(self) -> list[Array]:
        """Returns no arrays."""
        return []

    @contextmanager
    def around_step(self, writer: CodeWriter) -> Iterator[None]:
        """Writes errors before the step, derivatives and the spike after it."""
        self._write_errors(writer)
        with writer.block(f"if ({DEVICE_STEP} < num_steps)"):
            yield
            self._write_derivatives(writer)
        if has_spike_history(self._plan, self.group):
            writer.line(PUSH_SPIKE)

    def _write_errors(self, writer: CodeWriter) -> None:
        """Writes nothing."""

    def _write_derivatives(self, writer: CodeWriter) -> None:
        """Writes nothing."""

    def write_after_readout(self, writer: CodeWriter) -> None:
        """Writes nothing."""

    def write_before_reset(self, writer: CodeWriter) -> None:
        """Writes nothing."""

    def write_at_spike(self, writer: CodeWriter) -> None:
        """Writes nothing: e-prop has firing rates among its variables."""


class _LearningNeurons(OnlineNeurons):
    """Neurons that learn: base of outputs and hidden neurons.

    Values that the adjoint reads from tapes stay in locals of the step.

    Args:
        plan, values: the plan and its values.
        group: one of its neuron groups.
        equations: the group's adjoint.
    """

    def __init__(
        self, plan: Plan, values: PlanValues, group: NeuronGroup, equations: Adjoint
    ) -> None:
        tape_free = without_tapes(group)
        super().__init__(plan, replace(tape_free, buffers=()))
        self._locals = tape_free.buffers
        self._traces = EligibilityTraces(
            plan, values, self.group, tape_free.adjoint or equations
        )

    def variables(self) -> list[Variable]:
        """Returns derivatives, gradients of parameters, state and spike history."""
        jacobian = [Variable(name) for name in jacobian_variables(self._traces)]
        return [*jacobian, *parameter_gradients(self.group), *super().variables()]

    def state(self) -> tuple[Variable, ...]:
        """Returns errors or signals, and gradients and traces of parameters."""
        names = [*self._signals(), *self._parameter_traces()]
        return tuple(Variable(name) for name in names)

    def _signals(self) -> Iterator[str]:
        """Yields names of the variables that hold errors or learning signals."""
        yield from ()

    def _parameter_traces(self) -> Iterator[str]:
        """Yields names of the gradients and traces of learned parameters."""
        for p in self._traces.learned:
            yield adjoint(p)
            yield from (trace(derivative(x, p)) for x in self._traces.variables)

    @contextmanager
    def around_step(self, writer: CodeWriter) -> Iterator[None]:
        """Writes the code of the base class, with declarations of locals."""
        with super().around_step(writer):
            for name in self._locals:
                writer.line(f"scalar {name} = 0.0;")
            yield

    def _write_derivatives(self, writer: CodeWriter) -> None:
        """Writes the Jacobian and the traces of parameters.

        A parameter is like a synapse through which a spike arrives in each step.
        """
        traces = self._traces
        write_jacobian(writer, traces)
        for p in traces.learned:
            for row in traces.rows:
                terms = [
                    f"{derivative(row, x)} * {trace(derivative(x, p))}"
                    for x in traces.variables
                ]
                total = " + ".join([*terms, derivative(row, p)])
                writer.line(f"const scalar {total_derivative(row, p)} = {total};")
            for x in traces.variables:
                writer.line(f"{trace(derivative(x, p))} = {total_derivative(x, p)};")


class OutputNeurons(_LearningNeurons):
    """Neurons with a loss: they compute the errors that feedback propagates."""

    def __init__(
        self, plan: Plan, values: PlanValues, group: NeuronGroup, equations: Adjoint
    ) -> None:
        super().__init__(plan, values, group, equations)
        self.parameters = step_losses.parameters(group, values)

    def variables(self) -> list[Variable]:
        """Returns those of the base class and the targets."""
        return [*super().variables(), *step_losses.variables(self.group)]

    def arrays(self) -> list[Array]:
        """Returns the arrays of output variables or of targets."""
        return step_losses.arrays(self.group)

    def _signals(self) -> Iterator[str]:
        yield from (OUTPUT_GRAD, step_losses.LOSS)
        yield from (weight_grad(port) for port in self._feedback_ports)

    @property
    def _feedback_ports(self) -> list[int]:
        """Ports whose synapses carry errors back."""
        incoming = self._plan.incoming(self.group.name)
        return sorted({s.port for s in incoming if s.backpropagates})

    def _write_errors(self, writer: CodeWriter) -> None:
        """Writes the error of the step before, its feedback and parameter gradients."""
        step_losses.write_gradient(writer, self.group)
        output = str(self.group.output)
        for port in self._feedback_ports:
            factor = port_derivative(output, port)
            writer.line(f"{weight_grad(port)} = {factor} * {OUTPUT_GRAD};")
        for p in self._traces.learned:
            eligibility = trace(derivative(output, p))
            writer.line(f"{adjoint(p)} += {OUTPUT_GRAD} * {eligibility};")

    def write_after_readout(self, writer: CodeWriter) -> None:
        """Writes the output variable where the other outputs read it."""
        step_losses.write_output(writer, self.group)


class HiddenNeurons(_LearningNeurons):
    """Neurons that spike and learn from the feedback of outputs."""

    def __init__(
        self, plan: Plan, values: PlanValues, group: NeuronGroup, equations: Adjoint
    ) -> None:
        super().__init__(plan, values, group, equations)
        if self._traces.learned:
            self.parameters = self._traces.decays

    @property
    def inputs(self) -> tuple[str, ...]:
        """Inputs of errors: one for each path to an output."""
        return tuple(feedback_input(k) for k, _ in enumerate(self._traces.feedback))

    def arrays(self) -> list[Array]:
        """Returns ring buffers of ``lag`` derivatives of spikes by parameters."""
        lag, size = self._traces.lag, self.group.size
        return [
            Array(_ring(p), "scalar", lambda _, batch: lag * batch * size)
            for p in self._traces.learned
        ]

    def _signals(self) -> Iterator[str]:
        yield from (learning_signal(k) for k, _ in enumerate(self._traces.feedback))

    def _parameter_traces(self) -> Iterator[str]:
        yield from super()._parameter_traces()
        for p in self._traces.learned:
            for k, _ in enumerate(self._traces.feedback):
                yield _parameter_filter(p, k)

    def _write_errors(self, writer: CodeWriter) -> None:
        """Writes learning signals and the gradients of parameters that they add."""
        traces = self._traces
        writer.line(f"{RATE_GRAD} = 0.0;")
        for k, _ in enumerate(traces.feedback):
            writer.line(f"{learning_signal(k)} = {feedback_input(k)};")
        if traces.learned:
            row = f"({DEVICE_STEP} % {traces.lag}) * (int)num_batch + (int)batch"
            writer.line(f"const int ring_ = ({row}) * (int)num_neurons + (int)id;")
        for p in traces.learned:
            delayed = f"delayed_{derivative(SPIKE, p)}"
            writer.line(f"scalar {delayed} = 0.0;")
            load = f"{delayed} = {_ring(p)}[ring_];"
            writer.line(f"if ({DEVICE_STEP} >= {traces.lag}) {{ {load} }}")
            for k, decay in enumerate(traces.decays):
                filtered = _parameter_filter(p, k)
                writer.line(f"{filtered} = {decay} * {filtered} + {delayed};")
                writer.line(f"{adjoint(p)} += {learning_signal(k)} * {filtered};")

    def _write_derivatives(self, writer: CodeWriter) -> None:
        """Writes those of the base class, and gradients from firing rates."""
        super()._write_derivatives(writer)
        write_rate_gradient(writer, self._traces)
        for p in self._traces.learned:
            spike = total_derivative(SPIKE, p)
            writer.line(f"{adjoint(p)} += {RATE_GRAD} * {spike};")
            writer.line(f"{_ring(p)}[ring_] = {spike};")

    def write_before_reset(self, writer: CodeWriter) -> None:
        """Writes the flag of active neurons, and the locals of their adjoint."""
        surrogate = self._traces.adjoint.surrogate
        if surrogate:
            writer.line(f"const bool {ACTIVE} = {surrogate.condition};")
            with writer.block(f"if ({ACTIVE})"):
                writer.lines(surrogate.record.lines)


def _ring(parameter: str) -> str:
    """Returns the ring buffer with derivatives of the last steps' spikes."""
    return f"{parameter}_ring_"


def _parameter_filter(parameter: str, path: int) -> str:
    """Returns the variable with the filtered trace of a parameter on a path."""
    return f"{parameter}_{filtered_trace(path)}"
