"""What neurons do at their threshold: lists of spikes and active neurons, resets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ml_genn.codegen.forward.losses import step_loss
from ml_genn.codegen.forward.neuron_step import flags_row
from ml_genn.codegen.layout import Layout, padded
from ml_genn.codegen.layout.names import c_identifier
from ml_genn.codegen.neuron_body import ARGUMENTS, Body, rows
from ml_genn.codegen.parallel_loops import each
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import Code, NeuronGroup, SurrogateAdjoint

RANDOM_IN_RESET = 1 << 16  #: index of the first number drawn by reset code


def fire_function(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    """``fire_<group>``: the loss of the step, lists of neurons, resets."""
    with writer.block(
        f"static inline bool fire_{c_identifier(group.name)}({ARGUMENTS})"
    ):
        if group.loss and group.loss.per_step:
            step_loss(writer, layout, group)
        if group.adjoint and group.adjoint.surrogate:
            _active(writer, layout, group, group.adjoint.surrogate)
        if group.threshold is not None:
            _spikes(writer, layout, group)
        writer.line("(void)c_, (void)s_, (void)b_, (void)t_;")
        writer.line("return true;")


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
    writer.line("id_type *id_ = tape_.memory + first_;")
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
    kept = [name for name in group.saved_locals if name in body.reads]
    rows(writer, layout, group, [f"{name}_saved_" for name in kept])
    with writer.block(each("uint32_t", "k_", "count_")):
        writer.line("const int j_ = id_[k_];")
        for name in kept:
            writer.line(f"const float {name} = {name}_saved__p_[j_];")
        body.load(writer)
        yield


def _spikes(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    """Collects the spikes of the step and runs what happens at a spike."""
    records = group.adjoint.records if group.adjoint else ()
    flags = flags_row(layout, group)
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
    writer: CodeWriter, layout: Layout, group: NeuronGroup, surrogate: SurrogateAdjoint
) -> None:
    """Collects the step's active neurons and what the backward pass needs of them."""
    tape = layout.active_tapes[group.name]
    if surrogate.all_active:
        _all_active(writer, layout, group, surrogate)
        return
    body = Body(layout, group, (surrogate.record,))
    most = "_if_sparse" if surrogate.records and not layout.plan.online else ""
    with writer.block(""):
        writer.line(f"const uint8_t *active_ = {flags_row(layout, group, True)};")
        _collect(
            writer, group, "active_", tape, len(surrogate.records), f"collect{most}"
        )
        if not surrogate.record:
            return
        if most:
            with writer.block(f"if (count_ == {group.size})"):
                _most_active(writer, group, surrogate, body)
        with (
            writer.block(f"if (count_ < {group.size})" if most else ""),
            _entries(writer, layout, group, body),
        ):
            _records(writer, surrogate.record, surrogate.records)
            body.store(writer)


def _most_active(
    writer: CodeWriter, group: NeuronGroup, surrogate: SurrogateAdjoint, body: Body
) -> None:
    """Keeps numbers of all neurons; zeros, which do nothing, of those not active."""
    body.pointers(writer)
    writer.line("MLG_LOOP")
    with writer.block(each("int", "j_", group.size)):
        body.load(writer)
        writer.line(f"float {', '.join(surrogate.records)};")
        writer.lines(surrogate.record.lines)
        for index, name in enumerate(surrogate.records):
            writer.line(
                f"record_[{index * group.size} + j_] = active_[j_] ? {name} : 0.0f;"
            )


def _all_active(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, surrogate: SurrogateAdjoint
) -> None:
    """Keeps what the backward pass needs of all neurons, row after row."""
    size, count = padded(group.size), len(surrogate.records)
    with writer.block(""):
        writer.line(f"mlg::Tape &tape_ = s_.tapes[{layout.active_tapes[group.name]}];")
        at = f"(t_ - tape_.base) * {size}"
        writer.line(f"if (!tape_.reserve({at}, {size}, {count})) return false;")
        writer.line("tape_.offset[t_ - tape_.base + 1] = 0;")
        record_rows(writer, group, surrogate.records, "")
        body = Body(layout, group, (surrogate.record,))
        body.pointers(writer)
        writer.line("MLG_LOOP")
        with writer.block(each("int", "j_", size)):
            body.load(writer)
            if surrogate.records:
                writer.line(f"float {', '.join(surrogate.records)};")
            writer.lines(surrogate.record.lines)
            for name in surrogate.records:
                writer.line(f"{name}_row_[j_] = {name};")
            body.store(writer)


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
    if not code:
        return
    with writer.block(""):
        if records:
            writer.line(f"float {', '.join(records)};")
        writer.lines(code.lines)
        for index, name in enumerate(records):
            writer.line(f"record_[{index} * count_ + k_] = {name};")
