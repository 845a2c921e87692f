"""Delivery of spikes: weights of the spikes that arrive in a step are added to ports.

The template parameter ``ALL`` of the generated functions is true where a thread adds to
all targets, and false where threads split the targets.
"""

from __future__ import annotations

from ml_genn.codegen.formats import format_code
from ml_genn.codegen.formats.arrays import add, array, delay_steps
from ml_genn.codegen.layout import Layout
from ml_genn.codegen.neuron_body import row_pointer
from ml_genn.codegen.spike_list_loops import each_arriving
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import Delay, SynapseGroup


def deliver(writer: CodeWriter, layout: Layout, synapses: SynapseGroup) -> None:
    """Emits code that adds the weights of the spikes that arrive in step ``t_`` to
    their port."""
    names, target = layout.names, layout.plan.neuron(synapses.target)
    variable = target.ports[synapses.port].variable
    tape = f"slot_.tapes[{names.index(synapses.source, 'tape')}]"
    emitted = "t_ - 1"
    if synapses.delay is Delay.CONSTANT:
        emitted += f" - call_.integers[{names.integer('delay', synapses.name)}]"
    arriving = f"mlg::spikes_at({tape}, {emitted})"
    _formula(writer, synapses, variable)
    port = row_pointer(layout, target.name, variable)
    if synapses.delay is Delay.PER_SYNAPSE:
        _deliver_delayed(writer, layout, synapses, port, arriving)
    else:
        format_code(synapses).deliver(writer, names, synapses, port, arriving)


def _formula(writer: CodeWriter, synapses: SynapseGroup, variable: str) -> None:
    delay = {Delay.NONE: "", Delay.CONSTANT: " - delay", Delay.PER_SYNAPSE: " - d_ij"}
    sum_of = "-sum" if synapses.negates else "sum"
    writer.comment(
        f"{synapses.name!a}: {variable}_j += {sum_of} of w_ij over spikes of i in step "
        f"t - 1{delay[synapses.delay]}"
    )


def _deliver_delayed(
    writer: CodeWriter, layout: Layout, synapses: SynapseGroup, port: str, arriving: str
) -> None:
    """Emits code that adds spikes to the delay ring, which has a row per step to come,
    and then the row of this step to the port."""
    names = layout.names
    width = names.width(synapses.target)
    offset = names.integer("delay_ring", synapses.name, "offset")
    length = names.integer("delay_ring", synapses.name, "length")
    with writer.block(""):
        weight = array(names, "weight", synapses)
        writer.lines(
            (
                f"const float *__restrict weight_ = {weight};",
                f"float *__restrict port_ = {port};",
                "MLG_SYNC;",
                "// ring[(t + d_ij) % length]_j += w_ij",
                f"float *__restrict ring_ = slot_.block + call_.integers[{offset}];",
                f"const int64_t length_ = call_.integers[{length}], "
                "now_ = t_ % length_;",
                f"const int32_t *__restrict delay_ = {delay_steps(names, synapses)};",
            )
        )
        with (
            each_arriving(writer, arriving),
            format_code(synapses).each_synapse(writer, names, synapses),
        ):
            writer.line("int64_t row_of_arrival_ = now_ + delay_[synapse_];")
            writer.line("row_of_arrival_ -= row_of_arrival_ >= length_ ? length_ : 0;")
            to = f"ring_[row_of_arrival_ * {width} + target_]"
            writer.line(f"{add(synapses, to, 'weight_[synapse_]')};")
        writer.line("MLG_SYNC;")
        writer.comment("the input of this step; its row becomes that of a later step")
        writer.line(f"mlg::add_row<{width}>(port_, ring_ + now_ * {width});")
        writer.line(f"mlg::clear(ring_ + now_ * {width}, {width});")
        writer.line("MLG_SYNC;")
