"""The backward pass of a neuron group, and what the forward pass keeps for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ml_genn.backends.pygenn.backward import buffers, roles
from ml_genn.backends.pygenn.lowering.records import Array, Variable
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import Adjoint, Code, NeuronGroup, Plan, SurrogateAdjoint

MARKS, OUTPUT, DRIVE = "marks_", "output_tape_", "drive_tape_"
RESULT_SLOPE = "result_slope_"  #: dL by the result, given between the passes
PUSH = "push_"  #: how strongly a neuron's firing rate is pushed, given between them
SILENT = "silent_"  #: push on an output neuron that never spiked, given between them
COUNT = "num_spikes_"  #: spikes of a regularised neuron
SCALE = "scale_"  #: one over the number of examples


@dataclass(frozen=True, slots=True)
class Reverse:
    """What a group's neurons keep and do for rules that go back in time.

    Args:
        plan: the plan.
        group: one of its groups.
    """

    plan: Plan
    group: NeuronGroup

    @property
    def parameters(self) -> dict[str, float]:
        """Numbers that are compiled in: none."""
        return {}

    @property
    def inputs(self) -> tuple[str, ...]:
        """Inputs that what flows back adds to."""
        return (roles.SENT,) if roles.fed_back(self.plan, self.group) else ()

    def variables(self) -> list[Variable]:
        """Variables that the backward pass needs."""
        plan, group = self.plan, self.group
        names = list(group.adjoint.variables) if group.adjoint else []
        names += roles.asked_of(plan, group)
        names += [RESULT_SLOPE] if group.loss and not group.loss.per_step else []
        names += [SILENT] if _first_spike(group) else []
        found = [Variable(name) for name in names]
        found += parameter_gradients(group)
        if roles.trained_outgoing(plan, group):
            found.append(Variable(roles.MARK, "uint8_t", 0))
        if group.regularised:
            found.append(Variable(COUNT))
            found.append(Variable(PUSH))
        return found

    def start(self) -> tuple[Variable, ...]:
        """Variables among those that are zero when an example starts."""
        group = self.group
        names = list(group.adjoint.variables) if group.adjoint else []
        names += [COUNT] if group.regularised else []
        return tuple(Variable(name) for name in names)

    def arrays(self) -> list[Array]:
        """Arrays with an entry for each step, example and neuron."""
        group = self.group
        names = [buffers.array_of(name) for name in group.buffers]
        names += [OUTPUT, DRIVE] if _per_step(group) else []
        found = [buffers.each_step(group, name) for name in names]
        if roles.marked(self.plan, group):
            found.append(buffers.each_step(group, MARKS, "uint8_t"))
        return found

    @contextmanager
    def around(self, writer: CodeWriter) -> Iterator[None]:
        """Puts what is written in between into the forward pass."""
        if not self.plan.trains:
            yield
            return
        with writer.block("if (now_ < num_steps)"):
            yield
            self._quiet(writer)
        with writer.block("else"):
            _backward(writer, self.plan, self.group)

    def keep_output(self, writer: CodeWriter) -> None:
        """Keeps the output variable, where the loss looks at each step."""
        if _per_step(self.group):
            writer.line(f"{OUTPUT}[cell_] = {self.group.output};")

    def keep_active(self, writer: CodeWriter) -> None:
        """Keeps which neurons spiked and were active, and what the latter record."""
        group = self.group
        if not roles.marked(self.plan, group):
            return
        surrogate = group.adjoint.surrogate if group.adjoint else None
        mark = f"(fired_ ? {roles.SPIKED} : 0)"
        if surrogate:
            writer.line(f"const bool active_ = {surrogate.condition};")
            mark += f" + (active_ ? {roles.ACTIVE} : 0)"
            with writer.block("if (active_)"):
                buffers.run(writer, group, surrogate.record)
        writer.line(f"{MARKS}[cell_] = {mark};")

    def count_spike(self, writer: CodeWriter) -> None:
        """Counts a spike where their number is regularised."""
        if self.group.regularised:
            writer.line(f"{COUNT} += 1.0;")

    def _quiet(self, writer: CodeWriter) -> None:
        """Says that nothing flows back as long as time goes forwards."""
        for name in roles.asked_of(self.plan, self.group):
            writer.line(f"{name} = 0.0;")
        if roles.trained_outgoing(self.plan, self.group):
            writer.line(f"{roles.MARK} = 0;")


def parameter_gradient(name: str) -> str:
    """Variable with the gradient by a parameter, given after the backward pass."""
    return f"{name}_gradient_"


def parameter_gradients(group: NeuronGroup) -> list[Variable]:
    """Those of all that a group learns."""
    names = (parameter_gradient(p.name) for p in group.learned)
    return [Variable(name, access="READ_ONLY") for name in names]


def _per_step(group: NeuronGroup) -> bool:
    return bool(group.loss and group.loss.per_step)


def _first_spike(group: NeuronGroup) -> bool:
    return bool(group.adjoint and group.loss and group.loss.first_spike)


# ---------------------------------------------------------------- backwards
def _backward(writer: CodeWriter, plan: Plan, group: NeuronGroup) -> None:
    """The adjoint before the step from the adjoint after it."""
    if roles.marked(plan, group):
        writer.line(f"const uint8_t mark_ = {MARKS}[cell_];")
    if group.adjoint:
        if "t" in group.adjoint.step.reads | group.adjoint.jump.reads:
            writer.line("const scalar t = dt * (scalar)at_;")
        if _first_spike(group):
            _silent(writer, group.adjoint)
        if group.adjoint.surrogate:
            _collect(writer, plan, group, group.adjoint.surrogate)
        if group.threshold is not None:
            _spiked(writer, plan, group, group.adjoint)
        if group.adjoint.surrogate:
            _was_active(writer, group, group.adjoint.surrogate)
        _step_back(writer, plan, group, group.adjoint)
    if roles.trained_outgoing(plan, group):
        writer.line(f"{roles.MARK} = 0;")
        with writer.block("if (at_ > 0)"):
            ahead = "cell_ - (int)(num_batch * num_neurons)"
            writer.line(f"{roles.MARK} = {MARKS}[{ahead}];")


def _silent(writer: CodeWriter, adjoint: Adjoint) -> None:
    """An output that never spiked is pushed, before time goes back."""
    with writer.block("if (now_ == (int)num_steps)"):
        writer.line(f"const scalar rate_regularisation_grad_ = {SILENT};")
        writer.lines(adjoint.rate_regularisation.lines)


def _collect(
    writer: CodeWriter, plan: Plan, group: NeuronGroup, surrogate: SurrogateAdjoint
) -> None:
    """dL/ds of an active neuron, from targets, readout and reset."""
    writer.line("scalar spike_slope_ = 0.0;")
    with writer.block(_if(roles.ACTIVE)):
        parts = [roles.SENT] if roles.fed_back(plan, group) else []
        parts += [RESULT_SLOPE] if roles.counts_spikes(group) else []
        writer.line(f"scalar dL_ds_ = {' + '.join(parts) or '0.0'};")
        with writer.block(""):
            buffers.run(writer, group, surrogate.reset)
        writer.line("spike_slope_ = dL_ds_;")


def _spiked(
    writer: CodeWriter, plan: Plan, group: NeuronGroup, adjoint: Adjoint
) -> None:
    """The adjoint before a spike from the adjoint after it."""
    with writer.block(_if(roles.SPIKED)):
        if not adjoint.surrogate:
            sent = roles.SENT if roles.fed_back(plan, group) else "0.0"
            writer.line(f"scalar dL_dt_ = {sent};")
        if roles.looks_at_times(group) and group.readout:
            ((name, _),) = group.readout.variables
            writer.line(f"if ({name} == step) {{ dL_dt_ -= {RESULT_SLOPE}; }}")
        with writer.block(""):
            buffers.run(writer, group, adjoint.jump)
        if group.regularised:
            with writer.block(""):
                writer.line(f"const scalar rate_regularisation_grad_ = {PUSH};")
                writer.lines(adjoint.rate_regularisation.lines)


def _was_active(
    writer: CodeWriter, group: NeuronGroup, surrogate: SurrogateAdjoint
) -> None:
    with writer.block(_if(roles.ACTIVE)):
        writer.line("const scalar dL_ds_ = spike_slope_;")
        buffers.run(writer, group, surrogate.jump)


def _if(mark: int) -> str:
    return f"if ((mark_ & {mark}) != 0)"


def _step_back(
    writer: CodeWriter, plan: Plan, group: NeuronGroup, adjoint: Adjoint
) -> None:
    """The loss's push, the step, and what synapses will ask for."""
    drive = _drive(group)
    if drive:
        writer.line(f"lambda_{group.output} += {drive};")
    with writer.block(""):
        ports = [Code((), port.reads) for port in adjoint.ports]
        buffers.load(writer, group, adjoint.step, *ports)
        writer.lines(adjoint.step.lines)
        asked = roles.asked_of(plan, group)
        if any("prev_step_loss_grad_" in text for text in asked.values()):
            writer.line(f"const scalar prev_step_loss_grad_ = {_look(group)};")
        for name, text in asked.items():
            writer.line(f"{name} = {text};")


def _drive(group: NeuronGroup) -> str:
    """What the loss adds to the output's adjoint in a step."""
    if not roles.looks_at_variable(group) or group.readout is None:
        return ""
    if _per_step(group):
        return f"{DRIVE}[cell_]"
    return f"{RESULT_SLOPE} * ({group.readout.weight})"


def _look(group: NeuronGroup) -> str:
    """The same one step sooner; before the first step nothing asks."""
    if not roles.looks_at_variable(group) or group.readout is None:
        return "0.0"
    if _per_step(group):
        return f"{DRIVE}[at_ > 0 ? cell_ - (int)(num_batch * num_neurons) : cell_]"
    sooner = re.sub(r"\bstep\b", "(step - 1.0)", group.readout.weight)
    return f"{RESULT_SLOPE} * ({sooner})"
