"""Functions of synapse groups: spikes to targets, and the loss back to sources."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ml_genn.codegen.bodies import Body, rows
from ml_genn.codegen.layout import Layout, moves_in_steps, padded, streams, symbol
from ml_genn.codegen.neurons import ARGUMENTS, record_rows, ring_row
from ml_genn.codegen.rows import array, each_synapse, steps_array
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import (
    Active,
    Adjoint,
    Code,
    Delay,
    Learned,
    LearnedKind,
    NeuronGroup,
    Sensitivity,
    SynapseGroup,
)


def deliver(writer: CodeWriter, layout: Layout, synapses: SynapseGroup) -> None:
    """Adds the weights of the spikes that arrive at step ``t_`` to their port."""
    target = layout.plan.neuron(synapses.target)
    size = padded(target.size)
    entry = layout.rows[target.name, target.ports[synapses.port].variable].offset
    tape = f"s_.tapes[{layout.tapes[synapses.source]}]"
    writer.line(f"// {synapses.name!a}")
    emitted = "t_ - 1"
    if synapses.delay is Delay.CONSTANT:
        emitted += f" - c_.integers[{layout.integers['delay', synapses.name, '']}]"
    arriving = f"mlg::spikes_at({tape}, {emitted})"
    weight = array(layout, "weight", synapses)
    if streams(synapses):
        port = f"row_<float>(s_, {entry})"
        writer.line(f"mlg::add_rows<{size}>({port}, {weight}, {arriving});")
        return
    with writer.block(""):
        writer.line(f"const float *__restrict weight_ = {weight};")
        writer.line(f"float *__restrict port_ = row_<float>(s_, {entry});")
        if synapses.delay is Delay.PER_SYNAPSE:
            _add_delayed(writer, layout, synapses, arriving)
        else:
            with _each_spike(writer, arriving), each_synapse(writer, layout, synapses):
                writer.line("port_[i_] += weight_[e_];")


@contextmanager
def _each_spike(writer: CodeWriter, spikes: str) -> Iterator[None]:
    writer.line(f"const mlg::Spikes spikes_ = {spikes};")
    with writer.block("for (uint32_t k_ = 0; k_ < spikes_.n; ++k_)"):
        writer.line("const size_t j_ = spikes_.id[k_];")
        yield


def _add_delayed(
    writer: CodeWriter, layout: Layout, synapses: SynapseGroup, spikes: str
) -> None:
    """Spikes go into a ring with one row for each step to come, then what is due."""
    size = padded(layout.plan.neuron(synapses.target).size)
    start = layout.integers["ring", synapses.name, "offset"]
    length = layout.integers["ring", synapses.name, "length"]
    writer.lines(
        (
            f"float *__restrict ring_ = s_.block + c_.integers[{start}];",
            f"const int64_t length_ = c_.integers[{length}], now_ = t_ % length_;",
            f"const int32_t *__restrict delay_ = {steps_array(layout, synapses)};",
        )
    )
    with _each_spike(writer, spikes), each_synapse(writer, layout, synapses):
        writer.line("int64_t at_ = now_ + delay_[e_];")
        writer.line("at_ -= at_ >= length_ ? length_ : 0;")
        writer.line(f"ring_[at_ * {size} + i_] += weight_[e_];")
    writer.line(f"mlg::add_row<{size}>(port_, ring_ + now_ * {size});")
    writer.line(f"memset(ring_ + now_ * {size}, 0, {size} * sizeof(float));")


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
            _operands(writer, layout, synapses, k)
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
                _send_back(writer, layout, (synapses, k), True, back)
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
                _send_back(writer, layout, source, False, "dL_ds_")
            writer.line(f"spike_slope__p_[{at}] = dL_ds_;")
        for synapses, k in at_once:
            size = padded(group.size), layout.plan.neuron(synapses.target).size
            writer.line(
                f"{_guard(layout, synapses, k)}mlg::add_weighted_rows<{size[0]}, "
                f"{size[1]}>(spike_slope__p_, "
                f"s_.transposed + {layout.transposed[synapses.name]}, back{k}_);"
            )
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


def _operands(
    writer: CodeWriter, layout: Layout, synapses: SynapseGroup, k: int
) -> None:
    """Declares weight, gradients and the target's rows of outgoing synapses ``k``."""
    target = layout.plan.neuron(synapses.target)
    back = synapses.feed_back or synapses.learn_delay
    writer.line(f"// {synapses.name!a}")
    if back:
        weight = array(layout, "weight", synapses)
        writer.line(f"const float *weight{k}_ = {weight};")
    for name, kind in (("gradient", _WEIGHT), ("delay_gradient", _DELAY)):
        index = layout.learned.get(Learned(kind, synapses.name))
        if index is not None:
            writer.line(f"float *{name}{k}_ = gradients_[{index}];")
    for name, wanted in (("slope", synapses.learn), ("back", back)):
        if wanted:
            row = _target_row(layout, synapses, target, name)
            writer.line(f"const float *{name}{k}_ = {row};")
    if _through_ring(layout, synapses) and synapses.delay is not Delay.PER_SYNAPSE:
        writer.line(
            f"const bool arrives{k}_ = {_arrival(layout, synapses)} < c_.num_steps;"
        )


_WEIGHT, _DELAY = LearnedKind.WEIGHT, LearnedKind.DELAY


def _through_ring(layout: Layout, synapses: SynapseGroup) -> bool:
    return (synapses.target, synapses.port) in layout.port_rings


def _arrival(layout: Layout, synapses: SynapseGroup) -> str:
    if synapses.delay is Delay.CONSTANT:
        index = layout.integers["delay", synapses.name, ""]
        return f"t_ + 1 + c_.integers[{index}]"
    return "t_ + 1"


def _target_row(
    layout: Layout, synapses: SynapseGroup, target: NeuronGroup, kind: str
) -> str:
    if _through_ring(layout, synapses):
        per_synapse = synapses.delay is Delay.PER_SYNAPSE
        at = "0" if per_synapse else _arrival(layout, synapses)
        same = layout.back_name(target, synapses.port) != f"back{synapses.port}_"
        return ring_row(layout, target, synapses.port, "slope" if same else kind, at)
    naming = layout.slope_name if kind == "slope" else layout.back_name
    name = naming(target, synapses.port)
    return f"row_<float>(s_, {layout.rows[target.name, name].offset})"


def _send_back(
    writer: CodeWriter,
    layout: Layout,
    outgoing: tuple[SynapseGroup, int],
    learning: bool,
    into: str | None,
) -> None:
    """Adds to the gradients of neuron ``j_``'s synapses, and what flows back ``into``.

    Args:
        learning: whether the neuron spiked, so that its synapses learn.
        into: what is added to; None where nothing flows back.
    """
    synapses, k = outgoing
    learn = learning and synapses.learn
    if not (learn or into or (learning and synapses.learn_delay)):
        return
    guard = _guard(layout, synapses, k)
    if streams(synapses):
        call = _row_call(layout, synapses, k, learn, bool(into))
        writer.line(f"{guard}{into} += {call}" if into else f"{guard}{call}")
    else:
        with writer.block(guard.strip()):
            _send_each(writer, layout, outgoing, learning, into)


def _row_call(
    layout: Layout, synapses: SynapseGroup, k: int, learn: bool, back: bool
) -> str:
    """What is done with a whole row of synapses."""
    size = padded(layout.plan.neuron(synapses.target).size)
    gradient, weight = f"gradient{k}_ + j_ * {size}", f"weight{k}_ + j_ * {size}"
    if learn and back:
        given = f"{gradient}, slope{k}_, {weight}, back{k}_"
        return f"mlg::add_row_and_dot<{size}>({given});"
    if learn:
        return f"mlg::add_row<{size}>({gradient}, slope{k}_);"
    return f"mlg::dot<{size}>({weight}, back{k}_);"


def _send_each(
    writer: CodeWriter,
    layout: Layout,
    outgoing: tuple[SynapseGroup, int],
    learning: bool,
    into: str | None,
) -> None:
    """What is done with synapses one by one."""
    synapses, k = outgoing
    delayed = synapses.delay is Delay.PER_SYNAPSE
    at = "at_" if delayed else "i_"
    learn_delay = learning and synapses.learn_delay
    past_end = learn_delay and moves_in_steps(layout, synapses)
    if delayed:
        _ring_of_port(writer, layout, synapses)
    with each_synapse(writer, layout, synapses):
        if delayed:
            _place_in_ring(writer, layout, synapses, past_end)
        if learn_delay:
            _delay_gradient(writer, layout, synapses, k)
        if past_end:
            writer.line("if (wait_ == left_) continue;")
        if learning and synapses.learn:
            writer.line(f"gradient{k}_[e_] += slope{k}_[{at}];")
        if into:
            writer.line(f"{into} += weight{k}_[e_] * back{k}_[{at}];")


def _ring_of_port(writer: CodeWriter, layout: Layout, synapses: SynapseGroup) -> None:
    length = layout.integers["port_ring", synapses.target, f"{synapses.port}.length"]
    writer.lines(
        (
            f"const int64_t length_ = c_.integers[{length}];",
            "const int64_t next_ = (t_ + 1) % length_, left_ = c_.num_steps - 1 - t_;",
            f"const int32_t *delay_ = {steps_array(layout, synapses)};",
        )
    )


def _place_in_ring(
    writer: CodeWriter, layout: Layout, synapses: SynapseGroup, past_end: bool
) -> None:
    """Where the step in which the spike arrives is found in the port's ring.

    Args:
        past_end: whether arrivals in the first step after the example matter too.
    """
    size = padded(layout.plan.neuron(synapses.target).size)
    writer.lines(
        (
            "const int64_t wait_ = delay_[e_];",
            f"if (wait_ {'>' if past_end else '>='} left_) continue;",
            "int64_t row_at_ = next_ + wait_;",
            "row_at_ -= row_at_ >= length_ ? length_ : 0;",
            f"const int64_t at_ = row_at_ * {size} + i_;",
        )
    )


def _delay_gradient(
    writer: CodeWriter, layout: Layout, synapses: SynapseGroup, k: int
) -> None:
    """dL by the delay in steps: exact, or the slope of arrivals a step apart."""
    if not moves_in_steps(layout, synapses):
        change = f"c_.dt * back{k}_[at_]"
    else:
        size = padded(layout.plan.neuron(synapses.target).size)
        writer.lines(
            (
                "const int64_t later_ = row_at_ + 1 == length_ ? 0 : row_at_ + 1;",
                "const int64_t sooner_ = row_at_ == 0 ? length_ - 1 : row_at_ - 1;",
                f"const float after_ = wait_ + 1 < left_ ? "
                f"back{k}_[later_ * {size} + i_] : 0.0f;",
                f"const float now_ = wait_ < left_ ? back{k}_[at_] : 0.0f;",
                f"const float change_ = wait_ ? "
                f"0.5f * (after_ - back{k}_[sooner_ * {size} + i_]) : after_ - now_;",
            )
        )
        change = "change_"
    writer.line(f"delay_gradient{k}_[e_] += weight{k}_[e_] * {change};")


def _guard(layout: Layout, synapses: SynapseGroup, k: int) -> str:
    """The condition that a spike arrives before the end, where it may not."""
    ring = _through_ring(layout, synapses)
    guarded = ring and synapses.delay is not Delay.PER_SYNAPSE
    return f"if (arrives{k}_) " if guarded else ""


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
