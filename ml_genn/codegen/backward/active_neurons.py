"""The active neurons of a step: all of them, or a list."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

from ml_genn.codegen.forward.spike_emission import record_rows
from ml_genn.codegen.layout import Layout, padded
from ml_genn.codegen.parallel_loops import each
from ml_genn.codegen.spike_list_loops import each_entry, tape_entries
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import NeuronGroup, SurrogateAdjoint


def active_tape(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, surrogate: SurrogateAdjoint
) -> None:
    """Declares what is kept of the active neurons of step ``t_``."""
    tape = layout.active_tapes[group.name]
    if surrogate.all_active:
        writer.line(f"const mlg::Tape &tape_ = s_.tapes[{tape}];")
        record_rows(writer, group, surrogate.records, "const ")
    else:
        tape_entries(writer, tape, len(surrogate.records))


def if_all(
    writer: CodeWriter, group: NeuronGroup, surrogate: SurrogateAdjoint
) -> AbstractContextManager[None]:
    """Where numbers of all neurons are kept of the step."""
    return writer.block("" if surrogate.all_active else f"if (count_ == {group.size})")


def if_listed(writer: CodeWriter, group: NeuronGroup) -> AbstractContextManager[None]:
    """Where the active neurons of the step are listed."""
    return writer.block(f"if (count_ < {group.size})")


def each_active(
    writer: CodeWriter, group: NeuronGroup, surrogate: SurrogateAdjoint
) -> Iterator[str]:
    """Loops over the active neurons ``j_``, whether a step kept all or listed them.

    Gives the index of their dL/ds. A body may run for several neurons at once.
    """
    size = padded(group.size) if surrogate.all_active else group.size
    with if_all(writer, group, surrogate):
        writer.line("MLG_LOOP")
        with writer.block(each("int64_t", "j_", size)):
            yield "j_"
    if not surrogate.all_active:
        with if_listed(writer, group):
            writer.line("MLG_LOOP")
            with each_entry(writer, each):
                yield "k_"


def load_active(
    writer: CodeWriter, group: NeuronGroup, surrogate: SurrogateAdjoint, at: str
) -> None:
    """Declares the numbers kept of an active neuron."""
    for index, name in enumerate(surrogate.records):
        entry = f"{name}_row_[j_]"
        if not surrogate.all_active:
            count = group.size if at == "j_" else "count_"
            entry = f"record_[{index} * {count} + {at}]"
        writer.line(f"const float {name} = {entry};")
