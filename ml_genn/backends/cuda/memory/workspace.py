"""Memory of a batch on the device: state, spike tapes and what the way back reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ml_genn.backends.cuda.launch.kernel_args import address, addresses
from ml_genn.backends.cuda.memory.spike_tapes import Tape
from ml_genn.codegen.layout import Layout, flag_bytes, padded
from ml_genn.codegen.online.layout import OnlineLayout
from ml_genn.model.plan import NeuronGroup


@dataclass(frozen=True, slots=True)
class Shape:
    """What a workspace must hold.

    Args:
        batch: examples.
        window: time steps that are kept.
        floats: numbers in the state of an example.
        ring_length: steps whose gradients are stored for the backward pass, or while
            the network runs.
        share: share of the neurons of each step that fits on a tape.
    """

    batch: int
    window: int
    floats: int
    ring_length: int
    share: float


@dataclass(frozen=True, slots=True, eq=False)
class Workspace:
    """Arrays of a batch.

    Args:
        shape: what it was made for.
        blocks: state, (examples, floats).
        flags: of neurons in a step.
        tapes: {index: tape} of groups whose spikes do not come with the data.
        step_loss_grads, history, grad_rings: see slot.h.
        online: rows, weight gradients and flags; see online.h.
    """

    shape: Shape
    blocks: Any
    flags: Any
    tapes: dict[int, Tape] = field(default_factory=dict)
    step_loss_grads: list[Any] = field(default_factory=list)
    history: list[Any] = field(default_factory=list)
    grad_rings: list[Any] = field(default_factory=list)
    online: dict[str, Any] = field(default_factory=dict)

    def numbers(self) -> dict[str, int]:
        """Fields of a call."""
        return {
            "blocks": address(self.blocks),
            "floats": self.shape.floats,
            "flags": address(self.flags),
            "window": self.shape.window,
            "ring_length": self.shape.ring_length,
            **{name: address(array) for name, array in self.online.items()},
        }

    def tables(self) -> dict[str, list[int]]:
        """Tables of a call, without those of tapes."""
        return {
            "step_loss_grads": addresses(self.step_loss_grads),
            "history": addresses(self.history),
            "grad_rings": addresses(self.grad_rings),
        }


def allocate(cupy: Any, layout: Layout, shape: Shape) -> Workspace:
    """A workspace."""
    online = OnlineLayout(layout)
    flags = sum(flag_bytes(g) for g in layout.plan.neurons if g.name in layout.flags)

    def floats(*sizes: int) -> Any:
        return cupy.zeros((shape.batch, *sizes), dtype=np.float32)

    step_loss_sizes = [
        padded(g.size) if g.loss and g.loss.per_step else 0 for g in layout.outputs
    ]
    return Workspace(
        shape,
        floats(shape.floats),
        cupy.zeros((shape.batch, 2 * flags), dtype=np.uint8),
        _tapes(cupy, layout, shape),
        step_loss_grads=[floats(shape.window, size) for size in step_loss_sizes],
        history=[floats(shape.window, size) for size in layout.history_sizes],
        grad_rings=[floats(shape.ring_length, size) for size in layout.grad_ring_sizes],
        online={
            "online_rows": floats(online.size),
            "online_weight_grads": floats(shape.ring_length, online.each_step),
            "online_has_spiked": cupy.zeros(
                (shape.batch, online.flags), dtype=np.uint8
            ),
        },
    )


def _tapes(cupy: Any, layout: Layout, shape: Shape) -> dict[int, Tape]:
    found: dict[int, Tape] = {}
    for name, index in layout.tapes.items():
        group = layout.plan.neuron(name)
        if not group.events:
            numbers = len(group.adjoint.records) if group.adjoint else 0
            found[index] = _tape(cupy, layout, shape, _room(group, shape), numbers)
    for name, index in layout.active_tapes.items():
        group = layout.plan.neuron(name)
        surrogate = group.adjoint.surrogate if group.adjoint else None
        if surrogate is None:
            continue
        everywhere = padded(group.size) * shape.window
        room = everywhere if surrogate.all_active else _room(group, shape)
        found[index] = _tape(cupy, layout, shape, room, len(surrogate.records))
    return found


def _room(group: NeuronGroup, shape: Shape) -> int:
    """Entries of a tape: at least a step's, at most those of all steps."""
    expected = int(group.size * shape.window * shape.share) + group.size
    return min(expected, group.size * shape.window)


def _tape(cupy: Any, layout: Layout, shape: Shape, room: int, numbers: int) -> Tape:
    batch = shape.batch
    return Tape(
        cupy.zeros((batch, room), dtype=layout.id_type),
        cupy.zeros((batch, shape.window + 2), dtype=np.uint32),
        cupy.zeros((batch, room * numbers), dtype=np.float32),
        room,
        numbers,
    )
