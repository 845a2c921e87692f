"""How numbers of synapses are stored, one after the other, and how users know them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ml_genn.backends.pygenn.lowering.convolution import in_toeplitz, patches
from ml_genn.model.plan import Plan, SynapseGroup, Values


class Storage(Protocol):
    """The way between the two."""

    @property
    def shares(self) -> bool:
        """Whether synapses that share a number each have a copy of it."""

    def stored(self, numbers: np.ndarray) -> np.ndarray:
        """What synapses have, one after the other."""

    def known(self, stored: np.ndarray, last: np.ndarray) -> np.ndarray:
        """What users know: undoes `stored`.

        Args:
            last: of its shape, with what no synapse has.
        """

    def summed(self, stored: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """A gradient by what each synapse has as one by what users know."""


class Same:
    """Both alike."""

    shares = False

    def stored(self, numbers: np.ndarray) -> np.ndarray:
        """The numbers."""
        return numbers.reshape(-1)

    def known(self, stored: np.ndarray, last: np.ndarray) -> np.ndarray:
        """The numbers in their shape."""
        return stored.reshape(last.shape)

    def summed(self, stored: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """The gradient in its shape."""
        return stored.reshape(shape)


@dataclass(frozen=True, slots=True, eq=False)
class Copied:
    """Numbers that synapses share, written out for each of them.

    Args:
        places: which of the user's numbers, flat, each synapse has.
    """

    places: np.ndarray
    shares: bool = True

    def stored(self, numbers: np.ndarray) -> np.ndarray:
        """A copy for each synapse."""
        return np.asarray(numbers.reshape(-1)[self.places])

    def known(self, stored: np.ndarray, last: np.ndarray) -> np.ndarray:
        """One of the copies; numbers that no synapse has stay as they were."""
        found = np.array(last, dtype=stored.dtype).reshape(-1)
        found[self.places] = stored
        return found.reshape(last.shape)

    def summed(self, stored: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """The sum over the synapses that share a number."""
        total = np.bincount(self.places, stored, minlength=int(np.prod(shape)))
        return np.asarray(total, dtype=stored.dtype).reshape(shape)


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """Synapses that change places, in a matrix of all that there may be.

    Args:
        size: of the matrix.
        places: where each synapse is at the moment; zeros are elsewhere.
    """

    size: int
    places: Callable[[], np.ndarray]
    shares: bool = False

    def stored(self, numbers: np.ndarray) -> np.ndarray:
        """The matrix, flat."""
        found = np.zeros(self.size, numbers.dtype)
        found[self.places()] = numbers
        return found

    def known(self, stored: np.ndarray, last: np.ndarray) -> np.ndarray:
        """What is at the synapses' places."""
        return np.asarray(stored[self.places()])

    def summed(self, stored: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """What is at the synapses' places."""
        return np.asarray(stored[self.places()])


def storage_of(plan: Plan, values: Values, s: SynapseGroup) -> Storage:
    """How the numbers of a group are stored."""
    if s.kernel is not None and written_for_each(s):
        return Copied(patches(s.kernel)[2])
    if s.rewired:
        source, target = values.indices[s.stored]
        rows, columns = (plan.neuron(name).size for name in (s.source, s.target))
        places = source.astype(np.int64) * columns + target
        return Spread(rows * columns, lambda: places)
    return Same()


def written_for_each(s: SynapseGroup) -> bool:
    """Whether numbers that synapses share are written out for each of them."""
    return s.kernel is not None and not in_toeplitz(s.kernel)


def listed(values: Values, s: SynapseGroup) -> tuple[np.ndarray, np.ndarray]:
    """Source and target of each synapse that is listed, sorted."""
    return values.indices[s.stored] if s.kernel is None else patches(s.kernel)[:2]


def whole_steps(delays: np.ndarray) -> np.ndarray:
    """Delays as spikes take them."""
    return np.floor(np.asarray(delays) + 0.5).astype(np.uint16)
