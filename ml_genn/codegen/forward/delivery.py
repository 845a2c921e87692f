"""Delivery of spikes: weights of the spikes that arrive in a step are added to ports.

The template parameter ``ALL`` of the generated functions is true where a thread adds to
all targets, and false where threads split the targets.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ml_genn.codegen.layout import Layout
from ml_genn.codegen.layout.formats import is_csr, is_dense
from ml_genn.codegen.neuron_body import row_pointer
from ml_genn.codegen.parallel_loops import each_by_team
from ml_genn.codegen.signatures import MEMBER_ARGUMENTS
from ml_genn.codegen.synapse_rows import (
    add,
    array,
    declare_csr_row,
    delay_steps,
    each_synapse,
    prefetch_rows,
    sign,
)
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
    if is_dense(synapses):
        _add_dense_rows(writer, layout, synapses, variable, arriving)
        return
    with writer.block(""):
        weight = array(layout, "weight", synapses)
        writer.line(f"const float *__restrict weight_ = {weight};")
        port = row_pointer(layout, target.name, variable)
        writer.line(f"float *__restrict port_ = {port};")
        writer.line("MLG_SYNC;")
        if synapses.delay is Delay.PER_SYNAPSE:
            _add_delayed(writer, layout, synapses, arriving)
        else:
            _add_at_once(writer, layout, synapses, arriving)
        writer.line("MLG_SYNC;")


def _formula(writer: CodeWriter, synapses: SynapseGroup, variable: str) -> None:
    delay = {Delay.NONE: "", Delay.CONSTANT: " - delay", Delay.PER_SYNAPSE: " - d_ij"}
    sum_of = "-sum" if synapses.negates else "sum"
    writer.comment(
        f"{synapses.name!a}: {variable}_j += {sum_of} of w_ij over spikes of i in step "
        f"t - 1{delay[synapses.delay]}"
    )


def _add_dense_rows(
    writer: CodeWriter,
    layout: Layout,
    synapses: SynapseGroup,
    variable: str,
    arriving: str,
) -> None:
    width = layout.names.width(synapses.target)
    port, weight = (
        row_pointer(layout, synapses.target, variable),
        array(layout, "weight", synapses),
    )
    part = f"mlg::member_range<{width}>({MEMBER_ARGUMENTS})"
    targets = f"ALL ? mlg::Range<int>{{0, {width}}} : {part}"
    writer.line(f"mlg::add_rows<{width}>({port}, {weight}, {arriving}, {targets});")


def _add_at_once(
    writer: CodeWriter, layout: Layout, synapses: SynapseGroup, arriving: str
) -> None:
    """Emits code that adds CSR rows or patches, whose synapses have no delays of their
    own."""
    with _each_spike(writer, arriving):
        prefetch_rows(writer, layout, synapses, ("weight_",))
        if is_csr(synapses):
            declare_csr_row(writer, layout, synapses, clip=True)
            arguments = "port_, weight_, targets_, begin_, end_"
            writer.line(f"mlg::add_csr_row<{sign(synapses)}>({arguments});")
        else:
            with each_synapse(writer, layout, synapses):
                writer.line(f"{add(synapses, 'port_[target_]', 'weight_[synapse_]')};")


def _add_delayed(
    writer: CodeWriter, layout: Layout, synapses: SynapseGroup, arriving: str
) -> None:
    """Emits code that adds spikes to the delay ring, which has a row per step to come,
    and then the row of this step to the port."""
    names = layout.names
    width = names.width(synapses.target)
    offset = names.integer("delay_ring", synapses.name, "offset")
    length = names.integer("delay_ring", synapses.name, "length")
    writer.lines(
        (
            "// ring[(t + d_ij) % length]_j += w_ij",
            f"float *__restrict ring_ = slot_.block + call_.integers[{offset}];",
            f"const int64_t length_ = call_.integers[{length}], now_ = t_ % length_;",
            f"const int32_t *__restrict delay_ = {delay_steps(layout, synapses)};",
        )
    )
    with _each_spike(writer, arriving), each_synapse(writer, layout, synapses):
        writer.line("int64_t row_of_arrival_ = now_ + delay_[synapse_];")
        writer.line("row_of_arrival_ -= row_of_arrival_ >= length_ ? length_ : 0;")
        to = f"ring_[row_of_arrival_ * {width} + target_]"
        writer.line(f"{add(synapses, to, 'weight_[synapse_]')};")
    writer.line("MLG_SYNC;")
    writer.comment("the input of this step; its row becomes that of a later step")
    writer.line(f"mlg::add_row<{width}>(port_, ring_ + now_ * {width});")
    writer.line(f"mlg::clear(ring_ + now_ * {width}, {width});")


@contextmanager
def _each_spike(writer: CodeWriter, spikes: str) -> Iterator[None]:
    """Emits a loop over arriving spikes of neurons ``j_`` that teams split."""
    writer.line(f"const mlg::Spikes spikes_ = {spikes};")
    writer.line("const id_type *id_ = spikes_.id;")
    writer.line("const uint32_t count_ = spikes_.n;")
    with writer.block(each_by_team("uint32_t", "entry_", "count_")):
        writer.line("const size_t j_ = id_[entry_];")
        yield
