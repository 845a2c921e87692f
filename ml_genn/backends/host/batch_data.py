"""Data of the examples of a batch: targets, weights and numbers of the examples."""

from __future__ import annotations

import numpy as np

from ml_genn.codegen.layout import Layout
from ml_genn.model.batch import BatchSlice, Examples, RunOptions
from ml_genn.model.loss_formula import Targets

#: Number of the first example that is trained on. Random numbers depend on the number
#: of an example, so evaluated examples never use those of trained ones.
FIRST_TRAINED = 1 << 62


def slice_of(options: RunOptions, indices: np.ndarray) -> BatchSlice:
    """Returns the part of the batch that this process runs; by default all of it."""
    return options.batch_slice or BatchSlice(0, len(indices))


class ExampleCounter:
    """Counts examples, on whose numbers random numbers depend.

    Trained examples are counted separately, so that evaluation between two epochs does
    not change training.

    Attributes:
        counts: {False: evaluated examples, True: trained examples}.
    """

    def __init__(self) -> None:
        self.counts = {False: 0, True: 0}

    def next(self, trains: bool, batch_slice: BatchSlice) -> int:
        """Counts a batch; returns the number of the first example of this process.

        Args:
            trains: True if the batch updates weights.
            batch_slice: part of the batch that this process runs.
        """
        first = self.counts[trains]
        self.counts[trains] += batch_slice.total
        return first + batch_slice.first + FIRST_TRAINED * trains


def example_weights(
    layout: Layout, examples: Examples, indices: np.ndarray
) -> np.ndarray:
    """Returns the weight of each example in each loss, (examples, output groups)."""
    if examples.weights is None:
        return np.ones((len(indices), len(layout.outputs)), dtype=np.float32)
    return np.ascontiguousarray(examples.weights[indices], dtype=np.float32)


def batch_targets(
    layout: Layout, examples: Examples, indices: np.ndarray
) -> list[np.ndarray | None]:
    """Returns the targets of each output group; None without a target or a loss.

    Losses of each step read a label for each step.
    """
    targets: list[np.ndarray | None] = []
    for group in layout.outputs:
        values = examples.targets.get(group.name)
        if values is None or group.loss is None:
            targets.append(None)
            continue
        labels = group.loss.formula.targets is Targets.LABELS
        dtype = np.int32 if labels else np.float32
        of_batch = values[indices]
        if labels and group.loss.per_step and of_batch.ndim == 1:
            of_batch = np.repeat(of_batch[:, None], examples.num_steps, axis=1)
        targets.append(np.ascontiguousarray(of_batch, dtype=dtype))
    return targets
