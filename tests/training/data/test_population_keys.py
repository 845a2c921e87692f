"""Populations and layers as keys of data, metrics and predictions."""

from __future__ import annotations

import numpy as np
import pytest
from training.data.batch_data import two_output_data
from training.small_nets import (
    STEPS,
    labels,
    small,
    spikes,
)

from ml_genn.compilers import InferenceCompiler
from ml_genn.errors import ValidationError
from ml_genn.training.population_dict import PopulationDict, population_items


def test_metrics_have_layers_and_populations_as_keys() -> None:
    net = small()
    compiled = net.compile_inference()
    keys = (net.output, net.output.population())
    for target_key in keys:
        metrics, _ = compiled.evaluate(spikes(4), {target_key: labels(4)}, callbacks=[])
        assert list(metrics) == [target_key]
        for key in keys:
            assert metrics[key] is metrics[target_key]
            assert metrics.get(key) is metrics[target_key]
            assert key in metrics
    unkeyed, _ = compiled.evaluate(spikes(4), labels(4), callbacks=[])
    assert list(unkeyed) == [net.output.population()]
    assert unkeyed[net.output].total == 4


def test_metrics_of_other_populations_are_missing() -> None:
    net, other = small(), small()
    metrics, _ = net.compile_inference().evaluate(spikes(4), labels(4), callbacks=[])
    for key in (net.hidden, other.output):
        assert key not in metrics
        assert metrics.get(key, 5) == 5
        with pytest.raises(KeyError, match="There are entries for: 'Pop2'"):
            _ = metrics[key]
    assert metrics["Pop2"] is metrics[net.output]
    assert 3 not in metrics
    with pytest.raises(KeyError, match="found by their population or layer"):
        _ = metrics[3]


def test_duplicate_populations_are_refused() -> None:
    net = small()
    with pytest.raises(ValidationError, match="'Pop2' is given twice"):
        population_items({net.output: 1, net.output.population(): 2})
    assert population_items({net.output: 1}) == {
        net.output.population(): (net.output, 1)
    }
    assert PopulationDict().get(net.output) is None


def test_evaluation_and_prediction_with_several_inputs_and_outputs() -> None:
    net, x, y = two_output_data()
    compiled = net.compile()
    metrics, _ = compiled.evaluate(x, y, callbacks=[])
    predictions, _ = compiled.predict(x, callbacks=[])
    for output, size in zip(net.outputs, (3, 2), strict=True):
        assert predictions[output].shape == (10, size)
        right = np.argmax(predictions[output], axis=1) == y[output]
        assert metrics[output].result == pytest.approx(np.mean(right))


def test_the_order_of_dictionaries_does_not_matter() -> None:
    net, x, y = two_output_data()
    compiled = net.compile()
    metrics, _ = compiled.evaluate(x, y, callbacks=[])
    reordered = [dict(reversed(data.items())) for data in (x, y)]
    again, _ = compiled.evaluate(*reordered, callbacks=[])
    assert again.loss == metrics.loss
    assert all(again[o].result == metrics[o].result for o in net.outputs)


def test_predictions_of_selected_outputs() -> None:
    net, x, _ = two_output_data()
    what, where = net.outputs
    compiled = net.compile()
    expected, _ = compiled.predict(x, callbacks=[])
    for outputs in (where, [where], (where, what), [what]):
        readouts, _ = compiled.predict(x, outputs, callbacks=[])
        keys = [outputs] if outputs is where else list(outputs)  # type: ignore[call-overload]
        assert list(readouts) == keys
        assert all(np.array_equal(readouts[k], expected[k]) for k in keys)


def test_predictions_of_populations_without_readout_are_refused() -> None:
    net = small()
    with pytest.raises(ValidationError, match=r"'Pop1' has no readout.*\['Pop2'\]"):
        net.compile_inference().predict(spikes(2), net.hidden, callbacks=[])


def test_metrics_may_differ_between_outputs() -> None:
    net, x, _ = two_output_data()
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
