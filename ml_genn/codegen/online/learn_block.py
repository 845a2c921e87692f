"""Gradients while the network runs: eligibility traces over blocks of steps.

e-prop's gradient is a sum over time of learning signals times eligibility traces, where
the trace of a synapse is the derivative of its target's state by its weight:

    dL/dw_ij = sum over t of L_j[t] e_ij[t],    e_ij = dx_j/dw_ij

Stepping all traces in every step would visit all synapses in every step. Here an
example runs in blocks of steps. After a block the adjoint goes back over its steps in
several passes, which differ in where they start and whether they take losses:

    pass of the losses    starts at zero and takes the losses of the block
    pass of variable x    starts with x at one, takes no losses
    pass of output o      starts at zero; a spike counts by what remains of it in o at
                          the end of the block

The first gives the learning signal of every step: the gradient of what arrived in the
block. The others say how the traces at the end of the block (the eligibility traces,
and the derivatives of the outputs' states) follow from what arrived in the block and
from the traces at its start, which are all that is stored of the past. Synapses are
visited once per block and once per spike.

A spike reaches an output 1 + delay steps after it is emitted. The block of a hidden
group lags behind the outputs' block by that much, so that all its spikes arrive within
that block; the last block reaches to the end of the example.
"""

from __future__ import annotations

from ml_genn.codegen.formats import format_code
from ml_genn.codegen.layout import Layout
from ml_genn.codegen.online.backward_step import (
    declare_active_rows,
    online_backward_step_function,
)
from ml_genn.codegen.online.layout import (
    OnlineGroup,
    OnlineLayout,
    parameter_trace,
)
from ml_genn.codegen.parallel_loops import each, each_by_team
from ml_genn.codegen.spike_list_loops import (
    declare_list,
    each_listed,
    each_listed_by_owner,
    load_records,
)
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import (
    Delay,
    Learned,
    LearnedKind,
    LearnedParameter,
    SurrogateAdjoint,
    SynapseGroup,
)

BLOCK_PARAMETERS = (
    "const Call &call_, Slot &slot_, int64_t example_, int64_t block_begin_, "
    "int64_t block_end_, float *const *gradients_"
)
BLOCK_ARGUMENTS = "call_, slot_, example_, block_begin_, block_end_, gradients_"


def online_functions(writer: CodeWriter, layout: Layout) -> None:
    """Emits ``learn_block``: gradients from the steps block_begin_ <= t < block_end_ of
    an example. The function returns false if memory runs out."""
    tables = OnlineLayout(layout)
    for g in tables.groups:
        online_backward_step_function(writer, tables, g)
        _learn_function(writer, tables, g)
    with writer.function(f"static bool learn_block({BLOCK_PARAMETERS})"):
        if tables.groups:
            writer.line(
                "if (block_begin_ == 0 && !slot_.online.begin(ONLINE_FLOATS, "
                "ONLINE_TRACE_FLOATS, ONLINE_STEP_FLOATS, ONLINE_SOURCES, "
                "call_.block_steps + call_.carryover_steps)) return false;"
            )
        for g in tables.groups:
            name = layout.names.function("learn_block", g.group.name)
            writer.line(f"if (!{name}({BLOCK_ARGUMENTS})) return false;")
        writer.line("return true;")


def _learn_function(writer: CodeWriter, tables: OnlineLayout, g: OnlineGroup) -> None:
    """Emits ``learn_block_<group>``: the group's passes over a block, then its traces
    and gradients."""
    names, group = tables.layout.names, g.group.name
    name = names.function("learn_block", group)
    with writer.function(f"static bool {name}({BLOCK_PARAMETERS})"):
        num_passes = names.online(group, "num_passes")
        writer.line("const bool is_last_ = block_end_ == call_.num_steps;")
        writer.line(f"const int num_passes_ = is_last_ ? 1 : {num_passes};")
        writer.line(f"float *lambda_ = {tables.row(group, 'lambda')};")
        writer.line(f"const float *zero_ = {tables.row(group, 'zero')};")
        writer.line(f"float *weight_grads_ = {tables.weight_grads(group)};")
        _declare_steps(writer, tables, g)
        shape = [
            names.width(group),
            *(names.online(group, size) for size in ("num_variables", "num_eligible")),
            num_passes,
        ]
        writer.comment("adjoints at the end of the block")
        writer.line(
            f"mlg::begin_backward_passes<{', '.join(shape)}>"
            f"(lambda_, {names.size(group)});"
        )
        with writer.block("for (int64_t t_ = end_ - 1; t_ >= begin_; --t_)"):
            if g.adjoint.surrogate:
                _hidden_step(writer, tables, g, g.adjoint.surrogate)
            else:
                _output_step(writer, tables, g)
        writer.line("MLG_SYNC;")
        _output_grads(writer, tables, g)
        step_floats = names.online(group, "step_floats")
        writer.line(
            "const mlg::BackwardPasses all_passes_ = {lambda_, output_grads_, decay_, "
            f"weight_grads_, {step_floats}, {names.width(group)}, is_last_}};"
        )
        for synapses in g.learned_synapses:
            _update_synapses(writer, tables, g, synapses)
        for parameter in g.group.learned:
            _update_parameter(writer, tables, g, parameter)
        writer.line("return true;")


def _declare_steps(writer: CodeWriter, tables: OnlineLayout, g: OnlineGroup) -> None:
    """Emits declarations of the group's steps of the block, which lag behind the
    outputs' steps."""
    lag = "0"
    if g.feedback:
        (first, *_), *_ = g.feedback.values()
        lag = f"1 + {_delay(tables, first)}"
    writer.line(f"const int64_t lag_ = {lag};")
    writer.line("const int64_t begin_ = block_begin_ > lag_ ? block_begin_ - lag_ : 0;")
    writer.line("const int64_t end_ = is_last_ ? block_end_ : block_end_ - lag_;")
    writer.line("if (end_ <= begin_) return true;")


def _delay(tables: OnlineLayout, synapses: SynapseGroup) -> str:
    """C for the delay of synapses in steps."""
    if synapses.delay is not Delay.CONSTANT:
        return "0"
    return f"call_.integers[{tables.layout.names.integer('delay', synapses.name)}]"


# ---------------------------------------------------------------- backward passes
def _each_pass(
    writer: CodeWriter,
    tables: OnlineLayout,
    g: OnlineGroup,
    signal: str,
    same_for_all: str,
    scale: str,
) -> None:
    """Emits a loop over the passes that takes each back by one step.

    Args:
        writer: output for the C code.
        tables: where numbers are stored.
        g: the group.
        signal: C for the row of learning signals of pass ``pass_``.
        same_for_all: C for the number that is added to dL/ds of all neurons.
        scale: C for the factor of what the rule adds to dL/ds.
    """
    names, group = tables.layout.names, g.group.name
    name = names.function("online_backward_step", group)
    pass_floats = names.online(group, "pass_floats")
    step_floats = names.online(group, "step_floats")
    writer.line("for (int pass_ = 0; pass_ < num_passes_; ++pass_)")
    writer.line(
        f"  {name}(call_, slot_, example_, t_, lambda_ + pass_ * {pass_floats}, "
        f"weight_grads_ + (t_ - begin_) * {step_floats} + "
        f"pass_ * {names.width(group)}, {signal}, {same_for_all}, {scale});"
    )


def _output_step(writer: CodeWriter, tables: OnlineLayout, g: OnlineGroup) -> None:
    """Emits all passes of one step of an output; the first has the loss's gradient."""
    names, group = tables.layout.names, g.group.name
    row = f"t_ % slot_.window * {names.width(group)}"
    grads = f"slot_.step_loss_grads[{names.index(group, 'output')}]"
    writer.line(f"const float *loss_grad_ = {grads} + {row};")
    signal = "pass_ ? zero_ : loss_grad_"
    _each_pass(writer, tables, g, signal, "0.0f", "0.0f")


def _hidden_step(
    writer: CodeWriter,
    tables: OnlineLayout,
    g: OnlineGroup,
    surrogate: SurrogateAdjoint,
) -> None:
    """Emits all passes of one step of a hidden group.

    The records of active neurons are spread over rows, so that loops over all neurons
    read them; the learning signal of an active neuron is the gradient that the outputs
    pass back to a spike of this step.
    """
    declare_active_rows(writer, tables, g)
    tape = tables.layout.names.index(g.group.name, "active_tape")
    num_records = tables.layout.names.num_active_records(g.group.name)
    declare_list(writer, tape, num_records if surrogate.records else "")
    writer.line("const bool arrives_ = t_ + lag_ < block_end_;")
    writer.line("const int64_t arrival_ = arrives_ ? t_ + lag_ - block_begin_ : 0;")
    arrivals = {path: _grads_of_arrival(tables, *path) for path in g.feedback}
    writer.comment(
        "learning signal_i = sum over outputs k of b_ik dL/ds of the arrival"
    )
    with each_listed(writer):
        writer.line("float backprop_sum_ = 0.0f;")
        for path, groups in g.feedback.items():
            for synapses in groups:
                dot = _dot(tables, synapses, arrivals[path])
                writer.line(f"if (arrives_) backprop_sum_ += {dot};")
        with writer.block("MLG_LEADER"):
            writer.line("is_active_p_[j_] = 1.0f;")
            load_records(writer, surrogate.records)
            for name in surrogate.records:
                writer.line(f"{name}_p_[j_] = {name};")
            writer.line("learning_signal_p_[j_] = backprop_sum_;")
    writer.line("MLG_SYNC;")
    _passes_of_hidden_step(writer, tables, g, list(arrivals.items()))
    with each_listed_by_owner(writer):
        writer.line("is_active_p_[j_] = 0.0f;")
    writer.line("MLG_SYNC;")


def _passes_of_hidden_step(
    writer: CodeWriter,
    tables: OnlineLayout,
    g: OnlineGroup,
    arrivals: list[tuple[tuple[str, int], str]],
) -> None:
    """Emits the passes of a step.

    The passes of outputs start at every spike with the rest of the spike's effect on
    the output: the second row of the output's gradients.
    """
    starts = ["0.0f"] * (1 + len(g.adjoint.eligible))
    starts += [
        f"({grads})[{tables.layout.names.width(output)}]"
        for (output, _), grads in arrivals
    ]
    writer.line(f"const float same_for_all_[] = {{{', '.join(starts)}}};")
    signal = "pass_ ? zero_ : learning_signal_p_"
    scale = "pass_ ? 0.0f : call_.scale"
    _each_pass(writer, tables, g, signal, "same_for_all_[pass_]", scale)


def _grads_of_arrival(tables: OnlineLayout, output: str, port: int) -> str:
    """C for a pointer to an output's dL/dw of spikes that arrive in step arrival_."""
    names = tables.layout.names
    step_floats = names.online(output, "step_floats")
    port_floats = names.online(output, "port_floats")
    grads = tables.weight_grads(output)
    return f"{grads} + arrival_ * {step_floats} + {port} * {port_floats}"


def _dot(tables: OnlineLayout, synapses: SynapseGroup, row: str) -> str:
    """C for the sum of weights of neuron ``j_``'s synapses times a row of targets."""
    return format_code(synapses).dot(tables.layout.names, synapses, row)


# ---------------------------------------------------------------- traces, gradients
def _output_grads(writer: CodeWriter, tables: OnlineLayout, g: OnlineGroup) -> None:
    """Emits dL by the traces towards outputs, and the factors by which these decay."""
    if not g.feedback:
        writer.line("const float *output_grads_ = nullptr, *decay_ = nullptr;")
        return
    names, group = tables.layout.names, g.group.name
    writer.comment("dL by past spikes that are in the outputs' states at the beginning")
    writer.line(f"float *output_grads_ = {tables.row(group, 'output_grads')};")
    decays = []
    for k, (path, groups) in enumerate(g.feedback.items()):
        output, _ = path
        adjoint = tables.row(output, "lambda")
        decays.append(f"({adjoint})[{names.online(output, 'pass_floats')}]")
        terms = [_dot(tables, synapses, adjoint) for synapses in groups]
        with writer.block(each_by_team("size_t", "j_", names.size(group))):
            writer.line(f"const float sum_ = {' + '.join(terms)};")
            to = f"output_grads_[{k} * {names.width(group)} + j_]"
            writer.line(f"MLG_LEADER {to} = sum_;")
    writer.line(f"const float decay_[] = {{{', '.join(decays)}}};")
    writer.line("MLG_SYNC;")


def _update_synapses(
    writer: CodeWriter, tables: OnlineLayout, g: OnlineGroup, synapses: SynapseGroup
) -> None:
    names, group = tables.layout.names, g.group.name
    gradient = names.gradient(Learned(LearnedKind.WEIGHT, synapses.name))
    writer.comment(
        f"{synapses.name!a}: dL/dw_ij += sum over x of lambda_x,j e_x,ij + learning "
        "signals at spikes of i; traces at the end of the block"
    )
    emitted = f"begin_ - 1 - {_delay(tables, synapses)}"
    with writer.block(""):
        writer.line("mlg::BackwardPasses passes_ = all_passes_;")
        port_floats = names.online(group, "port_floats")
        writer.line(f"passes_.weight_grads += {synapses.port} * {port_floats};")
        to = format_code(synapses).online_gradient(
            names, synapses, f"gradients_[{gradient}]"
        )
        tape = f"slot_.tapes[{names.index(synapses.source, 'tape')}]"
        arguments = (
            f"passes_, slot_.online, {tape}, {emitted}, end_ - begin_, "
            f"{names.size(synapses.source)}, {to}, {tables.traces(synapses.name)}, "
            f"{tables.has_spiked(synapses.name)}"
        )
        function = f"mlg::update_traces<{_shape(tables, g)}>"
        writer.line(f"if (!{function}({arguments})) return false;")


def _shape(tables: OnlineLayout, g: OnlineGroup) -> str:
    """Template arguments: width, variables, eligible variables, outputs."""
    names, group = tables.layout.names, g.group.name
    sizes = ("num_variables", "num_eligible", "num_outputs")
    return ", ".join([names.width(group), *(names.online(group, s) for s in sizes)])


def _update_parameter(
    writer: CodeWriter,
    tables: OnlineLayout,
    g: OnlineGroup,
    parameter: LearnedParameter,
) -> None:
    """Emits the update of a learned parameter, which is like a synapse of each neuron
    with one spike per block."""
    names, group = tables.layout.names, g.group.name
    gradient = names.gradient(Learned(LearnedKind.PARAMETER, group, parameter.name))
    variable = g.variables.index(f"lambda_{parameter.name}")
    writer.comment(f"dL/d{parameter.name}, as of a synapse with one spike per block")
    with writer.block(""):
        writer.line("mlg::BackwardPasses passes_ = all_passes_;")
        width = names.width(group)
        writer.line(f"passes_.weight_grads = lambda_ + {variable} * {width};")
        pass_floats = names.online(group, "pass_floats")
        writer.line(f"passes_.pass_stride = {pass_floats};")
        writer.line("const uint32_t once_ = 0;")
        writer.line(f"float *sum_ = {tables.row(group, 'gradient_sum')};")
        writer.line(f"mlg::clear(sum_, {width});")
        trace = tables.row(group, parameter_trace(parameter.name))
        writer.line(
            f"mlg::update_trace<{_shape(tables, g)}>"
            f"(passes_, &once_, 1, true, sum_, {trace});"
        )
        at = "0" if parameter.shared else "j_"
        with writer.block(each("int", "j_", names.size(group))):
            writer.line(f"MLG_ADD(gradients_[{gradient}][{at}], sum_[j_]);")
