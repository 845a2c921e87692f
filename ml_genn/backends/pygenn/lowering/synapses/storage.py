"""Layouts of synaptic values on the device, and their conversion to users' arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np


class SynapseStorage(Protocol):
    """Layout of the values (weights, delays, optimiser state) of a synapse group."""

    @property
    def copies_weights(self) -> bool:
        """True if synapses that share a weight each have a copy of it."""

    def to_device(self, values: np.ndarray) -> np.ndarray:
        """Returns a user's array in the order of the device, flat."""

    def to_user(self, stored: np.ndarray, previous: np.ndarray) -> np.ndarray:
        """Returns the user's array of values of the device; the inverse of `to_device`.

        Args:
            stored: values of the device.
            previous: array of the result's shape; its elements stay where no synapse
                uses them.
        """

    def gradient_to_user(
        self, stored: np.ndarray, shape: tuple[int, ...]
    ) -> np.ndarray:
        """Returns the gradient of the user's array from that of the device's values."""


class FlatStorage:
    """The user's array, flattened."""

    copies_weights = False

    def to_device(self, values: np.ndarray) -> np.ndarray:
        """Returns the array, flat."""
        return values.reshape(-1)

    def to_user(self, stored: np.ndarray, previous: np.ndarray) -> np.ndarray:
        """Returns the values in the user's shape."""
        return stored.reshape(previous.shape)

    def gradient_to_user(
        self, stored: np.ndarray, shape: tuple[int, ...]
    ) -> np.ndarray:
        """Returns the gradient in the user's shape."""
        return stored.reshape(shape)


@dataclass(frozen=True, slots=True, eq=False)
class CopiedWeights:
    """Shared weights of a convolution, copied to each synapse that uses them.

    Args:
        weight_index: index into the user's flat array of each synapse's weight.
    """

    weight_index: np.ndarray
    copies_weights: bool = True

    def to_device(self, values: np.ndarray) -> np.ndarray:
        """Returns a copy of its weight for each synapse."""
        return np.asarray(values.reshape(-1)[self.weight_index])

    def to_user(self, stored: np.ndarray, previous: np.ndarray) -> np.ndarray:
        """Returns one of the copies of each weight; unused weights stay."""
        values = np.array(previous, dtype=stored.dtype).reshape(-1)
        values[self.weight_index] = stored
        return values.reshape(previous.shape)

    def gradient_to_user(
        self, stored: np.ndarray, shape: tuple[int, ...]
    ) -> np.ndarray:
        """Returns the sum over the synapses that share a weight."""
        total = np.bincount(self.weight_index, stored, minlength=int(np.prod(shape)))
        return np.asarray(total, dtype=stored.dtype).reshape(shape)


@dataclass(frozen=True, slots=True, eq=False)
class MaskedDense:
    """Sparse synapses that Deep-R rewires, in a dense matrix with zeros elsewhere.

    Args:
        size: number of elements of the matrix.
        positions: function that returns the current element of each synapse.
    """

    size: int
    positions: Callable[[], np.ndarray]
    copies_weights: bool = False

    def to_device(self, values: np.ndarray) -> np.ndarray:
        """Returns the matrix, flat."""
        matrix = np.zeros(self.size, values.dtype)
        matrix[self.positions()] = values
        return matrix

    def to_user(self, stored: np.ndarray, previous: np.ndarray) -> np.ndarray:
        """Returns the elements of the synapses."""
        return np.asarray(stored[self.positions()])

    def gradient_to_user(
        self, stored: np.ndarray, shape: tuple[int, ...]
    ) -> np.ndarray:
        """Returns the gradient at the elements of the synapses."""
        return np.asarray(stored[self.positions()])


def delay_steps(delays: np.ndarray) -> np.ndarray:
    """Returns delays rounded to whole time steps."""
    return np.floor(np.asarray(delays) + 0.5).astype(np.uint16)
