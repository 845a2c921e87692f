"""Examples of a batch that run at once, with their results so far."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ml_genn.model.batch import Examples, Record, RunOptions
from ml_genn.model.plan import Learned


@dataclass(slots=True, eq=False)
class Batch:
    """Examples that run at once.

    Args:
        examples: examples of the data set.
        indices: indices of those that run.
        options: options of the run.
        scale: one over the number of examples over which gradients are averaged.

    Attributes:
        records: {record: one (examples, neurons) array per step, in device order}.
        outputs: {output group: (examples, neurons)}.
        losses: (examples, outputs).
        spikes: {neuron group: one (steps, neurons) pair per example}.
        parameter_gradients: {learned parameter: (neurons,)}, summed over examples.
        groups_not_finite: neuron groups whose state or output is not finite after the
            last time step.
    """

    examples: Examples
    indices: np.ndarray
    options: RunOptions
    scale: float
    records: dict[Record, list[np.ndarray]] = field(default_factory=dict)
    outputs: dict[str, np.ndarray] = field(default_factory=dict)
    losses: np.ndarray = field(default_factory=lambda: np.zeros((0, 1)))
    spikes: dict[str, list[tuple[np.ndarray, np.ndarray]]] = field(default_factory=dict)
    parameter_gradients: dict[Learned, np.ndarray] = field(default_factory=dict)
    groups_not_finite: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Number of examples that run."""
        return len(self.indices)

    def loss_weights(self, output: int) -> np.ndarray:
        """Returns the weight of each example in the loss of an output, by its index."""
        if self.examples.weights is None:
            return np.ones(self.size)
        weights = np.asarray(self.examples.weights, dtype=float)
        return np.asarray(weights[self.indices, output])
