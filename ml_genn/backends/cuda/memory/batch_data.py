"""What comes with the examples of a batch, in the order in which it is brought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml_genn.backends.cuda.launch.prefetcher import Brought
from ml_genn.backends.cuda.memory.input_spikes import packed
from ml_genn.backends.cuda.memory.spike_tapes import Tape
from ml_genn.codegen.layout import Layout
from ml_genn.model.batch import Examples


@dataclass(frozen=True, slots=True)
class Given:
    """Packed spikes of each input, numbers of each driven group, targets, weights.

    Args:
        layout: where numbers live.
    """

    layout: Layout

    def collect(
        self,
        examples: Examples,
        indices: np.ndarray,
        targets: Sequence[np.ndarray | None],
        weights: np.ndarray,
    ) -> list[np.ndarray | None]:
        """The arrays of some examples.

        Args:
            examples, indices: all, and which of them.
            targets: of each output; None where there are none.
            weights: how much the losses count.
        """
        found: list[np.ndarray | None] = []
        for group in self.layout.inputs:
            events = [examples.events[group.name][b] for b in indices]
            found += packed(events, examples.num_steps, self.layout.id_type)
        for group in self.layout.analog_inputs:
            given = examples.values[str(group.data)][indices]
            found.append(np.ascontiguousarray(given, dtype=np.float32))
        return [*found, *targets, weights]

    @property
    def _values(self) -> int:
        """Where numbers start."""
        return 2 * len(self.layout.inputs)

    @property
    def _targets(self) -> int:
        """Where targets start."""
        return self._values + len(self.layout.analog_inputs)

    def numbers(self, brought: Brought) -> dict[str, int]:
        """Fields of a call."""
        return {"weights": brought.places[-1]}

    def tables(self, brought: Brought, examples: int) -> dict[str, list[int]]:
        """Tables of a call, without those of tapes."""
        return {
            "values": brought.starts(self._values, self._targets, examples),
            "targets": [*brought.places[self._targets : -1], 0],
        }

    def tapes(self, brought: Brought) -> dict[int, Tape]:
        """{index: tape} of the inputs."""
        found = {}
        for k, group in enumerate(self.layout.inputs):
            ids, offsets = brought.places[2 * k : 2 * k + 2]
            found[self.layout.tapes[group.name]] = Tape(ids, offsets, 0, 0, 0)
        return found

    def played(self, brought: Brought, group: str) -> Sequence[np.ndarray] | None:
        """Neurons and offsets of an input, on the host; None for other groups."""
        names = [g.name for g in self.layout.inputs]
        if group not in names:
            return None
        k = 2 * names.index(group)
        return brought.arrays[k : k + 2]
