"""Neuron populations: GeNN code of one time step, and that of the learning rule.

A time step adds arriving weights to the ports' variables, reads analog input,
integrates, updates the readout, and compares with the threshold. Neurons that spike are
reset.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field

from ml_genn.backends.pygenn.backward import buffers
from ml_genn.backends.pygenn.backward.neurons import BackwardPass
from ml_genn.backends.pygenn.lowering.genn_code import genn_code, genn_expression
from ml_genn.backends.pygenn.lowering.learning import LearningCode
from ml_genn.backends.pygenn.lowering.names import (
    DEVICE_STEP,
    FIRED,
    FRAMES,
    STEP_INDEX,
    arrivals,
)
from ml_genn.backends.pygenn.lowering.neurons.declarations import with_declarations
from ml_genn.backends.pygenn.lowering.neurons.spike_input import lower_spike_input
from ml_genn.backends.pygenn.lowering.neurons.values import (
    constants,
    learned_constants,
    state,
)
from ml_genn.backends.pygenn.lowering.records import Array, NeuronPopulation, Variable
from ml_genn.backends.pygenn.online.neurons import online_learning
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import NeuronGroup, Plan, PlanValues


def lower_neurons(
    plan: Plan, values: PlanValues, group: NeuronGroup
) -> NeuronPopulation:
    """Returns the neuron population of a group."""
    if group.events:
        return lower_spike_input(plan, group)
    where = f"Population '{group.name}'"
    learning: LearningCode = BackwardPass(plan, group)
    if plan.online:
        learning = online_learning(plan, values, group)
        group = learning.group
    shared, per_neuron = constants(group, values)
    initial_state = state(group, values)
    readout = tuple(
        Variable(name, value=value)
        for name, value in (group.readout.variables if group.readout else ())
    )
    step = _ForwardStep(plan, values, learning)
    code = step.lines()
    variables = (*initial_state, *readout, *per_neuron, *learning.variables())
    lines, dynamic = with_declarations(plan, code, (v.name for v in variables))
    return NeuronPopulation(
        name=group.name,
        size=group.size,
        code=genn_code(lines, where),
        threshold=None if group.threshold is None else FIRED,
        parameters={**shared, **learning.parameters, **dict.fromkeys(dynamic, 1.0)},
        dynamic=(*dynamic, *sorted(learned_constants(group) & set(shared))),
        variables=variables,
        arrays=(*step.arrays, *learning.arrays()),
        inputs=(*(arrivals(port) for port in step.ports), *learning.inputs),
        state=(*initial_state, *learning.state()),
        readout=readout,
        result=genn_expression(group.readout.result, where) if group.readout else None,
        records_spikes=group.threshold is not None,
    )


@dataclass(frozen=True, slots=True)
class _ForwardStep:
    """Code of one time step.

    Args:
        plan, values: the plan and its values.
        learning: code of the learning rule.

    Attributes:
        arrays: arrays that the code indexes; complete after `lines`.
    """

    plan: Plan
    values: PlanValues
    learning: LearningCode
    arrays: list[Array] = field(default_factory=list, init=False)

    @property
    def ports(self) -> list[int]:
        """Ports that spikes arrive at."""
        incoming = self.plan.incoming(self.learning.group.name)
        return sorted({s.port for s in incoming if s.delivers})

    def lines(self) -> list[str]:
        """Returns the code, that of the learning rule included."""
        group = self.learning.group
        writer = CodeWriter()
        if group.threshold is not None:
            writer.line(f"bool {FIRED} = false;")
        with self.learning.around_step(writer):
            for port in self.ports:
                writer.line(f"{group.ports[port].variable} += {arrivals(port)};")
            with writer.block(self._window()) if group.window else nullcontext():
                self._write_step(writer)
        return str(writer).splitlines()

    def _window(self) -> str:
        """Returns the condition of a group that acts in some time steps only."""
        first, last = self.values.windows[self.learning.group.name]
        return f"if ({STEP_INDEX} >= {first} && {STEP_INDEX} < {last})"

    def _write_step(self, writer: CodeWriter) -> None:
        group = self.learning.group
        if group.data:
            self._write_analog_input(writer)
        buffers.write_with_buffers(writer, group, group.step)
        if group.readout:
            if "output" in group.readout.update.reads:
                writer.line(f"const scalar output = {group.output};")
            writer.lines(group.readout.update.lines)
        self.learning.write_after_readout(writer)
        if group.threshold is not None:
            writer.line(f"{FIRED} = {group.threshold};")
        self.learning.write_before_reset(writer)
        if group.threshold is not None:
            self._write_spike(writer)

    def _write_spike(self, writer: CodeWriter) -> None:
        group = self.learning.group
        with writer.block(f"if ({FIRED})"):
            self.learning.write_at_spike(writer)
            with writer.block(""):
                buffers.write_with_buffers(writer, group, group.reset)
            if group.readout:
                writer.lines(group.readout.on_spike.lines)

    def _write_analog_input(self, writer: CodeWriter) -> None:
        """Writes the value of the frame of this time step; the last frame stays."""
        group = self.learning.group
        count, steps = self.values.frames[group.name]
        size = group.size
        self.arrays.append(
            Array(FRAMES, "scalar", lambda _, batch: batch * count * size)
        )
        writer.line(f"const int frame_ = min({DEVICE_STEP} / {steps}, {count - 1});")
        element = f"(batch * {count} + frame_) * num_neurons + id"
        writer.line(f"{group.ports[0].variable} = {FRAMES}[{element}];")
