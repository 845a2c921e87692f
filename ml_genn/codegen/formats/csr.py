"""Code of compressed sparse rows: a list of targets for each source neuron."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ml_genn.codegen.formats.arrays import array, index_array, sign
from ml_genn.codegen.formats.format_code import FormatCode
from ml_genn.codegen.names import Names
from ml_genn.codegen.parallel_loops import each_in_team
from ml_genn.codegen.signatures import MEMBER_ARGUMENTS
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import SynapseGroup

#: Spikes between the prefetch of a CSR row and its use; its memory may be far away.
PREFETCH_DISTANCE = 3


class CsrCode(FormatCode):
    """Code of `CsrFormat`: a row's synapses are processed a vector at a time."""

    splits_targets = True
    reads_interleaved_adjoints = True

    @contextmanager
    def each_synapse(
        self, writer: CodeWriter, names: Names, synapses: SynapseGroup
    ) -> Iterator[None]:
        """Emits a loop over a row."""
        _declare_row(writer, names, synapses)
        writer.line("MLG_LOOP")
        head = each_in_team("int64_t", "synapse_", "end_", first="begin_ + ")
        with writer.block(head):
            writer.line("const int target_ = targets_[synapse_];")
            yield

    def add_row(self, writer: CodeWriter, names: Names, synapses: SynapseGroup) -> None:
        """Emits code that adds a row, or its synapses to the thread's targets."""
        _declare_row(writer, names, synapses)
        width = names.width(synapses.target)
        part = f"mlg::member_range<{width}>({MEMBER_ARGUMENTS})"
        with writer.block("if constexpr (!ALL)"):
            writer.line(f"mlg::clip_row({part}, targets_, begin_, end_);")
        arguments = "port_, weight_, targets_, begin_, end_"
        writer.line(f"mlg::add_csr_row<{sign(synapses)}>({arguments});")

    def prefetch(
        self, names: Names, synapses: SynapseGroup, arrays: Sequence[str]
    ) -> list[str]:
        """Returns C that prefetches the row of the spike ``PREFETCH_DISTANCE`` later;
        the first spike also those in between."""
        offset, target = _row_arrays(names, synapses)
        first = "uint32_t later_ = entry_ ? entry_ + PREFETCH_DISTANCE : 0"
        last = "later_ <= entry_ + PREFETCH_DISTANCE && later_ < count_"
        return [
            f"for ({first}; {last}; ++later_) {{",
            *(
                f"  mlg::prefetch_row({values}, {offset}, id_[later_]);"
                for values in (*arrays, target)
            ),
            "}",
        ]

    def declare_grads(self, k: int, read: Sequence[str]) -> list[str]:
        """Returns C for ``grads<k>_``: the two rows of gradients, or one row twice."""
        rows = f"{read[0]}{k}_, {read[-1]}{k}_"
        return [f"const mlg::SeparateGrads grads{k}_{{{rows}}};"]

    def backward_row(
        self,
        writer: CodeWriter,
        names: Names,
        synapses: SynapseGroup,
        k: int,
        learn: bool,
        into: str | None,
    ) -> None:
        """Emits the backward pass of all synapses of a row at once."""
        _declare_row(writer, names, synapses)
        call = _csr_backward(
            sign=sign(synapses),
            gradient=f"gradient{k}_" if learn else None,
            weight=f"weight{k}_" if into else None,
            row=f"targets_, begin_, end_, grads{k}_",
        )
        result = f"{into} += " if into else ""
        writer.line(f"{result}{call};")

    def dot(self, names: Names, synapses: SynapseGroup, row: str) -> str:
        """C for the sum of a row's weights times numbers of their targets."""
        offset, targets = _row_arrays(names, synapses)
        synapses_of_row = f"({offset})[j_], ({offset})[j_ + 1]"
        return _csr_backward(
            sign=1,
            gradient=None,
            weight=array(names, "weight", synapses),
            row=f"{targets}, {synapses_of_row}, mlg::SeparateGrads{{{row}, {row}}}",
        )

    def online_gradient(
        self, names: Names, synapses: SynapseGroup, gradient: str
    ) -> str:
        """C++ object that adds a dense row of gradients to the synapses of a row."""
        arrays = ", ".join(_row_arrays(names, synapses))
        kind = f"mlg::CsrGradient<{names.width(synapses.target)}>"
        return f"{kind}{{{gradient}, {arrays}}}"


def _row_arrays(names: Names, synapses: SynapseGroup) -> tuple[str, str]:
    """C for pointers to row offsets and targets."""
    offset, target = (index_array(names, n, synapses) for n in ("offset", "target"))
    return offset, target


def _declare_row(writer: CodeWriter, names: Names, synapses: SynapseGroup) -> None:
    """Emits declarations of row ``j_``: synapses ``begin_`` to ``end_``."""
    offset, target = _row_arrays(names, synapses)
    writer.lines(
        (
            f"auto *row_offset_ = {offset};",
            f"auto *targets_ = {target};",
            "int64_t begin_ = row_offset_[j_], end_ = row_offset_[j_ + 1];",
        )
    )


def _csr_backward(
    *, sign: int, gradient: str | None, weight: str | None, row: str
) -> str:
    """C call of ``mlg::csr_backward``.

    Args:
        sign: 1 or -1.
        gradient: pointer to gradients of weights; None if none are added.
        weight: pointer to weights; None if no gradient is passed back.
        row: further arguments: targets, begin and end, gradients.
    """
    learns, passes_back = (str(p is not None).lower() for p in (gradient, weight))
    flags = f"/*SIGN=*/{sign}, /*LEARN=*/{learns}, /*BACKPROP=*/{passes_back}"
    pointers = f"{gradient or 'nullptr'}, {weight or 'nullptr'}"
    return f"mlg::csr_backward<{flags}>({pointers}, {row})"
