"""Spikes of a step: lists of spiking and active neurons, records, resets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ml_genn.codegen.forward.losses import step_loss
from ml_genn.codegen.forward.neuron_step import active_flags, spike_flags
from ml_genn.codegen.layout import Layout
from ml_genn.codegen.layout.state import saved
from ml_genn.codegen.names import Names
from ml_genn.codegen.neuron_body import NeuronBody, declare_rows
from ml_genn.codegen.parallel_loops import each
from ml_genn.codegen.signatures import STEP_PARAMETERS, unused
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import Code, NeuronGroup, SurrogateAdjoint


def fire_function(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    """Emits ``fire_<group>``: the loss of the step, lists of spikes and active neurons,
    and resets. The function returns false if memory for the lists runs out."""
    name = layout.names.function("fire", group.name)
    with writer.function(f"static inline bool {name}({STEP_PARAMETERS})"):
        if group.loss and group.loss.per_step:
            step_loss(writer, layout, group)
        if group.adjoint and group.adjoint.surrogate:
            _active_neurons(writer, layout, group, group.adjoint.surrogate)
        if group.threshold is not None:
            _spikes(writer, layout, group)
        unused(writer, "call_", "slot_", "example_", "t_")
        writer.line("return true;")


def _list_flagged(
    writer: CodeWriter,
    tape: str,
    size: str,
    num_records: str,
    collect_call: str,
) -> None:
    """Emits code that appends the neurons whose flag is set in step ``t_`` to a tape.

    Args:
        writer: output for the C code.
        tape: C for the index of the tape.
        size: C for the number of neurons.
        num_records: C for the number of floats recorded with each neuron.
        collect_call: start of a C call, e.g. ``mlg::collect(flags_``; the number of
            neurons and the list follow.
    """
    writer.line(f"mlg::Tape &tape_ = slot_.tapes[{tape}];")
    writer.line("uint32_t *offset_ = tape_.offset + (t_ - tape_.base);")
    writer.line("const uint32_t first_ = offset_[0];")
    # The length of the list is not known before the call, so all neurons have to fit.
    writer.line(f"if (!tape_.reserve(first_, {size}, {num_records})) return false;")
    writer.line("id_type *id_ = tape_.memory + first_;")
    writer.line(f"const uint32_t count_ = {collect_call}, {size}, id_);")
    writer.line("offset_[1] = first_ + count_;")


def _declare_new_records(writer: CodeWriter, num_records: str) -> None:
    """Emits declarations of ``record_``, the records of the list that starts at
    ``first_``."""
    writer.line(f"float *record_ = tape_.record + size_t(first_) * {num_records};")


@contextmanager
def _each_listed(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, body: NeuronBody
) -> Iterator[None]:
    """Emits a loop over the step's list that loads variables that ``body`` reads."""
    body.declare(writer)
    # Locals of the step, computed in another function, which stored them in rows.
    restored = [name for name in group.saved_locals if name in body.reads]
    declare_rows(writer, layout, group, [saved(name) for name in restored])
    with writer.block(each("uint32_t", "entry_", "count_")):
        writer.line("const int j_ = id_[entry_];")
        for name in restored:
            writer.line(f"const float {name} = {saved(name)}_p_[j_];")
        body.load(writer)
        yield


def _spikes(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    """Emits the list of the step's spikes; at each, records the variables needed in the
    backward pass and resets the neuron."""
    names = layout.names
    recorded_names = group.adjoint.records if group.adjoint else ()
    writer.comment("spikes of step t")
    collect_call = f"mlg::collect({spike_flags(layout, group)}"
    tape, size = names.index(group.name, "tape"), names.size(group.name)
    num_records = names.num_records(group.name)
    _list_flagged(writer, tape, size, num_records, collect_call)
    if recorded_names:
        _declare_new_records(writer, num_records)
    codes = [group.reset]
    if group.readout:
        codes.append(group.readout.on_spike)
    if group.adjoint:
        codes.append(group.adjoint.record)
    if not any(codes):
        return
    body = NeuronBody(layout, group, tuple(codes))
    with (
        writer.block("if (count_)"),
        _each_listed(writer, layout, group, body),
    ):
        body.declare_calls(writer, names.index(group.name, "first_draw_of_reset"))
        if group.adjoint:
            _record(writer, group.adjoint.record, recorded_names)
        if group.reset:
            writer.comment("reset")
        writer.lines(group.reset.lines)
        if group.readout:
            writer.lines(group.readout.on_spike.lines)
        body.store(writer)


# ---------------------------------------------------------------- active neurons
def _active_neurons(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, surrogate: SurrogateAdjoint
) -> None:
    """Emits the list of the step's active neurons; at each, records the variables
    needed in the backward pass."""
    if surrogate.all_active:
        _record_all(writer, layout, group, surrogate)
        return
    names = layout.names
    body = NeuronBody(layout, group, (surrogate.record,))
    # If at least half of the neurons are active, contiguous rows of all neurons cost
    # less than a list. collect_if_sparse then returns the number of neurons as count_;
    # a list is always shorter. Online learning reads lists.
    dense_if_most_active = bool(surrogate.records) and not layout.plan.online
    collect = "collect_if_sparse" if dense_if_most_active else "collect"
    with writer.block(""):
        writer.comment("active neurons of step t, whose surrogate derivative is not 0")
        writer.line(f"const uint8_t *active_ = {active_flags(layout, group)};")
        tape, size = names.index(group.name, "active_tape"), names.size(group.name)
        collect_call = f"mlg::{collect}(active_"
        num_records = names.num_active_records(group.name)
        _list_flagged(writer, tape, size, num_records, collect_call)
        if surrogate.records:
            _declare_new_records(writer, num_records)
        if not surrogate.record:
            return
        if dense_if_most_active:
            with writer.block(f"if (count_ == {size})"):
                _record_as_rows(writer, size, surrogate, body)
        with (
            writer.block(f"if (count_ < {size})" if dense_if_most_active else ""),
            _each_listed(writer, layout, group, body),
        ):
            _record(writer, surrogate.record, surrogate.records)
            body.store(writer)


def _record_as_rows(
    writer: CodeWriter, size: str, surrogate: SurrogateAdjoint, body: NeuronBody
) -> None:
    """Emits code for steps in which at least half of the neurons are active: records
    the variables needed in the backward pass, with zeros for inactive neurons.

    Precondition: ``count_`` is the number of neurons, for which ``record_`` has room.
    """
    body.declare(writer)
    writer.line("MLG_LOOP")
    with writer.block(each("int", "j_", size)):
        body.load(writer)
        writer.line(f"float {', '.join(surrogate.records)};")
        writer.lines(surrogate.record.lines)
        for index, name in enumerate(surrogate.records):
            value = f"active_[j_] ? {name} : 0.0f"
            writer.line(f"record_[{index} * {size} + j_] = {value};")


def _record_all(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, surrogate: SurrogateAdjoint
) -> None:
    """Emits code for groups of which all neurons are always active: records the
    variables needed in the backward pass, one padded row per variable and step."""
    names = layout.names
    num_records = names.num_active_records(group.name)
    padded_size = names.width(group.name)
    with writer.block(""):
        writer.comment("variables that the surrogate derivative in step t depends on")
        tape = names.index(group.name, "active_tape")
        writer.line(f"mlg::Tape &tape_ = slot_.tapes[{tape}];")
        used = f"(t_ - tape_.base) * {padded_size}"
        reserve = f"tape_.reserve({used}, {padded_size}, {num_records})"
        writer.line(f"if (!{reserve}) return false;")
        # The tape lists no neurons; its records are found by step.
        writer.line("tape_.offset[t_ - tape_.base + 1] = 0;")
        declare_record_rows(writer, names, group, surrogate.records, "")
        body = NeuronBody(layout, group, (surrogate.record,))
        body.declare(writer)
        writer.line("MLG_LOOP")
        with writer.block(each("int", "j_", padded_size)):
            body.load(writer)
            if surrogate.records:
                writer.line(f"float {', '.join(surrogate.records)};")
            writer.lines(surrogate.record.lines)
            for name in surrogate.records:
                writer.line(f"{name}_row_[j_] = {name};")
            body.store(writer)


def declare_record_rows(
    writer: CodeWriter,
    names: Names,
    group: NeuronGroup,
    records: tuple[str, ...],
    const: str,
) -> None:
    """Emits pointers ``<record>_row_`` to the records of all neurons in step ``t_``.

    Args:
        writer: output for the C code.
        names: names in the C code.
        group: the neuron group.
        records: names of the recorded variables.
        const: ``"const "`` if the rows are read only, otherwise empty.
    """
    padded_size = names.width(group.name)
    num_records = names.num_active_records(group.name)
    for index, name in enumerate(records):
        row = f"(t_ - tape_.base) * {num_records} + {index}"
        writer.line(
            f"{const}float *__restrict {name}_row_ = "
            f"tape_.record + ({row}) * {padded_size};"
        )


def _record(
    writer: CodeWriter, record_code: Code, recorded_names: tuple[str, ...]
) -> None:
    """Emits code that assigns records and stores them for the neuron at ``entry_``."""
    if not record_code:
        return
    with writer.block(""):
        writer.comment("records for the adjoint")
        if recorded_names:
            writer.line(f"float {', '.join(recorded_names)};")
        writer.lines(record_code.lines)
        for index, name in enumerate(recorded_names):
            writer.line(f"record_[{index} * count_ + entry_] = {name};")
