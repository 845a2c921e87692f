"""Input spikes of a batch as one list of neurons, with offsets of time steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ml_genn.model.batch import Events


def pack_spikes(
    events: Sequence[Events], num_steps: int, id_type: type[np.unsignedinteger[Any]]
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the neurons of all spikes, and the offsets of examples and steps.

    The spikes of step t of example b are ``ids[offsets[b, t]:offsets[b, t + 1]]``.

    Args:
        events: spikes of each example, sorted by step; later steps than the last one
            are dropped.
        num_steps: time steps of an example.
        id_type: type of the neurons' indices.

    Returns:
        Neurons with one further element, so that the array is not empty; offsets,
        (examples, num_steps + 2).
    """
    none = np.zeros(0, dtype=np.int64)
    steps = np.concatenate([none, *(np.asarray(e.steps) for e in events)])
    neurons = np.concatenate([none, *(np.asarray(e.ids) for e in events)])
    example = np.repeat(np.arange(len(events)), [len(e.steps) for e in events])
    in_time = steps < num_steps
    rows = (example * num_steps + steps)[in_time]
    ends = np.cumsum(np.bincount(rows, minlength=len(events) * num_steps))
    starts = np.concatenate([[0], ends])
    offsets = np.zeros((len(events), num_steps + 2), dtype=np.uint32)
    offsets[:, :num_steps] = starts[:-1].reshape(len(events), num_steps)
    offsets[:, num_steps:] = starts[num_steps::num_steps, None]
    ids = np.zeros(in_time.sum() + 1, dtype=id_type)
    ids[:-1] = neurons[in_time]
    return ids, offsets
