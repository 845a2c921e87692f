"""What is summed over the examples of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ml_genn.backends.cuda.launch.kernel_args import address
from ml_genn.backends.cuda.memory.flat_buffer import Flat


class Totals:
    """Gradients and spikes of a batch, on the device.

    Args:
        cupy: the module.
        learned: numbers in each learned array.
        regularised: neurons of each group whose firing rate is regularised.

    Attributes:
        gradients: of the learned arrays.
        rate_regularisation_grads: spikes of neurons, then the gradient of the rate
            regulariser by them.
    """

    def __init__(
        self, cupy: Any, learned: Sequence[int], regularised: Sequence[int]
    ) -> None:
        self.gradients = Flat(cupy, learned)
        self.rate_regularisation_grads = Flat(cupy, regularised)
        self._fixed = {
            "learned_sizes": cupy.asarray(np.asarray([*learned, 0], dtype=np.int64)),
            "squares": cupy.zeros(len(learned) + 1, dtype=np.float64),
            "status": cupy.zeros(1, dtype=np.int32),
        }

    def numbers(self) -> dict[str, int]:
        """Fields of a call."""
        return {name: address(array) for name, array in self._fixed.items()}

    def tables(self) -> dict[str, list[int]]:
        """Tables of a call."""
        return {
            "gradients": self.gradients.places(),
            "rate_regularisation_grads": self.rate_regularisation_grads.places(),
        }

    def status(self) -> int:
        """How the batch stands, once what was launched is through."""
        return int(self._fixed["status"].get()[0])

    def found_forward(self) -> list[Any]:
        """Arrays that the forward pass of each process adds to."""
        return (
            [self.rate_regularisation_grads.array]
            if self.rate_regularisation_grads.sizes
            else []
        )

    def found_in_all(self) -> list[Any]:
        """Arrays that are complete before the optimisers' step."""
        return [self.gradients.array, self._fixed["status"]]
