"""Deep-R: sparse connectivity that is rewired during training (Bellec et al. 2018).

Each possible synapse has a sign that never changes. After a step of the optimiser,
synapses whose weight has the other sign are removed. As many are created between random
pairs of neurons that are not connected, with a weight of zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ml_genn.model.plan import LearnedKind, OptimiserUpdate, Plan, SynapseGroup
from ml_genn.model.plan.formats import row_offsets

#: Rounds of random draws; after them, the free pairs are listed and chosen from. Draws
#: cost less as long as most pairs are free.
MAX_DRAWS = 20


def random_signs(pairs: np.ndarray, seed: int) -> np.ndarray:
    """Returns a random +1 or -1 for each pair (splitmix64, Steele et al. 2014).

    Args:
        pairs: indices of pairs of neurons.
        seed: seed; the sign of a pair depends on nothing else.
    """
    with np.errstate(over="ignore"):
        z = (pairs.astype(np.uint64) + np.uint64(seed)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.where(z >> np.uint64(63), 1.0, -1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Rewiring:
    """Synapses of one group that Deep-R rewires, as a CSR matrix.

    A pair of neurons is one index: source * target size + target.

    Args:
        shape: source and target size.
        self_connections: True if a neuron may be connected to itself.
        offset: index of the first synapse of each source neuron, and their number.
        target: target neuron of each synapse.
        weight: weight of each synapse.
        sign: sign of each synapse.
        optimiser_state: further arrays with one value per synapse; zero for new ones.
        seed: seed of the signs of possible synapses.
        rng: generator that draws pairs.
        initial: pairs and signs of the synapses before the first rewiring.
    """

    shape: tuple[int, int]
    self_connections: bool
    offset: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    sign: np.ndarray
    optimiser_state: Sequence[np.ndarray]
    seed: int
    rng: np.random.Generator
    initial: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def num_synapses(self) -> int:
        """Number of synapses; rewiring does not change it."""
        return int(self.offset[self.shape[0]])

    def pairs(self) -> np.ndarray:
        """Returns the pair of each synapse, ascending."""
        rows = self.shape[0]
        source = np.repeat(np.arange(rows), np.diff(self.offset[: rows + 1]))
        pairs: np.ndarray = source * self.shape[1] + self.target[: self.num_synapses]
        return pairs

    def indices(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns source and target neuron of each synapse, sorted."""
        source, target = np.divmod(self.pairs(), self.shape[1])
        return source, target

    def begin(self) -> None:
        """Sets the sign of each synapse: that of its weight, or a random one for 0."""
        weight, pairs = self.weight[: self.num_synapses], self.pairs()
        random = random_signs(pairs, self.seed)
        signs = np.where(weight == 0, random, np.sign(weight))
        self.initial.update(pairs=pairs, signs=signs)
        self.sign[: self.num_synapses] = signs

    def _signs(self, pairs: np.ndarray) -> np.ndarray:
        """Returns the signs of pairs: their initial ones, or random ones."""
        known = self.initial["pairs"]
        places = np.minimum(np.searchsorted(known, pairs), known.size - 1)
        random = random_signs(pairs, self.seed)
        return np.where(known[places] == pairs, self.initial["signs"][places], random)

    def rewire(self) -> tuple[int, int]:
        """Replaces synapses; returns how many, and how many draws were rejected."""
        count = self.num_synapses
        removed = self.weight[:count] * self.sign[:count] < 0
        num_removed = int(np.count_nonzero(removed))
        if not num_removed:
            return 0, 0
        remaining = self.pairs()[~removed]
        new, rejected = self._draw_pairs(remaining, num_removed)
        places = np.searchsorted(remaining, new)
        source, target = np.divmod(np.insert(remaining, places, new), self.shape[1])
        self.offset[: self.shape[0] + 1] = row_offsets(source, self.shape[0])
        self.target[:count] = target
        zeros = np.zeros(num_removed)
        new_values = [(array, zeros) for array in (self.weight, *self.optimiser_state)]
        for array, values in ((self.sign, self._signs(new)), *new_values):
            array[:count] = np.insert(array[:count][~removed], places, values)
        return num_removed, rejected

    def _draw_pairs(self, occupied: np.ndarray, count: int) -> tuple[np.ndarray, int]:
        """Returns random free pairs, ascending, and how many draws were rejected."""
        num_pairs = np.prod(self.shape, dtype=np.int64)
        new, rejected = np.zeros(0, dtype=np.int64), 0
        for _ in range(MAX_DRAWS):
            draws = self.rng.integers(num_pairs, size=count - new.size)
            new = np.union1d(new, draws[self._is_free(draws, occupied)])
            rejected += count - new.size
            if new.size == count:
                return new, rejected
        pairs = np.arange(num_pairs)
        pairs = np.setdiff1d(pairs[self._is_free(pairs, occupied)], new)
        more = self.rng.choice(pairs, count - new.size, replace=False)
        return np.union1d(new, more), rejected

    def _is_free(self, pairs: np.ndarray, occupied: np.ndarray) -> np.ndarray:
        """Returns True for pairs that may be connected and are not."""
        places = np.minimum(np.searchsorted(occupied, pairs), occupied.size - 1)
        free = np.ones(pairs.size, dtype=bool)
        if occupied.size:
            free = occupied[places] != pairs
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
    optimiser_state: Sequence[np.ndarray],
) -> Rewiring:
    """Returns the rewiring of a synapse group, with the signs of its weights.

    Args:
        plan: the plan.
        group: the group.
        seeds: seed of the model, and index of the group among those that are rewired.
        offset, target, weight, sign, optimiser_state: see `Rewiring`.
    """
    rewiring = Rewiring(
        shape=(plan.neuron(group.source).size, plan.neuron(group.target).size),
        self_connections=group.self_connections,
        offset=offset,
        target=target,
        weight=weight,
        sign=sign,
        optimiser_state=optimiser_state,
        seed=sum(seeds),
        rng=np.random.default_rng(seeds),
    )
    rewiring.begin()
    return rewiring
