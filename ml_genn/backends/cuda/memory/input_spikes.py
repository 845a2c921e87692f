"""Input spikes of a batch, packed: neurons of all examples, and where steps start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ml_genn.model.batch import Events


def packed(
    events: Sequence[Events], steps: int, kind: type[np.unsignedinteger[Any]]
) -> tuple[np.ndarray, np.ndarray]:
    """Neurons of all examples one after the other, and offsets (examples, steps + 2).

    The spikes of step t of example b are ids[offsets[b, t]:offsets[b, t + 1]].
    """
    none = np.zeros(0, dtype=np.int64)
    at = np.concatenate([none, *(np.asarray(e.steps) for e in events)])
    ids = np.concatenate([none, *(np.asarray(e.ids) for e in events)])
    example = np.repeat(np.arange(len(events)), [len(e.steps) for e in events])
    inside = at < steps
    places = (example * steps + at)[inside]
    ends = np.cumsum(np.bincount(places, minlength=len(events) * steps))
    starts = np.concatenate([[0], ends])
    offsets = np.zeros((len(events), steps + 2), dtype=np.uint32)
    offsets[:, :steps] = starts[:-1].reshape(len(events), steps)
    offsets[:, steps:] = starts[steps::steps, None]
    found = np.zeros(inside.sum() + 1, dtype=kind)
    found[:-1] = ids[inside]
    return found, offsets
