"""Sums over the examples of a batch: gradients and spike counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ml_genn.backends.cuda.memory.addresses import address
from ml_genn.backends.cuda.memory.flat_buffer import FlatBuffer


class Reductions:
    """Sums over the examples of a batch, on the device, and the status of the batch.

    Args:
        cupy: module.
        learned_sizes: size of each learned array.
        regularised_sizes: neurons of each group whose firing rate is regularised.
        num_groups: neuron groups.

    Attributes:
        gradients: gradient of each learned array.
        rate_regularisation_grads: spikes of each neuron, then the gradient of the rate
            regulariser with respect to them.
    """

    def __init__(
        self,
        cupy: Any,
        learned_sizes: Sequence[int],
        regularised_sizes: Sequence[int],
        num_groups: int,
    ) -> None:
        self.gradients = FlatBuffer(cupy, learned_sizes)
        self.rate_regularisation_grads = FlatBuffer(cupy, regularised_sizes)
        sizes = np.asarray([*learned_sizes, 0], dtype=np.int64)
        self._fields = {
            "learned_sizes": cupy.asarray(sizes),
            "gradient_squares": cupy.zeros(len(sizes), dtype=np.float64),
            "maxima": cupy.zeros(2 * len(sizes), dtype=np.uint32),
            "state_not_finite": cupy.zeros(num_groups, dtype=np.int32),
            "status": cupy.zeros(1, dtype=np.int32),
            "num_bad": cupy.zeros(1, dtype=np.int32),
        }

    def call_fields(self) -> dict[str, int]:
        """Returns fields of a call."""
        return {name: address(array) for name, array in self._fields.items()}

    def call_tables(self) -> dict[str, list[int]]:
        """Returns tables of a call."""
        return {
            "gradients": self.gradients.address_table(),
            "rate_regularisation_grads": self.rate_regularisation_grads.address_table(),
        }

    def status(self) -> int:
        """Waits for the launches so far; returns flags of `Status`."""
        return int(self._fields["status"].get()[0])

    def state_not_finite(self) -> np.ndarray:
        """Returns 1 for each neuron group whose state is not finite, else 0."""
        return np.asarray(self._fields["state_not_finite"].get())

    def maxima(self) -> np.ndarray:
        """Returns the field of the call of that name."""
        count = 2 * len(self.gradients.sizes)
        return np.asarray(self._fields["maxima"].get()[:count])

    def forward_sums(self) -> list[Any]:
        """Arrays to which the forward pass of each process adds."""
        grads = self.rate_regularisation_grads
        return [grads.array] if grads.sizes else []

    def gradient_sums(self) -> list[Any]:
        """Arrays that processes sum before the optimiser step."""
        return [self.gradients.array, self._fields["num_bad"]]
