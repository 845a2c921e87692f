"""Summaries of networks as text and as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ml_genn.graph.decisions import Decisions, decisions_in
from ml_genn.graph.graph import Connection, Graph, Population
from ml_genn.utils.choices import HasChoices
from ml_genn.utils.tables import Table, escaped


class Counts(NamedTuple):
    """Numbers of a connection, or their sum.

    Args:
        weights: weights that training can change.
        synapses: synapses; 0 if the number is not known yet.
    """

    weights: int
    synapses: int


COUNT_NAMES = ("Weights", "Synapses")


@dataclass(frozen=True, slots=True)
class Summary:
    """Tables of a network's populations and connections, with notes below.

    Args:
        title: class of the network.
        tables: populations and, if there are any, connections.
        notes: lines below the tables.
    """

    title: str
    tables: Sequence[Table]
    notes: Sequence[str]

    def text(self) -> str:
        """Returns lines for a terminal."""
        tables = [line for table in self.tables for line in ("", *table.text())]
        return "\n".join([self.title, *tables, "", *self.notes])

    def html(self) -> str:
        """Returns tables for a notebook."""
        tables = "".join(table.html() for table in self.tables)
        notes = "<br>".join(escaped(note.strip()) for note in self.notes)
        return f"<div><b>{escaped(self.title)}</b>{tables}<p>{notes}</p></div>"


def network_summary(graph: Graph) -> Summary:
    """Returns the summary of a network before it is compiled.

    Its notes list the arguments left to the compiler, and those that one has decided.

    Args:
        graph: a network.
    """
    neurons = {p: p.neuron for p in graph.populations}
    synapses = {c: c.synapse for c in graph.connections}
    counts = {c: _expected_counts(c) for c in graph.connections}
    return Summary(
        type(graph).__name__,
        _tables(neurons, synapses, counts),
        [
            *_totals(counts),
            *_choices({**neurons, **synapses}, decisions_in(graph)),
            *_time_step(graph),
        ],
    )


def compiled_summary(compiled: Any, lowered: Any, num_steps: int) -> Summary:
    """Returns the summary of a compiled network.

    Its notes list the values that the compiler chose.

    Args:
        compiled: the compiled network.
        lowered: its plan and values, with resolved neurons and synapses.
        num_steps: time steps of an example.
    """
    counts = {c: _exact_counts(c, lowered) for c in lowered.synapses}
    return Summary(
        type(compiled).__name__,
        _tables(lowered.neurons, lowered.synapses, counts),
        [
            *_totals(counts),
            f"Time steps: {num_steps} of {compiled.dt:g} ms. "
            f"Batch size: {compiled.batch_size}.",
            *_choices(
                {
                    **{p: p.neuron for p in lowered.neurons},
                    **{c: c.synapse for c in lowered.synapses},
                },
                lowered.decisions,
            ),
        ],
    )


def _expected_counts(connection: Connection) -> Counts:
    """Returns expected numbers, as random connectivity is not drawn yet."""
    source, target = connection.ends()
    if not source.shape or not target.shape:
        return Counts(0, 0)
    connectivity = connection.connectivity
    weights = connectivity.num_weights(source, target)
    return Counts(weights, connectivity.expected(source, target))


def _exact_counts(connection: Connection, lowered: Any) -> Counts:
    group = lowered.plan.synapse(connection.name)
    size = lowered.values.weights[group.name].size
    weights = size if connection.connectivity.trainable else 0
    return Counts(weights, group.format.num_synapses(size))


def _tables(
    neurons: Mapping[Population, Any],
    synapses: Mapping[Connection, Any],
    counts: Mapping[Connection, Counts],
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
                *(f"{n:,}" if counts[c].synapses else "?" for n in counts[c]),
            )
        )
    tables = [Table(("Population", "Neuron", "Shape", "Readout"), populations)]
    if connections:
        head = ("Connection", "From -> to", "Connectivity", "Synapse", *COUNT_NAMES)
        tables.append(Table(head, connections))
    return tables


def _totals(counts: Mapping[Connection, Counts]) -> list[str]:
    totals = [sum(numbers) for numbers in zip(*counts.values(), strict=True)]
    pairs = zip(COUNT_NAMES, totals or (0, 0), strict=True)
    return [f"{name}: {total:,}" for name, total in pairs]


def _shape(population: Population) -> str:
    return str(population.shape) if population.shape else "not known yet"


def _choices(models: Mapping[Any, Any], decisions: Decisions) -> list[str]:
    """Returns lines with the open choices of neurons and synapses, by their origin.

    Args:
        models: {population or connection: its neuron or synapse, as the user made it}.
        decisions: decisions about them.
    """
    lines: dict[str, list[str]] = {}
    for owner, model in models.items():
        names = model.open_choices() if isinstance(model, HasChoices) else ()
        texts: dict[str, list[str]] = {}
        for name in names:
            decision = decisions.of(owner).get(name)
            head = "Left to the compiler:"
            if decision is not None:
                head = f"Chosen by {decision.origin}:"
                name = f"{name}={decision.value}"
            texts.setdefault(head, []).append(name)
        for head, parts in texts.items():
            line = f"  {owner.name} ({type(model).__name__}): {', '.join(parts)}"
            lines.setdefault(head, []).append(line)
    return [line for head, below in lines.items() for line in (head, *below)]


def _time_step(graph: Graph) -> list[str]:
    """Returns a line with the time step for which weights were trained, if any."""
    if graph.time_step is None:
        return []
    value, origin = graph.time_step.value, graph.time_step.origin
    return [f"Time step of its training: {value:g} ms ({origin})."]
