"""Memory of online learning: adjoints of backward passes, traces, gradients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ml_genn.codegen.layout import Layout, padded
from ml_genn.model.plan import Adjoint, NeuronGroup, Plan, SynapseGroup

Path = tuple[str, int]  #: an output and the port by which spikes enter it


@dataclass(frozen=True)
class OnlineGroup:
    """A group that learns online: its traces and its backward passes over a block.

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
        """Adjoint variables, those with an eligibility trace first."""
        first = self.adjoint.eligible
        return (*first, *(v for v in self.adjoint.variables if v not in first))

    @cached_property
    def feedback(self) -> dict[Path, list[SynapseGroup]]:
        """{(output, port): synapse groups that pass the loss's gradient back}."""
        paths: dict[Path, list[SynapseGroup]] = {}
        for s in self.plan.outgoing(self.group.name):
            if s.backpropagates:
                paths.setdefault((s.target, s.port), []).append(s)
        return paths

    @property
    def learned_synapses(self) -> list[SynapseGroup]:
        """Synapse groups into the group whose weights are learned."""
        return [s for s in self.plan.incoming(self.group.name) if s.learn]

    @property
    def num_traces(self) -> int:
        """Traces per synapse: of eligible variables, then towards outputs."""
        return len(self.adjoint.eligible) + len(self.feedback)

    @property
    def num_passes(self) -> int:
        """Backward passes over a block: one for the losses, one per trace."""
        return 1 + self.num_traces

    @property
    def width(self) -> int:
        """Floats in a row: one per neuron, padded."""
        return padded(self.group.size)

    @property
    def pass_floats(self) -> int:
        """Floats of one pass's adjoint."""
        return len(self.variables) * self.width

    @property
    def port_floats(self) -> int:
        """Floats of dL/dw of one port in one step: a row per pass."""
        return self.num_passes * self.width

    @property
    def step_floats(self) -> int:
        """Floats of dL/dw of all ports in one step."""
        return len(self.group.ports) * self.port_floats


@dataclass(frozen=True)
class OnlineLayout:
    """Offsets and sizes of all groups; empty for a plan that does not learn online.

    Args:
        layout: the plan's layout.
    """

    layout: Layout

    @property
    def plan(self) -> Plan:
        """The plan."""
        return self.layout.plan

    @cached_property
    def groups(self) -> tuple[OnlineGroup, ...]:
        """Groups that learn, outputs first."""
        groups = [
            OnlineGroup(self.plan, g, g.adjoint)
            for g in self.plan.neurons
            if g.adjoint and self.plan.online
        ]
        return tuple(sorted(groups, key=lambda g: g.group.loss is None))

    def group(self, name: str) -> OnlineGroup:
        """The group of that name."""
        return next(g for g in self.groups if g.group.name == name)

    # ------------------------------------------------------------ rows
    @cached_property
    def _rows(self) -> dict[tuple[str, str], int]:
        """{(population or connection, name): offset of its rows}."""
        rows: dict[tuple[str, str], int] = {}
        offset = 0
        for owner, name, size in (*self._parameter_traces(), *self._others()):
            rows[owner, name] = offset
            offset += size
        return rows

    def _parameter_traces(self) -> Iterator[tuple[str, str, int]]:
        for g in self.groups:
            for p in g.group.learned:
                yield g.group.name, parameter_trace(p.name), g.num_traces * g.width

    def _others(self) -> Iterator[tuple[str, str, int]]:
        for g in self.groups:
            name = g.group.name
            yield name, "lambda", g.num_passes * g.pass_floats
            yield name, "zero", g.width
            if g.group.learned:
                yield name, "gradient_sum", g.width
            if g.feedback:
                yield name, "output_grads", len(g.feedback) * g.width
            if g.adjoint.surrogate:
                for row in active_rows(g):
                    yield name, row, g.width
            for s in g.learned_synapses:
                yield s.name, TRACES, self.num_sources_of(s) * g.num_traces * g.width

    @property
    def size(self) -> int:
        """Floats in all rows of an example."""
        return sum(s for *_, s in (*self._parameter_traces(), *self._others()))

    @property
    def cleared(self) -> int:
        """Floats, the first ones, that start at zero in each example."""
        return sum(size for *_, size in self._parameter_traces())

    def row(self, group: str, name: str) -> str:
        """C for a pointer to rows of a population."""
        return f"slot_.online.rows + {self.layout.names.online(group, name)}"

    def traces(self, synapses: str) -> str:
        """C for a pointer to the traces of a connection."""
        offset = self.layout.names.online(synapses, TRACES, of_connection=True)
        return f"slot_.online.rows + {offset}"

    # ------------------------------------------------------------ gradients of a block
    @property
    def step_floats(self) -> int:
        """Floats of dL/dw of all groups in one step."""
        return sum(g.step_floats for g in self.groups)

    def weight_grads(self, group: str) -> str:
        """C for a pointer to dL/dw of spikes that arrive in the steps of the block."""
        offset = self.layout.names.online(group, "weight_grads")
        return f"slot_.online.weight_grads + slot_.online.steps * {offset}"

    # ------------------------------------------------------------ flags of sources
    def num_sources_of(self, synapses: SynapseGroup) -> int:
        """Number of source neurons of synapses."""
        return self.plan.neuron(synapses.source).size

    @property
    def num_sources(self) -> int:
        """Flags of the sources of all learned synapse groups."""
        return sum(
            self.num_sources_of(s) for g in self.groups for s in g.learned_synapses
        )

    def has_spiked(self, synapses: str) -> str:
        """C for a pointer to flags of sources that have spiked."""
        offset = self.layout.names.online(synapses, HAS_SPIKED, of_connection=True)
        return f"slot_.online.has_spiked + {offset}"

    # ------------------------------------------------------------ names
    def definitions(self) -> Iterator[tuple[str, int]]:
        """(name, value) of all sizes and offsets."""
        names = self.layout.names
        connections = {s.name for s in self.plan.synapses}
        for g in self.groups:
            for name, size in {
                "num_variables": len(g.variables),
                "num_eligible": len(g.adjoint.eligible),
                "num_outputs": len(g.feedback),
                "num_passes": g.num_passes,
                "pass_floats": g.pass_floats,
                "port_floats": g.port_floats,
                "step_floats": g.step_floats,
            }.items():
                yield names.online(g.group.name, name), size
        for (owner, name), offset in self._rows.items():
            of_connection = name == TRACES and owner in connections
            yield names.online(owner, name, of_connection=of_connection), offset
        weight_grads = has_spiked = 0
        for g in self.groups:
            yield names.online(g.group.name, "weight_grads"), weight_grads
            weight_grads += g.step_floats
            for s in g.learned_synapses:
                yield names.online(s.name, HAS_SPIKED, of_connection=True), has_spiked
                has_spiked += self.num_sources_of(s)


TRACES, HAS_SPIKED = "traces", "has_spiked"


def parameter_trace(name: str) -> str:
    """Name of the row with the traces of a learned parameter."""
    return f"trace_{name}"


def active_rows(g: OnlineGroup) -> tuple[str, ...]:
    """Names of rows with numbers of a step's active neurons, neuron by neuron."""
    records = g.adjoint.surrogate.records if g.adjoint.surrogate else ()
    return ("is_active", "learning_signal", "spike_grad", *records)
