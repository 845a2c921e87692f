"""Networks as text and tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ml_genn.graph.graph import Connection, Graph, Population
from ml_genn.utils.choices import HasChoices
from ml_genn.utils.tables import Table, escaped

Counts = tuple[int, int]  #: weights that can be learned, synapses
_COUNTED = ("Weights", "Synapses")


@dataclass(frozen=True, slots=True)
class Summary:
    """What a network is, as text or HTML.

    Args:
        title: the kind of network.
        tables: populations and, where there are any, connections.
        notes: lines below.
    """

    title: str
    tables: Sequence[Table]
    notes: Sequence[str]

    def text(self) -> str:
        """Lines for a terminal."""
        tables = [line for table in self.tables for line in ("", *table.text())]
        return "\n".join([self.title, *tables, "", *self.notes])

    def html(self) -> str:
        """Tables for a notebook."""
        tables = "".join(table.html() for table in self.tables)
        notes = "<br>".join(escaped(note.strip()) for note in self.notes)
        return f"<div><b>{escaped(self.title)}</b>{tables}<p>{notes}</p></div>"


def network_summary(network: Graph) -> Summary:
    """Populations and connections, and what is left to the compiler."""
    neurons = {p: p.neuron for p in network.populations}
    synapses = {c: c.synapse for c in network.connections}
    counts = {c: _expected(c) for c in network.connections}
    return Summary(
        type(network).__name__,
        _tables(neurons, synapses, counts),
        [*_totals(counts), *_choices(neurons, synapses, made=None)],
    )


def compiled_summary(compiled: Any, lowered: Any, num_steps: int) -> Summary:
    """What runs, with the choices that the compiler made."""
    counts = {c: _counted(c, lowered) for c in lowered.synapses}
    return Summary(
        type(compiled).__name__,
        _tables(lowered.neurons, lowered.synapses, counts),
        [
            *_totals(counts),
            f"Time steps: {num_steps} of {compiled.dt:g} ms. "
            f"Batch size: {compiled.batch_size}.",
            *_choices(
                {p: p.neuron for p in lowered.neurons},
                {c: c.synapse for c in lowered.synapses},
                made={**lowered.neurons, **lowered.synapses},
            ),
        ],
    )


def _expected(connection: Connection) -> Counts:
    """What a connection will have, about; zeros if that is not known."""
    source, target = connection.ends()
    if not source.shape or not target.shape:
        return 0, 0
    connectivity = connection.connectivity
    weights = connectivity.num_weights(source, target)
    return weights, connectivity.expected(source, target)


def _counted(connection: Connection, lowered: Any) -> Counts:
    """What a connection has."""
    group = lowered.plan.synapse(connection.name)
    size = lowered.values.weights[group.name].size
    weights = size if connection.connectivity.trainable else 0
    return weights, group.kernel.synapses if group.kernel else size


def _tables(
    neurons: dict[Population, Any],
    synapses: dict[Connection, Any],
    counts: dict[Connection, Counts],
) -> list[Table]:
    populations = [
        (
            p.name,
            type(n).__name__,
            _shape(p),
            type(n.readout).__name__ if n.readout else "-",
        )
        for p, n in neurons.items()
    ]
    connections = []
    for c, synapse in synapses.items():
        source, target = c.ends()
        connections.append(
            (
                c.name,
                f"{source.name} -> {target.name}",
                type(c.connectivity).__name__,
                type(synapse).__name__,
                *(f"{n:,}" if counts[c][1] else "?" for n in counts[c]),
            )
        )
    tables = [Table(("Population", "Neuron", "Shape", "Readout"), populations)]
    if connections:
        head = ("Connection", "From -> to", "Connectivity", "Synapse", *_COUNTED)
        tables.append(Table(head, connections))
    return tables


def _totals(counts: dict[Connection, Counts]) -> list[str]:
    totals = [sum(numbers) for numbers in zip(*counts.values(), strict=True)]
    pairs = zip(_COUNTED, totals or (0, 0), strict=True)
    return [f"{name}: {total:,}" for name, total in pairs]


def _shape(population: Population) -> str:
    return str(population.shape) if population.shape else "not known yet"


def _choices(
    neurons: dict[Population, Any],
    synapses: dict[Connection, Any],
    made: dict[Any, Any] | None,
) -> list[str]:
    """What is left open or, with ``made``, what a compiler chose for it."""
    owners: list[Any] = [*neurons, *synapses]
    parts: list[Any] = [*neurons.values(), *synapses.values()]
    lines = []
    for owner, part in zip(owners, parts, strict=True):
        if not isinstance(part, HasChoices) or not part.open_choices():
            continue
        values = None if made is None else made[owner].choices()
        chosen = [
            name if values is None else f"{name}={values.get(name)}"
            for name in part.open_choices()
        ]
        lines.append(f"  {owner.name} ({type(part).__name__}): {', '.join(chosen)}")
    if not lines:
        return []
    head = "Left to the compiler:" if made is None else "HasChoices by the compiler:"
    return [head, *lines]
