"""Memory in which a batch runs: state, spike tapes, and arrays of the backward pass."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ml_genn.backends.cuda.memory.addresses import address, address_table
from ml_genn.backends.cuda.memory.spike_tapes import SpikeTape
from ml_genn.codegen.layout import Layout, flag_bytes, padded
from ml_genn.codegen.online.layout import OnlineLayout
from ml_genn.model.plan import NeuronGroup


@dataclass(frozen=True, slots=True)
class WorkspaceShape:
    """Sizes of the arrays of a workspace.

    Args:
        examples: examples of a batch.
        window: time steps whose spikes and saved values are stored.
        state_floats: floats in the state block of an example.
        ring_length: rows of each ring of gradients: steps of a block, or of the window
            in which weight gradients are summed, and those of the longest delay.
        tape_fraction: capacity of tapes, as fraction of the spikes if all neurons
            spiked in all steps.
    """

    examples: int
    window: int
    state_floats: int
    ring_length: int
    tape_fraction: float


@dataclass(frozen=True, slots=True, eq=False)
class Workspace:
    """Arrays in which a batch runs; see slot.h.

    Args:
        shape: sizes of the arrays.
        state_blocks: state, (examples, floats).
        flags: flags of the neurons of a step, (examples, bytes).
        tapes: {index: tape} of groups whose spikes do not come with the data.
        step_loss_grads: of each output, (examples, window, neurons).
        history: state at the start of each step, (examples, window, floats).
        grad_rings: (examples, ring_length, neurons).
        online: rows, weight gradients and flags of online learning; see
            online/state.h.
    """

    shape: WorkspaceShape
    state_blocks: Any
    flags: Any
    tapes: dict[int, SpikeTape] = field(default_factory=dict)
    step_loss_grads: list[Any] = field(default_factory=list)
    history: list[Any] = field(default_factory=list)
    grad_rings: list[Any] = field(default_factory=list)
    online: dict[str, Any] = field(default_factory=dict)

    def call_fields(self) -> dict[str, int]:
        """Returns fields of a call."""
        return {
            "state_blocks": address(self.state_blocks),
            "state_floats": self.shape.state_floats,
            "flags": address(self.flags),
            "window": self.shape.window,
            "ring_length": self.shape.ring_length,
            **{name: address(array) for name, array in self.online.items()},
        }

    def call_tables(self) -> dict[str, list[int]]:
        """Returns tables of a call, but those of tapes."""
        return {
            "step_loss_grads": address_table(self.step_loss_grads),
            "history": address_table(self.history),
            "grad_rings": address_table(self.grad_rings),
        }


def allocate_workspace(cupy: Any, layout: Layout, shape: WorkspaceShape) -> Workspace:
    """Returns a workspace; all arrays are zero."""
    online = OnlineLayout(layout)
    groups = [g for g in layout.plan.neurons if g.name in layout.flags]
    spike_and_active_flags = 2 * sum(flag_bytes(group) for group in groups)

    def floats(*sizes: int) -> Any:
        return cupy.zeros((shape.examples, *sizes), dtype=np.float32)

    def flags(size: int) -> Any:
        return cupy.zeros((shape.examples, size), dtype=np.uint8)

    step_loss_sizes = [
        padded(g.size) if g.loss and g.loss.per_step else 0 for g in layout.outputs
    ]
    return Workspace(
        shape,
        floats(shape.state_floats),
        flags(spike_and_active_flags),
        _tapes(cupy, layout, shape),
        step_loss_grads=[floats(shape.window, size) for size in step_loss_sizes],
        history=[floats(shape.window, size) for size in layout.history_sizes],
        grad_rings=[floats(shape.ring_length, size) for size in layout.grad_ring_sizes],
        online={
            "online_rows": floats(online.size),
            "online_weight_grads": floats(shape.ring_length, online.step_floats),
            "online_has_spiked": flags(online.num_sources),
        },
    )


def _tapes(cupy: Any, layout: Layout, shape: WorkspaceShape) -> dict[int, SpikeTape]:
    tapes: dict[int, SpikeTape] = {}
    for name, index in layout.tapes.items():
        group = layout.plan.neuron(name)
        if not group.events:
            record_size = len(group.adjoint.records) if group.adjoint else 0
            capacity = _capacity(group, shape)
            tapes[index] = _tape(cupy, layout, shape, capacity, record_size)
    for name, index in layout.active_tapes.items():
        group = layout.plan.neuron(name)
        surrogate = group.adjoint.surrogate if group.adjoint else None
        if surrogate is None:
            continue
        all_neurons = padded(group.size) * shape.window
        capacity = all_neurons if surrogate.all_active else _capacity(group, shape)
        record_size = len(surrogate.records)
        tapes[index] = _tape(cupy, layout, shape, capacity, record_size)
    return tapes


def _capacity(group: NeuronGroup, shape: WorkspaceShape) -> int:
    """Spikes of an example on a tape: at least a step's, at most those of all steps."""
    most = group.size * shape.window
    return min(int(most * shape.tape_fraction) + group.size, most)


def _tape(
    cupy: Any, layout: Layout, shape: WorkspaceShape, capacity: int, record_size: int
) -> SpikeTape:
    examples = shape.examples
    return SpikeTape(
        cupy.zeros((examples, capacity), dtype=layout.id_type),
        cupy.zeros((examples, shape.window + 2), dtype=np.uint32),
        cupy.zeros((examples, capacity * record_size), dtype=np.float32),
        capacity,
        record_size,
    )
