"""The tables that generated code and the runtime share."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, TypeVar

import numpy as np

from ml_genn.codegen.formats import TransposedWeights, format_code
from ml_genn.codegen.layout import adjoints, arguments, state
from ml_genn.codegen.layout.ports import learns_in_blocks, reads_backprop
from ml_genn.codegen.names import Names
from ml_genn.codegen.sizes import (
    DRAWS_PER_STEP,
    MAX_UINT16_NEURONS,
    MEMORY_BOUND_WEIGHTS,
    MIN_NEURONS_TO_SPLIT,
    flag_bytes,
    padded,
)
from ml_genn.model.plan import Constant, Learned, NeuronGroup, Plan

K = TypeVar("K", bound=Hashable)

#: Examples whose backward pass reads weights once for all of them.
MAX_EXAMPLES_PER_TILE = 4


def history_names(group: NeuronGroup) -> tuple[str, ...]:
    """Numbers recorded in every step: state that the adjoint reads, and buffers."""
    return (*(group.adjoint.tape if group.adjoint else ()), *group.buffers)


@dataclass(frozen=True)
class Layout:
    """Indices, offsets and sizes of a plan's numbers.

    The state block of an example starts with the rows in `rows`; delay rings, whose
    lengths are numbers and not structure, follow at offsets that the runtime chooses.

    Args:
        plan: the plan.
    """

    plan: Plan

    @cached_property
    def names(self) -> Names:
        """C names of sizes, offsets and indices."""
        return Names(self.plan)

    # ------------------------------------------------------------ groups
    @cached_property
    def id_type(self) -> type[np.unsignedinteger[Any]]:
        """Integer type of a neuron's index."""
        largest = max(g.size for g in self.plan.neurons)
        return np.uint16 if largest <= MAX_UINT16_NEURONS else np.uint32

    @cached_property
    def inputs(self) -> tuple[NeuronGroup, ...]:
        """Groups whose spikes come with the data."""
        return tuple(g for g in self.plan.neurons if g.events)

    @cached_property
    def analog_inputs(self) -> tuple[NeuronGroup, ...]:
        """Groups that receive a number per neuron and step with the data."""
        return tuple(g for g in self.plan.neurons if g.data)

    @cached_property
    def outputs(self) -> tuple[NeuronGroup, ...]:
        """Groups with a readout."""
        return tuple(g for g in self.plan.neurons if g.readout)

    @cached_property
    def regularised(self) -> tuple[NeuronGroup, ...]:
        """Groups whose firing rate is regularised."""
        return tuple(g for g in self.plan.neurons if g.regularised)

    @cached_property
    def first_draw(self) -> dict[str, int]:
        """{group that draws random numbers: index of its first one in a step}."""
        drawing = [g for g in self.plan.neurons if g.step.draws or g.reset.draws]
        return {g.name: k * DRAWS_PER_STEP for k, g in enumerate(drawing)}

    # ------------------------------------------------------------ tapes
    @cached_property
    def tapes(self) -> dict[str, int]:
        """{spiking group: index of its spike tape}."""
        names = [g.name for g in self.plan.neurons if g.spikes]
        return _indices(names)

    @cached_property
    def active_tapes(self) -> dict[str, int]:
        """{group with surrogate gradients: index of its tape of active neurons}."""
        names = [g.name for g in self.plan.neurons if g.adjoint and g.adjoint.surrogate]
        return {name: len(self.tapes) + k for k, name in enumerate(names)}

    @cached_property
    def histories(self) -> dict[str, int]:
        """{group with numbers recorded in every step: index of its history}."""
        return _indices(g.name for g in self.plan.neurons if history_names(g))

    @property
    def history_sizes(self) -> list[int]:
        """Floats in one step of each history."""
        groups = [self.plan.neuron(name) for name in self.histories]
        return [padded(g.size) * len(history_names(g)) for g in groups]

    @cached_property
    def flags(self) -> dict[str, int]:
        """{group with a threshold: offset of its neurons' flags in bytes}."""
        offsets: dict[str, int] = {}
        end = 0
        for group in self.plan.neurons:
            if group.threshold is not None:
                offsets[group.name] = end
                end += flag_bytes(group)
        return offsets

    # ------------------------------------------------------------ arguments
    @cached_property
    def learned(self) -> dict[Learned, int]:
        """{array whose gradient is computed: index}."""
        return _indices(self.plan.learned)

    @cached_property
    def scalars(self) -> dict[tuple[str, str], int]:
        """{(group, constant that all its neurons share): index}."""
        return _indices(arguments.constants(self.plan, per_neuron=False))

    @cached_property
    def arrays(self) -> dict[arguments.Key, int]:
        """{(kind, owner, name): index of an array}; see `arguments.array_keys`."""
        return _indices(arguments.array_keys(self.plan))

    @cached_property
    def integers(self) -> dict[arguments.Key, int]:
        """{(kind, owner, name): index of a number}; see `arguments.integer_keys`."""
        return _indices(arguments.integer_keys(self.plan))

    def array_of(self, learned: Learned) -> int:
        """Index of a learned array among the arrays."""
        return self.arrays[learned.kind.value, learned.owner, learned.name]

    def constant(self, group: str, name: str) -> Constant:
        """The constant of that name."""
        return next(c for c in self.plan.neuron(group).constants if c.name == name)

    # ------------------------------------------------------------ state block
    @cached_property
    def rows(self) -> dict[tuple[str, str], state.StateRow]:
        """{(group, name): row of the state block}."""
        return state.state_rows(self.plan)

    @cached_property
    def block_size(self) -> int:
        """Floats in the rows of the state block."""
        return sum(padded(row.size) for row in self.rows.values())

    # ------------------------------------------------------------ backward pass
    @cached_property
    def adjoint_rings(self) -> tuple[tuple[str, int], ...]:
        """(group, port) whose gradients are stored for several steps."""
        return adjoints.adjoint_rings(self.plan)

    @cached_property
    def lazy_adjoints(self) -> dict[str, int]:
        """{group whose adjoint is zero until one of its neurons spikes: index}."""
        return _indices(adjoints.lazy_adjoints(self.plan))

    @cached_property
    def interleaved_adjoints(self) -> dict[str, tuple[str, ...]]:
        """{group whose two adjoints are stored side by side: their names}."""
        return adjoints.interleaved_adjoints(self.plan)

    def stores_backprop(self, group: NeuronGroup, port: int) -> bool:
        """True if a row holds the gradient that synapses into a port pass back."""
        interleaved = group.name in self.interleaved_adjoints
        return reads_backprop(self.plan, group, port) and not interleaved

    @cached_property
    def grad_rings(self) -> dict[tuple[str, int], int]:
        """{(group, port) whose dL/dw is stored for a block of steps, until weight
        gradients are summed: index}."""
        learning = [s for s in self.plan.synapses if learns_in_blocks(s)]
        ports = dict.fromkeys((s.target, s.port) for s in learning)
        return {} if self.plan.online else _indices(ports)

    @cached_property
    def grad_ring_sizes(self) -> list[int]:
        """Floats in a row of each gradient ring."""
        return [padded(self.plan.neuron(group).size) for group, _ in self.grad_rings]

    @cached_property
    def transposed_weights(self) -> dict[str, TransposedWeights]:
        """{synapse group whose weights the backward pass reads by target: their code}.

        Where all neurons of the source may be active, their gradients are summed for
        many neurons and several examples at once.
        """
        if self.plan.online:
            return {}
        transposed = {
            s.name: format_code(s).transposed(self.names, s)
            for s in self.plan.synapses
            if s.backpropagates and s.source in self.active_tapes
        }
        return {name: code for name, code in transposed.items() if code is not None}

    @cached_property
    def examples_per_tile(self) -> int:
        """Examples that are worth taking through the backward pass side by side."""
        memory_bound = any(
            prod(weights.shape()) > MEMORY_BOUND_WEIGHTS
            for weights in self.transposed_weights.values()
        )
        return MAX_EXAMPLES_PER_TILE if memory_bound else 1

    # ------------------------------------------------------------ threads
    @cached_property
    def can_split_examples(self) -> bool:
        """True if several threads can run one example, and it has neurons enough.

        They split the targets of all synapses, and in the backward pass the spikes and
        active neurons.
        """
        if max(group.size for group in self.plan.neurons) < MIN_NEURONS_TO_SPLIT:
            return False
        delivering = [s for s in self.plan.synapses if s.delivers]
        splittable = all(format_code(s).splits_targets for s in delivering)
        return splittable and not self.analog_inputs


def _indices(keys: Iterable[K]) -> dict[K, int]:
    """{key: its place among the keys}."""
    return {key: k for k, key in enumerate(keys)}
