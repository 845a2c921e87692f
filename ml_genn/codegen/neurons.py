"""Functions of a neuron group: one step forward, one step back, start and end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from ml_genn.codegen.bodies import PROVIDED, Body, history_rows, rows
from ml_genn.codegen.layout import Layout, padded, symbol
from ml_genn.codegen.shares import each
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import Active, Code, Loss, LossKind, NeuronGroup, Sensitivity

ARGUMENTS = "const Call &c_, Slot &s_, int64_t b_, int64_t t_"
RANDOM_IN_RESET = 1 << 16  #: index of the first number drawn by reset code


def integrate_function(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    """``integrate_<group>``: one step of all neurons, or of a thread's share, and which
    of them cross their threshold."""
    writer.line("template <bool ALL>")
    with writer.block(
        f"static inline void integrate_{symbol(group.name)}"
        f"({ARGUMENTS}, int member_, int members_)"
    ):
        step = _step_body(layout, group)
        step.pointers(writer)
        kept = [f"{name}_kept_" for name in group.kept]
        rows(writer, layout, group, kept)
        if group.adjoint:
            history_rows(writer, layout, group, group.adjoint.tape)
        if group.threshold is not None:
            writer.line(f"uint8_t *__restrict flag_ = {_flags(layout, group)};")
        if _flagged(group):
            writer.line(f"uint8_t *__restrict active_ = {_flags(layout, group, True)};")
        size, extent = padded(group.size), _extent(group)
        writer.line(f"const mlg::Share of_ = mlg::share<{size}>(member_, members_);")
        last = "of_.last" if size == extent else f"mlg::smaller(of_.last, {extent})"
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


def _flags(layout: Layout, group: NeuronGroup, active: bool = False) -> str:
    return f"s_.{'active' if active else 'flags'} + {layout.flags[group.name]}"


def fire_function(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    """``fire_<group>``: the loss of the step, lists of neurons, resets."""
    with writer.block(f"static inline bool fire_{symbol(group.name)}({ARGUMENTS})"):
        if group.loss and group.loss.per_step:
            _step_loss(writer, layout, group)
        if group.adjoint and group.adjoint.active:
            _active(writer, layout, group, group.adjoint.active)
        if group.threshold is not None:
            _spikes(writer, layout, group)
        writer.line("(void)c_, (void)s_, (void)b_, (void)t_;")
        writer.line("return true;")


def _flagged(group: NeuronGroup) -> bool:
    """Whether each step lists the neurons that are active: some, not all."""
    active = group.adjoint.active if group.adjoint else None
    return active is not None and not active.everywhere


def _extent(group: NeuronGroup) -> int:
    """Neurons looped over: whole vectors, unless each draws random numbers."""
    return group.size if group.step.calls else padded(group.size)


def _condition(group: NeuronGroup, text: str | None) -> Code:
    """A condition as code that reads what it mentions."""
    if text is None:
        return Code()
    known = {v.name for v in group.variables} | {c.name for c in group.constants}
    return Code((text,), frozenset(_words(text)) & (known | frozenset(PROVIDED)))


def _words(text: str) -> list[str]:
    return "".join(c if c.isalnum() or c == "_" else " " for c in text).split()


def _step_body(layout: Layout, group: NeuronGroup) -> Body:
    codes = [group.step, _condition(group, group.threshold)]
    if group.adjoint:
        codes.append(Code((), frozenset(group.adjoint.tape)))
        if group.adjoint.active and _flagged(group):
            codes.append(_condition(group, group.adjoint.active.condition))
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
    for name in group.kept:
        writer.line(f"{name}_kept__p_[j_] = {name};")
    if group.readout:
        writer.lines(_output_read(group).lines)
        writer.lines(group.readout.update.lines)
    if group.threshold is not None:
        writer.line(f"flag_[j_] = {group.threshold};")
    if group.adjoint and group.adjoint.active and _flagged(group):
        writer.line(f"active_[j_] = {group.adjoint.active.condition};")


def _collect(
    writer: CodeWriter,
    group: NeuronGroup,
    flags: str,
    tape: int,
    records: int,
    collect: str = "collect",
) -> None:
    """Puts the neurons whose flag is set onto a tape, as the list of step ``t_``."""
    writer.line(f"mlg::Tape &tape_ = s_.tapes[{tape}];")
    writer.line("uint32_t *offset_ = tape_.offset + (t_ - tape_.base);")
    writer.line("const uint32_t first_ = offset_[0];")
    writer.line(f"if (!tape_.reserve(first_, {group.size}, {records})) return false;")
    writer.line("id_type *id_ = tape_.own + first_;")
    writer.line(f"const uint32_t count_ = mlg::{collect}({flags}, {group.size}, id_);")
    writer.line("offset_[1] = first_ + count_;")
    if records:
        writer.line(f"float *record_ = tape_.record + size_t(first_) * {records};")


@contextmanager
def _entries(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, body: Body
) -> Iterator[None]:
    """A loop over the step's list that loads what ``body`` needs of neuron ``j_``."""
    body.pointers(writer)
    kept = [name for name in group.kept if name in body.reads]
    rows(writer, layout, group, [f"{name}_kept_" for name in kept])
    with writer.block(each("uint32_t", "k_", "count_")):
        writer.line("const int j_ = id_[k_];")
        for name in kept:
            writer.line(f"const float {name} = {name}_kept__p_[j_];")
        body.load(writer)
        yield


def _spikes(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    """Collects the spikes of the step and runs what happens at a spike."""
    records = group.adjoint.records if group.adjoint else ()
    flags = _flags(layout, group)
    _collect(writer, group, flags, layout.tapes[group.name], len(records))
    codes = [group.reset]
    if group.readout:
        codes.append(group.readout.on_spike)
    if group.adjoint:
        codes.append(group.adjoint.record)
    if not any(codes):
        return
    body = Body(layout, group, tuple(codes))
    with (
        writer.block("if (count_)"),
        _entries(writer, layout, group, body),
    ):
        body.random(writer, layout.first_draw.get(group.name, 0) + RANDOM_IN_RESET)
        if group.adjoint:
            _records(writer, group.adjoint.record, records)
        writer.lines(group.reset.lines)
        if group.readout:
            writer.lines(group.readout.on_spike.lines)
        body.store(writer)


def _active(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, active: Active
) -> None:
    """Collects the step's active neurons and what the backward pass needs of them."""
    tape = layout.active_tapes[group.name]
    if active.everywhere:
        _all_active(writer, layout, group, active)
        return
    body = Body(layout, group, (active.record,))
    most = "" if layout.plan.online else "_unless_most"
    with writer.block(""):
        writer.line(f"const uint8_t *active_ = {_flags(layout, group, True)};")
        _collect(writer, group, "active_", tape, len(active.records), f"collect{most}")
        if not active.records:
            return
        if most:
            with writer.block(f"if (count_ == {group.size})"):
                _most_active(writer, group, active, body)
        with (
            writer.block(f"if (count_ < {group.size})" if most else ""),
            _entries(writer, layout, group, body),
        ):
            _records(writer, active.record, active.records)


def _most_active(
    writer: CodeWriter, group: NeuronGroup, active: Active, body: Body
) -> None:
    """Keeps numbers of all neurons; zeros, which do nothing, of those not active."""
    body.pointers(writer)
    writer.line("MLG_LOOP")
    with writer.block(each("int", "j_", group.size)):
        body.load(writer)
        writer.line(f"float {', '.join(active.records)};")
        writer.lines(active.record.lines)
        for index, name in enumerate(active.records):
            writer.line(
                f"record_[{index * group.size} + j_] = active_[j_] ? {name} : 0.0f;"
            )


def _all_active(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, active: Active
) -> None:
    """Keeps what the backward pass needs of all neurons, row after row."""
    size, count = padded(group.size), len(active.records)
    with writer.block(""):
        writer.line(f"mlg::Tape &tape_ = s_.tapes[{layout.active_tapes[group.name]}];")
        at = f"(t_ - tape_.base) * {size}"
        writer.line(f"if (!tape_.reserve({at}, {size}, {count})) return false;")
        writer.line("tape_.offset[t_ - tape_.base + 1] = 0;")
        record_rows(writer, group, active.records, "")
        body = Body(layout, group, (active.record,))
        body.pointers(writer)
        writer.line("MLG_LOOP")
        with writer.block(each("int", "j_", size)):
            body.load(writer)
            if active.records:
                writer.line(f"float {', '.join(active.records)};")
            writer.lines(active.record.lines)
            for name in active.records:
                writer.line(f"{name}_row_[j_] = {name};")


def record_rows(
    writer: CodeWriter, group: NeuronGroup, records: tuple[str, ...], const: str
) -> None:
    """Declares pointers ``<record>_row_`` to the records of all neurons in a step."""
    size, count = padded(group.size), len(records)
    for index, name in enumerate(records):
        writer.line(
            f"{const}float *__restrict {name}_row_ = "
            f"tape_.record + ((t_ - tape_.base) * {count} + {index}) * {size};"
        )


def _records(writer: CodeWriter, code: Code, records: tuple[str, ...]) -> None:
    """Runs the code that assigns records and keeps them with entry ``k_``."""
    if not records:
        return
    with writer.block(""):
        writer.line(f"float {', '.join(records)};")
        writer.lines(code.lines)
        for index, name in enumerate(records):
            writer.line(f"record_[{index} * count_ + k_] = {name};")


def _step_loss(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    """The loss of one step, and its slope kept for the backward pass."""
    loss, index = group.loss, layout.outputs.index(group)
    if loss is None:
        return
    divided = " / c_.num_steps" if loss.mean_over_steps else ""
    slope = f"s_.drive[{index}] + t_ % s_.window * {padded(group.size)}"
    writer.line("MLG_SYNC;")
    with writer.block(f"if (MLG_MEMBER == 0 && c_.targets[{index}])"):
        writer.line(
            f"const float *value_ = row_<float>(s_, "
            f"{layout.rows[group.name, str(group.output)].offset});"
        )
        scale = f"c_.scale * {example_weight(layout, group)}{divided}"
        call = _loss_call(loss, index, group.size, scale, slope)
        writer.line(f"s_.loss[{index}] += {call}{divided};")
    writer.line("MLG_SYNC;")


def example_weight(layout: Layout, group: NeuronGroup) -> str:
    """C for how much the loss of example ``b_`` counts."""
    outputs = layout.outputs
    return f"c_.weights[b_ * {len(outputs)} + {outputs.index(group)}]"


def _loss_call(loss: Loss, index: int, size: int, scale: str, slope: str) -> str:
    """C for the loss; its name is that of the kind."""
    number = f"c_.loss_scalars[{2 * index}]"
    given = ["value_", str(size), _target(loss, index, size), number, scale, slope]
    return f"mlg::{loss.kind.value}({', '.join(given)})"


def _target(loss: Loss, index: int, size: int) -> str:
    if loss.kind.of_labels:
        return f"static_cast<const int32_t *>(c_.targets[{index}])[b_]"
    trajectory = loss.per_step and loss.kind.of_errors
    row = "(b_ * c_.num_steps + t_)" if trajectory else "b_"
    return f"static_cast<const float *>(c_.targets[{index}]) + {row} * {size}"


def finish_function(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    """``finish_<group>``: the readout's result and, at the end, the loss."""
    readout, index = group.readout, layout.outputs.index(group)
    if readout is None:
        return
    with writer.block(
        f"MLG_COLD static void finish_{symbol(group.name)}"
        "(const Call &c_, Slot &s_, int64_t b_)"
    ):
        names = frozenset(n for n, _ in readout.variables)
        used = frozenset(_words(readout.result))
        body = Body(layout, group, (Code((), used & (names | {"num_steps", "dt"})),))
        body.pointers(writer)
        rows(writer, layout, group, ["result_"])
        with writer.block(f"for (int j_ = 0; j_ < {group.size}; ++j_)"):
            body.load(writer)
            writer.line(f"result__p_[j_] = {readout.result};")
        with writer.block(f"if (c_.results[{index}])"):
            writer.line(
                f"memcpy(c_.results[{index}] + b_ * {group.size}, result__p_, "
                f"{group.size} * sizeof(float));"
            )
        if group.loss and not group.loss.per_step:
            _final_loss(writer, layout, group)
        if group.loss:
            writer.line(
                f"if (c_.targets[{index}]) "
                f"c_.losses[b_ * {len(layout.outputs)} + {index}] = "
                f"s_.loss[{index}] * {example_weight(layout, group)};"
            )


def _final_loss(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    index = layout.outputs.index(group)
    loss = group.loss
    if loss is None:
        return
    with writer.block(f"if (c_.targets[{index}])"):
        rows(writer, layout, group, ["result_slope_"])
        writer.line("float *value_ = result__p_;")
        if loss.first_spike:
            writer.line("const float end_ = c_.num_steps * c_.dt;")
            writer.line(
                f"for (int j_ = 0; j_ < {group.size}; ++j_) "
                "if (value_[j_] < -end_) value_[j_] = -end_;"
            )
        scale = f"c_.scale * {example_weight(layout, group)}"
        writer.line(f"const float scale_ = {scale};")
        call = _loss_call(loss, index, group.size, "scale_", "result_slope__p_")
        writer.line(f"s_.loss[{index}] = {call};")
        if loss.first_spike and loss.kind is LossKind.CROSS_ENTROPY:
            _earlier(writer, index)


def _earlier(writer: CodeWriter, index: int) -> None:
    """The term that draws the first spike of the right neuron forward in time."""
    writer.line(
        f"const int label_ = static_cast<const int32_t *>(c_.targets[{index}])[b_];"
    )
    writer.line("const float left_ = 1.01f * end_ + value_[label_];")
    writer.line(f"const float alpha_ = c_.loss_scalars[{2 * index + 1}];")
    writer.line(f"s_.loss[{index}] += alpha_ / left_;")
    writer.line("result_slope__p_[label_] -= scale_ * alpha_ / (left_ * left_);")


def backward_function(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    """``backward_<group>``: the adjoint before step ``t_`` from the one after it."""
    adjoint = group.adjoint
    if adjoint is None:
        return
    with writer.block(f"static inline void backward_{symbol(group.name)}({ARGUMENTS})"):
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
            if any("look_" in port.reads for port in adjoint.ports):
                writer.line(f"const float look_ = {_look(group)};")
            writer.lines(extra)


def unless_asleep(layout: Layout, group: str) -> str:
    """The condition that a group's adjoint is not zero, where it may be."""
    index = layout.sleepers.get(group)
    return "" if index is None else f"if (s_.woken[{index}] >= 0) "


def kept_row(layout: Layout, index: int) -> str:
    """C for the row of step ``t_`` of slopes that are kept."""
    size = layout.slope_sizes[index]
    return f"s_.scratch->slopes[{index}] + t_ % s_.scratch->length * {size}"


def _drive(group: NeuronGroup) -> Code:
    """The loss's push on the output variable in a step."""
    readout, loss, name = group.readout, group.loss, f"lambda_{group.output}"
    if not readout or not loss or readout.sensitivity is not Sensitivity.VARIABLE:
        return Code()
    if loss.per_step:
        return Code((f"{name} += drive_[j_];",), frozenset({name}), frozenset({name}))
    own = {n for n, _ in readout.variables} | {"step", "num_steps", "dt"}
    reads = frozenset(_words(readout.weight)) & own
    line = f"{name} += result_slope__p_[j_] * ({readout.weight});"
    return Code((line,), reads | {name}, frozenset({name}))


def _look(group: NeuronGroup) -> str:
    """What the loss will push one step sooner; before the first step nothing asks."""
    readout, loss = group.readout, group.loss
    if not _drive(group) or readout is None or loss is None:
        return "0.0f"
    if loss.per_step:
        return f"drive_[j_ - (t_ ? {padded(group.size)} : 0)]"
    sooner = re.sub(r"\bstep\b", "(step - 1.0f)", readout.weight)
    return f"result_slope__p_[j_] * ({sooner})"


def _drive_pointer(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    if group.loss and group.loss.per_step:
        index = layout.outputs.index(group)
        writer.line(
            f"const float *__restrict drive_ = s_.drive[{index}] + "
            f"t_ * {padded(group.size)};"
        )
    else:
        rows(writer, layout, group, ["result_slope_"])


def _port_rows(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> list[str]:
    """Lines that keep what synapses into each port will ask for; declares the rows."""
    lines: list[str] = []
    adjoint = group.adjoint
    if adjoint is None:
        return lines
    for k, port in enumerate(adjoint.ports):
        wanted = [
            ("slope", layout.slope_name(group, k), port.weight)
            if layout.needs_slope(group, k)
            else None,
            ("back", f"back{k}_", port.back) if layout.needs_back(group, k) else None,
        ]
        for kind, name, expression in filter(None, wanted):
            if (group.name, k) in layout.port_rings:
                writer.line(
                    f"float *__restrict {kind}{k}_ring_ = "
                    f"{ring_row(layout, group, k, kind, 't_')};"
                )
                lines.append(f"{kind}{k}_ring_[j_] = {expression};")
            elif name != expression:
                rows(writer, layout, group, [name])
                lines.append(f"{name}_p_[j_] = {expression};")
        if (group.name, k) in layout.slopes:
            index = layout.slopes[group.name, k]
            row = kept_row(layout, index)
            writer.line(f"float *__restrict slope{k}_kept_ = {row};")
            lines.append(f"slope{k}_kept_[j_] = {port.weight};")
    return lines


def ring_row(layout: Layout, group: NeuronGroup, port: int, kind: str, at: str) -> str:
    """C for the row of a port's ring that belongs to a step."""
    length = layout.integers["port_ring", group.name, f"{port}.length"]
    start = layout.integers["port_ring", group.name, f"{port}.{kind}"]
    return (
        f"s_.block + c_.integers[{start}] + "
        f"(({at}) % c_.integers[{length}]) * {padded(group.size)}"
    )
