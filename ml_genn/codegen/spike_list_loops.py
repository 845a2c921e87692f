"""Loops over lists of neurons: arriving spikes, and those that a tape lists in a step
(spikes or active neurons)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ml_genn.codegen.parallel_loops import each_by_team
from ml_genn.codegen.writer import CodeWriter


def declare_list(writer: CodeWriter, tape: str, num_records: str = "") -> None:
    """Emits declarations of the list of step ``t_``: ``count_`` neurons ``id_``, and
    their records.

    Args:
        writer: output for the C code.
        tape: C for the index of the tape.
        num_records: C for the number of floats recorded with each neuron; empty
            (default) if there are none.
    """
    writer.line(f"const mlg::Tape &tape_ = slot_.tapes[{tape}];")
    writer.line("const uint32_t *offset_ = tape_.offset + (t_ - tape_.base);")
    writer.line("const uint32_t count_ = offset_[1] - offset_[0];")
    writer.line("const id_type *id_ = tape_.id + offset_[0];")
    if num_records:
        records = f"tape_.record + size_t(offset_[0]) * {num_records}"
        writer.line(f"const float *record_ = {records};")


@contextmanager
def each_listed(
    writer: CodeWriter, head: Callable[[str, str, str], str] = each_by_team
) -> Iterator[None]:
    """Emits a loop over the list's entries ``entry_``: neurons ``j_``.

    Args:
        writer: output for the C code.
        head: makes the head of the loop from type, name and end of the index.
    """
    with writer.block(head("uint32_t", "entry_", "count_")):
        writer.line("const size_t j_ = id_[entry_];")
        yield


@contextmanager
def each_arriving(writer: CodeWriter, spikes: str) -> Iterator[None]:
    """Emits a loop over arriving spikes of neurons ``j_`` that teams split.

    Args:
        writer: output for the C code.
        spikes: C for the spikes, an ``mlg::Spikes``.
    """
    writer.line(f"const mlg::Spikes spikes_ = {spikes};")
    writer.line("const id_type *id_ = spikes_.id;")
    writer.line("const uint32_t count_ = spikes_.n;")
    with writer.block(each_by_team("uint32_t", "entry_", "count_")):
        writer.line("const size_t j_ = id_[entry_];")
        yield


@contextmanager
def each_listed_by_owner(writer: CodeWriter) -> Iterator[None]:
    """Emits a loop over the list's entries; a member visits the neurons that it also
    visits in loops over all neurons."""
    with writer.block("for (uint32_t entry_ = 0; entry_ < count_; ++entry_)"):
        writer.line("const size_t j_ = id_[entry_];")
        writer.line("if (int(j_) % MLG_MEMBERS != MLG_MEMBER) continue;")
        yield


def load_records(writer: CodeWriter, records: tuple[str, ...]) -> None:
    """Emits declarations of the records of the neuron at ``entry_``."""
    for index, name in enumerate(records):
        writer.line(f"const float {name} = record_[{index} * count_ + entry_];")
