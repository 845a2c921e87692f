"""Deep-R: synapses whose weight changes sign make room for others (Bellec et al. 2018).

Each possible synapse has a sign that never changes. A synapse whose weight comes out on
the other side of zero is removed; as many as were removed are made between random
neurons that are not connected, with a weight of zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ml_genn.backends.host.csr import row_starts
from ml_genn.model.plan import LearnedKind, OptimiserUpdate, Plan, SynapseGroup

ATTEMPTS = 20  #: rounds of drawing at random before free pairs are listed


def drawn_signs(pairs: np.ndarray, seed: int) -> np.ndarray:
    """A random +1 or -1 that belongs to each pair (splitmix64, Steele et al. 2014)."""
    with np.errstate(over="ignore"):
        z = (pairs.astype(np.uint64) + np.uint64(seed)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.where(z >> np.uint64(63), 1.0, -1.0)


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
        seed: of the signs of synapses that there may be.
        rng: what chooses.
        first: {pairs, signs} of the synapses that there were at the start.
    """

    shape: tuple[int, int]
    self_connections: bool
    offset: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    sign: np.ndarray
    numbers: Sequence[np.ndarray]
    seed: int
    rng: np.random.Generator
    first: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many synapses there are."""
        return int(self.offset[self.shape[0]])

    def keys(self) -> np.ndarray:
        """Each synapse as one number, in the order in which they are stored."""
        source = np.repeat(np.arange(self.shape[0]), np.diff(self._starts()))
        found: np.ndarray = source * self.shape[1] + self.target[: self.count]
        return found

    def indices(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns source and target neuron of each synapse, sorted."""
        source, target = np.divmod(self.keys(), self.shape[1])
        return source, target

    def _starts(self) -> np.ndarray:
        return self.offset[: self.shape[0] + 1]

    def begin(self) -> None:
        """Gives synapses the sign of their weight; where it is zero, a random one."""
        own, keys = self.weight[: self.count], self.keys()
        signs = np.where(own == 0, drawn_signs(keys, self.seed), np.sign(own))
        self.first.update(pairs=keys, signs=signs)
        self.sign[: self.count] = signs

    def _signs(self, pairs: np.ndarray) -> np.ndarray:
        """The signs of possible synapses: what they started with, or a random one."""
        known = self.first["pairs"]
        places = np.minimum(np.searchsorted(known, pairs), known.size - 1)
        random = drawn_signs(pairs, self.seed)
        return np.where(known[places] == pairs, self.first["signs"][places], random)

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
        keys = np.insert(kept, places, fresh)
        source, target = np.divmod(keys, self.shape[1])
        self.offset[: self.shape[0] + 1] = row_starts(source, self.shape[0])
        self.target[:count] = target
        zeros = np.zeros(removed)
        fresh_values = [(array, zeros) for array in (self.weight, *self.numbers)]
        for array, values in ((self.sign, self._signs(fresh)), *fresh_values):
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


def rewired_updates(plan: Plan) -> list[tuple[OptimiserUpdate, SynapseGroup]]:
    """Returns the synapse groups that are rewired, with their optimisers' updates."""
    weights = [u for u in plan.updates if u.target.kind is LearnedKind.WEIGHT]
    pairs = [(update, plan.synapse(update.target.owner)) for update in weights]
    return [(update, group) for update, group in pairs if group.rewired]


def create_rewiring(
    plan: Plan,
    group: SynapseGroup,
    seeds: tuple[int, int],
    *,
    offset: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
    sign: np.ndarray,
    numbers: Sequence[np.ndarray],
) -> Rewiring:
    """Returns the rewiring of a synapse group, with the signs of its weights.

    Args:
        plan: the plan.
        group: the group.
        seeds: seed of the model, and index of the group among those that are rewired.
        offset, target, weight, sign, numbers: see `Rewiring`.
    """
    rewiring = Rewiring(
        shape=(plan.neuron(group.source).size, plan.neuron(group.target).size),
        self_connections=group.self_connections,
        offset=offset,
        target=target,
        weight=weight,
        sign=sign,
        numbers=numbers,
        seed=sum(seeds),
        rng=np.random.default_rng(seeds),
    )
    rewiring.begin()
    return rewiring
