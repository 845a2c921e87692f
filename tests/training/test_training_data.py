"""The forms in which data may be given, and what they are equal to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from training.small_nets import (
    CLASSES,
    INPUTS,
    STEPS,
    Spy,
    double,
    labels,
    small,
    spikes,
)

from ml_genn.callbacks import Callback
from ml_genn.compilers import InferenceCompiler
from ml_genn.data import PreprocessedSpikes
from ml_genn.errors import ValidationError
from ml_genn.training.population_dict import PopulationDict, population_items


def raster(examples: list[PreprocessedSpikes]) -> np.ndarray:
    """The same spikes as an array (examples, steps, neurons)."""
    result = np.zeros((len(examples), STEPS, INPUTS))
    for k, example in enumerate(examples):
        starts = np.concatenate([[0], example.end_spikes[:-1]])
        for neuron, (start, end) in enumerate(
            zip(starts, example.end_spikes, strict=True)
        ):
            for step in np.ceil(example.spike_times[start:end]).astype(int):
                result[k, step, neuron] += 1
    return result


class Dataset:
    """Batches that can be gone through again and again."""

    def __init__(self, batches: list[Any]) -> None:
        self.batches = batches
        self.passes = 0

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Any]:
        self.passes += 1
        return iter(self.batches)


def _weights(net: Any, compiled: Any) -> np.ndarray:
    layers = (net.hidden, net.output)
    return np.concatenate([compiled.weights(layer).ravel() for layer in layers])


def _trained(*data: Any, **kwargs: Any) -> np.ndarray:
    """Weights after training on data in some form."""
    net = small()
    compiled = net.train_compiler()
    arguments = [d(net) if callable(d) else d for d in data]
    arguments += [None] * (2 - len(arguments))
    compiled.train(*arguments, shuffle=False, callbacks=[], **kwargs)
    return _weights(net, compiled)


@pytest.fixture(scope="module")
def expected() -> np.ndarray:
    """Weights after two epochs on ten examples."""
    return _trained(spikes(10), labels(10), num_epochs=2)


# ---------------------------------------------------------------- in memory
FORMS: dict[str, tuple[Any, Any]] = {
    "keyed by layers": (
        lambda n: {n.inputs: spikes(10)},
        lambda n: {n.output: labels(10)},
    ),
    "keyed by populations": (
        lambda n: {n.inputs.population(): spikes(10)},
        lambda n: {n.output.population(): labels(10)},
    ),
    "mixed": (lambda n: {n.inputs: spikes(10)}, labels(10)),
    "list of labels": (spikes(10), labels(10).tolist()),
    "labels that are whole floats": (spikes(10), labels(10).astype(float)),
    "tuple of examples": (tuple(spikes(10)), labels(10).astype(np.uint8)),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_data_in_memory_are_equal(form: str, expected: np.ndarray) -> None:
    assert np.array_equal(_trained(*FORMS[form], num_epochs=2), expected)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float64])
def test_a_raster_is_the_same_as_its_spikes(dtype: Any) -> None:
    net = small()
    compiled = net.inference()
    array = np.minimum(raster(spikes(6)), 1)
    examples = [_once(example) for example in spikes(6)]
    from_array, _ = compiled.predict(array.astype(dtype), callbacks=[])
    from_spikes, _ = compiled.predict(examples, callbacks=[])
    assert np.array_equal(from_array[net.output], from_spikes[net.output])
    assert np.any(from_array[net.output] != 0)


def _once(example: PreprocessedSpikes) -> PreprocessedSpikes:
    """At most one spike per neuron and step."""
    array = raster([example])[0] > 0
    times, counts = [], []
    for neuron in range(INPUTS):
        steps = np.flatnonzero(array[:, neuron])
        times.append(steps.astype(float))
        counts.append(len(steps))
    return PreprocessedSpikes(np.cumsum(counts), np.concatenate(times))


@pytest.mark.parametrize("batch_size", [1, 3, 10, 64])
def test_a_smaller_last_batch_is_run_too(batch_size: int) -> None:
    net = small()
    spy = Spy()
    compiled = net.inference(batch_size=batch_size)
    predictions, _ = compiled.predict(spikes(10), callbacks=[spy])
    alone, _ = net.inference(batch_size=1).predict(spikes(10), callbacks=[])
    assert predictions[net.output].shape == (10, CLASSES)
    np.testing.assert_allclose(
        predictions[net.output], alone[net.output], rtol=1e-6, atol=1e-7
    )
    assert spy.hooks.count("on_batch_end") == -(-10 // batch_size)


def test_examples_come_in_the_order_of_numpys_global_generator() -> None:
    x, y = spikes(10), labels(10)
    np.random.seed(7)
    order = np.random.permutation(10)
    sorted_out = _trained([x[k] for k in order], y[order])
    net = small()
    compiled = net.train_compiler()
    np.random.seed(7)
    compiled.train(x, y, callbacks=[])
    assert np.array_equal(_weights(net, compiled), sorted_out)


# ---------------------------------------------------------------- streams
def _batches() -> list[Any]:
    x, y = spikes(10), labels(10)
    return [(x[k : k + 4], y[k : k + 4]) for k in (0, 4, 8)]


STREAMS: dict[str, Any] = {
    "list of pairs": lambda net: _batches(),
    "list of lists": lambda net: [list(pair) for pair in _batches()],
    "data set": lambda net: Dataset(_batches()),
    "keyed by layers": lambda net: [
        ({net.inputs: x}, {net.output: y}) for x, y in _batches()
    ],
    "keyed by populations": lambda net: [
        ({net.inputs.population(): x}, {net.output.population(): y})
        for x, y in _batches()
    ],
}


@pytest.mark.parametrize("form", STREAMS)
def test_forms_of_streams_are_equal(form: str, expected: np.ndarray) -> None:
    assert np.array_equal(_trained(STREAMS[form], num_epochs=2), expected)


def test_a_generator_serves_one_epoch() -> None:
    once = _trained(spikes(10), labels(10))
    assert np.array_equal(_trained(lambda net: iter(_batches())), once)
    assert np.array_equal(_trained(lambda net: (pair for pair in _batches())), once)


def test_a_generator_is_refused_for_several_epochs() -> None:
    compiled = small().train_compiler()
    batches = iter(_batches())
    with pytest.raises(ValidationError, match="used only once, but 2 epochs"):
        compiled.train(batches, num_epochs=2, callbacks=[])
    assert len(list(batches)) == 3


def test_a_data_set_is_gone_through_once_an_epoch() -> None:
    data, spy = Dataset(_batches()), Spy()
    small().train_compiler().train(data, num_epochs=3, callbacks=[spy])
    assert data.passes == 3
    assert spy.hooks.count("on_batch_end") == 9
    (params,) = [args for _, hook, args in spy.log if hook == "set_params"]
    assert params["num_batches"] == 3


def test_batches_of_a_stream_have_the_size_that_they_have() -> None:
    net = small()
    compiled = net.train_compiler(batch_size=2)
    metrics, _ = compiled.evaluate([(spikes(9), labels(9))], callbacks=[])
    assert metrics[net.output].total == 9


def test_an_empty_stream_is_refused() -> None:
    compiled = small().train_compiler()
    for data in ([], iter([]), Dataset([])):
        with pytest.raises(ValidationError, match="yielded none"):
            compiled.train(data, callbacks=[])


@pytest.mark.parametrize("item", [3, "xy", (1, 2, 3, 4), [spikes(1)], None])
def test_items_of_a_stream_are_pairs(item: Any) -> None:
    compiled = small().train_compiler()
    with pytest.raises(ValidationError, match="is a pair") as caught:
        compiled.train([*_batches(), item], callbacks=[])
    assert caught.value.__notes__ == ["In item 3 of the iterable of batches."]


def test_errors_tell_the_item_of_a_stream() -> None:
    compiled = small().train_compiler()
    bad = [*_batches()[:1], (spikes(2), [0, 99])]
    with pytest.raises(ValidationError, match="Received 99 for example 1") as caught:
        compiled.train(bad, callbacks=[])
    assert caught.value.__notes__ == ["In item 1 of the iterable of batches."]


def test_predictions_and_evaluation_take_streams_and_memory() -> None:
    net = small()
    compiled = net.train_compiler()
    memory, _ = compiled.evaluate(spikes(10), labels(10), callbacks=[])
    stream, _ = compiled.evaluate(Dataset(_batches()), callbacks=[])
    assert stream[net.output].result == memory[net.output].result
    assert stream.loss == pytest.approx(memory.loss, rel=1e-6)


# ---------------------------------------------------------------- validation
def test_validation_data_come_from_the_end() -> None:
    x, y = spikes(10), labels(10)
    assert np.array_equal(
        _trained(x, y, num_epochs=2, validation_split=0.3, validation_callbacks=[]),
        _trained(x[:7], y[:7], num_epochs=2),
    )
    net = small()
    compiled = net.train_compiler()
    result = compiled.train(
        x, y, validation_split=0.3, callbacks=[], validation_callbacks=[]
    )
    assert len(result) == 4
    train, validation, _, _ = result
    assert (train[net.output].total, validation[net.output].total) == (7, 3)
    evaluated, _ = compiled.evaluate(x[7:], y[7:], callbacks=[])
    assert validation[net.output].result == evaluated[net.output].result
    assert validation.loss == evaluated.loss


def test_validation_data_may_be_given() -> None:
    x, y = spikes(10), labels(10)
    split = _trained(x, y, validation_split=0.3, validation_callbacks=[])
    given = _trained(
        x[:7],
        y[:7],
        validation_x=x[7:],
        validation_y=y[7:],
        validation_callbacks=[],
    )
    assert np.array_equal(split, given)


def test_validation_data_may_stand_beside_a_stream() -> None:
    net = small()
    compiled = net.train_compiler()
    _, validation, _, _ = compiled.train(
        Dataset(_batches()),
        num_epochs=2,
        validation_x={net.inputs: spikes(3)},
        validation_y={net.output: labels(3)},
        callbacks=[],
        validation_callbacks=[],
    )
    assert validation[net.output].total == 3


def test_validation_does_not_change_weights() -> None:
    x, y = spikes(10), labels(10)
    validated = _trained(
        x, y, num_epochs=2, validation_x=x, validation_y=y, validation_callbacks=[]
    )
    assert np.array_equal(validated, _trained(x, y, num_epochs=2))


def test_split_data_keep_the_form_in_which_they_are_given() -> None:
    def keyed(net: Any) -> dict[Any, Any]:
        return {net.inputs: raster(spikes(10))}

    arguments = {"validation_split": 0.3, "validation_callbacks": []}
    whole = _trained(keyed, lambda net: {net.output: labels(10)}, **arguments)
    bare = _trained(raster(spikes(10)), labels(10), **arguments)
    assert np.array_equal(whole, bare)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"validation_split": 0.5, "validation_x": [], "validation_y": []},
            "either validation_split or validation_x",
        ),
        ({"validation_x": []}, "give both validation_x and validation_y"),
        ({"validation_y": []}, "give both validation_x and validation_y"),
        ({"validation_split": -0.1}, "a share of the data, between 0 and 1"),
        ({"validation_split": 1.5}, "a share of the data, between 0 and 1"),
        ({"validation_split": 1.0}, "a share of the data, between 0 and 1"),
        ({"validation_split": 0.001}, "leaves 10 examples to train on and 0 to"),
        (
            {"validation_split": 0.2, "y": labels(9)},
            "Received lengths {'x': 10, 'y': 9}",
        ),
        ({"validation_split": 0.2, "y": 3}, "y: expected a list or an array"),
        ({"validation_x": spikes(2), "validation_y": [0]}, "equally long"),
        ({"num_epochs": 0}, "num_epochs is a whole number of at least 1"),
        ({"num_epochs": 1.5}, "num_epochs is a whole number"),
        ({"start_epoch": -1}, "start_epoch is a whole number of at least 0"),
    ],
)
def test_contradictions_are_refused(arguments: dict[str, Any], message: str) -> None:
    net, spy = small(), Spy()
    compiled = net.train_compiler()
    before = _weights(net, compiled)
    with pytest.raises(ValidationError, match=message):
        usual = {"x": spikes(10), "y": labels(10), "callbacks": [spy]}
        compiled.train(**{**usual, **arguments})
    assert "on_train_begin" not in spy.hooks
    assert np.array_equal(_weights(net, compiled), before)


def test_a_stream_cannot_be_split() -> None:
    with pytest.raises(ValidationError, match="validation_split needs data in memory"):
        small().train_compiler().train(_batches(), validation_split=0.5, callbacks=[])


# ---------------------------------------------------------------- epochs
def test_epochs_are_numbered_from_the_first() -> None:
    spy = Spy()
    compiled = small().train_compiler()
    compiled.train(spikes(4), labels(4), num_epochs=3, start_epoch=4, callbacks=[spy])
    begun = [args for _, hook, args in spy.log if hook == "on_epoch_begin"]
    assert begun == [(4,), (5,), (6,)]


# ---------------------------------------------------------------- keys of results
def test_results_are_found_by_layer_and_by_population() -> None:
    net = small()
    compiled = net.inference()
    keys = (net.output, net.output.population())
    for written in keys:
        metrics, _ = compiled.evaluate(spikes(4), {written: labels(4)}, callbacks=[])
        assert list(metrics) == [written]
        for key in keys:
            assert metrics[key] is metrics[written]
            assert metrics.get(key) is metrics[written]
            assert key in metrics
    bare, _ = compiled.evaluate(spikes(4), labels(4), callbacks=[])
    assert list(bare) == [net.output.population()]
    assert bare[net.output].total == 4


def test_results_of_other_populations_are_not_there() -> None:
    net, other = small(), small()
    metrics, _ = net.inference().evaluate(spikes(4), labels(4), callbacks=[])
    for key in (net.hidden, other.output):
        assert key not in metrics
        assert metrics.get(key, 5) == 5
        with pytest.raises(KeyError, match="There are entries for: 'Pop2'"):
            _ = metrics[key]
    for key in ("Pop2", 3):
        assert key not in metrics
        with pytest.raises(KeyError, match="found by their population or layer"):
            _ = metrics[key]


def test_the_same_population_twice_is_refused() -> None:
    net = small()
    with pytest.raises(ValidationError, match="'Pop2' is given twice"):
        population_items({net.output: 1, net.output.population(): 2})
    assert population_items({net.output: 1}) == {
        net.output.population(): (net.output, 1)
    }
    assert PopulationDict().get(net.output) is None


# ---------------------------------------------------------------- several populations
def _double_data(count: int = 10) -> tuple[Any, dict[Any, Any], dict[Any, Any]]:
    net = double()
    x = {p: spikes(count, seed) for seed, p in enumerate(net.inputs)}
    y = dict(zip(net.outputs, (labels(count, 3), labels(count, 2)), strict=True))
    return net, x, y


def test_several_inputs_and_outputs_are_given_by_dictionaries() -> None:
    net, x, y = _double_data()
    compiled = net.compile()
    metrics, _ = compiled.evaluate(x, y, callbacks=[])
    predictions, _ = compiled.predict(x, callbacks=[])
    for output, size in zip(net.outputs, (3, 2), strict=True):
        assert predictions[output].shape == (10, size)
        right = np.argmax(predictions[output], axis=1) == y[output]
        assert metrics[output].result == pytest.approx(np.mean(right))


def test_the_order_of_dictionaries_does_not_matter() -> None:
    net, x, y = _double_data()
    compiled = net.compile()
    metrics, _ = compiled.evaluate(x, y, callbacks=[])
    turned = [dict(reversed(data.items())) for data in (x, y)]
    again, _ = compiled.evaluate(*turned, callbacks=[])
    assert again.loss == metrics.loss
    assert all(again[o].result == metrics[o].result for o in net.outputs)


def test_predictions_of_chosen_outputs() -> None:
    net, x, _ = _double_data()
    what, where = net.outputs
    compiled = net.compile()
    everything, _ = compiled.predict(x, callbacks=[])
    for chosen in (where, [where], (where, what), [what]):
        found, _ = compiled.predict(x, chosen, callbacks=[])
        keys = [chosen] if chosen is where else list(chosen)  # type: ignore[call-overload]
        assert list(found) == keys
        assert all(np.array_equal(found[k], everything[k]) for k in keys)


def test_predictions_of_populations_without_readout_are_refused() -> None:
    net = small()
    with pytest.raises(ValidationError, match=r"'Pop1' has no readout.*\['Pop2'\]"):
        net.inference().predict(spikes(2), net.hidden, callbacks=[])


def test_metrics_may_differ_between_outputs() -> None:
    net, x, _ = _double_data()
    what, where = net.outputs
    y = {what: labels(10), where: np.zeros((10, 2))}
    compiled = InferenceCompiler(STEPS, batch_size=4, num_threads=1).compile(
        net.network
    )
    by_name = {what: "sparse_categorical_accuracy", where: "mean_square_error"}
    metrics, _ = compiled.evaluate(x, y, by_name, callbacks=[])
    predictions, _ = compiled.predict(x, callbacks=[])
    assert metrics[where].result == pytest.approx(np.mean(predictions[where] ** 2))
    right = np.argmax(predictions[what], axis=1) == y[what]
    assert metrics[what].result == pytest.approx(np.mean(right))


# ---------------------------------------------------------------- evaluate_batch_iter
def test_evaluation_batch_by_batch() -> None:
    net = small()
    compiled = net.inference()
    memory, _ = compiled.evaluate(spikes(10), labels(10), callbacks=[])
    for data in (_batches(), iter(_batches()), Dataset(_batches())):
        found, _ = compiled.evaluate_batch_iter(
            net.inputs, net.output, data, callbacks=[]
        )
        assert found[net.output].result == memory[net.output].result
        assert found[net.output].total == 10


def test_evaluation_takes_no_more_batches_than_asked_for() -> None:
    net, spy = small(), Spy()
    compiled = net.inference()
    data = iter(_batches())
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


def test_evaluation_batch_by_batch_of_several_populations() -> None:
    net, x, y = _double_data()
    compiled = net.compile()
    memory, _ = compiled.evaluate(x, y, callbacks=[])
    batches = [
        (
            [x[p][k : k + 4] for p in net.inputs],
            tuple(y[p][k : k + 4] for p in net.outputs),
        )
        for k in (0, 4, 8)
    ]
    found, _ = compiled.evaluate_batch_iter(
        net.inputs, list(net.outputs), iter(batches), callbacks=[]
    )
    for output in net.outputs:
        assert found[output].result == memory[output].result
        assert found[output].total == 10


def test_evaluation_of_one_batch() -> None:
    net = small()
    compiled = net.inference()
    metrics, data = compiled.evaluate_batch(
        {net.inputs: spikes(3)}, {net.output: labels(3)}
    )
    assert metrics[net.output].total == 3
    assert data == {}


# ---------------------------------------------------------------- gradients and loss
def test_gradients_are_those_of_the_mean_over_all_examples() -> None:
    net = small()
    compiled = net.train_compiler(batch_size=3)
    x, y = spikes(8), labels(8)
    whole = compiled.gradients({net.inputs: x}, {net.output: y})
    single = [compiled.gradients(x[k : k + 1], y[k : k + 1]) for k in range(8)]
    for connection in net.network.connections:
        mean = np.mean([g[connection] for g in single], axis=0)
        np.testing.assert_allclose(whole[connection], mean, rtol=1e-4, atol=1e-7)
    losses = [compiled.loss(x[k : k + 1], y[k : k + 1]) for k in range(8)]
    assert compiled.loss(x, y) == pytest.approx(np.mean(losses), rel=1e-6)


class Halts(Callback):
    """Raises at the end of the first epoch."""

    def on_epoch_end(self, epoch: int, metrics: Any) -> None:
        """Stops."""
        raise RuntimeError("enough")


def test_training_goes_on_after_an_exception() -> None:
    net = small()
    compiled = net.train_compiler()
    x, y = spikes(10), labels(10)
    with pytest.raises(RuntimeError, match="enough"):
        compiled.train(x, y, num_epochs=2, shuffle=False, callbacks=[Halts()])
    compiled.train(x, y, shuffle=False, callbacks=[])
    assert np.array_equal(_weights(net, compiled), _trained(x, y, num_epochs=2))


def test_evaluation_batch_by_batch_names_what_does_not_fit() -> None:
    net, x, y = _double_data()
    compiled = net.compile()
    fine = list(y.values())
    for item, message in (
        ((list(x.values())[:1], fine), "2 populations need as many parts.*Received 1"),
        ((list(x.values()), labels(10)), "2 populations need as many parts"),
        (3, "is a pair"),
    ):
        with pytest.raises(ValidationError, match=message):
            compiled.evaluate_batch_iter(net.inputs, net.outputs, [item], callbacks=[])


def test_evaluation_batch_by_batch_knows_the_length_of_a_list() -> None:
    net, spy = small(), Spy()
    net.inference().evaluate_batch_iter(
        net.inputs, net.output, _batches(), callbacks=[spy]
    )
    (params,) = [args for _, hook, args in spy.log if hook == "set_params"]
    assert params["num_batches"] == 3
