"""Jumps of adjoints: at spikes, at active neurons, at the end of a silent output."""

from __future__ import annotations

from collections.abc import Iterator

from ml_genn.codegen.backward.active_neurons import (
    active_tape,
    each_active,
    load_active,
)
from ml_genn.codegen.backward.adjoint_step import activate
from ml_genn.codegen.forward.losses import example_weight
from ml_genn.codegen.layout import Layout
from ml_genn.codegen.layout.names import c_identifier
from ml_genn.codegen.neuron_body import ARGUMENTS, Body, rows
from ml_genn.codegen.parallel_loops import each
from ml_genn.codegen.spike_list_loops import each_entry, load_records, tape_entries
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.loss_formula import SILENT_SPIKE_END
from ml_genn.model.plan import Adjoint, Code, NeuronGroup, Sensitivity, SurrogateAdjoint


def has_spike_adjoint(group: NeuronGroup) -> bool:
    """Whether the group's adjoint jumps."""
    return group.adjoint is not None and group.threshold is not None


def spike_adjoint_function(
    writer: CodeWriter, layout: Layout, group: NeuronGroup
) -> None:
    """``spike_adjoint_<group>``: the adjoint before the spikes of step ``t_``."""
    surrogate = group.adjoint.surrogate if group.adjoint else None
    with writer.block(
        f"static inline void spike_adjoint_{c_identifier(group.name)}({ARGUMENTS})"
    ):
        if surrogate:
            _reset_active(writer, layout, group, surrogate)
        _jump_at_spikes(writer, layout, group, exact=surrogate is None)
        if surrogate:
            _jump_active(writer, layout, group, surrogate)


def _jump_at_spikes(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, exact: bool
) -> None:
    """What a spike does to the adjoint of its neuron: the time of the spike where
    gradients are exact, the reset."""
    adjoint = group.adjoint
    if adjoint is None:
        return
    with writer.block(""):
        tape_entries(writer, layout.tapes[group.name], len(adjoint.records))
        activate(writer, layout, group)
        body = _jump_body(layout, group, adjoint)
        body.pointers(writer)
        if exact:
            rows(writer, layout, group, ["spike_grad_"])
        _spike_time_grad(writer, layout, group, declare=True)
        with each_entry(writer, each):
            if exact:
                writer.line("float dL_dt_ = spike_grad__p_[k_];")
            _spike_time_grad(writer, layout, group, declare=False)
            _jump(writer, layout, group, body, adjoint)


def _reset_active(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, surrogate: SurrogateAdjoint
) -> None:
    """Active neurons activate their group; what their reset adds to their dL/ds."""
    if not surrogate.reset.lines and group.name not in layout.lazy_adjoints:
        return
    with writer.block(""):
        active_tape(writer, layout, group, surrogate)
        activate(writer, layout, group)
        if surrogate.reset.lines:
            writer.line("const float scale_ = c_.scale;")
            for at, _ in _run_active(writer, layout, group, surrogate, surrogate.reset):
                writer.line(f"spike_grad__p_[{at}] = dL_ds_;")
    writer.line("MLG_SYNC;")


def _jump_active(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, surrogate: SurrogateAdjoint
) -> None:
    """The adjoint before the spike of the active neurons."""
    writer.line("MLG_SYNC;")
    with writer.block(""):
        active_tape(writer, layout, group, surrogate)
        for _, body in _run_active(writer, layout, group, surrogate, surrogate.jump):
            body.store(writer)


def _run_active(
    writer: CodeWriter,
    layout: Layout,
    group: NeuronGroup,
    surrogate: SurrogateAdjoint,
    code: Code,
) -> Iterator[tuple[str, Body]]:
    """Runs code at the active neurons; gives the index of their dL/ds, and their body,
    wherever the caller says what is kept of it."""
    body = Body(layout, group, (code,))
    body.pointers(writer)
    rows(writer, layout, group, ["spike_grad_"])
    for at in each_active(writer, group, surrogate):
        writer.line(f"float dL_ds_ = spike_grad__p_[{at}];")
        load_active(writer, group, surrogate, at)
        body.load(writer)
        with writer.block(""):
            writer.lines(code.lines)
        yield at, body


def _jump_body(layout: Layout, group: NeuronGroup, adjoint: Adjoint) -> Body:
    codes = [adjoint.jump]
    if group.regularised:
        codes.append(adjoint.rate_regularisation)
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
            writer.line(
                "const float rate_regularisation_grad_ = "
                f"s_.rate_regularisation_grads[{index}][j_];"
            )
            writer.lines(adjoint.rate_regularisation.lines)
    body.store(writer)


def _spike_time_grad(
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
        rows(writer, layout, group, [name, "result_grad_"])
    else:
        writer.line(f"if ({name}_p_[j_] == float(t_)) dL_dt_ -= result_grad__p_[j_];")


def derivative_without_spikes(
    writer: CodeWriter, layout: Layout, group: NeuronGroup
) -> None:
    """``derivative_without_spikes_<group>``: gradient of the right output neuron, if it
    never spiked.

    The loss has no derivative there, so the neuron is treated as if it had spiked at
    the end, crossing the threshold at one unit per duration of the example.
    """
    adjoint, readout = group.adjoint, group.readout
    if adjoint is None or readout is None:
        return
    index = layout.outputs.index(group)
    with writer.block(
        f"static inline void derivative_without_spikes_{c_identifier(group.name)}"
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
            "const float rate_regularisation_grad_ = "
            f"-c_.scale * {example_weight(layout, group)} * "
            f"c_.loss_scalars[{2 * index + 1}] / ({SILENT_SPIKE_END:g}f * end_);"
        )
        body = Body(layout, group, (adjoint.rate_regularisation, Code()))
        body.pointers(writer)
        body.load(writer)
        writer.lines(adjoint.rate_regularisation.lines)
        body.store(writer)
