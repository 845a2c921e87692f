"""Functions that take gradients while a network runs, with traces of its past.

An example runs in blocks of steps. When a block is through, the adjoint goes back over
it, as it does over a whole example in the reverse pass, in several sweeps that differ
in where they start and what pushes them:

    the losses    zero at the end, pushed by the losses of the block
    variable x    x at one at the end of the block, nothing pushes
    output o      zero at the end; a spike does what is left of it in o at the end

The first gives the gradient of what arrived in the block. The others say how the traces
at the end of the block (the eligibility ``dx_j/dw_ij``, and what it left in an output)
follow from what arrived and from the traces at its start, which are all that is kept of
the past. Synapses are visited once a block and once a spike.

A spike reaches an output 1 + delay steps after it is fired. The block of a hidden group
is that much behind the outputs' block, so that all its spikes arrive in that block; the
last block reaches to the end of the example.
"""

from __future__ import annotations

from ml_genn.codegen.layout import Layout, padded
from ml_genn.codegen.layout.names import c_identifier
from ml_genn.codegen.online.backward_step import active_rows, online_backward_step
from ml_genn.codegen.online.layout import OnlineLayout, Sweeps
from ml_genn.codegen.parallel_loops import each, each_by_team
from ml_genn.codegen.spike_list_loops import (
    each_entry,
    each_own_entry,
    load_records,
    tape_entries,
)
from ml_genn.codegen.synapse_rows import array, csr_arrays
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import (
    CSR,
    Delay,
    Learned,
    LearnedKind,
    LearnedParameter,
    SurrogateAdjoint,
    SynapseGroup,
)

BLOCK = "const Call &c_, Slot &s_, int64_t b_, int64_t start_, int64_t stop_"


def online_functions(writer: CodeWriter, layout: Layout) -> None:
    """``learn_block``: gradients from the steps start_ <= t < stop_ of an example."""
    tables = OnlineLayout(layout)
    for g in tables.groups:
        online_backward_step(writer, tables, g)
        _learn_function(writer, tables, g)
    with writer.block(f"static bool learn_block({BLOCK}, float *const *gradients_)"):
        if tables.groups:
            writer.line(
                "if (start_ == 0 && !s_.online.begin(ONLINE_FLOATS, "
                "ONLINE_TRACE_FLOATS, ONLINE_STEP_FLOATS, ONLINE_SOURCES, "
                "c_.block + c_.carried)) return false;"
            )
        for g in tables.groups:
            writer.line(
                f"if (!learn_{c_identifier(g.group.name)}(c_, s_, b_, start_, stop_, "
                "gradients_)) return false;"
            )
        writer.line("return true;")


def _learn_function(writer: CodeWriter, tables: OnlineLayout, g: Sweeps) -> None:
    """``learn_<group>``: the group's sweeps over a block, then traces and gradients."""
    with writer.block(
        f"static bool learn_{c_identifier(g.group.name)}"
        f"({BLOCK}, float *const *gradients_)"
    ):
        writer.line("const bool final_ = stop_ == c_.num_steps;")
        writer.line(f"const int num_passes_ = final_ ? 1 : {g.count};")
        writer.line(f"float *lambda_ = {tables.at(g.group.name, 'lambda')};")
        writer.line(f"const float *zero_ = {tables.at(g.group.name, 'zero')};")
        writer.line(f"float *weight_grads_ = {tables.slopes_of(g.group.name)};")
        _range(writer, tables, g)
        eligible = len(g.adjoint.eligible)
        writer.line(
            f"mlg::begin_backward_passes<{g.row}, {len(g.variables)}, {eligible}, "
            f"{g.count}>"
            f"(lambda_, {g.group.size});"
        )
        with writer.block("for (int64_t t_ = to_ - 1; t_ >= from_; --t_)"):
            if g.adjoint.surrogate:
                _hidden_step(writer, tables, g, g.adjoint.surrogate)
            else:
                _output_step(writer, tables, g)
        writer.line("MLG_SYNC;")
        _carry(writer, tables, g)
        writer.line(
            "const mlg::BackwardPasses all_ = {lambda_, carry_, decay_, weight_grads_, "
            f"{g.step}, {g.row}, final_}};"
        )
        for synapses in g.learned:
            _weights(writer, tables, g, synapses)
        for parameter in g.group.learned:
            _parameter(writer, tables, g, parameter)
        writer.line("return true;")


def _range(writer: CodeWriter, tables: OnlineLayout, g: Sweeps) -> None:
    """The group's block: from_ <= t < to_, behind the outputs by the way to them."""
    behind = "0"
    if g.feedback:
        (first, *_), *_ = g.feedback.values()
        behind = f"1 + {_delay(tables, first)}"
    writer.line(f"const int64_t behind_ = {behind};")
    writer.line("const int64_t from_ = start_ > behind_ ? start_ - behind_ : 0;")
    writer.line("const int64_t to_ = final_ ? stop_ : stop_ - behind_;")
    writer.line("if (to_ <= from_) return true;")


def _delay(tables: OnlineLayout, synapses: SynapseGroup) -> str:
    if synapses.delay is not Delay.CONSTANT:
        return "0"
    return f"c_.integers[{tables.layout.integers['delay', synapses.name, '']}]"


def _back_call(g: Sweeps, signal: str, every: str, scale: str) -> str:
    return (
        f"online_backward_step_{c_identifier(g.group.name)}(c_, s_, b_, t_, "
        f"lambda_ + pass_ * {g.sweep}, "
        f"weight_grads_ + (t_ - from_) * {g.step} + pass_ * {g.row}, "
        f"{signal}, {every}, {scale});"
    )


def _output_step(writer: CodeWriter, tables: OnlineLayout, g: Sweeps) -> None:
    index = tables.layout.outputs.index(g.group)
    row = f"s_.step_loss_grads[{index}] + t_ % s_.window * {g.row}"
    writer.line(f"const float *loss_grad_ = {row};")
    writer.line("for (int pass_ = 0; pass_ < num_passes_; ++pass_)")
    writer.line("  " + _back_call(g, "pass_ ? zero_ : loss_grad_", "0.0f", "0.0f"))


def _hidden_step(
    writer: CodeWriter, tables: OnlineLayout, g: Sweeps, surrogate: SurrogateAdjoint
) -> None:
    """All sweeps of one step; the tape's entries are spread over rows for it."""
    active_rows(writer, tables, g, surrogate)
    tape = tables.layout.active_tapes[g.group.name]
    tape_entries(writer, tape, len(surrogate.records))
    writer.line("const bool arrives_ = t_ + behind_ < stop_;")
    writer.line("const int64_t arrival_ = arrives_ ? t_ + behind_ - start_ : 0;")
    arriving = {path: _arriving(tables, *path) for path in g.feedback}
    with each_entry(writer):
        writer.line("float backprop_sum_ = 0.0f;")
        for path, groups in g.feedback.items():
            for synapses in groups:
                dot = _dot(tables, synapses, arriving[path])
                writer.line(f"if (arrives_) backprop_sum_ += {dot};")
        with writer.block("MLG_LEADER"):
            writer.line("mask_p_[j_] = 1.0f;")
            load_records(writer, surrogate.records)
            for name in surrogate.records:
                writer.line(f"{name}_p_[j_] = {name};")
            writer.line("signal_p_[j_] = backprop_sum_;")
    writer.line("MLG_SYNC;")
    pushes = ["0.0f"] * (1 + len(g.adjoint.eligible))
    pushes += [f"({at})[{tables.sweeps(path[0]).row}]" for path, at in arriving.items()]
    writer.line(f"const float every_[] = {{{', '.join(pushes)}}};")
    writer.line("for (int pass_ = 0; pass_ < num_passes_; ++pass_)")
    call = _back_call(
        g, "pass_ ? zero_ : signal_p_", "every_[pass_]", "pass_ ? 0.0f : c_.scale"
    )
    writer.line(f"  {call}")
    with each_own_entry(writer):
        writer.line("mask_p_[j_] = 0.0f;")
    writer.line("MLG_SYNC;")


def _arriving(tables: OnlineLayout, output: str, port: int) -> str:
    """C for a pointer to what a spike does to an output at its arrival."""
    to = tables.sweeps(output)
    return f"{tables.slopes_of(output)} + arrival_ * {to.step} + {port * to.port}"


def _dot(tables: OnlineLayout, synapses: SynapseGroup, row: str) -> str:
    """C for what neuron ``j_``'s synapses send back of a row of their targets."""
    weight = array(tables.layout, "weight", synapses)
    if synapses.format == CSR:
        offset, aim = csr_arrays(tables.layout, synapses)
        ends = f"({offset})[j_], ({offset})[j_ + 1]"
        given = f"nullptr, {weight}, {aim}, {ends}, mlg::SeparateGrads{{{row}, {row}}}"
        return f"mlg::csr_backward<1, false, true>({given})"
    size = padded(tables.plan.neuron(synapses.target).size)
    return f"mlg::dot<{size}>({weight} + j_ * {size}, {row})"


def _carry(writer: CodeWriter, tables: OnlineLayout, g: Sweeps) -> None:
    """What is in the outputs of the past's spikes: its effect, and what stays of it."""
    if not g.feedback:
        writer.line("const float *carry_ = nullptr, *decay_ = nullptr;")
        return
    writer.line(f"float *carry_ = {tables.at(g.group.name, 'carry')};")
    left = []
    for k, (path, groups) in enumerate(g.feedback.items()):
        to = tables.sweeps(path[0])
        output = tables.at(path[0], "lambda")
        left.append(f"({output})[{to.sweep}]")
        terms = [_dot(tables, synapses, output) for synapses in groups]
        with writer.block(each_by_team("size_t", "j_", g.group.size)):
            writer.line(f"const float sum_ = {' + '.join(terms)};")
            writer.line(f"MLG_LEADER carry_[{k * g.row} + j_] = sum_;")
    writer.line(f"const float decay_[] = {{{', '.join(left)}}};")
    writer.line("MLG_SYNC;")


def _weights(
    writer: CodeWriter, tables: OnlineLayout, g: Sweeps, synapses: SynapseGroup
) -> None:
    tape = tables.layout.tapes[synapses.source]
    sources = tables.sources(synapses)
    gradient = tables.layout.learned[Learned(LearnedKind.WEIGHT, synapses.name)]
    writer.line(f"// {synapses.name!a}")
    emitted = f"from_ - 1 - {_delay(tables, synapses)}"
    with writer.block(""):
        writer.line("mlg::BackwardPasses passes_ = all_;")
        writer.line(f"passes_.weight_grads += {synapses.port * g.port};")
        to = f"mlg::DenseGradient{{gradients_[{gradient}], {g.row}}}"
        if synapses.format == CSR:
            listed = ", ".join(csr_arrays(tables.layout, synapses))
            to = f"mlg::CsrGradient<{g.row}>{{gradients_[{gradient}], {listed}}}"
        writer.line(
            f"if (!mlg::update_traces<{_shape(g)}>(passes_, s_.online, "
            f"s_.tapes[{tape}], {emitted}, to_ - from_, {sources}, {to}, "
            f"{tables.at(synapses.name, 'traces')}, "
            f"s_.online.has_spiked + {tables.live[synapses.name]})) return false;"
        )


def _shape(g: Sweeps) -> str:
    return f"{g.row}, {len(g.variables)}, {len(g.adjoint.eligible)}, {len(g.feedback)}"


def _parameter(
    writer: CodeWriter, tables: OnlineLayout, g: Sweeps, parameter: LearnedParameter
) -> None:
    """A parameter is like a synapse of each neuron through which a spike came."""
    array_of = Learned(LearnedKind.PARAMETER, g.group.name, parameter.name)
    index = tables.layout.learned[array_of]
    variable = g.variables.index(f"lambda_{parameter.name}")
    writer.line(f"// {parameter.name}")
    with writer.block(""):
        writer.line("mlg::BackwardPasses passes_ = all_;")
        writer.line(f"passes_.weight_grads = lambda_ + {variable * g.row};")
        writer.line(f"passes_.pass_stride = {g.sweep};")
        writer.line("const uint32_t once_ = 0;")
        writer.line(f"float *sum_ = {tables.at(g.group.name, 'sum')};")
        writer.line(f"mlg::clear(sum_, {g.row});")
        trace = tables.at(g.group.name, f"trace {parameter.name}")
        writer.line(
            f"mlg::update_trace<{_shape(g)}>(passes_, &once_, 1, true, sum_, {trace});"
        )
        at = "0" if parameter.shared else "j_"
        with writer.block(each("int", "j_", g.group.size)):
            writer.line(f"MLG_ADD(gradients_[{index}][{at}], sum_[j_]);")
