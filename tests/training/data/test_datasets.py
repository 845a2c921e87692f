"""Data sets of single examples, as torch has them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from training.data.item_dataset import ItemDataset
from training.small_nets import INPUTS, STEPS, labels, small, spikes

from ml_genn.errors import ValidationError


def trained_weights(*data: Any, **options: Any) -> np.ndarray:
    """Returns weights after training."""
    net = small()
    compiled = net.compile_training()
    compiled.train(*data, callbacks=[], **{"shuffle": False, **options})
    return compiled.weights(net.output)


def test_examples_are_grouped_into_batches() -> None:
    x, y = spikes(10), labels(10)
    expected = trained_weights(x, y, num_epochs=2)
    assert np.array_equal(
        trained_weights(ItemDataset(x, y.tolist()), num_epochs=2), expected
    )
    w = np.linspace(0.5, 1.5, 10)
    weighted = trained_weights(ItemDataset(x, y, w))
    assert np.array_equal(weighted, trained_weights(x, y, sample_weight=w))
    first = trained_weights(ItemDataset(x, y), steps_per_epoch=2)
    assert np.array_equal(first, trained_weights(x[:8], y[:8]))


def test_shuffled_order_is_that_of_data_in_memory() -> None:
    weights = [
        trained_weights(*data, num_epochs=3, shuffle=True)
        for data in ((spikes(10), labels(10)), (ItemDataset(spikes(10), labels(10)),))
    ]
    assert np.array_equal(*weights)
    assert not np.array_equal(
        weights[0], trained_weights(spikes(10), labels(10), num_epochs=3)
    )


def test_validation_and_evaluation_accept_data_sets() -> None:
    net = small()
    compiled = net.compile_training()
    data = ItemDataset(spikes(10), labels(10))
    _, validation, _, _ = compiled.train(data, callbacks=[], validation_x=data)
    assert validation[net.output].total == 10
    expected, _ = compiled.evaluate(spikes(10), labels(10), callbacks=[])
    metrics, _ = compiled.evaluate(data, callbacks=[])
    assert metrics[net.output].result == expected[net.output].result


def test_torch_data_sets() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from torch.utils.data import TensorDataset

    x = (np.random.default_rng(0).random((10, STEPS, INPUTS)) < 0.2).astype(np.float32)
    pairs = TensorDataset(torch.tensor(x), torch.tensor(labels(10)))
    assert np.array_equal(trained_weights(pairs), trained_weights(x, labels(10)))


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (
            ItemDataset(spikes(4)),
            "examples of ItemDataset are pairs .*Received tuple for example 0",
        ),
        (ItemDataset([], []), "yielded none"),
        (ItemDataset(spikes(4), [0, 1, 9, 0]), "Received 9 for example 2"),
    ],
)
def test_invalid_data_sets_are_refused(dataset: ItemDataset, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        trained_weights(dataset)


# ---------------------------------------------------------------- batches of Keras
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


def test_batches_by_index_are_those_of_a_list() -> None:
    x, y = spikes(8), labels(8)
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
    x = spikes(8)
    with pytest.raises(ValidationError, match=r"pair \(x, y\)"):
        small().compile_training().train(PyDataset([x[:4], x[4:]]), callbacks=[])
