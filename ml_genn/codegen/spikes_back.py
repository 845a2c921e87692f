"""The backward pass at spikes and at active neurons: gradients and jumps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ml_genn.codegen.bodies import Body, rows
from ml_genn.codegen.kernels import add_patches
from ml_genn.codegen.layout import Layout, padded, symbol
from ml_genn.codegen.neurons import ARGUMENTS, record_rows
from ml_genn.codegen.send_back import guard, operands, send_back
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import (
    Active,
    Adjoint,
    Code,
    NeuronGroup,
    Sensitivity,
    SynapseGroup,
)


def trained_outgoing(layout: Layout, group: NeuronGroup) -> list[SynapseGroup]:
    """Synapse groups out of a group that the backward pass visits."""
    return [s for s in layout.plan.outgoing(group.name) if s.trained]


def backward_spikes_function(
    writer: CodeWriter, layout: Layout, group: NeuronGroup
) -> None:
    """``spikes_back_<group>``: what the spikes of step ``t_`` do to the gradients.

    Each spike adds a row to the gradient of its outgoing weights and makes the neuron's
    adjoint jump. What targets send back is gathered where a neuron spiked (exact
    gradients: the derivative by the time of the spike) or where it was active
    (surrogate gradients: by the spike itself).
    """
    active = group.adjoint.active if group.adjoint else None
    with writer.block(
        f"static inline void spikes_back_{symbol(group.name)}"
        f"({ARGUMENTS}, float *const *gradients_)"
    ):
        outgoing = trained_outgoing(layout, group)
        for k, synapses in enumerate(outgoing):
            operands(writer, layout, synapses, k)
        if active:
            _gather_active(writer, layout, group, outgoing, active)
        _spike_loop(writer, layout, group, outgoing)
        if active:
            _jump_active(writer, layout, group, active)


def tape_entries(writer: CodeWriter, index: int) -> None:
    """Declares the entries of step ``t_`` on a tape."""
    writer.line(f"const mlg::Tape &tape_ = s_.tapes[{index}];")
    writer.line("const uint32_t *offset_ = tape_.offset + (t_ - tape_.base);")
    writer.line("const uint32_t first_ = offset_[0], last_ = offset_[1];")


def _spike_loop(
    writer: CodeWriter,
    layout: Layout,
    group: NeuronGroup,
    outgoing: list[SynapseGroup],
) -> None:
    jump = _jump_body(layout, group)
    exact = jump is not None and not (group.adjoint and group.adjoint.active)
    with writer.block(""):
        tape_entries(writer, layout.tapes[group.name])
        if jump:
            jump.pointers(writer)
            _spike_time_slope(writer, layout, group, declare=True)
        with writer.block("for (uint32_t k_ = first_; k_ < last_; ++k_)"):
            writer.line("const size_t j_ = tape_.id[k_];")
            if exact:
                writer.line("float dL_dt_ = 0.0f;")
            for k, synapses in enumerate(outgoing):
                back = "dL_dt_" if synapses.feed_back and exact else None
                send_back(writer, layout, (synapses, k), True, back)
            if jump and group.adjoint:
                _spike_time_slope(writer, layout, group, declare=False)
                _jump(writer, layout, group, jump, group.adjoint)


def _gather_active(
    writer: CodeWriter,
    layout: Layout,
    group: NeuronGroup,
    outgoing: list[SynapseGroup],
    active: Active,
) -> None:
    """dL/ds of the active neurons, from targets, readout and reset."""
    sources = [(s, k) for k, s in enumerate(outgoing) if s.feed_back]
    at_once = [source for source in sources if source[0].name in layout.transposed]
    sources = [source for source in sources if source not in at_once]
    body = Body(layout, group, (active.reset,))
    with writer.block(""):
        _active_tape(writer, layout, group, active)
        body.pointers(writer)
        rows(writer, layout, group, ["spike_slope_"])
        counted = _counts_spikes(group)
        if counted:
            rows(writer, layout, group, ["result_slope_"])
        writer.line("const float scale_ = c_.scale;")
        with _each_active(writer, group, active, vector=False) as at:
            writer.line(
                "float dL_ds_ = " + ("result_slope__p_[j_];" if counted else "0.0f;")
            )
            for source in sources:
                send_back(writer, layout, source, False, "dL_ds_")
            writer.line(f"spike_slope__p_[{at}] = dL_ds_;")
        for synapses, k in at_once:
            given = (
                f"spike_slope__p_, s_.transposed + {layout.transposed[synapses.name]}, "
                f"back{k}_"
            )
            size = padded(group.size), layout.plan.neuron(synapses.target).size
            add = f"add_weighted_rows<{size[0]}, {size[1]}>({given})"
            if synapses.kernel is not None:
                add = add_patches(layout, synapses, synapses.kernel, given)
            writer.line(f"{guard(layout, synapses, k)}mlg::{add};")
        if not active.reset.lines:
            return
        with _each_active(writer, group, active, vector=True) as at:
            writer.line(f"float dL_ds_ = spike_slope__p_[{at}];")
            _load_active(writer, active)
            body.load(writer)
            with writer.block(""):
                writer.lines(active.reset.lines)
            writer.line(f"spike_slope__p_[{at}] = dL_ds_;")


def _jump_active(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, active: Active
) -> None:
    """The adjoint before the spike of the active neurons."""
    with writer.block(""):
        _active_tape(writer, layout, group, active)
        body = Body(layout, group, (active.jump,))
        body.pointers(writer)
        rows(writer, layout, group, ["spike_slope_"])
        with _each_active(writer, group, active, vector=True) as at:
            writer.line(f"const float dL_ds_ = spike_slope__p_[{at}];")
            _load_active(writer, active)
            body.load(writer)
            with writer.block(""):
                writer.lines(active.jump.lines)
            body.store(writer)


def _active_tape(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, active: Active
) -> None:
    """Declares what is kept of the active neurons of step ``t_``."""
    tape = layout.active_tapes[group.name]
    if active.everywhere:
        writer.line(f"const mlg::Tape &tape_ = s_.tapes[{tape}];")
        record_rows(writer, group, active.records, "const ")
    else:
        tape_entries(writer, tape)


@contextmanager
def _each_active(
    writer: CodeWriter, group: NeuronGroup, active: Active, vector: bool
) -> Iterator[str]:
    """A loop over the active neurons ``j_``; gives the index of their dL/ds.

    Args:
        vector: whether the body may run for several neurons at once; if all are active,
            it then runs for whole vectors.
    """
    if active.everywhere:
        if vector:
            writer.line("MLG_LOOP")
        extent = padded(group.size) if vector else group.size
        with writer.block(f"for (int64_t j_ = 0; j_ < {extent}; ++j_)"):
            yield "j_"
        return
    with writer.block("for (uint32_t k_ = first_; k_ < last_; ++k_)"):
        writer.line("const size_t j_ = tape_.id[k_];")
        yield "k_ - first_"


def _load_active(writer: CodeWriter, active: Active) -> None:
    """Declares the numbers kept of neuron ``j_``."""
    if active.everywhere:
        for name in active.records:
            writer.line(f"const float {name} = {name}_row_[j_];")
    else:
        load_records(writer, active.records)


def load_records(writer: CodeWriter, records: tuple[str, ...]) -> None:
    """Declares the numbers kept with entry ``k_`` of a tape."""
    for index, name in enumerate(records):
        entry = f"size_t(k_) * {len(records)} + {index}"
        writer.line(f"const float {name} = tape_.record[{entry}];")


def _counts_spikes(group: NeuronGroup) -> bool:
    """Whether the loss looks at the number of the group's spikes."""
    readout = group.readout
    counts = readout is not None and readout.sensitivity is Sensitivity.SPIKES
    return counts and group.loss is not None


def _jump_body(layout: Layout, group: NeuronGroup) -> Body | None:
    if not group.adjoint or group.threshold is None:
        return None
    codes = [group.adjoint.jump]
    if group.regularised:
        codes.append(group.adjoint.push)
    return Body(layout, group, tuple(codes))


def _jump(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, body: Body, adjoint: Adjoint
) -> None:
    load_records(writer, adjoint.records)
    body.load(writer)
    with writer.block(""):
        writer.lines(adjoint.jump.lines)
    if group.regularised:
        index = layout.regularised.index(group)
        with writer.block(""):
            writer.line(f"const float amount_ = s_.push[{index}][j_];")
            writer.lines(adjoint.push.lines)
    body.store(writer)


def _spike_time_slope(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, declare: bool
) -> None:
    """Adds the loss's slope by the time of a neuron's first spike."""
    readout = group.readout
    if not readout or not group.loss:
        return
    if readout.sensitivity is not Sensitivity.SPIKE_TIME:
        return
    ((name, _),) = readout.variables
    if declare:
        rows(writer, layout, group, [name, "result_slope_"])
    else:
        writer.line(f"if ({name}_p_[j_] == float(t_)) dL_dt_ -= result_slope__p_[j_];")


def silent_function(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    """``silent_<group>``: draws up the right neuron of an output that never spiked.

    Its loss has no slope, so at the end of the example it is treated as if it had
    spiked just then, crossing the threshold at one unit per duration of the example.
    """
    adjoint, readout = group.adjoint, group.readout
    if adjoint is None or readout is None:
        return
    index = layout.outputs.index(group)
    with writer.block(
        f"static inline void silent_{symbol(group.name)}"
        "(const Call &c_, Slot &s_, int64_t b_)"
    ):
        ((name, _),) = readout.variables
        rows(writer, layout, group, [name])
        writer.line(
            f"const int j_ = static_cast<const int32_t *>(c_.targets[{index}])[b_];"
        )
        writer.line(f"if ({name}_p_[j_] >= 0.0f) return;")
        writer.line("const float end_ = c_.num_steps * c_.dt;")
        writer.line(
            f"const float amount_ = -c_.scale * c_.loss_scalars[{2 * index + 1}] / "
            "(1e-4f * end_);"
        )
        body = Body(layout, group, (adjoint.push, Code()))
        body.pointers(writer)
        body.load(writer)
        writer.lines(adjoint.push.lines)
        body.store(writer)
