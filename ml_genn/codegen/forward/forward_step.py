"""Functions that run one time step of all populations forward."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from ml_genn.codegen.forward.analog_input import analog_input
from ml_genn.codegen.forward.delivery import deliver
from ml_genn.codegen.layout import Layout
from ml_genn.codegen.signatures import (
    EXAMPLE_ARGUMENTS,
    EXAMPLE_PARAMETERS,
    MEMBER_ARGUMENTS,
    MEMBER_PARAMETERS,
    STEP_ARGUMENTS,
    STEP_PARAMETERS,
    unused,
)
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import NeuronGroup


def forward_step_functions(writer: CodeWriter, layout: Layout) -> None:
    """Emits ``advance``: input and state of all neurons, or of a member's part of them;
    ``fire``: their spikes; ``forward_step``: both; ``finish``: results at the end."""
    _advance(writer, layout)
    _fire(writer, layout)
    with writer.function(f"static bool forward_step({STEP_PARAMETERS})"):
        writer.line(f"advance<true>({STEP_ARGUMENTS}, 0, 1);")
        writer.line(f"return fire({STEP_ARGUMENTS});")
    _finish(writer, layout)


def _advance(writer: CodeWriter, layout: Layout) -> None:
    writer.line("template <bool ALL>")
    head = f"static inline void advance({STEP_PARAMETERS}, {MEMBER_PARAMETERS})"
    with writer.function(head):
        for synapses in layout.plan.synapses:
            if synapses.delivers:
                deliver(writer, layout, synapses)
        for group in _stepped(layout):
            with _in_window(writer, layout, group):
                if group.data:
                    analog_input(writer, layout, group)
                name = layout.names.function("integrate", group.name)
                arguments = f"{STEP_ARGUMENTS}, {MEMBER_ARGUMENTS}"
                writer.line(f"{name}<ALL>({arguments});")
        unused(writer, "call_", "slot_", "example_", "t_")
        unused(writer, "member_", "members_")


def _fire(writer: CodeWriter, layout: Layout) -> None:
    with writer.function(f"static inline bool fire({STEP_PARAMETERS})"):
        for group in _stepped(layout):
            with _in_window(writer, layout, group):
                name = layout.names.function("fire", group.name)
                writer.line(f"if (!{name}({STEP_ARGUMENTS})) return false;")
            if group.window and group.spikes:
                _empty_list(writer, layout, group)
        writer.line("return true;")


def _stepped(layout: Layout) -> list[NeuronGroup]:
    """Groups whose spikes do not come with the data."""
    return [group for group in layout.plan.neurons if not group.events]


def _in_window(
    writer: CodeWriter, layout: Layout, group: NeuronGroup
) -> AbstractContextManager[None]:
    """Emits a block that runs in the steps in which the group acts."""
    if not group.window:
        return nullcontext()
    first, last = (
        f"call_.integers[{layout.names.integer('window', group.name, end)}]"
        for end in ("first", "last")
    )
    return writer.block(f"if (t_ >= {first} && t_ < {last})")


def _empty_list(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    """Emits code that ends the list of spikes of step ``t_`` of a group that does not
    act in it."""
    with writer.block("else"):
        tape = layout.names.index(group.name, "tape")
        writer.line(f"mlg::Tape &tape_ = slot_.tapes[{tape}];")
        writer.line("uint32_t *offset_ = tape_.offset + (t_ - tape_.base);")
        writer.line("offset_[1] = offset_[0];")


def _finish(writer: CodeWriter, layout: Layout) -> None:
    with writer.function(f"static void finish({EXAMPLE_PARAMETERS})"):
        for group in layout.outputs:
            name = layout.names.function("finish", group.name)
            writer.line(f"{name}({EXAMPLE_ARGUMENTS});")
        unused(writer, "call_", "slot_", "example_")
