"""Loops over the synapses of one source neuron, in any format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from ml_genn.codegen.convolution import each_in_patch
from ml_genn.codegen.layout import Layout
from ml_genn.codegen.parallel_loops import each_in_team
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import CSR, SharedKernelFormat, SynapseFormat, SynapseGroup
from ml_genn.model.plan.formats import CsrFormat, DenseFormat

#: Spikes between the prefetch of a CSR row and its use; its memory may be far away.
PREFETCH_DISTANCE = 3


def array(layout: Layout, kind: str, synapses: SynapseGroup) -> str:
    """C for a pointer to one of the float arrays of a synapse group."""
    return f"call_.arrays[{layout.names.array(kind, synapses.stored)}]"


def sign(synapses: SynapseGroup) -> int:
    """Sign of the effect of the weights: 1 or -1."""
    return -1 if synapses.negates else 1


def add(synapses: SynapseGroup, to: str, number: str) -> str:
    """C statement ``to += sign * number``."""
    return f"MLG_ADD({to}, {'-' * (sign(synapses) < 0)}{number})"


def delay_steps(layout: Layout, synapses: SynapseGroup) -> str:
    """C for a pointer to the delay of each synapse, in whole steps."""
    steps = array(layout, "delay_steps", synapses)
    return f"reinterpret_cast<const int32_t *>({steps})"


def csr_arrays(layout: Layout, synapses: SynapseGroup) -> tuple[str, str]:
    """C for pointers to the arrays of a CSR matrix: row offsets, targets."""
    offset = array(layout, "offset", synapses)
    target = array(layout, "target", synapses)
    return (
        f"reinterpret_cast<const int64_t *>({offset})",
        f"reinterpret_cast<const id_type *>({target})",
    )


def csr_backward_flags(*, sign: int, learn: bool, backprop: bool) -> str:
    """C++ template arguments of ``mlg::csr_backward``, each with its name."""
    learns, passes_back = str(learn).lower(), str(backprop).lower()
    return f"/*SIGN=*/{sign}, /*LEARN=*/{learns}, /*BACKPROP=*/{passes_back}"


def prefetch_rows(
    writer: CodeWriter, layout: Layout, synapses: SynapseGroup, arrays: Sequence[str]
) -> None:
    """Emits code that prefetches the CSR row of a later spike in the list; the first
    spike also those in between."""
    if synapses.format != CSR:
        return
    offset, target = csr_arrays(layout, synapses)
    first = "uint32_t later_ = entry_ ? entry_ + PREFETCH_DISTANCE : 0"
    last = "later_ <= entry_ + PREFETCH_DISTANCE && later_ < count_"
    with writer.block(f"for ({first}; {last}; ++later_)"):
        for name in (*arrays, target):
            writer.line(f"mlg::prefetch_row({name}, {offset}, id_[later_]);")


def declare_csr_row(
    writer: CodeWriter, layout: Layout, synapses: SynapseGroup, clip: bool = False
) -> None:
    """Emits declarations of the CSR row of neuron ``j_``: synapses ``begin_`` to
    ``end_``.

    Args:
        writer: output for the C code.
        layout: where numbers are stored.
        synapses: the synapse group.
        clip: True if a thread may have only part of the targets (``ALL`` false).
    """
    offset, target = csr_arrays(layout, synapses)
    writer.lines(
        (
            f"auto *row_offset_ = {offset};",
            f"auto *targets_ = {target};",
            "int64_t begin_ = row_offset_[j_], end_ = row_offset_[j_ + 1];",
        )
    )
    if clip:
        width = layout.names.width(synapses.target)
        part = f"mlg::member_range<{width}>(member_, members_)"
        with writer.block("if constexpr (!ALL)"):
            writer.line(f"mlg::clip_row({part}, targets_, begin_, end_);")


@contextmanager
def each_synapse(
    writer: CodeWriter, layout: Layout, synapses: SynapseGroup
) -> Iterator[None]:
    """Emits a loop over the synapses ``synapse_`` of ``j_``, each to ``target_``."""
    with _LOOPS[type(synapses.format)](writer, layout, synapses):
        yield


@contextmanager
def _each_in_dense_row(
    writer: CodeWriter, layout: Layout, synapses: SynapseGroup
) -> Iterator[None]:
    names, target = layout.names, synapses.target
    writer.line(f"const size_t first_synapse_ = j_ * {names.width(target)};")
    writer.line("MLG_LOOP")
    with writer.block(each_in_team("int", "target_", names.size(target))):
        writer.line("const size_t synapse_ = first_synapse_ + target_;")
        yield


@contextmanager
def _each_in_csr_row(
    writer: CodeWriter, layout: Layout, synapses: SynapseGroup
) -> Iterator[None]:
    declare_csr_row(writer, layout, synapses)
    writer.line("MLG_LOOP")
    with writer.block(each_in_team("int64_t", "synapse_", "end_", first="begin_ + ")):
        writer.line("const int target_ = targets_[synapse_];")
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
