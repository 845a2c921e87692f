"""What a tape lists in a step, and loops over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ml_genn.codegen.parallel_loops import each_by_team
from ml_genn.codegen.writer import CodeWriter


def tape_entries(writer: CodeWriter, index: int, records: int = 0) -> None:
    """Declares the entries of step ``t_`` on a tape: ``count_`` neurons ``id_``."""
    writer.line(f"const mlg::Tape &tape_ = s_.tapes[{index}];")
    writer.line("const uint32_t *offset_ = tape_.offset + (t_ - tape_.base);")
    writer.line("const uint32_t count_ = offset_[1] - offset_[0];")
    writer.line("const id_type *id_ = tape_.id + offset_[0];")
    if records:
        writer.line(
            f"const float *record_ = tape_.record + size_t(offset_[0]) * {records};"
        )


@contextmanager
def each_entry(
    writer: CodeWriter, share: Callable[[str, str, str], str] = each_by_team
) -> Iterator[None]:
    """A loop over the entries ``k_`` of a step: neurons ``j_``."""
    with writer.block(share("uint32_t", "k_", "count_")):
        writer.line("const size_t j_ = id_[k_];")
        yield


@contextmanager
def each_own_entry(writer: CodeWriter) -> Iterator[None]:
    """As `each_entry`, by the members that take the neurons in loops over all."""
    with writer.block("for (uint32_t k_ = 0; k_ < count_; ++k_)"):
        writer.line("const size_t j_ = id_[k_];")
        writer.line("if (int(j_) % MLG_MEMBERS != MLG_MEMBER) continue;")
        yield


def load_records(writer: CodeWriter, records: tuple[str, ...]) -> None:
    """Declares the numbers kept with entry ``k_`` of a tape."""
    for index, name in enumerate(records):
        writer.line(f"const float {name} = record_[{index} * count_ + k_];")
