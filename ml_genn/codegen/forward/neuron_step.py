"""One step of a neuron group forward, up to its threshold."""

from __future__ import annotations

from ml_genn.codegen.layout import Layout, padded
from ml_genn.codegen.layout.names import c_identifier
from ml_genn.codegen.neuron_body import (
    ARGUMENTS,
    PROVIDED,
    Body,
    history_rows,
    rows,
    words,
)
from ml_genn.codegen.parallel_loops import each
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import Code, NeuronGroup


def integrate_function(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    """``integrate_<group>``: one step of all neurons, or of a thread's share, and which
    of them cross their threshold."""
    writer.line("template <bool ALL>")
    with writer.block(
        f"static inline void integrate_{c_identifier(group.name)}"
        f"({ARGUMENTS}, int member_, int members_)"
    ):
        step = _step_body(layout, group)
        step.pointers(writer)
        kept = [f"{name}_saved_" for name in group.saved_locals]
        rows(writer, layout, group, kept)
        if group.adjoint:
            history_rows(writer, layout, group, group.adjoint.tape)
        if group.threshold is not None:
            writer.line(f"uint8_t *__restrict flag_ = {flags_row(layout, group)};")
        if lists_active(group):
            writer.line(
                f"uint8_t *__restrict active_ = {flags_row(layout, group, True)};"
            )
        size, extent = padded(group.size), _extent(group)
        writer.line(
            f"const mlg::Range<int> of_ = mlg::member_range<{size}>(member_, members_);"
        )
        last = "of_.last" if size == extent else f"mlg::min_int(of_.last, {extent})"
        writer.line("const int first_ = ALL ? 0 : of_.first;")
        writer.line(f"const int last_ = ALL ? {extent} : {last};")
        writer.line("MLG_LOOP")
        with writer.block(each("int", "j_", "last_", first="first_ + ")):
            step.load(writer)
            step.random(writer, layout.first_draw.get(group.name, 0))
            for name in group.adjoint.tape if group.adjoint else ():
                writer.line(f"{name}_past_[j_] = {name};")
            _step_lines(writer, group)
            step.store(writer)


def flags_row(layout: Layout, group: NeuronGroup, active: bool = False) -> str:
    """C for the flags of neurons that spike, or are active, in a step."""
    return f"s_.{'active' if active else 'flags'} + {layout.flags[group.name]}"


def lists_active(group: NeuronGroup) -> bool:
    """Whether each step lists the neurons that are active: some, not all."""
    surrogate = group.adjoint.surrogate if group.adjoint else None
    return surrogate is not None and not surrogate.all_active


def _extent(group: NeuronGroup) -> int:
    """Neurons looped over: whole vectors, unless each draws random numbers."""
    return group.size if group.step.calls else padded(group.size)


def _condition(group: NeuronGroup, text: str | None) -> Code:
    """A condition as code that reads what it mentions."""
    if text is None:
        return Code()
    known = {v.name for v in group.variables} | {c.name for c in group.constants}
    return Code((text,), frozenset(words(text)) & (known | frozenset(PROVIDED)))


def _step_body(layout: Layout, group: NeuronGroup) -> Body:
    codes = [group.step, _condition(group, group.threshold)]
    if group.adjoint:
        codes.append(Code((), frozenset(group.adjoint.tape)))
        if group.adjoint.surrogate and lists_active(group):
            codes.append(_condition(group, group.adjoint.surrogate.condition))
    if group.readout:
        codes.append(_output_read(group))
        codes.append(group.readout.update)
    return Body(layout, group, tuple(codes))


def _output_read(group: NeuronGroup) -> Code:
    readout = group.readout
    uses = readout is not None and "output" in readout.update.reads
    if uses and group.output is not None:
        return Code(
            (f"const float output = {group.output};",), frozenset({group.output})
        )
    return Code()


def _step_lines(writer: CodeWriter, group: NeuronGroup) -> None:
    writer.lines(group.step.lines)
    for name in group.saved_locals:
        writer.line(f"{name}_saved__p_[j_] = {name};")
    if group.readout:
        writer.lines(_output_read(group).lines)
        writer.lines(group.readout.update.lines)
    if group.threshold is not None:
        writer.line(f"flag_[j_] = {group.threshold};")
    if group.adjoint and group.adjoint.surrogate and lists_active(group):
        writer.line(f"active_[j_] = {group.adjoint.surrogate.condition};")
