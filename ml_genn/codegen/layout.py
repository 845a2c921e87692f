"""Where each number of a plan lives: the tables that code and runtime share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ml_genn.model.plan import (
    Adjoint,
    Constant,
    Delay,
    Format,
    Learned,
    LearnedKind,
    NeuronGroup,
    Plan,
    SynapseGroup,
)

LANES = 16  #: rows of numbers are padded to this many (64 bytes)
NARROW = 1 << 16  #: populations up to this size have 16-bit neuron indices

MANY_WEIGHTS = 1 << 14  #: from here on, reading weights takes longer than using them
#: neurons from which threads share an example if a batch has fewer examples
ENOUGH_TO_SHARE = 1024
DRAWS = 1 << 17  #: random numbers that a neuron may draw in a step


def padded(size: int) -> int:
    """The size rounded up to whole vectors."""
    return (size + LANES - 1) // LANES * LANES


def flags_of(group: NeuronGroup) -> int:
    """Bytes for one flag of each neuron, in whole cache lines."""
    return (group.size + 63) // 64 * 64


def symbol(name: str) -> str:
    """A C identifier that is unique to a group's name."""
    return "g_" + "".join(
        c if c.isascii() and c.isalnum() else f"_{ord(c):x}_" for c in name
    )


@dataclass(frozen=True, slots=True)
class Slice:
    """A row of the state block, in floats; its numbers may lie several ``apart``."""

    offset: int
    size: int
    apart: int = 1

    @property
    def places(self) -> slice:
        """Where its numbers are in the block."""
        return slice(self.offset, self.offset + self.size * self.apart, self.apart)


@dataclass(frozen=True)
class Layout:
    """Tables made from a plan.

    The state block of an example starts with the rows in `rows`; delay rings, whose
    lengths are numbers and not structure, follow at offsets the runtime chooses.
    """

    plan: Plan

    @cached_property
    def id_type(self) -> type[np.unsignedinteger[Any]]:
        """The integer that holds a neuron's index."""
        narrow = max(g.size for g in self.plan.neurons) <= NARROW
        return np.uint16 if narrow else np.uint32

    @cached_property
    def inputs(self) -> tuple[NeuronGroup, ...]:
        """Groups whose spikes come with the data."""
        return tuple(g for g in self.plan.neurons if g.events)

    @cached_property
    def driven(self) -> tuple[NeuronGroup, ...]:
        """Groups that are given numbers in each step."""
        return tuple(g for g in self.plan.neurons if g.data)

    @cached_property
    def first_draw(self) -> dict[str, int]:
        """{group that draws random numbers: index of its first in a step}."""
        drawing = [g for g in self.plan.neurons if g.step.calls or g.reset.calls]
        return {g.name: k * DRAWS for k, g in enumerate(drawing)}

    @cached_property
    def outputs(self) -> tuple[NeuronGroup, ...]:
        """Groups with a readout."""
        return tuple(g for g in self.plan.neurons if g.readout)

    @cached_property
    def regularised(self) -> tuple[NeuronGroup, ...]:
        """Groups whose firing rate is regularised."""
        return tuple(g for g in self.plan.neurons if g.regularised)

    @cached_property
    def tapes(self) -> dict[str, int]:
        """{spiking group: index of its tape}."""
        names = [g.name for g in self.plan.neurons if g.spikes]
        return {name: k for k, name in enumerate(names)}

    @cached_property
    def active_tapes(self) -> dict[str, int]:
        """{group with a surrogate gradient: index of the tape of active neurons}."""
        names = [g.name for g in self.plan.neurons if g.adjoint and g.adjoint.surrogate]
        return {name: len(self.tapes) + k for k, name in enumerate(names)}

    @cached_property
    def histories(self) -> dict[str, int]:
        """{group that keeps numbers of each step: index of its history}."""
        names = [g.name for g in self.plan.neurons if remembered(g)]
        return {name: k for k, name in enumerate(names)}

    @property
    def history_sizes(self) -> list[int]:
        """Floats in a step of each history."""
        groups = [self.plan.neuron(name) for name in self.histories]
        return [padded(g.size) * len(remembered(g)) for g in groups]

    @cached_property
    def learned(self) -> dict[Learned, int]:
        """{array whose gradient is taken: index}."""
        return {array: k for k, array in enumerate(self.plan.learned)}

    @cached_property
    def scalars(self) -> dict[tuple[str, str], int]:
        """{(group, constant that all its neurons share): index}."""
        return {key: k for k, key in enumerate(self._constants(per_neuron=False))}

    def _constants(self, per_neuron: bool) -> list[tuple[str, str]]:
        return [
            (g.name, c.name)
            for g in self.plan.neurons
            for c in g.constants
            if c.per_neuron == per_neuron
        ]

    def constant(self, group: str, name: str) -> Constant:
        """The constant of that name."""
        return next(c for c in self.plan.neuron(group).constants if c.name == name)

    @cached_property
    def arrays(self) -> dict[tuple[str, str, str], int]:
        """{(kind, owner, name): index} of arrays; kinds: constant, those of learned
        arrays, and of synapses weight, delay_steps, offset (of each row) and target,
        or patch_rows and patch_columns (what a pixel reaches).
        """
        keys = [("constant", *key) for key in self._constants(per_neuron=True)]
        own = [s for s in self.plan.synapses if not s.negates]
        keys += [("weight", s.name, "") for s in own]
        keys += [
            (a.kind.value, a.owner, a.name)
            for a in self.plan.learned
            if a.kind is not LearnedKind.WEIGHT
        ]
        for s in own:
            if s.delay is Delay.PER_SYNAPSE:
                keys.append(("delay_steps", s.name, ""))
            if s.format is Format.SPARSE:
                keys += [("offset", s.name, ""), ("target", s.name, "")]
            if s.format is Format.KERNEL:
                keys += [("patch_rows", s.name, ""), ("patch_columns", s.name, "")]
        return {key: k for k, key in enumerate(keys)}

    def array_of(self, learned: Learned) -> int:
        """Index of a learned array."""
        return self.arrays[learned.kind.value, learned.owner, learned.name]

    @cached_property
    def integers(self) -> dict[tuple[str, str, str], int]:
        """{(kind, owner, name): index} of whole numbers given at run time."""
        keys: list[tuple[str, str, str]] = []
        for s in self.plan.synapses:
            if s.delay is Delay.CONSTANT:
                keys.append(("delay", s.name, ""))
            if s.delay is Delay.PER_SYNAPSE:
                keys += [("ring", s.name, "offset"), ("ring", s.name, "length")]
        for group, port in self.port_rings:
            for part in ("length", "slope", "back"):
                keys.append(("port_ring", group, f"{port}.{part}"))
        for g in self.driven:
            keys += [("frames", g.name, "count"), ("frames", g.name, "steps")]
        for g in self.plan.neurons:
            if g.window:
                keys += [("window", g.name, "first"), ("window", g.name, "last")]
        return {key: k for k, key in enumerate(keys)}

    @cached_property
    def port_rings(self) -> tuple[tuple[str, int], ...]:
        """(group, port) whose adjoint is needed at several delays."""
        found = {
            (s.target, s.port): None
            for s in self.plan.synapses
            if s.delay is not Delay.NONE and s.trained
        }
        return () if self.plan.online else tuple(found)

    @cached_property
    def flags(self) -> dict[str, int]:
        """{group with a threshold: where the flags of its neurons start}."""
        result: dict[str, int] = {}
        end = 0
        for group in self.plan.neurons:
            if group.threshold is not None:
                result[group.name] = end
                end += flags_of(group)
        return result

    @cached_property
    def shareable(self) -> bool:
        """Whether threads can share the targets of all synapses of an example, and on
        the way back its spikes and active neurons; and there are neurons enough."""
        if max(group.size for group in self.plan.neurons) < ENOUGH_TO_SHARE:
            return False
        fed = any(group.data for group in self.plan.neurons)
        delivering = [s for s in self.plan.synapses if s.delivers]
        return not fed and all(streams(s) or lists(s) for s in delivering)

    @cached_property
    def sleepers(self) -> dict[str, int]:
        """{group whose adjoint stays zero until one of its neurons spikes or is active,
        from the end of an example on: index}."""
        if self.plan.online:
            return {}
        ringed = {group for group, _ in self.port_rings}
        found = [
            g.name
            for g in self.plan.neurons
            if g.adjoint
            and g.threshold is not None
            and not g.loss
            and g.name not in ringed
            and not (g.adjoint.surrogate and g.adjoint.surrogate.all_active)
        ]
        return {name: k for k, name in enumerate(found)}

    @cached_property
    def slopes(self) -> dict[tuple[str, int], int]:
        """{(group, port) whose slopes are kept until gradients take them: index}."""
        found = {(s.target, s.port): None for s in self.plan.synapses if gathers(s)}
        return {} if self.plan.online else {key: k for k, key in enumerate(found)}

    @cached_property
    def slope_sizes(self) -> list[int]:
        """Floats in a row of each kept slope."""
        return [padded(self.plan.neuron(group).size) for group, _ in self.slopes]

    def into(self, group: str, port: int) -> tuple[SynapseGroup, ...]:
        """Synapse groups into a port."""
        return tuple(s for s in self.plan.incoming(group) if s.port == port)

    def slope_name(self, group: NeuronGroup, port: int) -> str:
        """The row that holds dL/dw of a spike into a port."""
        adjoint = group.adjoint
        if adjoint is not None:
            name = adjoint.ports[port].weight_grad
            if name in adjoint.variables:
                return name
        return f"slope{port}_"

    def back_name(self, group: NeuronGroup, port: int) -> str:
        """The row of what flows back over a port; with some rules it is the slope's."""
        return self.slope_name(group, port) if _same(group, port) else f"back{port}_"

    def needs_slope(self, group: NeuronGroup, port: int) -> bool:
        """Whether any synapse into a port reads its slope in every step."""
        into = self.into(group.name, port)
        same = _same(group, port)
        return any(learns_at_spikes(s) or (s.reads_backprop and same) for s in into)

    def flows_back(self, group: NeuronGroup, port: int) -> bool:
        """Whether any synapse into a port reads what flows back over it, and that is
        not what its weight learns."""
        into = self.into(group.name, port)
        return any(s.reads_backprop for s in into) and not _same(group, port)

    def needs_back(self, group: NeuronGroup, port: int) -> bool:
        """Whether a row is kept of what flows back over a port."""
        return self.flows_back(group, port) and group.name not in self.pairs

    @cached_property
    def rows(self) -> dict[tuple[str, str], Slice]:
        """{(group, name): row of the state block}."""
        result: dict[tuple[str, str], Slice] = {}
        offset = 0
        for group in self.plan.neurons:
            pair = self.pairs.get(group.name, ())
            for name in self._row_names(group):
                if name in pair:
                    result[group.name, name] = Slice(
                        offset + pair.index(name), group.size, len(pair)
                    )
                    offset += padded(group.size) * len(pair) * (name == pair[-1])
                else:
                    result[group.name, name] = Slice(offset, group.size)
                    offset += padded(group.size)
        return result

    @cached_property
    def pairs(self) -> dict[str, tuple[str, ...]]:
        """{group whose two adjoints lie side by side: their names}.

        Where listed synapses alone look at a group's adjoint, and it goes on by itself
        linearly and alike for all neurons, each synapse finds both numbers in one
        place, and makes of them what it learns and what flows back.
        """
        return {
            g.name: g.adjoint.variables
            for g in self.plan.neurons
            if g.adjoint and not self.plan.online and self._pairs(g, g.adjoint)
        }

    def _pairs(self, group: NeuronGroup, adjoint: Adjoint) -> bool:
        """Whether a group's adjoints lie side by side."""
        looking = [
            s
            for s in self.plan.incoming(group.name)
            if learns_at_spikes(s) or s.reads_backprop
        ]
        known = {*adjoint.variables, "prev_step_loss_grad_", "dt"}
        known |= {c.name for c in group.constants if not c.per_neuron}
        return (
            len(adjoint.variables) == 2
            and not group.loss
            and not group.learned
            and all(group.name != ringed for ringed, _ in self.port_rings)
            and any(self.flows_back(group, s.port) for s in looking)
            and all(lists(s) for s in looking)
            and adjoint.step.reads <= known
            and all(adjoint.ports[s.port].reads <= known for s in looking)
        )

    @cached_property
    def packed(self) -> dict[str, int]:
        """{synapse group whose weights the backward pass reads by target: index}.

        Where all neurons of the source may be active, what flows back to them is summed
        for many neurons and for several examples at once.
        """
        if self.plan.online:
            return {}
        found = [
            s.name
            for s in self.plan.synapses
            if s.backpropagates
            and s.source in self.active_tapes
            and (streams(s) or adds_patches(s))
        ]
        return {name: k for k, name in enumerate(found)}

    def packed_shape(self, name: str) -> tuple[int, int]:
        """Rows and columns of packed weights: sources and targets, or of a kernel that
        all pixels share, channels and what a channel has."""
        s = self.plan.synapse(name)
        if s.kernel is not None:
            return s.kernel.channels, s.kernel.size // s.kernel.channels
        return self.plan.neuron(s.source).size, self.plan.neuron(s.target).size

    @cached_property
    def together(self) -> int:
        """Examples that are worth taking through the backward pass side by side."""
        large = any(
            rows * columns > MANY_WEIGHTS
            for rows, columns in map(self.packed_shape, self.packed)
        )
        return 4 if large else 1

    @cached_property
    def block_size(self) -> int:
        """Floats in the rows of the state block."""
        return sum(padded(row.size) for row in self.rows.values())

    def _row_names(self, group: NeuronGroup) -> list[str]:
        names = [v.name for v in group.variables]
        names += [f"{name}_saved_" for name in group.saved_locals]
        if group.readout:
            names += [name for name, _ in group.readout.variables]
            names.append("result_")
        if group.loss:
            names.append("result_slope_")
        if group.adjoint and not self.plan.online:
            names += group.adjoint.variables
            for k in range(len(group.ports)):
                if (group.name, k) in self.port_rings:
                    continue
                slope = self.slope_name(group, k)
                if self.needs_slope(group, k) and slope not in names:
                    names.append(slope)
                if self.needs_back(group, k):
                    names.append(f"back{k}_")
            if group.threshold is not None:
                names.append("spike_slope_")
        return names


def remembered(group: NeuronGroup) -> tuple[str, ...]:
    """What is kept of each step: state that the backward pass reads, and buffers."""
    return (*(group.adjoint.tape if group.adjoint else ()), *group.buffers)


def streams(synapses: SynapseGroup) -> bool:
    """Whether rows are whole and arrive as one, so that vectors can be added."""
    whole = synapses.format is Format.DENSE and not synapses.negates
    return whole and synapses.delay is not Delay.PER_SYNAPSE


def adds_patches(synapses: SynapseGroup) -> bool:
    """Whether all channels of a pixel lead to the same targets, and arrive as one."""
    kernel = synapses.kernel
    whole = kernel is not None and not kernel.channelwise
    return whole and synapses.delay is not Delay.PER_SYNAPSE


def lists(synapses: SynapseGroup) -> bool:
    """Whether synapses are listed and arrive as one."""
    sparse = synapses.format is Format.SPARSE
    return sparse and synapses.delay is not Delay.PER_SYNAPSE


def gathers(synapses: SynapseGroup) -> bool:
    """Whether gradients are summed neuron by neuron over many steps, not at spikes."""
    return synapses.learn and streams(synapses)


def learns_at_spikes(synapses: SynapseGroup) -> bool:
    """Whether gradients of weights are added to at each spike."""
    return synapses.learn and not gathers(synapses)


def moves_in_steps(layout: Layout, synapses: SynapseGroup) -> bool:
    """Whether what flows back is dL/ds, so that dL/dt is a difference over steps."""
    return _same(layout.plan.neuron(synapses.target), synapses.port)


def _same(group: NeuronGroup, port: int) -> bool:
    """Whether what flows back over a port is what its weights' gradient adds."""
    adjoint = group.adjoint
    return (
        adjoint is not None
        and adjoint.ports[port].backprop == adjoint.ports[port].weight_grad
    )
