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
