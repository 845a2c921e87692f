"""Iterables of batches in training and evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from training.data.batch_data import (
    BatchDataset,
    three_batches,
    trained_weights,
    two_output_data,
)
from training.small_nets import (
    Spy,
    labels,
    small,
    spikes,
)

from ml_genn.errors import ValidationError

FORMS: dict[str, Any] = {
    "list of pairs": lambda net: three_batches(),
    "list of lists": lambda net: [list(pair) for pair in three_batches()],
    "data set": lambda net: BatchDataset(three_batches()),
    "keyed by layers": lambda net: [
        ({net.inputs: x}, {net.output: y}) for x, y in three_batches()
    ],
    "keyed by populations": lambda net: [
        ({net.inputs.population(): x}, {net.output.population(): y})
        for x, y in three_batches()
    ],
}


@pytest.mark.parametrize("form", FORMS)
def test_all_forms_of_batches_train_alike(form: str, expected: np.ndarray) -> None:
    assert np.array_equal(trained_weights(FORMS[form], num_epochs=2), expected)


def test_a_generator_is_used_for_one_epoch() -> None:
    once = trained_weights(spikes(10), labels(10))
    assert np.array_equal(trained_weights(lambda net: iter(three_batches())), once)
    assert np.array_equal(
        trained_weights(lambda net: (pair for pair in three_batches())), once
    )


def test_a_generator_is_refused_for_several_epochs() -> None:
    compiled = small().compile_training()
    batches = iter(three_batches())
    with pytest.raises(ValidationError, match="used only once, but 2 epochs"):
        compiled.train(batches, num_epochs=2, callbacks=[])
    assert len(list(batches)) == 3


def test_a_data_set_is_iterated_once_per_epoch() -> None:
    data, spy = BatchDataset(three_batches()), Spy()
    small().compile_training().train(data, num_epochs=3, callbacks=[spy])
    assert data.passes == 3
    assert spy.hooks.count("on_batch_end") == 9
    (params,) = [args for _, hook, args in spy.log if hook == "set_params"]
    assert params["num_batches"] == 3


def test_batches_of_a_stream_may_have_any_size() -> None:
    net = small()
    compiled = net.compile_training(batch_size=2)
    metrics, _ = compiled.evaluate([(spikes(9), labels(9))], callbacks=[])
    assert metrics[net.output].total == 9


def test_an_empty_stream_is_refused() -> None:
    compiled = small().compile_training()
    for data in ([], iter([]), BatchDataset([])):
        with pytest.raises(ValidationError, match="yielded none"):
            compiled.train(data, callbacks=[])


@pytest.mark.parametrize("item", [3, "xy", (1, 2, 3, 4), [spikes(1)], None])
def test_items_of_a_stream_must_be_pairs(item: Any) -> None:
    compiled = small().compile_training()
    with pytest.raises(ValidationError, match="is a pair") as caught:
        compiled.train([*three_batches(), item], callbacks=[])
    assert caught.value.__notes__ == ["In item 3 of the iterable of batches."]


def test_errors_name_the_item_of_a_stream() -> None:
    compiled = small().compile_training()
    batches = [*three_batches()[:1], (spikes(2), [0, 99])]
    with pytest.raises(ValidationError, match="Received 99 for example 1") as caught:
        compiled.train(batches, callbacks=[])
    assert caught.value.__notes__ == ["In item 1 of the iterable of batches."]


def test_evaluation_of_a_stream_equals_that_in_memory() -> None:
    net = small()
    compiled = net.compile_training()
    memory, _ = compiled.evaluate(spikes(10), labels(10), callbacks=[])
    stream, _ = compiled.evaluate(BatchDataset(three_batches()), callbacks=[])
    assert stream[net.output].result == memory[net.output].result
    assert stream.loss == pytest.approx(memory.loss, rel=1e-6)


def test_evaluate_batch_iter_equals_evaluate() -> None:
    net = small()
    compiled = net.compile_inference()
    memory, _ = compiled.evaluate(spikes(10), labels(10), callbacks=[])
    for data in (three_batches(), iter(three_batches()), BatchDataset(three_batches())):
        metrics, _ = compiled.evaluate_batch_iter(
            net.inputs, net.output, data, callbacks=[]
        )
        assert metrics[net.output].result == memory[net.output].result
        assert metrics[net.output].total == 10


def test_evaluate_batch_iter_stops_after_num_batches() -> None:
    net, spy = small(), Spy()
    compiled = net.compile_inference()
    data = iter(three_batches())
    metrics, _ = compiled.evaluate_batch_iter(
        net.inputs, net.output, data, num_batches=2, callbacks=[spy]
    )
    assert metrics[net.output].total == 8
    assert spy.hooks.count("on_batch_end") == 2
    (params,) = [args for _, hook, args in spy.log if hook == "set_params"]
    assert params["num_batches"] == 2
    rest = list(data)
    assert len(rest) == 1
    assert len(rest[0][0]) == 2


def test_evaluate_batch_iter_with_several_populations() -> None:
    net, x, y = two_output_data()
    compiled = net.compile()
    memory, _ = compiled.evaluate(x, y, callbacks=[])
    batches = [
        (
            [x[p][k : k + 4] for p in net.inputs],
            tuple(y[p][k : k + 4] for p in net.outputs),
        )
        for k in (0, 4, 8)
    ]
    metrics, _ = compiled.evaluate_batch_iter(
        net.inputs, list(net.outputs), iter(batches), callbacks=[]
    )
    for output in net.outputs:
        assert metrics[output].result == memory[output].result
        assert metrics[output].total == 10


def test_evaluate_batch() -> None:
    net = small()
    compiled = net.compile_inference()
    metrics, data = compiled.evaluate_batch(
        {net.inputs: spikes(3)}, {net.output: labels(3)}
    )
    assert metrics[net.output].total == 3
    assert data == {}


def test_evaluate_batch_iter_refuses_invalid_items() -> None:
    net, x, y = two_output_data()
    compiled = net.compile()
    targets = list(y.values())
    for item, message in (
        (
            (list(x.values())[:1], targets),
            "2 populations need as many parts.*Received 1",
        ),
        ((list(x.values()), labels(10)), "2 populations need as many parts"),
        (3, "is a pair"),
    ):
        with pytest.raises(ValidationError, match=message):
            compiled.evaluate_batch_iter(net.inputs, net.outputs, [item], callbacks=[])


def test_evaluate_batch_iter_counts_the_batches_of_a_list() -> None:
    net, spy = small(), Spy()
    net.compile_inference().evaluate_batch_iter(
        net.inputs, net.output, three_batches(), callbacks=[spy]
    )
    (params,) = [args for _, hook, args in spy.log if hook == "set_params"]
    assert params["num_batches"] == 3
