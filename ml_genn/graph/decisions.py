"""Decisions of a network: values of its choices, kept with it and with its files.

The first compiler that sees a network decides all choices that are open. Populations
and connections keep the decisions, later compilers use them, and checkpoints and model
files contain them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ml_genn.errors import CheckpointError, ValidationError
from ml_genn.graph.graph import Connection, Graph, Population
from ml_genn.utils.checks import shown
from ml_genn.utils.choices import Decision, HasChoices, check_agreement

#: key of decisions in the facts of a checkpoint and in the configuration of a network
DECISIONS = "decisions"
POPULATIONS, CONNECTIONS, TIME_STEP = "populations", "connections", "time_step"
_MAX_NAME = 200  #: longest name of a compiler in a file
_FORM = (
    "decisions are {'populations': {name: {argument: [True or False, compiler]}}, "
    "'connections': the same, 'time_step': [ms, compiler] or None}"
)

#: {name of a population or connection: {argument: decision}}
ByName = Mapping[str, Mapping[str, Decision]]


@dataclass(frozen=True, slots=True)
class Decisions:
    """Decisions of the populations and connections of a network.

    Args:
        populations: those of populations, by name.
        connections: those of connections, by name.
        time_step: dt [ms] for which the weights were trained; None (default) if they
            were not.
    """

    populations: ByName = field(default_factory=dict)
    connections: ByName = field(default_factory=dict)
    time_step: Decision | None = None

    def of(self, owner: Population | Connection) -> Mapping[str, Decision]:
        """Returns {argument: decision} of a population or connection."""
        by_name = (
            self.populations if isinstance(owner, Population) else self.connections
        )
        return by_name.get(owner.name, {})

    def to_json(self) -> dict[str, Any]:
        """Returns the decisions as plain data, for files."""
        return {
            POPULATIONS: _plain(self.populations),
            CONNECTIONS: _plain(self.connections),
            TIME_STEP: self.time_step
            and [self.time_step.value, _saved(self.time_step)],
        }


def _plain(by_name: ByName) -> dict[str, Any]:
    return {
        name: {n: [d.value, _saved(d)] for n, d in decisions.items()}
        for name, decisions in by_name.items()
        if decisions
    }


def _saved(decision: Decision) -> str:
    return decision.compiler


def read_decisions(data: Any, file: str = "") -> Decisions:
    """Returns the decisions that `Decisions.to_json` wrote.

    Args:
        data: plain data; None if the file has none, as files of earlier versions.
        file: the checkpoint, for messages; empty (default) for none.

    Raises:
        CheckpointError: if the data have another form.
    """
    if data is None:
        return Decisions()
    _check(isinstance(data, Mapping), data)
    step = data.get(TIME_STEP)
    return Decisions(
        _read_owners(data.get(POPULATIONS), file),
        _read_owners(data.get(CONNECTIONS), file),
        None if step is None else _read_step(step, file),
    )


def _read_owners(data: Any, file: str) -> ByName:
    _check(isinstance(data, Mapping), data)
    for decisions in data.values():
        _check(isinstance(decisions, Mapping), decisions)
    return {
        name: {n: _read_choice(pair, file) for n, pair in decisions.items()}
        for name, decisions in data.items()
    }


def _read_choice(pair: Any, file: str) -> Decision:
    value, compiler = _read_pair(pair)
    _check(isinstance(value, bool), pair)
    return Decision(value, compiler, file)


def _read_step(pair: Any, file: str) -> Decision:
    value, compiler = _read_pair(pair)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    _check(is_number and 0.0 < value < math.inf, pair)
    return Decision(float(value), compiler, file)


def _read_pair(pair: Any) -> tuple[Any, str]:
    _check(isinstance(pair, list) and len(pair) == 2, pair)
    value, compiler = pair
    is_name = isinstance(compiler, str) and (
        compiler == "" or (compiler.isidentifier() and len(compiler) <= _MAX_NAME)
    )
    _check(is_name, pair)
    return value, compiler


def _check(condition: bool, data: Any) -> None:
    if not condition:
        raise CheckpointError(f"Checkpoint: {_FORM}. Received {shown(data)}.")


def decisions_in(graph: Graph) -> Decisions:
    """Returns the decisions that a network keeps."""
    return Decisions(
        {p.name: p.decisions for p in graph.populations},
        {c.name: c.decisions for c in graph.connections},
        graph.time_step,
    )


def keep_decisions(graph: Graph, decisions: Decisions, *, trains: bool) -> None:
    """Lets a network keep the decisions with which it was compiled.

    Args:
        graph: the network.
        decisions: its decisions.
        trains: True if it was compiled for training, whose time step it then keeps.
    """
    owners: list[Any] = [*graph.populations, *graph.connections]
    for owner in owners:
        owner.decisions = {**owner.decisions, **decisions.of(owner)}
    if trains:
        graph.time_step = decisions.time_step


def forget_decisions(graph: Graph) -> None:
    """Opens all choices of a network again."""
    owners: list[Any] = [*graph.populations, *graph.connections]
    for owner in owners:
        owner.decisions = {}
    graph.time_step = None


#: object, attribute, value
Change = tuple[Any, str, Any]


def decision_changes(graph: Graph, loaded: Decisions) -> list[Change]:
    """Returns the changes by which a network takes over the decisions of a file.

    Weights come from the file too, so its decisions replace those of compilers.

    Args:
        graph: a network.
        loaded: decisions of the file; names that the network lacks are ignored.

    Raises:
        CheckpointError: if an argument that the user wrote contradicts them.
    """
    changes: list[Change] = []
    owners: list[tuple[str, Any, Any]] = [
        *(("Population", p, p.neuron) for p in graph.populations),
        *(("Connection", c, c.synapse) for c in graph.connections),
    ]
    for kind, owner, model in owners:
        known = model.CHOICES if isinstance(model, HasChoices) else {}
        own = {n: d for n, d in loaded.of(owner).items() if n in known}
        for name, decision in own.items():
            try:
                check_agreement(f"{kind} '{owner.name}'", model, name, decision)
            except ValidationError as error:
                raise CheckpointError(str(error)) from None
        if own:
            changes.append((owner, DECISIONS, {**owner.decisions, **own}))
    if loaded.time_step is not None:
        changes.append((graph, TIME_STEP, loaded.time_step))
    return changes


def check_same_decisions(compiled: Decisions, loaded: Decisions) -> None:
    """Raises CheckpointError if a file has other decisions than a compiled network.

    Args:
        compiled: decisions of the compiled network.
        loaded: decisions of the file.
    """
    pairs = (
        ("Population", compiled.populations, loaded.populations),
        ("Connection", compiled.connections, loaded.connections),
    )
    for kind, here, there in pairs:
        for owner in here.keys() & there.keys():
            for name in here[owner].keys() & there[owner].keys():
                own, saved = here[owner][name], there[owner][name]
                if own.value != saved.value:
                    chosen = f" (chosen by {own.origin})" if own.compiler else ""
                    raise CheckpointError(
                        f"{kind} '{owner}': this network is compiled with "
                        f"{name}={own.value}{chosen}, but the checkpoint was saved "
                        f"with {name}={saved.value} (chosen by {saved.origin}). Load "
                        "it with Network.load before the network is compiled."
                    )
