"""From targets to sources: what synapses do to gradients and to their source."""

from __future__ import annotations

from ml_genn.codegen.backward.adjoint_step import ring_row
from ml_genn.codegen.layout import Layout, padded
from ml_genn.codegen.layout.formats import is_csr, is_dense, learns_at_spikes
from ml_genn.codegen.layout.ports import (
    backprop_row,
    takes_delay_difference,
    weight_grad_row,
)
from ml_genn.codegen.neuron_body import Body, lazy_propagator
from ml_genn.codegen.synapse_rows import (
    add,
    array,
    each_synapse,
    fetch_next,
    listed_row,
    sign,
    steps_array,
)
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import (
    Code,
    Delay,
    Learned,
    LearnedKind,
    NeuronGroup,
    PortAdjoint,
    SynapseGroup,
)


def operands(
    writer: CodeWriter, layout: Layout, synapses: SynapseGroup, k: int
) -> None:
    """Declares weight, gradients and the target's rows of outgoing synapses ``k``."""
    target = layout.plan.neuron(synapses.target)
    writer.line(f"// {synapses.name!a}")
    if synapses.reads_backprop:
        weight = array(layout, "weight", synapses)
        writer.line(f"const float *weight{k}_ = {weight};")
    learn = learns_at_spikes(synapses)
    for name, kind, wanted in (
        ("gradient", _WEIGHT, learn),
        ("delay_gradient", _DELAY, synapses.learn_delay),
    ):
        if wanted:
            index = layout.learned[Learned(kind, synapses.stored)]
            writer.line(f"float *{name}{k}_ = gradients_[{index}];")
    pair = target.adjoint if target.name in layout.interleaved_adjoints else None
    if pair is None:
        _rows(writer, layout, synapses, target, k)
    elif learn or synapses.reads_backprop:
        _pair(writer, layout, target, pair.ports[synapses.port], k)
    arrives(writer, layout, synapses, k)


def _rows(
    writer: CodeWriter,
    layout: Layout,
    synapses: SynapseGroup,
    target: NeuronGroup,
    k: int,
) -> None:
    """Declares the rows of the target that outgoing synapses ``k`` read; listed ones
    see them together."""
    wanted = {
        "weight_grad": learns_at_spikes(synapses),
        "backprop": synapses.reads_backprop,
    }
    kinds = [kind for kind, is_wanted in wanted.items() if is_wanted]
    for kind in kinds:
        row = target_row(layout, synapses, target, kind)
        writer.line(f"const float *{kind}{k}_ = {row};")
    if kinds and is_csr(synapses):
        seen = f"{kinds[0]}{k}_, {kinds[-1]}{k}_"
        writer.line(f"const mlg::SeparateGrads see{k}_{{{seen}}};")


def _pair(
    writer: CodeWriter, layout: Layout, target: NeuronGroup, seen: PortAdjoint, k: int
) -> None:
    """Declares what listed synapses make of the two adjoints of a target."""
    names = layout.interleaved_adjoints[target.name]
    offset = layout.rows[target.name, names[0]].offset
    given = ", ".join(f"const auto &{name}" for name in names)
    with writer.block(f"const auto see{k}_ = [&]", end="}();"):
        writer.line("const float prev_step_loss_grad_ = 0.0f;")
        Body(layout, target, (Code((), seen.reads - set(names)),)).constants(writer)
        writer.line(f"const float *pairs_ = row_<float>(s_, {offset});")
        mixed = f"mlg::port_grads({seen.weight_grad}, {seen.backprop})"
        mix = f"[=]({given}) {{ return {mixed}; }}"
        propagator = lazy_propagator(layout, target)
        writer.line(f"return mlg::interleaved_grads(pairs_, {propagator}, {mix});")


def arrives(writer: CodeWriter, layout: Layout, synapses: SynapseGroup, k: int) -> None:
    """Declares whether spikes arrive before the end, where they may not."""
    if _through_ring(layout, synapses) and synapses.delay is not Delay.PER_SYNAPSE:
        writer.line(
            f"const bool arrives{k}_ = {_arrival(layout, synapses)} < c_.num_steps;"
        )


_WEIGHT, _DELAY = LearnedKind.WEIGHT, LearnedKind.DELAY


def _through_ring(layout: Layout, synapses: SynapseGroup) -> bool:
    return (synapses.target, synapses.port) in layout.adjoint_rings


def _arrival(layout: Layout, synapses: SynapseGroup) -> str:
    if synapses.delay is Delay.CONSTANT:
        index = layout.integers["delay", synapses.name, ""]
        return f"t_ + 1 + c_.integers[{index}]"
    return "t_ + 1"


def target_row(
    layout: Layout, synapses: SynapseGroup, target: NeuronGroup, kind: str
) -> str:
    """C for a row of the target: of slopes, or of what flows back."""
    if _through_ring(layout, synapses):
        per_synapse = synapses.delay is Delay.PER_SYNAPSE
        at = "0" if per_synapse else _arrival(layout, synapses)
        same = backprop_row(target, synapses.port) != f"backprop{synapses.port}_"
        return ring_row(
            layout, target, synapses.port, "weight_grad" if same else kind, at
        )
    naming = weight_grad_row if kind == "weight_grad" else backprop_row
    name = naming(target, synapses.port)
    return f"row_<float>(s_, {layout.rows[target.name, name].offset})"


def synapse_backward(
    writer: CodeWriter,
    layout: Layout,
    outgoing: tuple[SynapseGroup, int],
    learning: bool,
    into: str | None,
    listed: bool = True,
) -> None:
    """Adds to the gradients of neuron ``j_``'s synapses, and what flows back ``into``.

    Args:
        learning: whether the neuron spiked, so that its synapses learn.
        into: what is added to; None where nothing flows back.
        listed: whether ``j_`` is entry ``k_`` of a list, not one after the other.
    """
    synapses, k = outgoing
    learn = learning and learns_at_spikes(synapses)
    if not (learn or into or (learning and synapses.learn_delay)):
        return
    unless_late = guard(layout, synapses, k)
    if is_dense(synapses):
        size = padded(layout.plan.neuron(synapses.target).size)
        row = f"mlg::dot<{size}>(weight{k}_ + j_ * {size}, backprop{k}_)"
        writer.line(f"{unless_late}{into} += {row};")
    else:
        with writer.block(unless_late.strip()):
            if listed:
                _fetch_next(writer, layout, outgoing, learn, bool(into))
            if is_csr(synapses):
                _csr_backward(writer, layout, outgoing, learn, into)
            else:
                _backprop_each(writer, layout, outgoing, learning, into)


def _fetch_next(
    writer: CodeWriter,
    layout: Layout,
    outgoing: tuple[SynapseGroup, int],
    learn: bool,
    back: bool,
) -> None:
    synapses, k = outgoing
    rows = [
        f"{name}{k}_" for name, read in (("weight", back), ("gradient", learn)) if read
    ]
    fetch_next(writer, layout, synapses, rows)


def _csr_backward(
    writer: CodeWriter,
    layout: Layout,
    outgoing: tuple[SynapseGroup, int],
    learn: bool,
    into: str | None,
) -> None:
    """What is done with the listed synapses of a row together."""
    synapses, k = outgoing
    listed_row(writer, layout, synapses)
    kind = f"{sign(synapses)}, {str(learn).lower()}, {str(into is not None).lower()}"
    gradient = f"gradient{k}_" if learn else "nullptr"
    weight = f"weight{k}_" if into else "nullptr"
    given = f"{gradient}, {weight}, aim_, from_, end_, see{k}_"
    result = f"{into} += " if into else ""
    writer.line(f"{result}mlg::csr_backward<{kind}>({given});")


def _backprop_each(
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
    past_end = learn_delay and takes_delay_difference(layout.plan, synapses)
    if delayed:
        _ring_of_port(writer, layout, synapses)
    if into:
        writer.line("float backprop_ = 0.0f;")
    with each_synapse(writer, layout, synapses):
        if delayed:
            _place_in_ring(writer, layout, synapses, past_end)
        if learn_delay:
            _delay_gradient(writer, layout, synapses, k)
        if past_end:
            writer.line("if (wait_ == left_) continue;")
        if learning and synapses.learn:
            writer.line(
                f"{add(synapses, f'gradient{k}_[e_]', f'weight_grad{k}_[{at}]')};"
            )
        if into:
            writer.line(f"backprop_ += weight{k}_[e_] * backprop{k}_[{at}];")
    if into:
        writer.line(f"{into} += MLG_SUM(backprop_);")


def _ring_of_port(writer: CodeWriter, layout: Layout, synapses: SynapseGroup) -> None:
    length = layout.integers["adjoint_ring", synapses.target, f"{synapses.port}.length"]
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
    if not takes_delay_difference(layout.plan, synapses):
        change = f"c_.dt * backprop{k}_[at_]"
    else:
        size = padded(layout.plan.neuron(synapses.target).size)
        writer.lines(
            (
                "const int64_t later_ = row_at_ + 1 == length_ ? 0 : row_at_ + 1;",
                "const int64_t sooner_ = row_at_ == 0 ? length_ - 1 : row_at_ - 1;",
                f"const float after_ = wait_ + 1 < left_ ? "
                f"backprop{k}_[later_ * {size} + i_] : 0.0f;",
                f"const float now_ = wait_ < left_ ? backprop{k}_[at_] : 0.0f;",
                f"const float change_ = wait_ ? "
                f"0.5f * (after_ - backprop{k}_[sooner_ * {size} + i_]) "
                ": after_ - now_;",
            )
        )
        change = "change_"
    gradient = f"delay_gradient{k}_[e_]"
    writer.line(f"{add(synapses, gradient, f'weight{k}_[e_] * {change}')};")


def guard(layout: Layout, synapses: SynapseGroup, k: int) -> str:
    """The condition that a spike arrives before the end, where it may not."""
    ring = _through_ring(layout, synapses)
    guarded = ring and synapses.delay is not Delay.PER_SYNAPSE
    return f"if (arrives{k}_) " if guarded else ""
