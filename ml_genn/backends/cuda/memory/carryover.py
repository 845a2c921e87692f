"""State and undelivered spikes that the next batch continues from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn.backends.cuda.memory.addresses import address_table
from ml_genn.backends.cuda.memory.input_spikes import pack_spikes
from ml_genn.backends.host.arrays.host_arrays import HostArrays, delay_rings
from ml_genn.codegen.layout import Layout, padded
from ml_genn.model.batch import Events
from ml_genn.model.plan import PlanValues


@dataclass(frozen=True, slots=True, eq=False)
class StepSpikes:
    """Spikes of an example, sorted by step; see `ml_genn.model.batch.Events`."""

    steps: np.ndarray
    ids: np.ndarray


NO_SPIKES = StepSpikes(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.uint32))


@dataclass(frozen=True, slots=True, eq=False)
class Carryover:
    """End of a batch, on the host.

    Args:
        num_steps: time steps of the batch.
        state_blocks: state, (examples, floats).
        spikes: {spiking group: spikes of the last ``tail_steps`` steps of each
            example}.
        tail_steps: last steps, whose spikes may not have arrived yet.
    """

    num_steps: int
    state_blocks: np.ndarray
    spikes: dict[str, list[StepSpikes]]
    tail_steps: int

    def tail(self, group: str, examples: int) -> Sequence[Events]:
        """Returns the last spikes of a group for the examples of the next batch."""
        previous = self.spikes[group][:examples]
        return [*previous, *[NO_SPIKES] * (examples - len(previous))]

    def initial_state(
        self, layout: Layout, values: PlanValues, host_arrays: HostArrays, examples: int
    ) -> np.ndarray:
        """Returns the state at the start of the next batch, (examples, floats).

        Time starts at 0 again, so rings of delays are rotated. Readouts start from
        their initial values, as do examples that this batch lacked.
        """
        blocks = np.tile(host_arrays.initial_state, (examples, 1))
        previous = min(examples, len(self.state_blocks))
        blocks[:previous] = self.state_blocks[:previous]
        for offset, length, row in delay_rings(layout, values, host_arrays.integers):
            ring = blocks[:previous, offset : offset + length * row]
            rows = ring.reshape(previous, length, row)
            rotated = np.roll(rows, -self.num_steps, axis=1)
            ring[...] = rotated.reshape(previous, -1)
        for group in layout.outputs:
            for name, _ in group.readout.variables if group.readout else ():
                place = layout.rows[group.name, name]
                part = slice(place.offset, place.offset + padded(place.size))
                blocks[:, part] = host_arrays.initial_state[part]
        return blocks


class TailSpikes:
    """Last spikes of a batch, on the device, for the next batch.

    Args:
        cupy: module.
        layout: indices of tapes.
        carryover: end of the batch.
        examples: examples of the next batch.

    Attributes:
        steps: last steps of the batch that these spikes are from.
    """

    def __init__(
        self, cupy: Any, layout: Layout, carryover: Carryover, examples: int
    ) -> None:
        self.steps = carryover.tail_steps
        spikes = [
            pack_spikes(carryover.tail(name, examples), self.steps, layout.id_type)
            for name in layout.tapes
        ]
        no_active_neurons = [None] * len(layout.active_tapes)
        self._ids = [*(cupy.asarray(ids) for ids, _ in spikes), *no_active_neurons]
        self._offsets = [
            *(cupy.asarray(offsets) for _, offsets in spikes),
            *no_active_neurons,
        ]

    def call_tables(self) -> dict[str, list[int]]:
        """Returns tables of a call."""
        return {
            "tail_ids": address_table(self._ids),
            "tail_offsets": address_table(self._offsets),
        }


def save_carryover(
    state_blocks: np.ndarray,
    spikes: dict[str, list[tuple[np.ndarray, np.ndarray]]],
    num_steps: int,
    longest_delay: int,
    previous: Carryover | None,
) -> Carryover:
    """Returns the end of a batch.

    Args:
        state_blocks: state at the end, (examples, floats).
        spikes: {spiking group: (steps, neurons) of each example}.
        num_steps: time steps of the batch.
        longest_delay: longest delay [steps].
        previous: end of the batch before; it stays the end of examples that this batch
            lacks.
    """
    tail_steps = min(longest_delay + 1, num_steps)
    first = num_steps - tail_steps

    def tail(steps: np.ndarray, ids: np.ndarray) -> StepSpikes:
        in_tail = steps >= first
        return StepSpikes(steps[in_tail] - first, ids[in_tail])

    tails = {
        name: [tail(*example) for example in examples]
        for name, examples in spikes.items()
    }
    missing = len(state_blocks)  # the first example that this batch lacks
    if previous is not None and len(previous.state_blocks) > missing:
        for name, examples in tails.items():
            examples += previous.spikes[name][missing:]
        state_blocks = np.concatenate([state_blocks, previous.state_blocks[missing:]])
    return Carryover(num_steps, state_blocks, tails, tail_steps)
