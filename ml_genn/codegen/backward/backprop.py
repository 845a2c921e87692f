"""What flows back to spikes and to active neurons, and what their synapses learn."""

from __future__ import annotations

from ml_genn.codegen.backward.active_neurons import active_tape, if_all, if_listed
from ml_genn.codegen.backward.spike_adjoint import has_spike_adjoint
from ml_genn.codegen.backward.synapse_backward import (
    arrives,
    guard,
    operands,
    synapse_backward,
    target_row,
)
from ml_genn.codegen.convolution import add_patches
from ml_genn.codegen.layout import Layout, padded
from ml_genn.codegen.layout.formats import is_dense, learns_at_spikes
from ml_genn.codegen.layout.names import c_identifier
from ml_genn.codegen.neuron_body import ARGUMENTS, rows
from ml_genn.codegen.parallel_loops import each_by_team
from ml_genn.codegen.spike_list_loops import each_entry, tape_entries
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import NeuronGroup, Sensitivity, SurrogateAdjoint, SynapseGroup

#: What those who share the spikes of a step are given: gradients, and who they are.
SHARED = "float *const *gradients_, int team_, int teams_"
#: The same, passed on.
SHARE = "gradients_, MLG_TEAM, MLG_TEAMS"


def trained_outgoing(layout: Layout, group: NeuronGroup) -> list[SynapseGroup]:
    """Synapse groups out of a group that the backward pass visits."""
    return [s for s in layout.plan.outgoing(group.name) if s.trained]


def has_synapse_backward(layout: Layout, group: NeuronGroup) -> bool:
    """Whether anything is collected at the group's spikes, or where it was active."""
    return bool(trained_outgoing(layout, group)) or has_spike_adjoint(group)


def synapse_backward_function(
    writer: CodeWriter, layout: Layout, group: NeuronGroup
) -> None:
    """``synapse_backward_<group>``: adds the spikes of step ``t_`` to gradients and
    passes gradients back to the group, before any adjoint jumps.

    Each spike adds a row to the gradient of its outgoing weights. What targets send
    back is collected where a neuron spiked (exact gradients: the derivative by the time
    of the spike) or where it was active (surrogate gradients: by the spike itself).
    """
    surrogate = group.adjoint.surrogate if group.adjoint else None
    head = f"static inline void synapse_backward_{c_identifier(group.name)}"
    with writer.block(f"{head}({ARGUMENTS}, {SHARED})"):
        outgoing = trained_outgoing(layout, group)
        for k, synapses in enumerate(outgoing):
            operands(writer, layout, synapses, k)
        if surrogate:
            _collect_back(writer, layout, group, outgoing, surrogate)
        if has_spike_adjoint(group) and not surrogate:
            with writer.block(""):
                tape_entries(writer, layout.tapes[group.name])
                rows(writer, layout, group, ["spike_grad_"])
                _collect_listed(writer, layout, outgoing, True, "")
        else:
            _learn_at_spikes(writer, layout, group, outgoing)


def _entries_of_team(writer: CodeWriter) -> None:
    writer.line("const auto of_ = mlg::list_range(count_, team_, teams_);")


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
                    synapse_backward(writer, layout, source, True, None)


def _collect_back(
    writer: CodeWriter,
    layout: Layout,
    group: NeuronGroup,
    outgoing: list[SynapseGroup],
    surrogate: SurrogateAdjoint,
) -> None:
    """dL/ds of the active neurons, from targets and readout."""
    sources = [(s, k) for k, s in enumerate(outgoing) if s.backpropagates]
    left = [
        source for source in sources if source[0].name not in layout.transposed_weights
    ]
    counted = "result_grad__p_[j_]" if _counts_spikes(group) else ""
    with writer.block(""):
        active_tape(writer, layout, group, surrogate)
        rows(writer, layout, group, ["spike_grad_"])
        if counted:
            rows(writer, layout, group, ["result_grad_"])
        started = f" + {counted}" if counted else ""
        if left or counted:
            with (
                if_all(writer, group, surrogate),
                writer.block(each_by_team("int64_t", "j_", group.size)),
            ):
                writer.line(f"float dL_ds_ = spike_grad__p_[j_]{started};")
                for source in left:
                    synapse_backward(
                        writer, layout, source, False, "dL_ds_", listed=False
                    )
                writer.line("MLG_LEADER spike_grad__p_[j_] = dL_ds_;")
        if not surrogate.all_active:
            with if_listed(writer, group):
                _collect_listed(writer, layout, outgoing, False, counted)


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
    whole = [s for s in sources if s[0].backpropagates and is_dense(s[0])]
    rest = [s for s in sources if s not in whole and (learning or s[0].backpropagates)]
    adds = bool(whole) and bool(guard(layout, *whole[0]))
    _entries_of_team(writer)
    if adds:
        writer.line(_of_team("uint32_t", "k_", ""))
        writer.line("  MLG_LEADER spike_grad__p_[k_] = 0.0f;")
    for synapses, k in whole:
        size = padded(layout.plan.neuron(synapses.target).size)
        writer.line(
            f"{guard(layout, synapses, k)}mlg::dots<{size}, {str(adds).lower()}>"
            f"(spike_grad__p_, weight{k}_, id_, of_, backprop{k}_);"
        )
        adds = True
    if rest or counted or not whole:
        started = ["spike_grad__p_[k_]"] * bool(whole) + [counted] * bool(counted)
        with each_entry(writer, _of_team):
            writer.line(f"float backprop_sum_ = {' + '.join(started) or '0.0f'};")
            for source in rest:
                into = "backprop_sum_" if source[0].backpropagates else None
                synapse_backward(writer, layout, source, learning, into)
            writer.line("MLG_LEADER spike_grad__p_[k_] = backprop_sum_;")


def synapse_backward_tile(writer: CodeWriter, layout: Layout) -> None:
    """``synapse_backward_tile``: what flows back to groups of which all neurons may be
    active, for several examples, before the other things of step ``t_``."""
    head = (
        "static void synapse_backward_tile(const Call &c_, Slot *const *slots_, "
        "int n_, int64_t t_, const float *transposed_weights_, int team_, int teams_)"
    )
    with writer.block(head):
        for group in layout.plan.neurons:
            surrogate = group.adjoint.surrogate if group.adjoint else None
            if surrogate and not layout.plan.online:
                _together(writer, layout, group, surrogate)
        writer.line(
            "(void)c_, (void)slots_, (void)n_, (void)t_, (void)transposed_weights_;"
        )
        writer.line("(void)team_, (void)teams_;")


def _together(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, surrogate: SurrogateAdjoint
) -> None:
    slope = layout.rows[group.name, "spike_grad_"].offset
    size = padded(group.size)
    with writer.block(""):
        writer.line("Slot *all_[EXAMPLES_PER_TILE];")
        writer.line("float *to_[EXAMPLES_PER_TILE];")
        writer.line("const float *back_[EXAMPLES_PER_TILE];")
        writer.line("int many_ = 0;")
        writer.line(f"const auto of_ = mlg::tile_range({size}, team_, teams_);")
        with writer.block("for (int m_ = 0; m_ < n_; ++m_)"):
            if not surrogate.all_active:
                tape = f"slots_[m_]->tapes[{layout.active_tapes[group.name]}]"
                writer.line(
                    f"if (mlg::spikes_at({tape}, t_).n < {group.size}) continue;"
                )
            writer.line("all_[many_] = slots_[m_];")
            writer.line(f"to_[many_] = row_<float>(*slots_[m_], {slope});")
            writer.line("mlg::clear(to_[many_++] + of_.first, of_.last - of_.first);")
        for k, synapses in enumerate(layout.plan.outgoing(group.name)):
            if synapses.name not in layout.transposed_weights:
                continue
            writer.line(f"// {synapses.name!a}")
            arrives(writer, layout, synapses, k)
            with writer.block(guard(layout, synapses, k).strip()):
                _backprop_transposed(writer, layout, synapses)
        writer.line("(void)back_, (void)all_;")


def _counts_spikes(group: NeuronGroup) -> bool:
    """Whether the loss looks at the number of the group's spikes."""
    readout = group.readout
    counts = readout is not None and readout.sensitivity is Sensitivity.SPIKES
    return counts and group.loss is not None


def _backprop_transposed(
    writer: CodeWriter, layout: Layout, synapses: SynapseGroup
) -> None:
    """Adds what flows back over synapses whose weights are kept by target."""
    target = layout.plan.neuron(synapses.target)
    weight = (
        f"transposed_weights_ + TRANSPOSED_{layout.transposed_weights[synapses.name]}"
    )
    with writer.block("for (int m_ = 0; m_ < many_; ++m_)"):
        writer.line("Slot &s_ = *all_[m_];")
        writer.line(f"back_[m_] = {target_row(layout, synapses, target, 'back')};")
        if synapses.kernel is not None:
            given = f"to_[m_], {weight}, back_[m_]"
            add = add_patches(layout, synapses, synapses.kernel, given)
            writer.line(f"mlg::{add};")
    if synapses.kernel is None:
        shape = ", ".join(map(str, layout.transposed_shape(synapses.name)))
        given = f"to_, {weight}, back_, many_, of_"
        writer.line(f"mlg::add_transposed<{shape}>({given});")
