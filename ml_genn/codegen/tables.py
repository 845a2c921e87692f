"""Tables of generated text: names, sizes and indices that a model is compiled with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml_genn.codegen.formats.csr import PREFETCH_DISTANCE
from ml_genn.codegen.forward.neuron_step import lists_active_neurons
from ml_genn.codegen.layout import Layout, flag_bytes, history_names, padded
from ml_genn.codegen.layout.state import RESULT
from ml_genn.codegen.online.layout import OnlineLayout
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import (
    MAX_SAFE_NUMBER,
    MAX_STORED_NUMBER,
    SAFE_SCALARS,
    NeuronGroup,
)


@dataclass(frozen=True, slots=True)
class Definition:
    """A C name and its value.

    Args:
        name: qualified name.
        value: C expression.
        comment: what it stands for; empty (default) if the name says it.
    """

    name: str
    value: int | str
    comment: str = ""


#: Names of `int` constants; the others are offsets and indices, of 64 bits.
INT_NAMES = {"size", "width", "num_records", "num_active_records"}

#: A namespace: {name: definition, or a namespace inside it}.
Tree = dict[str, Any]

#: Numbers of a loss: that of its formula, strength of the late-spike penalty.
LOSS_SCALARS = 2
RANDOM_IN_RESET = 1 << 16  #: index of the first number that reset code draws in a step


def tables(writer: CodeWriter, layout: Layout) -> None:
    """Emits what precedes the functions: types, names, tables, the engine's headers."""
    writer.line(f"#define MLG_ID_TYPE {layout.id_type.__name__}_t")
    writer.line("#define MLG_MODEL_TABLES")
    writer.line('#include "id_type.h"')
    writer.heading("names of populations and connections")
    _namespaces(writer, _definitions(layout))
    writer.heading("sizes of the model")
    for name, count in _counts(layout).items():
        writer.line(f"constexpr int64_t {name} = {count};")
    writer.line(
        f"constexpr uint32_t PREFETCH_DISTANCE = {PREFETCH_DISTANCE};  "
        "// spikes from the prefetch of a CSR row to its use"
    )
    lowest, highest = SAFE_SCALARS
    writer.line(
        f"constexpr float MAX_SAFE_NUMBER = {MAX_SAFE_NUMBER!r}f, "
        f"MIN_SAFE_SCALAR = {lowest!r}f, MAX_SAFE_SCALAR = {highest!r}f, "
        f"MAX_STORED_NUMBER = {MAX_STORED_NUMBER!r}f;"
    )
    writer.heading("tables; each ends with -1")
    for name, values in _arrays(layout).items():
        text = ", ".join(map(str, [*values, -1]))
        writer.line(f"constexpr int64_t {name}[] = {{{text}}};")
    writer.line('#include "engine.h"')
    _transposed_weights(writer, layout)
    writer.line('#include "slot.h"')


# ---------------------------------------------------------------- counts and arrays
def _counts(layout: Layout) -> dict[str, int]:
    plan, online = layout.plan, OnlineLayout(layout)
    surrogates = [g.adjoint.surrogate for g in plan.neurons if g.adjoint]
    return {
        "INPUTS": len(layout.inputs),
        "OUTPUTS": len(layout.outputs),
        "LOSS_SCALARS": LOSS_SCALARS * len(layout.outputs),
        "TAPES": len(layout.tapes) + len(layout.active_tapes),
        "HISTORIES": len(layout.histories),
        "GROUPS": len(plan.neurons),
        "LEARNED": len(layout.learned),
        "ALL_LEARNED": -1,
        "NORMS": int(any(update.norms for update in plan.updates)),
        "REGULARISED": len(layout.regularised),
        "GRAD_RINGS": len(layout.grad_rings),
        "SURROGATES": sum(s is not None for s in surrogates),
        "LAZY_ADJOINTS": len(layout.lazy_adjoints),
        "LAZY_PROPAGATORS": len(layout.interleaved_adjoints),
        "FLAG_BYTES": sum(
            flag_bytes(g) for g in plan.neurons if g.name in layout.flags
        ),
        "CAN_SPLIT_EXAMPLES": int(layout.can_split_examples),
        "ACTIVE_LISTS": len(_active_lists(layout)),
        "EXAMPLES_PER_TILE": layout.examples_per_tile,
        "ONLINE_FLOATS": online.size,
        "ONLINE_TRACE_FLOATS": online.cleared,
        "ONLINE_STEP_FLOATS": online.step_floats,
        "ONLINE_SOURCES": online.num_sources,
        "ACTIVE_FLOATS": sum(
            padded(g.size) * len(g.adjoint.surrogate.records)
            for g in plan.neurons
            if g.adjoint and g.adjoint.surrogate
        ),
    }


def _arrays(layout: Layout) -> dict[str, Sequence[int | str]]:
    names, lists = layout.names, _active_lists(layout)
    outputs = [g for g in layout.outputs if g.readout]
    return {
        "INPUT_TAPE": [names.index(g.name, "tape") for g in layout.inputs],
        "STEP_LOSS_GRAD_SIZE": [
            names.width(g.name) if g.loss and g.loss.per_step else 0 for g in outputs
        ],
        "HISTORY_SIZE": layout.history_sizes,
        "READOUT_ROWS": [
            number
            for g in outputs
            if g.readout
            for name, _ in g.readout.variables
            for number in (names.row(g.name, name), names.width(g.name))
        ],
        "CHECKED_ROWS": list(_checked_rows(layout)),
        **_optimiser_tables(layout),
        "GRAD_RING_SIZE": [names.width(group) for group, _ in layout.grad_rings],
        "ACTIVE_LIST_SIZE": [names.size(g.name) for g in lists],
        "ACTIVE_LIST_TAPE": [names.index(g.name, "active_tape") for g in lists],
        "REGULARISED_SIZE": [names.size(g.name) for g in layout.regularised],
        "REGULARISED_TAPE": [names.index(g.name, "tape") for g in layout.regularised],
    }


def _checked_rows(layout: Layout) -> Iterator[int | str]:
    """Yields offset, size and index of the group of each row that has to be finite:
    state variables and results of readouts."""
    names = layout.names
    for index, group in enumerate(layout.plan.neurons):
        checked = [v.name for v in group.variables if v.type == "float"]
        for name in (*checked, *([RESULT] if group.readout else [])):
            yield from (names.row(group.name, name), names.size(group.name), index)


def _optimiser_tables(layout: Layout) -> dict[str, list[int]]:
    """Returns the tables of the optimisers of learned arrays."""
    first, updates = 0, {}
    for update in layout.plan.updates:
        updates[update.target] = first, len(update.scalars), int(update.bounded)
        first += len(update.scalars)
    rows = [updates.get(array, (0, 0, 1)) for array in layout.learned]
    names = ("FIRST_SCALAR", "NUM_SCALARS", "HAS_BOUNDED_STEP")
    return {name: [row[k] for row in rows] for k, name in enumerate(names)}


def _active_lists(layout: Layout) -> list[NeuronGroup]:
    return [g for g in layout.plan.neurons if lists_active_neurons(g)]


def _transposed_weights(writer: CodeWriter, layout: Layout) -> None:
    """Emits offsets of transposed weights; their sizes depend on the engine's
    registers."""
    names, end = layout.names, "0"
    definitions: list[Definition] = []
    for name, weights in layout.transposed_weights.items():
        offset = f"{names.connection(name)}::transposed"
        definitions.append(Definition(offset, end))
        end = f"{offset} + {weights.size()}"
    _namespaces(writer, definitions)
    writer.line(f"constexpr int64_t TRANSPOSED_FLOATS = {end};")


# ---------------------------------------------------------------- names
def _namespaces(writer: CodeWriter, definitions: Iterable[Definition]) -> None:
    """Emits definitions of names, in nested namespaces."""
    tree: Tree = {}
    for definition in definitions:
        *path, last = definition.name.split("::")
        inner = tree
        for namespace in path:
            inner = inner.setdefault(namespace, {})
        inner[last] = definition
    _write(writer, tree)


def _write(writer: CodeWriter, tree: Tree) -> None:
    for name, entry in tree.items():
        if isinstance(entry, Definition):
            kind = "int" if name in INT_NAMES else "int64_t"
            comment = f"  // {entry.comment}" if entry.comment else ""
            writer.line(f"constexpr {kind} {name} = {entry.value};{comment}")
        else:
            with writer.block(f"namespace {name}"):
                _write(writer, entry)


def _definitions(layout: Layout) -> Iterator[Definition]:
    for group in layout.plan.neurons:
        yield Definition(layout.names.size(group.name), group.size)
        yield Definition(layout.names.width(group.name), padded(group.size))
        yield from _indices(layout, group)
        yield from _record_counts(layout, group)
    yield from _state(layout)
    yield from _arguments(layout)
    yield from _learning(layout)


def _indices(layout: Layout, group: NeuronGroup) -> Iterator[Definition]:
    """Indices of a population's entries in tables."""
    outputs = _places([g.name for g in layout.outputs])
    tables: dict[str, Mapping[str, int]] = {
        "tape": layout.tapes,
        "active_tape": layout.active_tapes,
        "history": layout.histories,
        "flags": layout.flags,
        "lazy_adjoint": layout.lazy_adjoints,
        "propagator": _places(list(layout.interleaved_adjoints)),
        "output": outputs,
        "loss_scalar": {name: LOSS_SCALARS * k for name, k in outputs.items()},
        "late_spike_penalty": {
            name: LOSS_SCALARS * k + 1 for name, k in outputs.items()
        },
        "analog_input": _places([g.name for g in layout.analog_inputs]),
        "regulariser": _places([g.name for g in layout.regularised]),
        "first_draw": layout.first_draw,
        "first_draw_of_reset": {
            name: first + RANDOM_IN_RESET for name, first in layout.first_draw.items()
        },
    }
    for what, table in tables.items():
        if group.name in table:
            yield Definition(layout.names.index(group.name, what), table[group.name])


def _record_counts(layout: Layout, group: NeuronGroup) -> Iterator[Definition]:
    """Numbers of floats recorded with a population's spikes and active neurons."""
    names, adjoint = layout.names, group.adjoint
    if group.name in layout.tapes:
        count = len(adjoint.records) if adjoint else 0
        yield Definition(names.num_records(group.name), count)
    if adjoint and adjoint.surrogate and group.name in layout.active_tapes:
        count = len(adjoint.surrogate.records)
        yield Definition(names.num_active_records(group.name), count)


def _places(names: Sequence[str]) -> dict[str, int]:
    return {name: k for k, name in enumerate(names)}


def _state(layout: Layout) -> Iterator[Definition]:
    """Rows of the state block, of histories and of gradient rings."""
    names = layout.names
    for (group, name), row in layout.rows.items():
        yield Definition(names.row(group, name), row.offset)
    for neurons in layout.plan.neurons:
        for index, name in enumerate(history_names(neurons)):
            yield Definition(names.past(neurons.name, name), index)
    for (group, port), index in layout.grad_rings.items():
        yield Definition(names.grad_ring(group, port), index)


def _arguments(layout: Layout) -> Iterator[Definition]:
    """Indices of the numbers and arrays that the runtime passes."""
    names = layout.names
    for (group, name), index in layout.scalars.items():
        formula = _formula(layout, group, name)
        yield Definition(names.scalar(group, name), index, formula)
    for (kind, owner, name), index in layout.arrays.items():
        formula = _formula(layout, owner, name) if kind == "constant" else ""
        yield Definition(names.array(kind, owner, name), index, formula)
    for (kind, owner, name), index in layout.integers.items():
        yield Definition(names.integer(kind, owner, name), index)


def _formula(layout: Layout, group: str, constant: str) -> str:
    """Expression of a constant, unless it is a parameter of that name."""
    expression = layout.constant(group, constant).expression
    return "" if expression == constant else " ".join(expression.split())


def _learning(layout: Layout) -> Iterator[Definition]:
    """Indices of gradients and of what optimisers store."""
    names = layout.names
    for learned, index in layout.learned.items():
        yield Definition(names.gradient(learned), index)
    slots = scalars = 0
    for update in layout.plan.updates:
        yield Definition(names.optimiser(update.target, "slots"), slots)
        yield Definition(names.optimiser(update.target, "scalars"), scalars)
        slots += len(update.slots)
        scalars += len(update.scalars)
    for name, value in OnlineLayout(layout).definitions():
        yield Definition(name, value)
