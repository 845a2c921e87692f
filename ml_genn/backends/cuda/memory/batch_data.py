"""Data of the examples of a batch: input spikes, frames, targets and weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn.backends.cuda.memory.input_spikes import pack_spikes
from ml_genn.backends.cuda.memory.prefetcher import BatchArrays
from ml_genn.backends.cuda.memory.spike_tapes import SpikeTape
from ml_genn.backends.host.batch_data import batch_targets, example_weights
from ml_genn.codegen.layout import Layout
from ml_genn.model.batch import Examples


@dataclass(frozen=True, slots=True)
class BatchData:
    """Order of the arrays with which the data of a batch are copied.

    First neurons and offsets of the spikes of each input group, then frames of each
    group with analog input, then targets of each output group, then weights of losses.

    Args:
        layout: places of variables.
    """

    layout: Layout

    def host_arrays(
        self, examples: Examples, indices: np.ndarray
    ) -> list[np.ndarray | None]:
        """Returns the arrays of the examples at ``indices``."""
        arrays: list[np.ndarray | None] = []
        for group in self.layout.inputs:
            events = [examples.events[group.name][b] for b in indices]
            arrays += pack_spikes(events, examples.num_steps, self.layout.id_type)
        for group in self.layout.analog_inputs:
            frames = examples.values[str(group.data)][indices]
            arrays.append(np.ascontiguousarray(frames, dtype=np.float32))
        arrays += batch_targets(self.layout, examples, indices)
        arrays.append(example_weights(self.layout, examples, indices))
        return arrays

    @property
    def _first_frames(self) -> int:
        """Index of the first array of frames."""
        return 2 * len(self.layout.inputs)

    @property
    def _first_target(self) -> int:
        """Index of the first array of targets."""
        return self._first_frames + len(self.layout.analog_inputs)

    def call_fields(self, arrays: BatchArrays) -> dict[str, int]:
        """Returns fields of a call."""
        return {"weights": arrays.addresses[-1]}

    def call_tables(self, arrays: BatchArrays, examples: int) -> dict[str, list[int]]:
        """Returns tables of a call, but those of tapes."""
        first, last = self._first_frames, self._first_target
        return {
            "values": arrays.example_addresses(first, last, examples),
            "targets": [*arrays.addresses[last:-1], 0],
        }

    def tapes(self, arrays: BatchArrays) -> dict[int, SpikeTape]:
        """Returns {index: tape} of the input groups."""
        tapes = {}
        for k, group in enumerate(self.layout.inputs):
            ids, offsets = arrays.addresses[2 * k : 2 * k + 2]
            tapes[self.layout.tapes[group.name]] = SpikeTape(ids, offsets, 0, 0, 0)
        return tapes

    def input_spikes(self, arrays: BatchArrays, group: str) -> Sequence[Any] | None:
        """Returns neurons and offsets of an input group; None for other groups."""
        names = [g.name for g in self.layout.inputs]
        if group not in names:
            return None
        k = 2 * names.index(group)
        return arrays.host[k : k + 2]
