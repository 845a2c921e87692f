"""Loops over the active neurons of a step, which are all neurons or a list.

Where neurons are listed, a step in which most are active has records of all neurons
instead (``count_`` is the number of neurons), with zeros for those that are not active.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

from ml_genn.codegen.forward.spike_emission import declare_record_rows
from ml_genn.codegen.layout import Layout
from ml_genn.codegen.parallel_loops import each
from ml_genn.codegen.spike_list_loops import declare_list, each_listed
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import NeuronGroup, SurrogateAdjoint


def declare_active(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, surrogate: SurrogateAdjoint
) -> None:
    """Emits declarations of the list of active neurons of step ``t_`` and their
    records."""
    tape = layout.names.index(group.name, "active_tape")
    if surrogate.all_active:
        writer.line(f"const mlg::Tape &tape_ = slot_.tapes[{tape}];")
        declare_record_rows(writer, layout.names, group, surrogate.records, "const ")
    else:
        num_records = layout.names.num_active_records(group.name)
        declare_list(writer, tape, num_records if surrogate.records else "")


def if_all(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, surrogate: SurrogateAdjoint
) -> AbstractContextManager[None]:
    """Emits a block for steps with records of all neurons."""
    size = layout.names.size(group.name)
    return writer.block("" if surrogate.all_active else f"if (count_ == {size})")


def if_listed(
    writer: CodeWriter, layout: Layout, group: NeuronGroup
) -> AbstractContextManager[None]:
    """Emits a block for steps whose active neurons are listed."""
    return writer.block(f"if (count_ < {layout.names.size(group.name)})")


def each_active(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, surrogate: SurrogateAdjoint
) -> Iterator[str]:
    """Emits the loops over active neurons ``j_``: over all, and over the list.

    Yields C for the index of the neuron's dL/ds, once per loop; what the caller writes
    then is the loop's body. Iterations are independent.
    """
    names = layout.names
    width, size = names.width(group.name), names.size(group.name)
    with if_all(writer, layout, group, surrogate):
        writer.line("MLG_LOOP")
        with writer.block(
            each("int64_t", "j_", width if surrogate.all_active else size)
        ):
            yield "j_"
    if not surrogate.all_active:
        with if_listed(writer, layout, group):
            writer.line("MLG_LOOP")
            with each_listed(writer, each):
                yield "entry_"


def load_active_records(
    writer: CodeWriter,
    layout: Layout,
    group: NeuronGroup,
    surrogate: SurrogateAdjoint,
    at: str,
) -> None:
    """Emits declarations of the records of an active neuron.

    Args:
        writer: output for the C code.
        layout: where numbers are stored.
        group: the neuron's group.
        surrogate: its surrogate adjoint.
        at: index of the neuron's dL/ds, from `each_active`.
    """
    for index, name in enumerate(surrogate.records):
        record = f"{name}_row_[j_]"
        if not surrogate.all_active:
            count = layout.names.size(group.name) if at == "j_" else "count_"
            record = f"record_[{index} * {count} + {at}]"
        writer.line(f"const float {name} = {record};")
