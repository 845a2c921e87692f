"""One random state for each compiled network, seeded by the compiler's ``rng_seed``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saving.saved_nets import arrays_of, assert_equal, data, make, train
from training.data.item_dataset import ItemDataset
from training.small_nets import labels, small, spikes

import ml_genn
from ml_genn.callbacks import Callback, Checkpoint
from ml_genn.compiled.random_state import SHUFFLE, RandomState
from ml_genn.serialisers import Numpy


def trained(**options: Any) -> list[np.ndarray]:
    """Returns the arrays of a small network after three shuffled epochs."""
    compiled = small().compile_training(**options)
    compiled.train(spikes(10), labels(10), num_epochs=3, callbacks=[])
    return list(arrays_of(compiled).values())


@pytest.mark.parametrize("kind", ["plain", "deep_r", "eprop"])
def test_numpys_global_generator_has_no_influence(kind: str) -> None:
    """Poisson inputs, initial weights, the order of examples and Deep-R."""
    networks = []
    for seed in (1, 2):
        np.random.seed(seed)
        compiled = make(kind, rng_seed=5).compile()
        np.random.random(seed)
        train(compiled, 2, validation_split=0.25, validation_callbacks=[])
        networks.append(compiled)
    assert_equal(*networks)
    metrics = [n.evaluate(*data(), callbacks=[])[0].loss for n in networks]
    assert metrics[0] == metrics[1]


def test_seeds_decide() -> None:
    first, same, other = (trained(rng_seed=seed) for seed in (3, 3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(first, same, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_the_global_generator_is_left_alone(tmp_path: Path) -> None:
    """By compiling, training, evaluation, saving, loading and resuming."""
    np.random.seed(11)
    expected = np.random.random()
    np.random.seed(11)
    compiled = make("deep_r").compile()
    train(compiled, 1, callbacks=[Checkpoint(Numpy(tmp_path))])
    ml_genn.save_model(compiled, tmp_path / "model")
    loaded = ml_genn.load_model(tmp_path / "model")
    train(loaded, 1, loaded.resume(Numpy(tmp_path)))
    loaded.evaluate(*data(), callbacks=[])
    ml_genn.data.generate_yin_yang_dataset(4, 10.0)
    assert np.random.random() == expected


class OrderOfExamples(Callback):
    """Stores the order of examples of each epoch."""

    def __init__(self) -> None:
        self.epochs: list[list[int]] = []

    def on_epoch_begin(self, epoch: int) -> None:
        """Begins a list."""
        self.epochs.append([])


class NumberedExamples(ItemDataset):
    """Examples that note when they are read."""

    order: OrderOfExamples

    def __getitem__(self, k: int) -> Any:
        self.order.epochs[-1].append(k)
        return super().__getitem__(k)


def orders(compiled: Any, *epochs: int, **options: Any) -> list[list[int]]:
    """Returns the order of examples in each epoch of one or several trainings."""
    examples = NumberedExamples(spikes(10), labels(10))
    examples.order = OrderOfExamples()
    for count in epochs:
        compiled.train(
            examples, num_epochs=count, callbacks=[examples.order], **options
        )
    return examples.order.epochs


def test_each_epoch_has_an_order_of_its_own() -> None:
    epochs = orders(small().compile_training(), 4)
    assert all(sorted(order) == list(range(10)) for order in epochs)
    assert len({tuple(order) for order in [*epochs, range(10)]}) == 5


def test_a_second_training_goes_on_with_the_random_numbers() -> None:
    at_once = orders(small().compile_training(), 4)
    assert orders(small().compile_training(), 1, 3) == at_once
    assert orders(small().compile_training(), 2, 2, start_epoch=7) == at_once


def test_other_networks_have_no_influence() -> None:
    """Two networks that are trained in turns equal two trained one after the other."""
    alone = orders(small().compile_training(), 4)
    first, second = small().compile_training(), small().compile_training(rng_seed=1)
    in_turns = []
    for _ in range(4):
        in_turns += orders(first, 1)
        orders(second, 1)
        second.evaluate(spikes(10), labels(10), callbacks=[])
    assert in_turns == alone


def test_generators_differ_by_seed_and_number() -> None:
    states = [RandomState(1), RandomState(1), RandomState(2)]
    first, same, other = (
        [s.next_generator(SHUFFLE).random() for _ in range(3)] for s in states
    )
    assert first == same
    assert len({*first, *other}) == 6
