"""C names of what the populations and connections of a plan own.

Generated text has one namespace per population (``pop_<name>``) and per connection
(``syn_<name>``) with sizes, offsets and indices, for example ``pop_hidden::row::v``.
`ml_genn.codegen.tables` writes their values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from ml_genn.model.plan import Learned, LearnedKind, Plan

#: Kinds of arrays and integers that a population owns; connections own the others.
POPULATION_KINDS = {"constant", "parameter", "adjoint_ring", "frames", "window"}


@dataclass(frozen=True)
class Names:
    """C expressions for sizes, offsets and indices.

    Args:
        plan: the plan.
    """

    plan: Plan

    @cached_property
    def _populations(self) -> dict[str, str]:
        return _identifiers(g.name for g in self.plan.neurons)

    @cached_property
    def _connections(self) -> dict[str, str]:
        return _identifiers(s.name for s in self.plan.synapses)

    def population(self, group: str) -> str:
        """Namespace of a population."""
        return f"pop_{self._populations[group]}"

    def connection(self, synapses: str) -> str:
        """Namespace of a connection."""
        return f"syn_{self._connections[synapses]}"

    def function(self, prefix: str, group: str) -> str:
        """Name of a function of a population."""
        return f"{prefix}_{self._populations[group]}"

    # ------------------------------------------------------------ populations
    def size(self, group: str) -> str:
        """Number of neurons."""
        return f"{self.population(group)}::size"

    def width(self, group: str) -> str:
        """Floats in a row of the population: its size, padded."""
        return f"{self.population(group)}::width"

    def num_records(self, group: str) -> str:
        """Number of floats that are recorded with each spike."""
        return f"{self.population(group)}::num_records"

    def num_active_records(self, group: str) -> str:
        """Number of floats that are recorded with each active neuron."""
        return f"{self.population(group)}::num_active_records"

    def row(self, group: str, name: str) -> str:
        """Offset of a row in the state block."""
        return f"{self.population(group)}::row::{name}"

    def index(self, group: str, what: str) -> str:
        """Index of the population's entry in a table: tape, output, ..."""
        return f"{self.population(group)}::{what}"

    def scalar(self, group: str, name: str) -> str:
        """Index of a constant that all neurons share."""
        return f"{self.population(group)}::scalar::{name}"

    def past(self, group: str, name: str) -> str:
        """Index of a row in a step of the population's history."""
        return f"{self.population(group)}::past::{name}"

    def grad_ring(self, group: str, port: int) -> str:
        """Index of a port's gradient ring."""
        return f"{self.population(group)}::grad_ring::port{port}"

    def online(self, owner: str, name: str, *, of_connection: bool = False) -> str:
        """Size or offset of online learning."""
        namespace = self.connection if of_connection else self.population
        return f"{namespace(owner)}::online::{_entry(name)}"

    # ------------------------------------------------------------ arguments
    def array(self, kind: str, owner: str, name: str = "") -> str:
        """Index of an array; arguments as the keys of `Layout.arrays`."""
        return f"{self._owner(kind, owner)}::array::{_entry(kind, name)}"

    def integer(self, kind: str, owner: str, name: str = "") -> str:
        """Index of a whole number; arguments as the keys of `Layout.integers`."""
        return f"{self._owner(kind, owner)}::integer::{_entry(kind, name)}"

    def gradient(self, learned: Learned) -> str:
        """Index of a gradient, or of the update of a learned array."""
        owner = self._owner(learned.kind.value, learned.owner)
        return f"{owner}::gradient::{_of(learned)}"

    def optimiser(self, learned: Learned, what: str) -> str:
        """Index of the first slot or scalar of an array's optimiser."""
        owner = self._owner(learned.kind.value, learned.owner)
        return f"{owner}::optimiser::{_of(learned)}_{what}"

    def _owner(self, kind: str, owner: str) -> str:
        of_population = kind in POPULATION_KINDS
        return self.population(owner) if of_population else self.connection(owner)


def _of(learned: Learned) -> str:
    is_parameter = learned.kind is LearnedKind.PARAMETER
    return learned.name if is_parameter else str(learned.kind.value)


def _entry(*parts: str) -> str:
    return "_".join(re.sub(r"\W", "_", part) for part in parts if part)


def _identifiers(names: Iterable[str]) -> dict[str, str]:
    """{name: identifier that can follow a prefix}; different for each name."""
    identifiers: dict[str, str] = {}
    for name in names:
        readable = re.sub(r"[\W_]+", "_", name, flags=re.ASCII).strip("_") or "unnamed"
        identifier, number = readable, 1
        while identifier in identifiers.values():
            number += 1
            identifier = f"{readable}_{number}"
        identifiers[name] = identifier
    return identifiers
