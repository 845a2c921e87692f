"""Functions that run the backward pass of an example, step by step."""

from __future__ import annotations

from ml_genn.codegen.backward.adjoint_step import grad_ring_row
from ml_genn.codegen.backward.backprop import has_synapse_backward
from ml_genn.codegen.backward.lazy_adjoints import activated_at, if_activated
from ml_genn.codegen.backward.spike_adjoint import has_spike_adjoint
from ml_genn.codegen.layout import Layout
from ml_genn.codegen.neuron_body import lazy_propagator
from ml_genn.codegen.parallel_loops import each
from ml_genn.codegen.signatures import (
    EXAMPLE_ARGUMENTS,
    EXAMPLE_PARAMETERS,
    STEP_ARGUMENTS,
    STEP_PARAMETERS,
    TEAM_ARGUMENTS,
    TEAM_PARAMETERS,
    unused,
)
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import LearnedKind, NeuronGroup


def _groups(layout: Layout) -> tuple[NeuronGroup, ...]:
    """Groups that a backward pass in reverse time visits; none where gradients are
    taken while the network runs."""
    return () if layout.plan.online else layout.plan.neurons


def has_first_spike_loss(group: NeuronGroup) -> bool:
    """True if the group's loss is of first spike times."""
    return bool(group.loss and group.loss.first_spike)


def begin_backward_function(writer: CodeWriter, layout: Layout) -> None:
    """Emits ``begin_backward``: adjoints at the end of an example."""
    with writer.function(f"static void begin_backward({EXAMPLE_PARAMETERS})"):
        for group in _groups(layout):
            _clear_adjoint(writer, layout, group)
        for name in layout.lazy_adjoints:
            writer.line(f"{activated_at(layout, name)} = -1;")
        for name in layout.interleaved_adjoints:
            propagator = lazy_propagator(layout, layout.plan.neuron(name))
            writer.line(f"{propagator}.reset();")
        for group in layout.outputs:
            if group.adjoint and has_first_spike_loss(group) and not layout.plan.online:
                writer.line("MLG_SYNC;")
                name = layout.names.function("derivative_without_spikes", group.name)
                writer.line(f"if (MLG_MEMBER == 0) {name}({EXAMPLE_ARGUMENTS});")
        unused(writer, "call_", "slot_", "example_")


def _clear_adjoint(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    names = list(group.adjoint.variables) if group.adjoint else []
    for port in range(len(group.ports)):
        names += [f"weight_grad{port}_", f"backprop{port}_"]
    with_first = layout.interleaved_adjoints.get(group.name, ())[1:]
    for name in names:
        row = layout.rows.get((group.name, name))
        if row and name not in with_first:
            offset = layout.names.row(group.name, name)
            width = layout.names.width(group.name)
            floats = width if row.stride == 1 else f"{row.stride} * {width}"
            writer.line(f"mlg::clear(slot_.block + {offset}, {floats});")


def backward_step_functions(writer: CodeWriter, layout: Layout) -> None:
    """Emits ``synapse_backward``: gradients from the spikes of a step, or from a team's
    part; ``adjoint_step``: the step of the adjoints; ``backward_step``: both."""
    head = f"static inline void synapse_backward({STEP_PARAMETERS}, {TEAM_PARAMETERS})"
    with writer.function(head):
        for group in _groups(layout):
            if has_synapse_backward(layout, group):
                name = layout.names.function("synapse_backward", group.name)
                writer.line(f"{name}({STEP_ARGUMENTS}, {TEAM_ARGUMENTS});")
        unused(writer, "call_", "slot_", "example_", "t_", "gradients_")
        unused(writer, "team_", "teams_")
    with writer.function(f"static inline void adjoint_step({STEP_PARAMETERS})"):
        _adjoint_step(writer, layout)
    head = f"static void backward_step({STEP_PARAMETERS}, float *const *gradients_)"
    with writer.function(head):
        for name, port in layout.grad_rings:
            width, row = layout.names.width(name), grad_ring_row(layout, name, port)
            prefetch = f"mlg::prefetch_write<{width}>({row});"
            writer.line(if_activated(layout, name) + prefetch)
        writer.line(f"synapse_backward({STEP_ARGUMENTS}, {TEAM_ARGUMENTS});")
        writer.line("MLG_SYNC;")
        writer.line(f"adjoint_step({STEP_ARGUMENTS});")


def _adjoint_step(writer: CodeWriter, layout: Layout) -> None:
    """Emits the steps of all adjoints: across the spikes of a step, then across the
    step."""
    for group in _groups(layout):
        if has_spike_adjoint(group):
            name = layout.names.function("spike_adjoint", group.name)
            writer.line(f"{name}({STEP_ARGUMENTS});")
    writer.line("MLG_SYNC;")
    for group in _groups(layout):
        if group.adjoint:
            name = layout.names.function("adjoint_step", group.name)
            condition = if_activated(layout, group.name)
            writer.line(f"{condition}{name}({STEP_ARGUMENTS});")
    unused(writer, "call_", "slot_", "example_", "t_")


def transpose_weights_function(writer: CodeWriter, layout: Layout) -> None:
    """Emits ``transpose_weights``: copies weights by target, or a thread's part of
    them."""
    head = (
        "static void transpose_weights(const Call &call_, float *transposed_weights_, "
        "int thread_, int threads_)"
    )
    names = layout.names
    with writer.function(head):
        for name, weights in layout.transposed_weights.items():
            offset = f"{names.connection(name)}::transposed"
            writer.line(weights.copy(f"transposed_weights_ + {offset}"))
        unused(writer, "call_", "transposed_weights_", "thread_", "threads_")


def end_backward_function(writer: CodeWriter, layout: Layout) -> None:
    """Emits ``end_backward``: adds the gradients of neuron parameters of an example."""
    head = "static void end_backward(Slot &slot_, float *const *gradients_)"
    with writer.function(head):
        for array in layout.learned:
            if array.kind is not LearnedKind.PARAMETER or layout.plan.online:
                continue
            group = layout.plan.neuron(array.owner)
            at = "0" if group.learned_parameter(array.name).shared else "j_"
            to = f"gradients_[{layout.names.gradient(array)}][{at}]"
            row = layout.names.row(group.name, f"lambda_{array.name}")
            writer.comment(
                f"dL/d{array.name}_j = lambda_{array.name}, at the beginning"
            )
            with writer.block(each("int", "j_", layout.names.size(group.name))):
                writer.line(f"MLG_ADD({to}, slot_.block[{row} + j_]);")
        unused(writer, "slot_", "gradients_")
