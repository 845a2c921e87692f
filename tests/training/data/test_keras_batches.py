"""Keras's data by index, PyDataset or Sequence, whose items are batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from training.small_nets import STEPS, labels, small

from ml_genn.errors import ValidationError


class PyDataset:
    """Data with the methods of ``keras.utils.PyDataset``, which need no Keras.

    Args:
        batches: the batches.
    """

    def __init__(self, batches: list[Any]) -> None:
        self.batches = batches
        self.epochs = 0

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> Any:
        return self.batches[index]

    def on_epoch_end(self) -> None:
        """Counts epochs."""
        self.epochs += 1


PyDataset.__module__ = "keras.src.trainers.data_adapters.py_dataset_adapter"


def examples() -> tuple[np.ndarray, np.ndarray]:
    """Returns 8 examples and their labels."""
    rng = np.random.default_rng(0)
    return rng.random((8, STEPS, 4)) < 0.2, np.asarray(labels(8))


def test_batches_by_index_are_those_of_a_list() -> None:
    x, y = examples()
    batches = [(x[k : k + 4], y[k : k + 4]) for k in (0, 4)]
    nets = [small().compile_training(batch_size=4) for _ in range(2)]
    data = PyDataset(batches)
    nets[0].train(data, num_epochs=2, callbacks=[])
    nets[1].train(batches, num_epochs=2, callbacks=[])
    assert data.epochs == 2
    snapshots = [net.snapshot().arrays for net in nets]
    for key, array in snapshots[0].items():
        np.testing.assert_array_equal(array, snapshots[1][key])


def test_items_that_are_no_batches_are_refused() -> None:
    x, _ = examples()
    with pytest.raises(ValidationError, match=r"pair \(x, y\)"):
        small().compile_training().train(PyDataset([x[:4], x[4:]]), callbacks=[])
