"""Tapes: lists of the neurons that spiked, or were active, step after step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn.backends.cuda.launch.kernel_args import addresses


@dataclass(frozen=True, slots=True, eq=False)
class Tape:
    """The spikes, or active neurons, of a group.

    Args:
        ids: neurons, (examples, capacity).
        offsets: where steps start, (examples, window + 2); with the data, steps + 2.
        records: numbers kept with each, (examples, capacity, numbers).
        capacity: entries of an example; 0 where spikes come with the data.
        numbers: numbers of an entry.
    """

    ids: Any
    offsets: Any
    records: Any
    capacity: int
    numbers: int


def tables(tapes: Mapping[int, Tape]) -> dict[str, list[int]]:
    """Tables of a call: what it is given of all tapes, in order of their index."""
    ordered = [tapes[k] for k in sorted(tapes)]
    return {
        "tape_ids": addresses(tape.ids for tape in ordered),
        "tape_offsets": addresses(tape.offsets for tape in ordered),
        "tape_records": addresses(tape.records for tape in ordered),
        "tape_shapes": [n for tape in ordered for n in (tape.capacity, tape.numbers)],
    }


def spikes(
    ids: np.ndarray, offsets: np.ndarray, steps: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Steps and neurons of the spikes of each example.

    Args:
        ids: neurons, (examples, capacity), or those of all examples in one list.
        offsets: where steps start, (examples, steps + 1 or more).
        steps: time steps.
    """
    own = [ids] * len(offsets) if ids.ndim == 1 else ids
    found = []
    for neurons, row in zip(own, offsets[:, : steps + 1].astype(np.int64), strict=True):
        at = np.repeat(np.arange(steps), np.diff(row))
        found.append((at, neurons[row[0] : row[-1]].astype(np.uint32)))
    return found
