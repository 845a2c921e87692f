"""One time step of a population's neurons, up to the test of their threshold."""

from __future__ import annotations

from ml_genn.codegen.layout import Layout, padded
from ml_genn.codegen.layout.state import saved
from ml_genn.codegen.neuron_body import (
    PROVIDED,
    NeuronBody,
    declare_history_rows,
    declare_rows,
    identifiers_in,
)
from ml_genn.codegen.parallel_loops import each
from ml_genn.codegen.signatures import (
    MEMBER_ARGUMENTS,
    MEMBER_PARAMETERS,
    STEP_PARAMETERS,
)
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import Code, NeuronGroup


def integrate_function(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    """Emits ``integrate_<group>``: one step of all neurons, or of a member's part of
    them, and flags of those that cross their threshold or are active."""
    name = layout.names.function("integrate", group.name)
    _formula(writer, group)
    writer.line("template <bool ALL>")
    with writer.function(
        f"static inline void {name}({STEP_PARAMETERS}, {MEMBER_PARAMETERS})"
    ):
        body = _step_body(layout, group)
        body.declare(writer)
        declare_rows(writer, layout, group, [saved(n) for n in group.saved_locals])
        if group.adjoint:
            declare_history_rows(writer, layout, group, group.adjoint.tape)
        if group.threshold is not None:
            writer.line(f"uint8_t *__restrict flag_ = {spike_flags(layout, group)};")
        if lists_active_neurons(group):
            flags = active_flags(layout, group)
            writer.line(f"uint8_t *__restrict active_ = {flags};")
        _declare_range(writer, layout, group)
        writer.line("MLG_LOOP")
        with writer.block(each("int", "j_", "last_", first="first_ + ")):
            body.load(writer)
            first_draw = layout.names.index(group.name, "first_draw")
            body.declare_calls(writer, first_draw)
            for variable in group.adjoint.tape if group.adjoint else ():
                writer.line(f"{variable}_past_[j_] = {variable};")
            _statements(writer, group)
            body.store(writer)


def _formula(writer: CodeWriter, group: NeuronGroup) -> None:
    state = ", ".join(v.name for v in group.variables)
    writer.comment(
        f"({state})[t] from ({state})[t - 1] and the input of step t"
        if state
        else "step t"
    )
    if group.threshold is not None:
        writer.comment(f"spike where {group.threshold}")


def _declare_range(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    """Emits declarations of first and last neuron: whole rows, unless neurons draw
    random numbers, which must not depend on padding."""
    width = layout.names.width(group.name)
    end, last = width, "range_.last"
    if group.step.calls:
        end = layout.names.size(group.name)
        if padded(group.size) != group.size:
            last = f"mlg::min_int(range_.last, {end})"
    part = f"mlg::member_range<{width}>({MEMBER_ARGUMENTS})"
    writer.line(f"const mlg::Range<int> range_ = {part};")
    writer.line("const int first_ = ALL ? 0 : range_.first;")
    writer.line(f"const int last_ = ALL ? {end} : {last};")


def spike_flags(layout: Layout, group: NeuronGroup) -> str:
    """C for a pointer to the flags of neurons that spike in a step."""
    return f"slot_.flags + {layout.names.index(group.name, 'flags')}"


def active_flags(layout: Layout, group: NeuronGroup) -> str:
    """C for a pointer to the flags of neurons that are active in a step."""
    return f"slot_.active + {layout.names.index(group.name, 'flags')}"


def lists_active_neurons(group: NeuronGroup) -> bool:
    """True if each step lists the group's active neurons, which are not all neurons."""
    surrogate = group.adjoint.surrogate if group.adjoint else None
    return surrogate is not None and not surrogate.all_active


def _step_body(layout: Layout, group: NeuronGroup) -> NeuronBody:
    codes = [group.step, _condition(group, group.threshold)]
    if group.adjoint:
        codes.append(Code((), frozenset(group.adjoint.tape)))
        if group.adjoint.surrogate and lists_active_neurons(group):
            codes.append(_condition(group, group.adjoint.surrogate.condition))
    if group.readout:
        codes.append(_output(group))
        codes.append(group.readout.update)
    return NeuronBody(layout, group, tuple(codes))


def _condition(group: NeuronGroup, text: str | None) -> Code:
    """A condition as code that reads the names in it."""
    if text is None:
        return Code()
    known = {v.name for v in group.variables} | {c.name for c in group.constants}
    reads = frozenset(identifiers_in(text)) & (known | frozenset(PROVIDED))
    return Code((text,), reads)


def _output(group: NeuronGroup) -> Code:
    """Declares ``output`` for the readout's update, if it reads it."""
    readout = group.readout
    reads = readout is not None and "output" in readout.update.reads
    if reads and group.output is not None:
        line = f"const float output = {group.output};"
        return Code((line,), frozenset({group.output}))
    return Code()


def _statements(writer: CodeWriter, group: NeuronGroup) -> None:
    writer.lines(group.step.lines)
    for name in group.saved_locals:
        writer.line(f"{saved(name)}_p_[j_] = {name};")
    if group.readout:
        writer.lines(_output(group).lines)
        writer.lines(group.readout.update.lines)
    if group.threshold is not None:
        writer.line(f"flag_[j_] = {group.threshold};")
    if group.adjoint and group.adjoint.surrogate and lists_active_neurons(group):
        writer.line(f"active_[j_] = {group.adjoint.surrogate.condition};")
