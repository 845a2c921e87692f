"""Neurons in the backward pass: their adjoint, and recordings of the forward pass.

An example of T time steps runs for 2 T steps on the device. The first T are the forward
pass, which records flags (spiked, active) and buffers in arrays (steps, examples,
neurons). Between the passes the host computes losses and writes their gradients. The
last T steps undo the time steps, the last one first:

    adjoint after the step, and the gradient of the loss
      -> silent output neurons, once: gradient of a first spike
      -> jump at a spike of the step: dL/dt or dL/ds from synapses, loss and rates
      -> adjoint before the step, and gradients for spikes that arrive in it
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ml_genn.backends.pygenn.backward import buffers, roles
from ml_genn.backends.pygenn.lowering.names import (
    ACTIVE,
    ACTIVE_FLAG,
    ACTIVITY,
    BACKPROP,
    DEVICE_STEP,
    ENTRY,
    FIRED,
    FLAGS,
    NEXT_FLAGS,
    OUTPUT_GRADS,
    OUTPUT_TAPE,
    RATE_GRAD,
    RESULT_GRAD,
    SILENT_GRAD,
    SPIKE_COUNT,
    SPIKE_GRAD,
    SPIKED_FLAG,
    STEP_INDEX,
    adjoint,
    parameter_gradient,
)
from ml_genn.backends.pygenn.lowering.records import Array, Variable
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import Adjoint, Code, NeuronGroup, Plan, SurrogateAdjoint
from ml_genn.model.plan.outputs import IN_WINDOW

#: C for the element of the same neuron and example in the time step before.
PREVIOUS_ENTRY = f"{ENTRY} - (int)(num_batch * num_neurons)"


@dataclass(frozen=True, slots=True)
class BackwardPass:
    """Code of one neuron group for rules that go back in time; a `LearningCode`.

    Args:
        plan: the plan, without tapes (`ml_genn.model.plan.tapes.expand`).
        group: one of its neuron groups.
    """

    plan: Plan
    group: NeuronGroup

    @property
    def parameters(self) -> dict[str, float]:
        """No parameters."""
        return {}

    @property
    def inputs(self) -> tuple[str, ...]:
        """The input of gradients that flow back to the group."""
        return (BACKPROP,) if roles.receives_backprop(self.plan, self.group) else ()

    def variables(self) -> list[Variable]:
        """Returns adjoints, gradients for synapses, gradients from the host, counts."""
        plan, group = self.plan, self.group
        names = list(group.adjoint.variables) if group.adjoint else []
        names += roles.gradients_for_synapses(plan, group)
        names += [RESULT_GRAD] if group.loss and not group.loss.per_step else []
        names += [SILENT_GRAD] if roles.has_first_spike_loss(group) else []
        variables = [Variable(name) for name in names]
        variables += parameter_gradients(group)
        if roles.trained_outgoing(plan, group):
            variables.append(Variable(NEXT_FLAGS, "uint8_t", 0))
        if group.regularised:
            variables.append(Variable(SPIKE_COUNT))
            variables.append(Variable(RATE_GRAD))
        return variables

    def state(self) -> tuple[Variable, ...]:
        """Returns adjoints and spike counts."""
        group = self.group
        names = list(group.adjoint.variables) if group.adjoint else []
        names += [SPIKE_COUNT] if group.regularised else []
        return tuple(Variable(name) for name in names)

    def arrays(self) -> list[Array]:
        """Returns the arrays (steps, examples, neurons) of the group."""
        group = self.group
        names = [buffers.array_name(name) for name in group.buffers]
        names += [OUTPUT_TAPE, OUTPUT_GRADS] if roles.has_step_loss(group) else []
        arrays = [buffers.step_array(group, name) for name in names]
        if roles.records_activity(self.plan, group):
            arrays.append(buffers.step_array(group, ACTIVITY, "uint8_t"))
        return arrays

    @contextmanager
    def around_step(self, writer: CodeWriter) -> Iterator[None]:
        """Writes the forward pass, by the caller, and the backward pass after it."""
        if not self.plan.trains:
            yield
            return
        with writer.block(f"if ({DEVICE_STEP} < num_steps)"):
            yield
            self._write_zero_gradients(writer)
        with writer.block("else"):
            _write_backward_step(writer, self.plan, self.group)

    def write_after_readout(self, writer: CodeWriter) -> None:
        """Records the output variable for a loss of each step."""
        if roles.has_step_loss(self.group):
            writer.line(f"{OUTPUT_TAPE}[{ENTRY}] = {self.group.output};")

    def write_before_reset(self, writer: CodeWriter) -> None:
        """Records the flags of the step, and buffers of active neurons."""
        group = self.group
        if not roles.records_activity(self.plan, group):
            return
        surrogate = group.adjoint.surrogate if group.adjoint else None
        flags = f"({FIRED} ? {SPIKED_FLAG} : 0)"
        if surrogate:
            writer.line(f"const bool {ACTIVE} = {surrogate.condition};")
            flags += f" + ({ACTIVE} ? {ACTIVE_FLAG} : 0)"
            with writer.block(f"if ({ACTIVE})"):
                buffers.write_with_buffers(writer, group, surrogate.record)
        writer.line(f"{ACTIVITY}[{ENTRY}] = {flags};")

    def write_at_spike(self, writer: CodeWriter) -> None:
        """Counts a spike if the firing rate is regularised."""
        if self.group.regularised:
            writer.line(f"{SPIKE_COUNT} += 1.0;")

    def _write_zero_gradients(self, writer: CodeWriter) -> None:
        """Writes zeros to gradients and flags: the forward pass has no events."""
        for name in roles.gradients_for_synapses(self.plan, self.group):
            writer.line(f"{name} = 0.0;")
        if roles.trained_outgoing(self.plan, self.group):
            writer.line(f"{NEXT_FLAGS} = 0;")


def parameter_gradients(group: NeuronGroup) -> list[Variable]:
    """Returns the variables in which optimisers read gradients of parameters."""
    names = (parameter_gradient(p.name) for p in group.learned)
    return [Variable(name, access="READ_ONLY") for name in names]


# ---------------------------------------------------------------- one backward step
def _write_backward_step(writer: CodeWriter, plan: Plan, group: NeuronGroup) -> None:
    """Writes the adjoint before the step from the adjoint after it."""
    if roles.records_activity(plan, group):
        writer.line(f"const uint8_t {FLAGS} = {ACTIVITY}[{ENTRY}];")
    if group.adjoint:
        if "t" in group.adjoint.step.reads | group.adjoint.jump.reads:
            writer.line(f"const scalar t = dt * (scalar){STEP_INDEX};")
        if roles.has_first_spike_loss(group):
            _write_silent_outputs(writer, group.adjoint)
        if group.adjoint.surrogate:
            _write_spike_gradient(writer, plan, group, group.adjoint.surrogate)
        if group.threshold is not None:
            _write_spike_jump(writer, plan, group, group.adjoint)
        if group.adjoint.surrogate:
            _write_active_jump(writer, group, group.adjoint.surrogate)
        _write_adjoint_step(writer, plan, group, group.adjoint)
    if roles.trained_outgoing(plan, group):
        writer.line(f"{NEXT_FLAGS} = 0;")
        with writer.block(f"if ({STEP_INDEX} > 0)"):
            writer.line(f"{NEXT_FLAGS} = {ACTIVITY}[{PREVIOUS_ENTRY}];")


def _write_silent_outputs(writer: CodeWriter, equations: Adjoint) -> None:
    """Writes the gradient of silent outputs, before any time step is undone."""
    with writer.block(f"if ({DEVICE_STEP} == (int)num_steps)"):
        writer.line(f"const scalar rate_regularisation_grad_ = {SILENT_GRAD};")
        writer.lines(equations.rate_regularisation.lines)


def _write_spike_gradient(
    writer: CodeWriter, plan: Plan, group: NeuronGroup, surrogate: SurrogateAdjoint
) -> None:
    """Writes dL/ds of an active neuron: from synapses, readout and reset."""
    writer.line(f"scalar {SPIKE_GRAD} = 0.0;")
    with writer.block(_if_flag(ACTIVE_FLAG)):
        terms = [BACKPROP] if roles.receives_backprop(plan, group) else []
        if roles.loss_depends_on_spike_count(group) and group.readout:
            inside = f"({IN_WINDOW} ? {RESULT_GRAD} : 0.0)"
            terms.append(inside if group.readout.window else RESULT_GRAD)
        writer.line(f"scalar dL_ds_ = {' + '.join(terms) or '0.0'};")
        with writer.block(""):
            buffers.write_with_buffers(writer, group, surrogate.reset)
        writer.line(f"{SPIKE_GRAD} = dL_ds_;")


def _write_spike_jump(
    writer: CodeWriter, plan: Plan, group: NeuronGroup, equations: Adjoint
) -> None:
    """Writes the adjoint before a spike from the adjoint after it.

    Under EventProp it depends on dL/dt of the spike, from its synapses and, if it is
    the first spike of an output, from the loss.
    """
    with writer.block(_if_flag(SPIKED_FLAG)):
        if not equations.surrogate:
            from_synapses = roles.receives_backprop(plan, group)
            writer.line(f"scalar dL_dt_ = {BACKPROP if from_synapses else '0.0'};")
        if roles.loss_depends_on_spike_time(group) and group.readout:
            ((first_spike, _),) = group.readout.variables
            writer.line(f"if ({first_spike} == step) {{ dL_dt_ -= {RESULT_GRAD}; }}")
        with writer.block(""):
            buffers.write_with_buffers(writer, group, equations.jump)
        if group.regularised:
            with writer.block(""):
                writer.line(f"const scalar rate_regularisation_grad_ = {RATE_GRAD};")
                writer.lines(equations.rate_regularisation.lines)


def _write_active_jump(
    writer: CodeWriter, group: NeuronGroup, surrogate: SurrogateAdjoint
) -> None:
    """Writes the jump of an active neuron's adjoint, from its dL/ds."""
    with writer.block(_if_flag(ACTIVE_FLAG)):
        writer.line(f"const scalar dL_ds_ = {SPIKE_GRAD};")
        buffers.write_with_buffers(writer, group, surrogate.jump)


def _if_flag(flag: int) -> str:
    return f"if (({FLAGS} & {flag}) != 0)"


def _write_adjoint_step(
    writer: CodeWriter, plan: Plan, group: NeuronGroup, equations: Adjoint
) -> None:
    """Writes the gradient of the loss, the adjoint step, and gradients for synapses."""
    loss_grad = _loss_grad(group)
    if loss_grad:
        writer.line(f"{adjoint(str(group.output))} += {loss_grad};")
    with writer.block(""):
        ports = [Code((), port.reads) for port in equations.ports]
        buffers.write_loads(writer, group, equations.step, *ports)
        writer.lines(equations.step.lines)
        gradients = roles.gradients_for_synapses(plan, group)
        if any("prev_step_loss_grad_" in text for text in gradients.values()):
            writer.line(
                f"const scalar prev_step_loss_grad_ = {_previous_loss_grad(group)};"
            )
        for name, text in gradients.items():
            writer.line(f"{name} = {text};")


def _loss_grad(group: NeuronGroup) -> str:
    """Returns C for dL/d(output variable) in the step, directly from the loss."""
    if not roles.loss_depends_on_output(group) or group.readout is None:
        return ""
    if roles.has_step_loss(group):
        return f"{OUTPUT_GRADS}[{ENTRY}]"
    return f"{RESULT_GRAD} * ({group.readout.weight})"


def _previous_loss_grad(group: NeuronGroup) -> str:
    """Returns C for the same gradient in the time step before.

    In the first time step its value is unused.
    """
    if not roles.loss_depends_on_output(group) or group.readout is None:
        return "0.0"
    if roles.has_step_loss(group):
        return f"{OUTPUT_GRADS}[{STEP_INDEX} > 0 ? {PREVIOUS_ENTRY} : {ENTRY}]"
    return f"{RESULT_GRAD} * ({group.readout.weight_before_arrival()})"
