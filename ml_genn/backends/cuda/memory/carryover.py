"""What a batch leaves to the next one, where neurons keep their state between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn.backends.cuda.launch.kernel_args import addresses
from ml_genn.backends.cuda.memory.input_spikes import packed
from ml_genn.backends.host.arrays.host_arrays import HostArrays, delay_rings
from ml_genn.codegen.layout import Layout, padded
from ml_genn.model.batch import Events
from ml_genn.model.plan import Values


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """Spikes of an example, sorted by step; see `ml_genn.model.batch.Events`."""

    steps: np.ndarray
    ids: np.ndarray


NOTHING = Played(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.uint32))


@dataclass(frozen=True, slots=True, eq=False)
class Carried:
    """How a batch ended.

    Args:
        steps: its time steps.
        blocks: state, (examples, floats).
        spikes: {spiking group: those of the last ``tail`` steps of each example}.
        tail: steps whose spikes may still arrive.
    """

    steps: int
    blocks: np.ndarray
    spikes: dict[str, list[Played]]
    tail: int

    def last(self, group: str, examples: int) -> Sequence[Events]:
        """Last spikes of a group in the examples of the next batch."""
        known = self.spikes[group][:examples]
        return [*known, *[NOTHING] * (examples - len(known))]

    def state(
        self, layout: Layout, values: Values, numbers: HostArrays, examples: int
    ) -> np.ndarray:
        """State at the start of the next batch, whose time starts at 0: rings of delays
        are turned, readouts start anew."""
        blocks = np.tile(numbers.initial_state, (examples, 1))
        known = min(examples, len(self.blocks))
        blocks[:known] = self.blocks[:known]
        for offset, length, row in delay_rings(layout, values, numbers.integers):
            ring = blocks[:known, offset : offset + length * row]
            turned = ring.reshape(known, length, row)
            ring[...] = np.roll(turned, -self.steps, axis=1).reshape(known, -1)
        for group in layout.outputs:
            for name, _ in group.readout.variables if group.readout else ():
                row = layout.rows[group.name, name]
                part = slice(row.offset, row.offset + padded(row.size))
                blocks[:, part] = numbers.initial_state[part]
        return blocks


class Tails:
    """The last spikes of a batch on the device, as the next one is given them.

    Args:
        cupy: the module.
        layout: of whose tapes.
        last: how the batch ended.
        examples: of the next batch.

    Attributes:
        steps: time steps that they are of.
    """

    def __init__(self, cupy: Any, layout: Layout, last: Carried, examples: int) -> None:
        self.steps = last.tail
        spikes = [
            packed(last.last(name, examples), last.tail, layout.id_type)
            for name in layout.tapes
        ]
        none = [None] * len(layout.active_tapes)
        self._ids = [*(cupy.asarray(ids) for ids, _ in spikes), *none]
        self._offsets = [*(cupy.asarray(offsets) for _, offsets in spikes), *none]

    def tables(self) -> dict[str, list[int]]:
        """Tables of a call."""
        return {
            "tail_ids": addresses(self._ids),
            "tail_offsets": addresses(self._offsets),
        }


def carried(
    blocks: np.ndarray,
    spikes: dict[str, list[tuple[np.ndarray, np.ndarray]]],
    steps: int,
    longest: int,
    before: Carried | None,
) -> Carried:
    """What is kept of a batch.

    Args:
        blocks: state at its end.
        spikes: {spiking group: (steps, neurons) of each example}.
        steps: its time steps.
        longest: the longest delay [steps].
        before: what it went on from; examples that a smaller batch lacks stay so.
    """
    tail = min(longest + 1, steps)
    first = steps - tail

    def last(at: np.ndarray, ids: np.ndarray) -> Played:
        late = at >= first
        return Played(at[late] - first, ids[late])

    found = {name: [last(*each) for each in lists] for name, lists in spikes.items()}
    if before is not None and len(before.blocks) > len(blocks):
        for name, lists in found.items():
            lists += before.spikes[name][len(blocks) :]
        blocks = np.concatenate([blocks, before.blocks[len(blocks) :]])
    return Carried(steps, blocks, found, tail)
