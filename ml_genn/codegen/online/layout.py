"""Where the numbers live that learning online keeps beside a network's state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ml_genn.codegen.layout import Layout, padded
from ml_genn.model.plan import Adjoint, NeuronGroup, Plan, SynapseGroup

Path = tuple[str, int]  #: an output, and the port that spikes enter it by


@dataclass(frozen=True)
class Sweeps:
    """How a group's block of steps is gone through; see `learn_block`.

    Args:
        plan: the plan.
        group: the group.
        adjoint: its adjoint.
    """

    plan: Plan
    group: NeuronGroup
    adjoint: Adjoint

    @cached_property
    def variables(self) -> tuple[str, ...]:
        """Adjoint variables, those that traces belong to first."""
        first = self.adjoint.eligible
        return (*first, *(v for v in self.adjoint.variables if v not in first))

    @cached_property
    def feedback(self) -> dict[Path, list[SynapseGroup]]:
        """{output and port: synapse groups that the loss flows back through}."""
        found: dict[Path, list[SynapseGroup]] = {}
        for s in self.plan.outgoing(self.group.name):
            if s.backpropagates:
                found.setdefault((s.target, s.port), []).append(s)
        return found

    @property
    def learned(self) -> list[SynapseGroup]:
        """Synapse groups onto the group whose weights are learned."""
        return [s for s in self.plan.incoming(self.group.name) if s.learn]

    @property
    def traces(self) -> int:
        """Traces of each synapse: of eligible variables, then towards outputs."""
        return len(self.adjoint.eligible) + len(self.feedback)

    @property
    def count(self) -> int:
        """Sweeps: one for the losses, one for each trace."""
        return 1 + self.traces

    @property
    def row(self) -> int:
        """Floats in a row: one for each neuron, padded."""
        return padded(self.group.size)

    @property
    def sweep(self) -> int:
        """Floats from one sweep's adjoint to the next one's."""
        return len(self.variables) * self.row

    @property
    def port(self) -> int:
        """Floats from one port's slopes to the next one's."""
        return self.count * self.row

    @property
    def step(self) -> int:
        """Floats from one step's slopes to the next one's."""
        return len(self.group.ports) * self.port


@dataclass(frozen=True)
class OnlineLayout:
    """Tables of all groups; empty for a plan that does not learn online."""

    layout: Layout

    @property
    def plan(self) -> Plan:
        """The plan."""
        return self.layout.plan

    @cached_property
    def groups(self) -> tuple[Sweeps, ...]:
        """Groups that the loss flows through, outputs first."""
        groups = [
            Sweeps(self.plan, g, g.adjoint)
            for g in self.plan.neurons
            if g.adjoint and self.plan.online
        ]
        return tuple(sorted(groups, key=lambda sweeps: sweeps.group.loss is None))

    def sweeps(self, group: str) -> Sweeps:
        """The sweeps of the group of that name."""
        return next(g for g in self.groups if g.group.name == group)

    def sources(self, synapses: SynapseGroup) -> int:
        """Neurons that synapses come from."""
        return self.plan.neuron(synapses.source).size

    @cached_property
    def rows(self) -> dict[tuple[str, str], int]:
        """{(group, name): first float}; the traces of parameters come first."""
        result: dict[tuple[str, str], int] = {}
        offset = 0
        for owner, name, size in (*self._parameter_traces(), *self._others()):
            result[owner, name] = offset
            offset += size
        return result

    def _parameter_traces(self) -> Iterator[tuple[str, str, int]]:
        for g in self.groups:
            for p in g.group.learned:
                yield g.group.name, f"trace {p.name}", g.traces * g.row

    def _others(self) -> Iterator[tuple[str, str, int]]:
        for g in self.groups:
            name = g.group.name
            yield name, "lambda", g.count * g.sweep
            yield name, "zero", g.row
            if g.group.learned:
                yield name, "sum", g.row
            if g.feedback:
                yield name, "carry", len(g.feedback) * g.row
            if g.adjoint.surrogate:
                for own in ("mask", "signal", "spike", *g.adjoint.surrogate.records):
                    yield name, own, g.row
            for s in g.learned:
                yield s.name, "traces", self.sources(s) * g.traces * g.row

    @property
    def size(self) -> int:
        """Floats in all rows."""
        return sum(s for *_, s in (*self._parameter_traces(), *self._others()))

    @property
    def cleared(self) -> int:
        """Floats that start at zero in each example."""
        return sum(size for *_, size in self._parameter_traces())

    @cached_property
    def slopes(self) -> dict[str, int]:
        """{group: first of its slopes, for one step}."""
        result, offset = {}, 0
        for g in self.groups:
            result[g.group.name] = offset
            offset += g.step
        return result

    @property
    def each_step(self) -> int:
        """Floats of slopes in one step."""
        return sum(g.step for g in self.groups)

    @cached_property
    def live(self) -> dict[str, int]:
        """{learned synapse group: first of its sources' flags}."""
        result, offset = {}, 0
        for g in self.groups:
            for s in g.learned:
                result[s.name] = offset
                offset += self.sources(s)
        return result

    @property
    def flags(self) -> int:
        """Flags of the sources of all learned synapse groups."""
        return sum(self.sources(s) for g in self.groups for s in g.learned)

    def at(self, owner: str, name: str) -> str:
        """C for a pointer to rows."""
        return f"s_.online.rows + {self.rows[owner, name]}"

    def slopes_of(self, group: str) -> str:
        """C for a pointer to what spikes do that arrive in the steps of the block."""
        return f"s_.online.weight_grads + s_.online.steps * {self.slopes[group]}"
