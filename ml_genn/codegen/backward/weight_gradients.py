"""Gradients of dense synapses: gathered neuron by neuron over a stretch of steps."""

from __future__ import annotations

from ml_genn.codegen.layout import Layout, padded
from ml_genn.codegen.layout.formats import learns_in_blocks
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import Delay, Learned, LearnedKind, SynapseGroup


def weight_gradients_function(writer: CodeWriter, layout: Layout) -> None:
    """``weight_gradients``: sums weight gradients over the spikes of a block of steps.

    To all of them, or only to one that is learned.

    A spike adds the slope of its target to a whole row of the gradient. The slopes of
    many steps fit into cache, and a neuron often spikes more than once in them.
    """
    head = (
        "static bool weight_gradients(const Call &c_, Slot &s_, int64_t first_, "
        "int64_t last_, float *const *gradients_, int64_t only_, "
        "mlg::SpikesByNeuron &spikes_by_neuron_, int team_, int teams_)"
    )
    with writer.block(head):
        for synapses in layout.plan.synapses:
            if learns_in_blocks(synapses) and not layout.plan.online:
                _gather(writer, layout, synapses)
        writer.line("(void)c_, (void)s_, (void)first_, (void)last_, (void)gradients_;")
        writer.line("(void)only_, (void)spikes_by_neuron_, (void)team_, (void)teams_;")
        writer.line("return true;")


def _gather(writer: CodeWriter, layout: Layout, synapses: SynapseGroup) -> None:
    source = layout.plan.neuron(synapses.source)
    size = padded(layout.plan.neuron(synapses.target).size)
    slopes = layout.grad_rings[synapses.target, synapses.port]
    gradient = layout.learned[Learned(LearnedKind.WEIGHT, synapses.name)]
    wait = "1"
    if synapses.delay is Delay.CONSTANT:
        index = layout.integers["delay", synapses.name, ""]
        wait += f" + c_.integers[{index}]"
    rows = "c_.num_steps"
    if synapses.target in layout.lazy_adjoints:
        rows = f"s_.activated_at[{layout.lazy_adjoints[synapses.target]}] + 1"
    writer.line(f"// {synapses.name!a}")
    with writer.block(f"if (only_ == ALL_LEARNED || only_ == {gradient})"):
        writer.line(f"const int64_t wait_ = {wait}, end_ = {rows} - wait_;")
        writer.line(
            f"if (!mlg::add_weight_gradients<{size}>("
            f"gradients_[{gradient}], {source.size}, "
            f"s_.scratch->grad_rings[{slopes}], s_.scratch->ring_length, "
            f"s_.tapes[{layout.tapes[source.name]}], first_, "
            "last_ < end_ ? last_ : end_, wait_, spikes_by_neuron_, team_, teams_)) "
            "return false;"
        )
