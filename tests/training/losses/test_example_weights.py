"""Weights of examples and classes in the loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from training.losses.loss_cases import (
    CASES,
    EPROP_CASES,
    SIZE,
    TARGETS,
    TRAJECTORIES,
    check_loss_and_gradient,
    non_spiking,
    spiking,
)
from training.small_nets import double, labels, small, spikes

from ml_genn.errors import ValidationError
from ml_genn.losses import (
    MeanAbsoluteError,
    SparseCategoricalCrossentropy,
)
from ml_genn.optimisers import SGD

EXAMPLE_WEIGHTS = np.array([0.0, 2.0, 0.5, 1.0, 3.0])


@pytest.mark.parametrize(
    "name", ["probabilities of avg_var", "squares of a trajectory"]
)
def test_weights_of_examples(name: str) -> None:
    loss, name_of_readout, options, y, loss_in_numpy = CASES[name]
    compiled, connection = non_spiking("event_prop", loss, name_of_readout, **options)
    check_loss_and_gradient(compiled, connection, y, loss_in_numpy, EXAMPLE_WEIGHTS)


def test_weights_of_examples_with_first_spikes() -> None:
    """They also weigh the first-spike term and the gradient of silent neurons."""
    compiled = spiking(
        SparseCategoricalCrossentropy(),
        "first_spike_time",
        "event_prop",
        ttfs_alpha=0.5,
    )
    x, y = spikes(SIZE), labels(SIZE)
    (connection,) = compiled.gradients(x, y)
    gradients = [
        compiled.gradients(x[k : k + 1], y[k : k + 1])[connection] for k in range(SIZE)
    ]
    expected = np.mean(
        [w * g for w, g in zip(EXAMPLE_WEIGHTS, gradients, strict=True)], axis=0
    )
    weighted = compiled.gradients(x, y, EXAMPLE_WEIGHTS)[connection]
    assert np.linalg.norm(expected) > 0
    np.testing.assert_allclose(weighted, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("mode", ["event_driven", "online"])
def test_weights_of_examples_with_eprop(mode: str) -> None:
    compiled, connection = non_spiking("eprop", MeanAbsoluteError(), "var", mode=mode)
    check_loss_and_gradient(
        compiled,
        connection,
        TRAJECTORIES,
        EPROP_CASES["absolute errors"][2],
        EXAMPLE_WEIGHTS,
    )


def train_one_epoch(**options: Any) -> tuple[np.ndarray, float]:
    """Returns weights and loss after one epoch."""
    net = small()
    compiled = net.compile_training(optimiser=SGD(0.5))
    x, y = options.pop("data", (spikes(8), labels(8)))
    metrics, *_ = compiled.train(x, y, shuffle=False, callbacks=[], **options)
    return compiled.weights(net.output), metrics.loss


def test_class_weights_equal_weights_of_their_examples() -> None:
    classes = {0: 2.0, 2: 0.25}
    samples = np.array([classes.get(k, 1.0) for k in labels(8).tolist()])
    with_class_weight, loss = train_one_epoch(class_weight=classes)
    with_sample_weight, other_loss = train_one_epoch(sample_weight=samples)
    assert np.array_equal(with_class_weight, with_sample_weight)
    assert loss == other_loss
    assert not np.array_equal(with_class_weight, train_one_epoch()[0])
    both, _ = train_one_epoch(class_weight=classes, sample_weight=1.0 / samples)
    np.testing.assert_allclose(both, train_one_epoch()[0], rtol=1e-5, atol=1e-6)


def test_weights_of_a_stream() -> None:
    x, y = spikes(8), labels(8)
    samples = np.linspace(0.0, 2.0, 8)
    parts = [slice(0, 4), slice(4, 8)]
    stream = [(x[p], y[p], samples[p]) for p in parts]
    streamed, _ = train_one_epoch(data=(stream, None))
    in_memory, _ = train_one_epoch(sample_weight=samples)
    assert np.array_equal(streamed, in_memory)
    pairs = [(x[p], y[p]) for p in parts]
    streamed, _ = train_one_epoch(data=(pairs, None), class_weight={1: 3.0})
    in_memory, _ = train_one_epoch(class_weight={1: 3.0})
    assert np.array_equal(streamed, in_memory)


def test_validation_split_divides_example_weights() -> None:
    x, y = spikes(8), labels(8)
    samples = np.linspace(0.1, 2.0, 8)
    no_callbacks = {"validation_callbacks": []}
    split, _ = train_one_epoch(
        sample_weight=samples, validation_split=0.25, **no_callbacks
    )
    separate, _ = train_one_epoch(data=(x[:6], y[:6]), sample_weight=samples[:6])
    assert np.array_equal(split, separate)


def test_weights_of_several_outputs() -> None:
    net = double()
    compiled = net.compile()
    what, where = net.outputs
    x = {p: spikes(4, seed=k) for k, p in enumerate(net.inputs)}
    y = {what: labels(4), where: labels(4, 2)}
    weighted = compiled.gradients(x, y, {what: np.zeros(4)})
    unweighted = compiled.gradients(x, y)
    for connection, gradient in weighted.items():
        is_weighted = connection.ends()[1] is where
        expected = unweighted[connection] if is_weighted else np.zeros_like(gradient)
        np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-8)
    classes = {where: {0: 2.0, 1: 2.0}}
    compiled.train(x, y, class_weight=classes, callbacks=[])


INVALID: list[tuple[dict[str, Any], str]] = [
    ({"sample_weight": np.ones(7)}, "one number for each of the 8 examples"),
    ({"sample_weight": -np.ones(8)}, "none of them negative"),
    ({"sample_weight": np.full(8, np.nan)}, "not finite"),
    ({"class_weight": [1.0, 2.0]}, "a dictionary"),
    ({"class_weight": {0: -1.0}}, "is not negative"),
    ({"data": ([(spikes(8), labels(8))], None), "sample_weight": np.ones(8)}, "yields"),
]


@pytest.mark.parametrize(("options", "message"), INVALID)
def test_invalid_weights_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        train_one_epoch(**options)


def test_class_weights_need_labels() -> None:
    compiled, _ = non_spiking("event_prop", "mean_square_error", "sum_var")
    with pytest.raises(ValidationError, match="values, not classes"):
        compiled.train(
            spikes(SIZE), TARGETS, class_weight={0: 1.0}, metrics="mean_square_error"
        )
