"""Deep-R: synapses whose weight changes sign make room for others (Bellec et al. 2018).

Each possible synapse has a sign that never changes. A synapse whose weight comes out on
the other side of zero is removed; as many as were removed are made between random
neurons that are not connected, with a weight of zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml_genn.backends.cpu.numbers import row_starts

ATTEMPTS = 20  #: rounds of drawing at random before free pairs are listed


@dataclass(frozen=True, slots=True, eq=False)
class Rewiring:
    """The synapses of one group, which change places.

    Args:
        shape: source and target size.
        self_connections: whether a neuron may be connected to itself.
        offset, target: where each source neuron's synapses start; where each leads to.
        weight: weight of each.
        sign: sign of each, kept beside it.
        numbers: further numbers kept for each, which start at zero.
        signs: signs of all possible synapses: (source, target), bool.
        rng: what chooses.
    """

    shape: tuple[int, int]
    self_connections: bool
    offset: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    sign: np.ndarray
    numbers: Sequence[np.ndarray]
    signs: np.ndarray
    rng: np.random.Generator

    @property
    def count(self) -> int:
        """How many synapses there are."""
        return int(self.offset[self.shape[0]])

    def keys(self) -> np.ndarray:
        """Each synapse as one number, in the order in which they are stored."""
        source = np.repeat(np.arange(self.shape[0]), np.diff(self._starts()))
        found: np.ndarray = source * self.shape[1] + self.target[: self.count]
        return found

    def _starts(self) -> np.ndarray:
        return self.offset[: self.shape[0] + 1]

    def begin(self) -> None:
        """Gives synapses the sign of their weight; where it is zero, a random one."""
        own = self.weight[: self.count]
        flat, keys = self.signs.reshape(-1), self.keys()
        flat[keys] = np.where(own == 0, flat[keys], own > 0)
        self.sign[: self.count] = np.where(flat[keys], 1.0, -1.0)

    def rewire(self) -> tuple[int, int]:
        """Replaces synapses; returns how many, and how many draws were in vain."""
        count = self.count
        wrong = self.weight[:count] * self.sign[:count] < 0
        removed = int(np.count_nonzero(wrong))
        if not removed:
            return 0, 0
        kept = self.keys()[~wrong]
        fresh, failed = self._drawn(kept, removed)
        places = np.searchsorted(kept, fresh)
        signs = np.where(self.signs.reshape(-1)[fresh], 1.0, -1.0)
        keys = np.insert(kept, places, fresh)
        source, target = np.divmod(keys, self.shape[1])
        self.offset[: self.shape[0] + 1] = row_starts(source, self.shape[0])
        self.target[:count] = target
        zeros = np.zeros(removed)
        fresh_values = [(array, zeros) for array in (self.weight, *self.numbers)]
        for array, values in ((self.sign, signs), *fresh_values):
            array[:count] = np.insert(array[:count][~wrong], places, values)
        return removed, failed

    def _drawn(self, taken: np.ndarray, wanted: int) -> tuple[np.ndarray, int]:
        """Sorted pairs that are not taken, and how many draws met one that is."""
        fresh, failed = np.zeros(0, dtype=np.int64), 0
        for _ in range(ATTEMPTS):
            missing = wanted - fresh.size
            draws = self.rng.integers(np.prod(self.shape, dtype=np.int64), size=missing)
            fresh = np.union1d(fresh, draws[self._free(draws, taken)])
            failed += wanted - fresh.size
            if fresh.size == wanted:
                return fresh, failed
        pairs = np.arange(np.prod(self.shape, dtype=np.int64))
        pairs = np.setdiff1d(pairs[self._free(pairs, taken)], fresh)
        more = self.rng.choice(pairs, wanted - fresh.size, replace=False)
        return np.union1d(fresh, more), failed

    def _free(self, pairs: np.ndarray, taken: np.ndarray) -> np.ndarray:
        places = np.minimum(np.searchsorted(taken, pairs), taken.size - 1)
        free = taken[places] != pairs if taken.size else np.ones(pairs.size, dtype=bool)
        if not self.self_connections:
            free &= pairs // self.shape[1] != pairs % self.shape[1]
        return free
