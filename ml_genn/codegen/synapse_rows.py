"""Rows of synapses: those of one source neuron, and where each of them leads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from ml_genn.codegen.convolution import each_in_patch
from ml_genn.codegen.layout import Layout, padded
from ml_genn.codegen.parallel_loops import each_in_team
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import CSR, SharedKernelFormat, SynapseFormat, SynapseGroup
from ml_genn.model.plan.formats import CsrFormat, DenseFormat

#: Spikes in advance of which a listed row is asked for: its memory may be far.
AHEAD = 3


def array(layout: Layout, kind: str, synapses: SynapseGroup) -> str:
    """C for one of the arrays of a synapse group, in floats."""
    return f"c_.arrays[{layout.arrays[kind, synapses.stored, '']}]"


def sign(synapses: SynapseGroup) -> int:
    """With which sign synapses take effect."""
    return -1 if synapses.negates else 1


def add(synapses: SynapseGroup, to: str, number: str) -> str:
    """C that adds what a spike brings, with the sign of the synapses."""
    return f"MLG_ADD({to}, {'-' * (sign(synapses) < 0)}{number})"


def steps_array(layout: Layout, synapses: SynapseGroup) -> str:
    """C for the delay of each synapse, in whole steps."""
    given = array(layout, "delay_steps", synapses)
    return f"reinterpret_cast<const int32_t *>({given})"


def csr_arrays(layout: Layout, synapses: SynapseGroup) -> tuple[str, str]:
    """C for the lists of a sparse group: where rows start, and where synapses lead."""
    offset = array(layout, "offset", synapses)
    aim = array(layout, "target", synapses)
    return (
        f"reinterpret_cast<const int64_t *>({offset})",
        f"reinterpret_cast<const id_type *>({aim})",
    )


def fetch_next(
    writer: CodeWriter, layout: Layout, synapses: SynapseGroup, arrays: Sequence[str]
) -> None:
    """Asks for the rows of a spike to come, where they are lists; the first spike asks
    for those of the next ones, too."""
    if synapses.format != CSR:
        return
    offset, aim = csr_arrays(layout, synapses)
    next_one = f"uint32_t m_ = k_ ? k_ + {AHEAD} : 0"
    with writer.block(f"for ({next_one}; m_ <= k_ + {AHEAD} && m_ < count_; ++m_)"):
        for name in (*arrays, aim):
            writer.line(f"mlg::prefetch_row({name}, {offset}, id_[m_]);")


def listed_row(
    writer: CodeWriter, layout: Layout, synapses: SynapseGroup, shared: bool = False
) -> None:
    """Declares where the row of neuron ``j_`` starts and ends, and where it leads.

    Args:
        shared: whether it may be the part that leads to a thread's share of targets.
    """
    offset, aim = csr_arrays(layout, synapses)
    writer.lines(
        (
            f"auto *offset_ = {offset};",
            f"auto *aim_ = {aim};",
            "int64_t from_ = offset_[j_], end_ = offset_[j_ + 1];",
        )
    )
    if shared:
        target = padded(layout.plan.neuron(synapses.target).size)
        part = f"mlg::member_range<{target}>(member_, members_)"
        with writer.block("if constexpr (!ALL)"):
            writer.line(f"mlg::clip_row({part}, aim_, from_, end_);")


@contextmanager
def each_synapse(
    writer: CodeWriter, layout: Layout, synapses: SynapseGroup
) -> Iterator[None]:
    """A loop over the synapses ``e_`` of neuron ``j_``, each leading to ``i_``."""
    with _LOOPS[type(synapses.format)](writer, layout, synapses):
        yield


@contextmanager
def _each_in_dense_row(
    writer: CodeWriter, layout: Layout, synapses: SynapseGroup
) -> Iterator[None]:
    size = layout.plan.neuron(synapses.target).size
    writer.line(f"const size_t row_ = j_ * {padded(size)};")
    writer.line("MLG_LOOP")
    with writer.block(each_in_team("int", "i_", size)):
        writer.line("const size_t e_ = row_ + i_;")
        yield


@contextmanager
def _each_in_csr_row(
    writer: CodeWriter, layout: Layout, synapses: SynapseGroup
) -> Iterator[None]:
    listed_row(writer, layout, synapses)
    writer.line("MLG_LOOP")
    with writer.block(each_in_team("int64_t", "e_", "end_", first="from_ + ")):
        writer.line("const int i_ = aim_[e_];")
        yield


@contextmanager
def _each_in_patch(
    writer: CodeWriter, layout: Layout, synapses: SynapseGroup
) -> Iterator[None]:
    if synapses.kernel is not None:
        with each_in_patch(writer, layout, synapses, synapses.kernel):
            yield


#: {format: loop over the synapses of a neuron}.
_LOOPS: dict[
    type[SynapseFormat],
    Callable[[CodeWriter, Layout, SynapseGroup], AbstractContextManager[None]],
] = {
    CsrFormat: _each_in_csr_row,
    DenseFormat: _each_in_dense_row,
    SharedKernelFormat: _each_in_patch,
}
