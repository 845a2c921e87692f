"""Backward pass of synapses, for all spikes or active neurons of a step.

Two sums over the synapses of a source neuron i, with the gradients of their targets j:

    dL/dw_ij += weight_grad_j             at each spike of i
    dL/dt_i  = sum over j of w_ij backprop_j   at spikes (EventProp)
    dL/ds_i  = sum over j of w_ij backprop_j   where i is active (surrogate gradients)

Weight gradients of dense synapses are not here: they are summed over many steps at once
(`weight_gradients`). Rows of weights are read for several neurons at once where that is
possible: for lists of neurons (``mlg::dots``), and for all neurons of a few examples
(``backward_tile``, with transposed weights).
"""

from __future__ import annotations

from ml_genn.codegen.backward.active_neurons import declare_active, if_all, if_listed
from ml_genn.codegen.backward.spike_adjoint import has_spike_adjoint
from ml_genn.codegen.backward.synapse_backward import OutgoingSynapses
from ml_genn.codegen.formats import TransposedWeights
from ml_genn.codegen.forward.losses import window_of
from ml_genn.codegen.layout import Layout
from ml_genn.codegen.layout.ports import learns_at_spikes
from ml_genn.codegen.layout.state import RESULT_GRAD, SPIKE_GRAD
from ml_genn.codegen.neuron_body import declare_rows
from ml_genn.codegen.parallel_loops import each_by_team
from ml_genn.codegen.signatures import STEP_PARAMETERS, TEAM_PARAMETERS
from ml_genn.codegen.spike_list_loops import declare_list, each_listed
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import NeuronGroup, Sensitivity, SurrogateAdjoint


def outgoing_synapses(layout: Layout, group: NeuronGroup) -> list[OutgoingSynapses]:
    """Synapse groups out of a group that the backward pass visits."""
    trained = [s for s in layout.plan.outgoing(group.name) if s.trained]
    return [OutgoingSynapses(layout, s, k) for k, s in enumerate(trained)]


def has_synapse_backward(layout: Layout, group: NeuronGroup) -> bool:
    """True if the backward pass visits spikes or active neurons of a group."""
    return bool(outgoing_synapses(layout, group)) or has_spike_adjoint(group)


def synapse_backward_function(
    writer: CodeWriter, layout: Layout, group: NeuronGroup
) -> None:
    """Emits ``synapse_backward_<group>``: adds the spikes of step ``t_`` to gradients
    and passes gradients back to the group, before any adjoint changes.

    The gradient is passed back to spikes (exact gradients: dL by the time of the spike)
    or to active neurons (surrogate gradients: dL by the spike itself).
    """
    surrogate = group.adjoint.surrogate if group.adjoint else None
    name = layout.names.function("synapse_backward", group.name)
    head = f"static inline void {name}({STEP_PARAMETERS}, {TEAM_PARAMETERS})"
    with writer.function(head):
        outgoing = outgoing_synapses(layout, group)
        for synapses in outgoing:
            synapses.declare(writer)
        if surrogate:
            _backprop_to_active(writer, layout, group, outgoing, surrogate)
        if has_spike_adjoint(group) and not surrogate:
            with writer.block(""):
                declare_list(writer, layout.names.index(group.name, "tape"))
                declare_rows(writer, layout, group, [SPIKE_GRAD])
                _backprop_to_list(writer, outgoing, spiked=True, start="")
        else:
            _learn_at_spikes(writer, layout, group, outgoing)


# ---------------------------------------------------------------- lists of neurons
def _declare_range(writer: CodeWriter) -> None:
    writer.line("const auto range_ = mlg::list_range(count_, team_, teams_);")


def _each_in_range(kind: str, name: str, _: str) -> str:
    """Head of a loop over a team's part of a list."""
    start, condition = f"{kind} {name} = range_.first", f"{name} < range_.last"
    return f"for ({start}; {condition}; {name} += range_.step)"


def _learn_at_spikes(
    writer: CodeWriter,
    layout: Layout,
    group: NeuronGroup,
    outgoing: list[OutgoingSynapses],
) -> None:
    """Emits the gradients of synapses that learn at each spike."""
    learning = [
        o for o in outgoing if o.synapses.learn_delay or learns_at_spikes(o.synapses)
    ]
    if learning:
        writer.comment("dL/dw_ij += dL/dw of the arrival, at each spike of i")
        with writer.block(""):
            declare_list(writer, layout.names.index(group.name, "tape"))
            _declare_range(writer)
            with each_listed(writer, _each_in_range):
                for synapses in learning:
                    synapses.backward(writer, spiked=True, into=None)


def _backprop_to_active(
    writer: CodeWriter,
    layout: Layout,
    group: NeuronGroup,
    outgoing: list[OutgoingSynapses],
    surrogate: SurrogateAdjoint,
) -> None:
    """Emits dL/ds of the active neurons, by targets and by a loss of spike counts."""
    one_by_one = [
        o
        for o in outgoing
        if o.synapses.backpropagates
        and o.synapses.name not in layout.transposed_weights
    ]
    loss_grad = _grad_of_spike_count(layout, group)
    writer.comment("dL/ds_i = sum over j of w_ij backprop_j, where i is active")
    with writer.block(""):
        declare_active(writer, layout, group, surrogate)
        declare_rows(writer, layout, group, [SPIKE_GRAD])
        if loss_grad:
            declare_rows(writer, layout, group, [RESULT_GRAD])
        start = f" + {loss_grad}" if loss_grad else ""
        if one_by_one or loss_grad:
            size = layout.names.size(group.name)
            with (
                if_all(writer, layout, group, surrogate),
                writer.block(each_by_team("int64_t", "j_", size)),
            ):
                writer.line(f"float dL_ds_ = {SPIKE_GRAD}_p_[j_]{start};")
                for synapses in one_by_one:
                    synapses.backward(writer, False, "dL_ds_", listed=False)
                writer.line(f"MLG_LEADER {SPIKE_GRAD}_p_[j_] = dL_ds_;")
        if not surrogate.all_active:
            with if_listed(writer, layout, group):
                _backprop_to_list(writer, outgoing, spiked=False, start=loss_grad)


def _backprop_to_list(
    writer: CodeWriter, outgoing: list[OutgoingSynapses], spiked: bool, start: str
) -> None:
    """Emits the gradient that is passed back to listed neurons: over complete
    rows of synapses for several neurons at once, then over others, neuron by neuron.

    Args:
        writer: output for the C code.
        outgoing: the neurons' synapses.
        spiked: True if the neurons spiked, so that their synapses learn.
        start: C for what is added to the gradient; may be empty.
    """
    complete = [
        o for o in outgoing if o.synapses.backpropagates and o.code.complete_rows
    ]
    others = [
        o
        for o in outgoing
        if o not in complete and (spiked or o.synapses.backpropagates)
    ]
    adds = bool(complete) and bool(complete[0].if_arrives())
    if spiked:
        writer.comment("dL/dt_i = sum over j of w_ij backprop_j, at spikes of i")
    _declare_range(writer)
    if adds:
        writer.line(_each_in_range("uint32_t", "entry_", ""))
        writer.line(f"  MLG_LEADER {SPIKE_GRAD}_p_[entry_] = 0.0f;")
    for synapses in complete:
        width = synapses.layout.names.width(synapses.target.name)
        arguments = f"weight{synapses.k}_, id_, range_, backprop{synapses.k}_"
        writer.line(
            f"{synapses.if_arrives()}mlg::dots<{width}, {str(adds).lower()}>"
            f"({SPIKE_GRAD}_p_, {arguments});"
        )
        adds = True
    if others or start or not complete:
        terms = [f"{SPIKE_GRAD}_p_[entry_]"] * bool(complete) + [start] * bool(start)
        with each_listed(writer, _each_in_range):
            writer.line(f"float backprop_sum_ = {' + '.join(terms) or '0.0f'};")
            for synapses in others:
                into = "backprop_sum_" if synapses.synapses.backpropagates else None
                synapses.backward(writer, spiked, into)
            writer.line(f"MLG_LEADER {SPIKE_GRAD}_p_[entry_] = backprop_sum_;")


def _grad_of_spike_count(layout: Layout, group: NeuronGroup) -> str:
    """C for the derivative of the loss by a spike that a readout counts; may be
    empty."""
    if not _loss_counts_spikes(group):
        return ""
    grad, window = f"{RESULT_GRAD}_p_[j_]", window_of(layout, group)
    if not window:
        return grad
    return f"(t_ >= {window[0]} && t_ < {window[1]} ? {grad} : 0.0f)"


def _loss_counts_spikes(group: NeuronGroup) -> bool:
    """True if the loss depends on the number of the group's spikes."""
    readout = group.readout
    counts = readout is not None and readout.sensitivity is Sensitivity.SPIKES
    return counts and group.loss is not None


# ---------------------------------------------------------------- transposed weights
def backward_tile_function(writer: CodeWriter, layout: Layout) -> None:
    """Emits ``backward_tile``: passes gradients back to groups of which all neurons may
    be active, for several examples, before the other parts of step ``t_``."""
    head = (
        "static void backward_tile(const Call &call_, Slot *const *slots_, "
        "int num_slots_, int64_t t_, const float *transposed_weights_, int team_, "
        "int teams_)"
    )
    writer.comment(
        "dL/ds_i = sum over j of w_ij backprop_j, for all i of some examples"
    )
    with writer.function(head):
        for group in layout.plan.neurons:
            surrogate = group.adjoint.surrogate if group.adjoint else None
            if surrogate and not layout.plan.online:
                _tile_of_group(writer, layout, group, surrogate)
        writer.line("(void)call_, (void)slots_, (void)num_slots_, (void)t_;")
        writer.line("(void)transposed_weights_, (void)team_, (void)teams_;")


def _tile_of_group(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, surrogate: SurrogateAdjoint
) -> None:
    names = layout.names
    with writer.block(""):
        writer.comment(f"{group.name!a}: examples in which most neurons are active")
        writer.line("Slot *chosen_[EXAMPLES_PER_TILE];")
        writer.line("float *spike_grads_[EXAMPLES_PER_TILE];")
        writer.line("const float *backprop_[EXAMPLES_PER_TILE];")
        writer.line("int num_chosen_ = 0;")
        width = names.width(group.name)
        writer.line(f"const auto range_ = mlg::tile_range({width}, team_, teams_);")
        with writer.block("for (int m_ = 0; m_ < num_slots_; ++m_)"):
            if not surrogate.all_active:
                tape = f"slots_[m_]->tapes[{names.index(group.name, 'active_tape')}]"
                most = f"mlg::spikes_at({tape}, t_).n < {names.size(group.name)}"
                writer.line(f"if ({most}) continue;")
            writer.line("chosen_[num_chosen_] = slots_[m_];")
            row = names.row(group.name, SPIKE_GRAD)
            writer.line(f"spike_grads_[num_chosen_] = row_<float>(*slots_[m_], {row});")
            to = "spike_grads_[num_chosen_++] + range_.first"
            writer.line(f"mlg::clear({to}, range_.last - range_.first);")
        for k, synapses in enumerate(layout.plan.outgoing(group.name)):
            code = layout.transposed_weights.get(synapses.name)
            if code is not None:
                outgoing = OutgoingSynapses(layout, synapses, k)
                writer.comment(f"{synapses.name!a}")
                outgoing.declare_arrival(writer)
                with writer.block(outgoing.if_arrives().strip()):
                    _transposed_backward(writer, outgoing, code)
        writer.line("(void)backprop_, (void)chosen_;")


def _transposed_backward(
    writer: CodeWriter, outgoing: OutgoingSynapses, code: TransposedWeights
) -> None:
    """Emits code that adds the gradients that synapses with transposed weights pass
    back."""
    layout, synapses = outgoing.layout, outgoing.synapses
    namespace = layout.names.connection(synapses.name)
    weights = f"transposed_weights_ + {namespace}::transposed"
    with writer.block("for (int m_ = 0; m_ < num_chosen_; ++m_)"):
        writer.line("Slot &slot_ = *chosen_[m_];")
        writer.line(f"backprop_[m_] = {outgoing.target_row('backprop')};")
        writer.lines(filter(None, [code.backprop_example(weights)]))
    writer.lines(filter(None, [code.backprop_all(weights)]))
