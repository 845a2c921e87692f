"""One step of a neuron group's adjoint back, and rows that synapses into it ask for."""

from __future__ import annotations

import re

from ml_genn.codegen.layout import Layout, padded
from ml_genn.codegen.layout.names import c_identifier
from ml_genn.codegen.layout.ports import stores_weight_grad, weight_grad_row
from ml_genn.codegen.neuron_body import ARGUMENTS, Body, lazy_propagator, rows, words
from ml_genn.codegen.parallel_loops import each
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import Adjoint, Code, NeuronGroup, Sensitivity


def adjoint_step_function(
    writer: CodeWriter, layout: Layout, group: NeuronGroup
) -> None:
    """``adjoint_step_<group>``: the adjoint before a step from the one after it."""
    adjoint = group.adjoint
    if adjoint is None:
        return
    with writer.block(
        f"static inline void adjoint_step_{c_identifier(group.name)}({ARGUMENTS})"
    ):
        if group.name in layout.interleaved_adjoints:
            _interleaved_step(writer, layout, group, adjoint)
            return
        drive = _drive(group)
        ports = [Code((), p.reads) for p in adjoint.ports]
        body = Body(layout, group, (drive, adjoint.step, *ports), adjoint.tape)
        body.pointers(writer)
        extra = _port_rows(writer, layout, group)
        if drive:
            _drive_pointer(writer, layout, group)
        writer.line("MLG_LOOP")
        with writer.block(each("int", "j_", padded(group.size))):
            body.load(writer)
            writer.lines(drive.lines)
            writer.lines(adjoint.step.lines)
            body.store(writer)
            if any("prev_step_loss_grad_" in port.reads for port in adjoint.ports):
                writer.line(f"const float prev_step_loss_grad_ = {_look(group)};")
            writer.lines(extra)


def _interleaved_step(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, adjoint: Adjoint
) -> None:
    """One step of a pair of adjoints: what is stored of them changes now and then."""
    pair = layout.interleaved_adjoints[group.name]
    extra = _port_rows(writer, layout, group)
    rows(writer, layout, group, pair)
    Body(layout, group, (adjoint.step,)).constants(writer)
    given = ", ".join(f"float {name}" for name in pair)
    with writer.block(f"const auto step_ = [&]({given})", end="};"):
        writer.lines(adjoint.step.lines)
        writer.line(f"return mlg::Pair<float>{{{', '.join(pair)}}};")
    own = lazy_propagator(layout, group)
    looked_at = "t_ == 0 || mlg::records_backward(c_)"
    writer.line(f"const bool due_ = {own}.propagate(step_) || {looked_at};")
    loop = each("int", "j_", padded(group.size))
    stored = ", ".join(f"{name}_p_[j_]" for name in pair)
    now = f"const auto current_ = propagator_.current({stored});"
    parts = list(zip(pair, ("first", "second"), strict=True))
    with writer.block("if (due_)"):
        writer.line(f"const mlg::LazyPropagator propagator_ = {own};")
        writer.line("MLG_LOOP")
        with writer.block(loop):
            writer.line(now)
            writer.lines(f"{name}_p_[j_] = current_.{part};" for name, part in parts)
        writer.line(f"{own}.reset();")
    if extra:
        writer.line(f"const mlg::LazyPropagator propagator_ = {own};")
        writer.line("MLG_LOOP")
        with writer.block(loop):
            writer.line(now)
            writer.lines(
                f"const float {name} = current_.{part};" for name, part in parts
            )
            writer.lines(extra)


def if_activated(layout: Layout, group: str) -> str:
    """The condition that a group's adjoint is not zero, where it may be."""
    index = layout.lazy_adjoints.get(group)
    return "" if index is None else f"if (s_.activated_at[{index}] >= 0) "


def activate(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    """From the first entry on, which is the last in time, the adjoint is not zero."""
    if group.name in layout.lazy_adjoints:
        activated_at = f"s_.activated_at[{layout.lazy_adjoints[group.name]}]"
        writer.line(f"if (count_ && {activated_at} < 0) {activated_at} = t_;")


def grad_ring_row(layout: Layout, index: int) -> str:
    """C for the row of step ``t_`` of slopes that are kept."""
    size = layout.grad_ring_sizes[index]
    return f"s_.scratch->grad_rings[{index}] + t_ % s_.scratch->ring_length * {size}"


def _drive(group: NeuronGroup) -> Code:
    """The loss's push on the output variable in a step."""
    readout, loss, name = group.readout, group.loss, f"lambda_{group.output}"
    if not readout or not loss or readout.sensitivity is not Sensitivity.VARIABLE:
        return Code()
    if loss.per_step:
        return Code(
            (f"{name} += loss_grad_[j_];",), frozenset({name}), frozenset({name})
        )
    own = {n for n, _ in readout.variables} | {"step", "num_steps", "dt"}
    reads = frozenset(words(readout.weight)) & own
    line = f"{name} += result_grad__p_[j_] * ({readout.weight});"
    return Code((line,), reads | {name}, frozenset({name}))


def _look(group: NeuronGroup) -> str:
    """What the loss will push one step sooner; before the first step nothing asks."""
    readout, loss = group.readout, group.loss
    if not _drive(group) or readout is None or loss is None:
        return "0.0f"
    if loss.per_step:
        return f"loss_grad_[j_ - (t_ ? {padded(group.size)} : 0)]"
    sooner = re.sub(r"\bstep\b", "(step - 1.0f)", readout.weight)
    return f"result_grad__p_[j_] * ({sooner})"


def _drive_pointer(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    if group.loss and group.loss.per_step:
        index = layout.outputs.index(group)
        writer.line(
            f"const float *__restrict loss_grad_ = s_.step_loss_grads[{index}] + "
            f"t_ * {padded(group.size)};"
        )
    else:
        rows(writer, layout, group, ["result_grad_"])


def _port_rows(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> list[str]:
    """Lines that keep what synapses into each port will ask for; declares the rows."""
    lines: list[str] = []
    adjoint = group.adjoint
    if adjoint is None:
        return lines
    for k, port in enumerate(adjoint.ports):
        wanted = [
            ("weight_grad", weight_grad_row(group, k), port.weight_grad)
            if stores_weight_grad(layout.plan, group, k)
            else None,
            ("backprop", f"backprop{k}_", port.backprop)
            if layout.stores_backprop(group, k)
            else None,
        ]
        for kind, name, expression in filter(None, wanted):
            if (group.name, k) in layout.adjoint_rings:
                writer.line(
                    f"float *__restrict {kind}{k}_ring_ = "
                    f"{ring_row(layout, group, k, kind, 't_')};"
                )
                lines.append(f"{kind}{k}_ring_[j_] = {expression};")
            elif name != expression:
                rows(writer, layout, group, [name])
                lines.append(f"{name}_p_[j_] = {expression};")
        if (group.name, k) in layout.grad_rings:
            index = layout.grad_rings[group.name, k]
            row = grad_ring_row(layout, index)
            writer.line(f"float *__restrict weight_grad{k}_block_ = {row};")
            lines.append(f"weight_grad{k}_block_[j_] = {port.weight_grad};")
    return lines


def ring_row(layout: Layout, group: NeuronGroup, port: int, kind: str, at: str) -> str:
    """C for the row of a port's ring that belongs to a step."""
    length = layout.integers["adjoint_ring", group.name, f"{port}.length"]
    start = layout.integers["adjoint_ring", group.name, f"{port}.{kind}"]
    return (
        f"s_.block + c_.integers[{start}] + "
        f"(({at}) % c_.integers[{length}]) * {padded(group.size)}"
    )
