"""Losses: their values, and gradients against finite differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from training.losses.loss_cases import (
    CASES,
    EPROP_CASES,
    RULES,
    SIZE,
    TARGETS,
    TRAJECTORIES,
    check_loss_and_gradient,
    non_spiking,
    one_hot,
    readout,
    spiking,
)
from training.small_nets import STEPS, labels, spikes

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.connectivity import Dense
from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.losses import (
    CategoricalCrossentropy,
    Loss,
    MeanSquareError,
    RelativeMeanSquareError,
    SparseCategoricalCrossentropy,
    SpikeCountMeanSquareError,
    SpikeRateMeanSquareError,
    default_losses,
)
from ml_genn.neurons import LeakyIntegrate
from ml_genn.optimisers import Adam


@pytest.mark.parametrize("rule", ["event_prop", "bptt"])
@pytest.mark.parametrize("name", CASES)
def test_losses_of_backward_rules(rule: str, name: str) -> None:
    loss, name_of_readout, options, y, loss_in_numpy = CASES[name]
    compiled, connection = non_spiking(rule, loss, name_of_readout, **options)
    check_loss_and_gradient(compiled, connection, y, loss_in_numpy)


@pytest.mark.parametrize("mode", ["event_driven", "online"])
@pytest.mark.parametrize("name", EPROP_CASES)
def test_losses_of_eprop(mode: str, name: str) -> None:
    loss, y, loss_in_numpy = EPROP_CASES[name]
    compiled, connection = non_spiking("eprop", loss, "sum_var", mode=mode)
    check_loss_and_gradient(compiled, connection, y, loss_in_numpy)


@pytest.mark.parametrize("rule", RULES)
def test_one_hot_targets_equal_labels(rule: str) -> None:
    results = []
    for loss, y in (
        (SparseCategoricalCrossentropy(), labels(SIZE)),
        (CategoricalCrossentropy(), one_hot(labels(SIZE))),
    ):
        compiled, connection = non_spiking(rule, loss, "sum_var")
        gradient = compiled.gradients(spikes(SIZE), y)[connection]
        results.append((compiled.loss(spikes(SIZE), y), gradient))
    (loss, gradient), (one_hot_loss, one_hot_gradient) = results
    assert loss == pytest.approx(one_hot_loss, rel=1e-6)
    np.testing.assert_allclose(gradient, one_hot_gradient, rtol=1e-4, atol=1e-7)


def test_losses_of_spike_counts_and_rates() -> None:
    y = labels(SIZE)
    compiled = spiking(SpikeCountMeanSquareError(6.0, 1.0), "spike_count")
    counts = readout(compiled)
    assert counts.max() > 1
    target = np.where(one_hot(y) > 0, 6.0, 1.0)
    expected = np.mean((counts - target) ** 2)
    assert compiled.loss(spikes(SIZE), y) == pytest.approx(expected, rel=1e-5)
    compiled = spiking(SpikeRateMeanSquareError(300.0, 50.0), "spike_count")
    target = np.where(one_hot(y) > 0, 0.3, 0.05)
    expected = np.mean((counts / STEPS - target) ** 2)
    assert compiled.loss(spikes(SIZE), y) == pytest.approx(expected, rel=1e-5)
    compiled = spiking(MeanSquareError(), "spike_count")
    expected = np.mean((counts - TARGETS) ** 2)
    assert compiled.loss(spikes(SIZE), TARGETS) == pytest.approx(expected, rel=1e-5)


def test_spike_counts_are_learned() -> None:
    loss = SpikeCountMeanSquareError(5.0, 1.0)
    compiled = spiking(loss, "spike_count", optimiser=Adam(0.03))
    before = compiled.loss(spikes(SIZE), labels(SIZE))
    compiled.train(spikes(SIZE), labels(SIZE), num_epochs=60, callbacks=[])
    assert compiled.loss(spikes(SIZE), labels(SIZE)) < 0.8 * before


def test_loss_of_relative_spike_times() -> None:
    y = labels(SIZE)
    compiled = spiking(RelativeMeanSquareError(4.0), "first_spike_time", "event_prop")
    times = np.minimum(-readout(compiled).astype(np.float64), STEPS)
    lead = times - times[np.arange(SIZE), y][:, None] - 4.0
    lead[np.arange(SIZE), y] = 0.0
    expected = np.mean(0.5 * np.sum(lead**2, axis=1))
    assert expected > 1.0
    assert compiled.loss(spikes(SIZE), y) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "targets", [[[1.0, 1.0, 0.0]], [[1.5, -0.5, 0.0]], [1], [[1.0]]]
)
def test_invalid_probabilities_are_refused(targets: Any) -> None:
    compiled, _ = non_spiking("event_prop", "categorical_crossentropy", "sum_var")
    with pytest.raises(ValidationError, match="Received"):
        compiled.loss(spikes(1), targets)


def test_targets_of_other_shapes_are_refused() -> None:
    values, _ = non_spiking("event_prop", "mean_square_error", "sum_var")
    with pytest.raises(ValidationError, match=r"shape \(examples, 3\)"):
        values.loss(spikes(SIZE), TRAJECTORIES)
    trajectories, _ = non_spiking("event_prop", "mean_square_error", "var")
    with pytest.raises(ValidationError, match=r"shape \(examples, 20, 3\)"):
        trajectories.loss(spikes(SIZE), TARGETS)


@pytest.mark.parametrize(
    "loss", [SpikeCountMeanSquareError(5.0), RelativeMeanSquareError(1.0)]
)
def test_losses_of_spikes_need_a_spiking_output(loss: Loss) -> None:
    with pytest.raises(UnsupportedError, match="of a non-spiking neuron"):
        non_spiking("bptt", loss, "sum_var")


@pytest.mark.parametrize("rule", ["event_prop", "bptt", "eprop"])
@pytest.mark.parametrize(
    "loss", [SparseCategoricalCrossentropy(), "categorical_crossentropy"]
)
def test_the_softmax_of_one_neuron_is_refused(rule: str, loss: Any) -> None:
    """Its loss and its gradient are 0 whatever the weights are."""
    with SequentialNetwork() as network:
        InputLayer("spike_input", 4)
        Layer(Dense(1.0), LeakyIntegrate(readout="avg_var"), 1, name="single")
    with pytest.raises(
        ValidationError, match=r"'single'.*at least 2 neurons.*Received"
    ):
        RULES[rule](STEPS, loss).compile(network)
    RULES[rule](STEPS, "mean_square_error").compile(network)


def test_repr_and_bounds_of_arguments() -> None:
    assert repr(SpikeCountMeanSquareError(5.0)) == (
        "SpikeCountMeanSquareError(correct=5.0, incorrect=0.0)"
    )
    assert repr(RelativeMeanSquareError(2.0)) == "RelativeMeanSquareError(delta=2.0)"
    for kind in default_losses.values():
        assert repr(kind()) == f"{kind.__name__}()"
    with pytest.raises(ValidationError, match="correct is not negative"):
        SpikeRateMeanSquareError(-1.0)
    with pytest.raises(ValidationError, match="delta is a finite number"):
        RelativeMeanSquareError(np.nan)


def test_compiled_networks_have_copies_of_losses() -> None:
    loss = SpikeCountMeanSquareError(6.0, 1.0)
    compiled = spiking(loss, "spike_count")
    expected = compiled.loss(spikes(4), labels(4))
    loss.correct = 2.0
    assert compiled.loss(spikes(4), labels(4)) == expected
    assert spiking(loss, "spike_count").loss(spikes(4), labels(4)) != expected
