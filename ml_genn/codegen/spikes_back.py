"""The backward pass at spikes and at active neurons: gradients and jumps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from ml_genn.codegen.bodies import ARGUMENTS, Body, rows
from ml_genn.codegen.firing import record_rows
from ml_genn.codegen.kernels import add_patches
from ml_genn.codegen.layout import Layout, learns_at_spikes, padded, streams, symbol
from ml_genn.codegen.losses import example_weight
from ml_genn.codegen.send_back import (
    arrives,
    guard,
    operands,
    send_back,
    target_row,
)
from ml_genn.codegen.shares import each, each_by_team
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import (
    Active,
    Adjoint,
    Code,
    NeuronGroup,
    Sensitivity,
    SynapseGroup,
)

#: What those who share the spikes of a step are given: gradients, and who they are.
SHARED = "float *const *gradients_, int team_, int teams_"
#: The same, passed on.
SHARE = "gradients_, MLG_TEAM, MLG_TEAMS"


def trained_outgoing(layout: Layout, group: NeuronGroup) -> list[SynapseGroup]:
    """Synapse groups out of a group that the backward pass visits."""
    return [s for s in layout.plan.outgoing(group.name) if s.trained]


def sends_back(layout: Layout, group: NeuronGroup) -> bool:
    """Whether anything is collected at the group's spikes, or where it was active."""
    return bool(trained_outgoing(layout, group)) or jumps(group)


def jumps(group: NeuronGroup) -> bool:
    """Whether the group's adjoint jumps."""
    return group.adjoint is not None and group.threshold is not None


def send_back_function(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    """``send_back_<group>``: what the spikes of step ``t_`` add to gradients, and what
    flows back to the group, before any adjoint jumps.

    Each spike adds a row to the gradient of its outgoing weights. What targets send
    back is collected where a neuron spiked (exact gradients: the derivative by the time
    of the spike) or where it was active (surrogate gradients: by the spike itself).
    """
    active = group.adjoint.active if group.adjoint else None
    head = f"static inline void send_back_{symbol(group.name)}"
    with writer.block(f"{head}({ARGUMENTS}, {SHARED})"):
        outgoing = trained_outgoing(layout, group)
        for k, synapses in enumerate(outgoing):
            operands(writer, layout, synapses, k)
        if active:
            _collect_back(writer, layout, group, outgoing, active)
        if jumps(group) and not active:
            with writer.block(""):
                tape_entries(writer, layout.tapes[group.name])
                rows(writer, layout, group, ["spike_slope_"])
                _collect_listed(writer, layout, outgoing, True, "")
        else:
            _learn_at_spikes(writer, layout, group, outgoing)


def jump_function(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    """``jump_<group>``: the adjoint before the spikes of step ``t_``."""
    active = group.adjoint.active if group.adjoint else None
    with writer.block(f"static inline void jump_{symbol(group.name)}({ARGUMENTS})"):
        _jump_at_spikes(writer, layout, group, exact=active is None)
        if active:
            _jump_active(writer, layout, group, active)


def tape_entries(writer: CodeWriter, index: int, records: int = 0) -> None:
    """Declares the entries of step ``t_`` on a tape: ``count_`` neurons ``id_``."""
    writer.line(f"const mlg::Tape &tape_ = s_.tapes[{index}];")
    writer.line("const uint32_t *offset_ = tape_.offset + (t_ - tape_.base);")
    writer.line("const uint32_t count_ = offset_[1] - offset_[0];")
    writer.line("const id_type *id_ = tape_.id + offset_[0];")
    if records:
        writer.line(
            f"const float *record_ = tape_.record + size_t(offset_[0]) * {records};"
        )


@contextmanager
def each_entry(
    writer: CodeWriter, share: Callable[[str, str, str], str] = each_by_team
) -> Iterator[None]:
    """A loop over the entries ``k_`` of a step: neurons ``j_``."""
    with writer.block(share("uint32_t", "k_", "count_")):
        writer.line("const size_t j_ = id_[k_];")
        yield


@contextmanager
def each_own_entry(writer: CodeWriter) -> Iterator[None]:
    """As `each_entry`, by the members that take the neurons in loops over all."""
    with writer.block("for (uint32_t k_ = 0; k_ < count_; ++k_)"):
        writer.line("const size_t j_ = id_[k_];")
        writer.line("if (int(j_) % MLG_MEMBERS != MLG_MEMBER) continue;")
        yield


def _entries_of_team(writer: CodeWriter) -> None:
    writer.line("const mlg::Entries of_(count_, team_, teams_);")


def _of_team(kind: str, name: str, _: str) -> str:
    """The head of a loop over the entries that a team has."""
    return f"for ({kind} {name} = of_.first; {name} < of_.last; {name} += of_.step)"


def _learn_at_spikes(
    writer: CodeWriter,
    layout: Layout,
    group: NeuronGroup,
    outgoing: list[SynapseGroup],
) -> None:
    """Gradients of synapses that are not gathered over many steps."""
    learning = [
        (s, k) for k, s in enumerate(outgoing) if s.learn_delay or learns_at_spikes(s)
    ]
    if learning:
        with writer.block(""):
            tape_entries(writer, layout.tapes[group.name])
            _entries_of_team(writer)
            with each_entry(writer, _of_team):
                for source in learning:
                    send_back(writer, layout, source, True, None)


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
        _wake(writer, layout, group)
        body = _jump_body(layout, group, adjoint)
        body.pointers(writer)
        if exact:
            rows(writer, layout, group, ["spike_slope_"])
        _spike_time_slope(writer, layout, group, declare=True)
        with each_entry(writer, each):
            if exact:
                writer.line("float dL_dt_ = spike_slope__p_[k_];")
            _spike_time_slope(writer, layout, group, declare=False)
            _jump(writer, layout, group, body, adjoint)


def _collect_back(
    writer: CodeWriter,
    layout: Layout,
    group: NeuronGroup,
    outgoing: list[SynapseGroup],
    active: Active,
) -> None:
    """dL/ds of the active neurons, from targets, readout and reset."""
    sources = [(s, k) for k, s in enumerate(outgoing) if s.feed_back]
    left = [source for source in sources if source[0].name not in layout.packed]
    counted = "result_slope__p_[j_]" if _counts_spikes(group) else ""
    with writer.block(""):
        _active_tape(writer, layout, group, active)
        _wake(writer, layout, group)
        rows(writer, layout, group, ["spike_slope_"])
        if counted:
            rows(writer, layout, group, ["result_slope_"])
        started = f" + {counted}" if counted else ""
        if left or counted:
            with (
                _if_all(writer, group, active),
                writer.block(each_by_team("int64_t", "j_", group.size)),
            ):
                writer.line(f"float dL_ds_ = spike_slope__p_[j_]{started};")
                for source in left:
                    send_back(writer, layout, source, False, "dL_ds_", listed=False)
                writer.line("MLG_LEADER spike_slope__p_[j_] = dL_ds_;")
        if not active.everywhere:
            with _if_listed(writer, group):
                _collect_listed(writer, layout, outgoing, False, counted)
        if active.reset.lines:
            body = Body(layout, group, (active.reset,))
            body.pointers(writer)
            writer.line("const float scale_ = c_.scale;")
            writer.line("MLG_SYNC;")
            for at in _each_active(writer, group, active):
                writer.line(f"float dL_ds_ = spike_slope__p_[{at}];")
                _load_active(writer, group, active, at)
                body.load(writer)
                with writer.block(""):
                    writer.lines(active.reset.lines)
                writer.line(f"spike_slope__p_[{at}] = dL_ds_;")


def _wake(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    """From the first entry on, which is the last in time, the adjoint is not zero."""
    if group.name in layout.sleepers:
        woken = f"s_.woken[{layout.sleepers[group.name]}]"
        writer.line(f"if (count_ && {woken} < 0) {woken} = t_;")


def _collect_listed(
    writer: CodeWriter,
    layout: Layout,
    outgoing: list[SynapseGroup],
    learning: bool,
    counted: str,
) -> None:
    """What flows back to listed neurons: whole rows of weights first, several at once.

    Args:
        learning: whether the neurons spiked, so that their synapses learn.
        counted: what there is to begin with, in C.
    """
    sources = [(s, k) for k, s in enumerate(outgoing)]
    whole = [s for s in sources if s[0].feed_back and streams(s[0])]
    rest = [s for s in sources if s not in whole and (learning or s[0].feed_back)]
    adds = bool(whole) and bool(guard(layout, *whole[0]))
    _entries_of_team(writer)
    if adds:
        writer.line("mlg::clear(spike_slope__p_, count_);")
        writer.line("MLG_SYNC;")
    for synapses, k in whole:
        size = padded(layout.plan.neuron(synapses.target).size)
        writer.line(
            f"{guard(layout, synapses, k)}mlg::dots<{size}, {str(adds).lower()}>"
            f"(spike_slope__p_, weight{k}_, id_, of_, back{k}_);"
        )
        adds = True
    if rest or counted or not whole:
        started = ["spike_slope__p_[k_]"] * bool(whole) + [counted] * bool(counted)
        with each_entry(writer, _of_team):
            writer.line(f"float back_sum_ = {' + '.join(started) or '0.0f'};")
            for source in rest:
                into = "back_sum_" if source[0].feed_back else None
                send_back(writer, layout, source, learning, into)
            writer.line("MLG_LEADER spike_slope__p_[k_] = back_sum_;")


def _jump_active(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, active: Active
) -> None:
    """The adjoint before the spike of the active neurons."""
    writer.line("MLG_SYNC;")
    with writer.block(""):
        _active_tape(writer, layout, group, active)
        body = Body(layout, group, (active.jump,))
        body.pointers(writer)
        rows(writer, layout, group, ["spike_slope_"])
        for at in _each_active(writer, group, active):
            writer.line(f"const float dL_ds_ = spike_slope__p_[{at}];")
            _load_active(writer, group, active, at)
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
        tape_entries(writer, tape, len(active.records))


def _if_all(
    writer: CodeWriter, group: NeuronGroup, active: Active
) -> AbstractContextManager[None]:
    """Where numbers of all neurons are kept of the step."""
    return writer.block("" if active.everywhere else f"if (count_ == {group.size})")


def _if_listed(writer: CodeWriter, group: NeuronGroup) -> AbstractContextManager[None]:
    """Where the active neurons of the step are listed."""
    return writer.block(f"if (count_ < {group.size})")


def _each_active(
    writer: CodeWriter, group: NeuronGroup, active: Active
) -> Iterator[str]:
    """Loops over the active neurons ``j_``, whether a step kept all or listed them.

    Gives the index of their dL/ds. A body may run for several neurons at once.
    """
    size = padded(group.size) if active.everywhere else group.size
    with _if_all(writer, group, active):
        writer.line("MLG_LOOP")
        with writer.block(each("int64_t", "j_", size)):
            yield "j_"
    if not active.everywhere:
        with _if_listed(writer, group):
            writer.line("MLG_LOOP")
            with each_entry(writer, each):
                yield "k_"


def _load_active(
    writer: CodeWriter, group: NeuronGroup, active: Active, at: str
) -> None:
    """Declares the numbers kept of an active neuron."""
    for index, name in enumerate(active.records):
        entry = f"{name}_row_[j_]"
        if not active.everywhere:
            count = group.size if at == "j_" else "count_"
            entry = f"record_[{index} * {count} + {at}]"
        writer.line(f"const float {name} = {entry};")


def load_records(writer: CodeWriter, records: tuple[str, ...]) -> None:
    """Declares the numbers kept with entry ``k_`` of a tape."""
    for index, name in enumerate(records):
        writer.line(f"const float {name} = record_[{index} * count_ + k_];")


def send_back_together(writer: CodeWriter, layout: Layout) -> None:
    """``send_back_together``: what flows back to groups of which all neurons may be
    active, for several examples, before the other things of step ``t_``."""
    head = (
        "static void send_back_together(const Call &c_, Slot *const *slots_, int n_, "
        "int64_t t_, const float *packed_)"
    )
    with writer.block(head):
        for group in layout.plan.neurons:
            active = group.adjoint.active if group.adjoint else None
            if active and not layout.plan.online:
                _together(writer, layout, group, active)
        writer.line("(void)c_, (void)slots_, (void)n_, (void)t_, (void)packed_;")


def _together(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, active: Active
) -> None:
    slope = layout.rows[group.name, "spike_slope_"].offset
    size = padded(group.size)
    with writer.block(""):
        writer.line("Slot *all_[TOGETHER];")
        writer.line("float *to_[TOGETHER];")
        writer.line("const float *back_[TOGETHER];")
        writer.line("int many_ = 0;")
        with writer.block("for (int m_ = 0; m_ < n_; ++m_)"):
            if not active.everywhere:
                tape = f"slots_[m_]->tapes[{layout.active_tapes[group.name]}]"
                writer.line(
                    f"if (mlg::spikes_at({tape}, t_).n < {group.size}) continue;"
                )
            writer.line("all_[many_] = slots_[m_];")
            writer.line(f"to_[many_] = row_<float>(*slots_[m_], {slope});")
            writer.line(f"mlg::clear(to_[many_++], {size});")
        for k, synapses in enumerate(layout.plan.outgoing(group.name)):
            if synapses.name not in layout.packed:
                continue
            writer.line(f"// {synapses.name!a}")
            arrives(writer, layout, synapses, k)
            with writer.block(guard(layout, synapses, k).strip()):
                _send_back_packed(writer, layout, synapses)
        writer.line("(void)back_, (void)all_;")


def _counts_spikes(group: NeuronGroup) -> bool:
    """Whether the loss looks at the number of the group's spikes."""
    readout = group.readout
    counts = readout is not None and readout.sensitivity is Sensitivity.SPIKES
    return counts and group.loss is not None


def _jump_body(layout: Layout, group: NeuronGroup, adjoint: Adjoint) -> Body:
    codes = [adjoint.jump]
    if group.regularised:
        codes.append(adjoint.push)
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
            f"const float amount_ = -c_.scale * {example_weight(layout, group)} * "
            f"c_.loss_scalars[{2 * index + 1}] / (1e-4f * end_);"
        )
        body = Body(layout, group, (adjoint.push, Code()))
        body.pointers(writer)
        body.load(writer)
        writer.lines(adjoint.push.lines)
        body.store(writer)


def _send_back_packed(
    writer: CodeWriter, layout: Layout, synapses: SynapseGroup
) -> None:
    """Adds what flows back over synapses whose weights are kept by target."""
    target = layout.plan.neuron(synapses.target)
    weight = f"packed_ + PACKED_{layout.packed[synapses.name]}"
    with writer.block("for (int m_ = 0; m_ < many_; ++m_)"):
        writer.line("Slot &s_ = *all_[m_];")
        writer.line(f"back_[m_] = {target_row(layout, synapses, target, 'back')};")
        if synapses.kernel is not None:
            given = f"to_[m_], {weight}, back_[m_]"
            add = add_patches(layout, synapses, synapses.kernel, given)
            writer.line(f"mlg::{add};")
    if synapses.kernel is None:
        shape = ", ".join(map(str, layout.packed_shape(synapses.name)))
        given = f"to_, {weight}, back_, many_"
        writer.line(f"mlg::add_together<{shape}>({given});")
