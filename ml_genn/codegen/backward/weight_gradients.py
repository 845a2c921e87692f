"""Weight gradients of dense synapses, summed over a block of steps.

    dL/dw_ij = sum over spikes of i in step t of weight_grad_j[t + 1 + delay]

A spike adds a row of dL/dw to a whole row of the gradient. The rows of many steps fit
into the cache, and a neuron often spikes more than once in them, so its gradient is
read and written once for all of these spikes.
"""

from __future__ import annotations

from ml_genn.codegen.backward.lazy_adjoints import activated_at
from ml_genn.codegen.layout import Layout
from ml_genn.codegen.layout.ports import learns_in_blocks
from ml_genn.codegen.signatures import unused
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import Delay, Learned, LearnedKind, SynapseGroup


def weight_gradients_function(writer: CodeWriter, layout: Layout) -> None:
    """Emits ``weight_gradients``: adds the spikes of steps first_ <= t < last_ to
    gradients.

    ``only_`` is the index of one gradient, or ``ALL_LEARNED``. Returns false if memory
    runs out.
    """
    head = (
        "static bool weight_gradients(const Call &call_, Slot &slot_, int64_t first_, "
        "int64_t last_, float *const *gradients_, int64_t only_, "
        "mlg::SpikesByNeuron &spikes_by_neuron_, int team_, int teams_)"
    )
    writer.comment("dL/dw_ij += sum of weight_grad_j[t + 1 + delay] over spikes of i")
    with writer.function(head):
        for synapses in layout.plan.synapses:
            if learns_in_blocks(synapses) and not layout.plan.online:
                _weight_gradient(writer, layout, synapses)
        unused(writer, "call_", "slot_", "first_", "last_", "gradients_")
        unused(writer, "only_", "spikes_by_neuron_", "team_", "teams_")
        writer.line("return true;")


def _weight_gradient(
    writer: CodeWriter, layout: Layout, synapses: SynapseGroup
) -> None:
    names = layout.names
    gradient = names.gradient(Learned(LearnedKind.WEIGHT, synapses.name))
    ring = names.grad_ring(synapses.target, synapses.port)
    arrival_delay = "1"
    if synapses.delay is Delay.CONSTANT:
        arrival_delay += f" + call_.integers[{names.integer('delay', synapses.name)}]"
    steps_with_grad = "call_.num_steps"
    if synapses.target in layout.lazy_adjoints:
        steps_with_grad = f"{activated_at(layout, synapses.target)} + 1"
    writer.comment(f"{synapses.name!a}")
    with writer.block(f"if (only_ == ALL_LEARNED || only_ == {gradient})"):
        writer.line(
            f"const int64_t arrival_delay_ = {arrival_delay}, "
            f"end_ = {steps_with_grad} - arrival_delay_;"
        )
        arguments = (
            f"gradients_[{gradient}], {names.size(synapses.source)}, "
            f"slot_.scratch->grad_rings[{ring}], slot_.scratch->ring_length, "
            f"slot_.tapes[{names.index(synapses.source, 'tape')}], first_, "
            "last_ < end_ ? last_ : end_, arrival_delay_, spikes_by_neuron_, team_, "
            "teams_"
        )
        function = f"mlg::add_weight_gradients<{names.width(synapses.target)}>"
        writer.line(f"if (!{function}({arguments})) return false;")
