"""From spikes to targets: what arrives in a step is added to ports.

In code, ``ALL`` says whether a thread adds to all targets or to its share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ml_genn.codegen.layout import Layout, padded
from ml_genn.codegen.layout.formats import is_csr, is_dense
from ml_genn.codegen.parallel_loops import each_by_team
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
from ml_genn.model.plan import Delay, SynapseGroup


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
    if is_dense(synapses):
        port = f"row_<float>(s_, {entry})"
        part = f"mlg::member_range<{size}>(member_, members_)"
        given = (
            f"{port}, {weight}, {arriving}, ALL ? mlg::Range<int>{{0, {size}}} : {part}"
        )
        writer.line(f"mlg::add_rows<{size}>({given});")
        return
    with writer.block(""):
        writer.line(f"const float *__restrict weight_ = {weight};")
        writer.line(f"float *__restrict port_ = row_<float>(s_, {entry});")
        writer.line("MLG_SYNC;")
        if synapses.delay is Delay.PER_SYNAPSE:
            _add_delayed(writer, layout, synapses, arriving)
        else:
            with _each_spike(writer, arriving):
                fetch_next(writer, layout, synapses, ("weight_",))
                if is_csr(synapses):
                    listed_row(writer, layout, synapses, shared=True)
                    given = "port_, weight_, aim_, from_, end_"
                    writer.line(f"mlg::add_csr_row<{sign(synapses)}>({given});")
                else:
                    with each_synapse(writer, layout, synapses):
                        writer.line(f"{add(synapses, 'port_[i_]', 'weight_[e_]')};")
        writer.line("MLG_SYNC;")


@contextmanager
def _each_spike(writer: CodeWriter, spikes: str) -> Iterator[None]:
    writer.line(f"const mlg::Spikes spikes_ = {spikes};")
    writer.line("const id_type *id_ = spikes_.id;")
    writer.line("const uint32_t count_ = spikes_.n;")
    with writer.block(each_by_team("uint32_t", "k_", "count_")):
        writer.line("const size_t j_ = id_[k_];")
        yield


def _add_delayed(
    writer: CodeWriter, layout: Layout, synapses: SynapseGroup, spikes: str
) -> None:
    """Spikes go into a ring with one row for each step to come, then what is due."""
    size = padded(layout.plan.neuron(synapses.target).size)
    start = layout.integers["delay_ring", synapses.name, "offset"]
    length = layout.integers["delay_ring", synapses.name, "length"]
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
        at = f"ring_[at_ * {size} + i_]"
        writer.line(f"{add(synapses, at, 'weight_[e_]')};")
    writer.line("MLG_SYNC;")
    writer.line(f"mlg::add_row<{size}>(port_, ring_ + now_ * {size});")
    writer.line(f"mlg::clear(ring_ + now_ * {size}, {size});")
