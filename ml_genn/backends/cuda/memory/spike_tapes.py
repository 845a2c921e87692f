"""Spike tapes: lists of the neurons that spiked, or were active, in each time step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn.backends.cuda.memory.addresses import address_table


@dataclass(frozen=True, slots=True, eq=False)
class SpikeTape:
    """Spikes, or active neurons, of a group in all examples; see spikes/tape.h.

    Args:
        ids: neurons, (examples, capacity); an address if spikes come with the data.
        offsets: first spike of each step, (examples, window + 2); (examples,
            num_steps + 2) or an address if spikes come with the data.
        records: values saved with each spike, (examples, capacity, record_size).
        capacity: spikes of an example; 0 if spikes come with the data.
        record_size: values saved with a spike.
    """

    ids: Any
    offsets: Any
    records: Any
    capacity: int
    record_size: int


def tape_tables(tapes: Mapping[int, SpikeTape]) -> dict[str, list[int]]:
    """Returns the tables of a call that describe tapes.

    Args:
        tapes: {index: tape}.
    """
    ordered = [tapes[k] for k in sorted(tapes)]
    shapes = [(tape.capacity, tape.record_size) for tape in ordered]
    return {
        "tape_ids": address_table(tape.ids for tape in ordered),
        "tape_offsets": address_table(tape.offsets for tape in ordered),
        "tape_records": address_table(tape.records for tape in ordered),
        "tape_shapes": [number for shape in shapes for number in shape],
    }


def spikes_of_examples(
    ids: np.ndarray, offsets: np.ndarray, num_steps: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Returns the steps and neurons of the spikes of each example.

    Args:
        ids: neurons, (examples, capacity), or those of all examples in one list.
        offsets: first spike of each step, (examples, num_steps + 1 or more).
        num_steps: time steps.
    """
    rows = [ids] * len(offsets) if ids.ndim == 1 else ids
    bounds = offsets[:, : num_steps + 1].astype(np.int64)
    spikes = []
    for row, starts in zip(rows, bounds, strict=True):
        steps = np.repeat(np.arange(num_steps), np.diff(starts))
        spikes.append((steps, row[starts[0] : starts[-1]].astype(np.uint32)))
    return spikes
