"""Spike times of numbers, scaled by the range of the training data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml_genn.data import PreprocessedSpikes, preprocess_spikes

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PairedLatencies:
    r"""Latency code of two neurons for each feature and one for all.

    With u = (x - lowest) / (highest - lowest), limited to [0, 1], the first neuron of a
    feature spikes at (1 - u) T and the second at u T, so that large and small values
    both have an early spike. A neuron spikes at most once; it is silent where its spike
    would come at T. The last neuron spikes at 0 in every example, in place of a bias.

    Args:
        lowest, highest: range of each feature in the training data; features that are
            constant there are 0.
        duration: T [ms].
    """

    lowest: Floats
    highest: Floats
    duration: float

    @classmethod
    def of(cls, x: Floats, duration: float) -> PairedLatencies:
        """Returns the code of training data.

        Args:
            x: array (examples, features).
            duration: T [ms].
        """
        return cls(x.min(axis=0), x.max(axis=0), duration)

    @property
    def num_neurons(self) -> int:
        """Number of neurons: two for each feature and one."""
        return 2 * len(self.lowest) + 1

    def latencies(self, x: Floats) -> Floats:
        """Returns the time of each neuron's spike [ms], T for none.

        Args:
            x: array (examples, features).
        """
        span = self.highest / 2 - self.lowest / 2  # halves: the range may overflow
        span = np.where(span > 0.0, span, np.inf)
        u = np.clip((x / 2 - self.lowest / 2) / span, 0.0, 1.0)
        bias = np.zeros((len(x), 1))
        return np.hstack([self.duration * (1.0 - u), self.duration * u, bias])

    def encode(self, x: Floats) -> list[PreprocessedSpikes]:
        """Returns the spikes of examples.

        Args:
            x: array (examples, features).
        """
        return [
            preprocess_spikes(
                row[row < self.duration],
                np.flatnonzero(row < self.duration),
                num_neurons=self.num_neurons,
            )
            for row in self.latencies(x)
        ]

    def mean_spikes(self, x: Floats) -> float:
        """Returns the mean number of spikes of an example.

        Args:
            x: array (examples, features).
        """
        return float((self.latencies(x) < self.duration).sum(axis=1).mean())
