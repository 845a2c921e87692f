"""No two compiled networks have an optimiser or schedule in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saving.saved_nets import arrays_of
from training.small_nets import CROSS_ENTROPY, STEPS, Small, labels, small, spikes

import ml_genn
from ml_genn.callbacks import Callback, OptimiserParamSchedule, ReduceLROnPlateau
from ml_genn.compilers import EventPropCompiler
from ml_genn.errors import TrainingWarning
from ml_genn.optimisers import SGD, Adam


class Falling:
    """Schedule with a state: each call halves the rate."""

    def __init__(self) -> None:
        self.rate = 0.1
        self.steps: list[int] = []

    def __call__(self, step: int) -> float:
        self.steps.append(step)
        self.rate /= 2
        return self.rate


def compiler(optimiser: Any = "adam", **options: Any) -> EventPropCompiler:
    return EventPropCompiler(
        STEPS, CROSS_ENTROPY, optimiser, batch_size=4, num_threads=1, **options
    )


def fold(of: EventPropCompiler, net: Small, *callbacks: Any, **options: Any) -> Any:
    """Compiles and trains; returns the compiled network."""
    compiled = of.compile(net.network, **options)
    compiled.train(spikes(8), labels(8), num_epochs=3, callbacks=list(callbacks))
    return compiled


@pytest.mark.parametrize(
    "callback",
    [
        OptimiserParamSchedule("alpha", lambda _, alpha: alpha / 2),
        ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=1e3),
    ],
    ids=lambda c: type(c).__name__,
)
def test_callbacks_do_not_change_later_folds(callback: Any) -> None:
    net, of = small(), compiler()
    first, second = (fold(of, net, callback) for _ in range(2))
    assert first.optimiser.alpha < 0.001
    assert second.optimiser.alpha == first.optimiser.alpha
    np.testing.assert_equal(arrays_of(second), arrays_of(first))


def test_schedules_with_a_state_begin_anew() -> None:
    net, of = small(), compiler(SGD(Falling()))
    first, second = (fold(of, net) for _ in range(2))
    assert second.optimiser.alpha.steps == first.optimiser.alpha.steps == list(range(6))
    np.testing.assert_equal(arrays_of(second), arrays_of(first))


def test_the_first_network_has_the_object_itself() -> None:
    """Arrays with the same optimiser have the same copy in later networks."""
    net, weights, biases = small(), Adam(0.1), SGD(0.2)
    schedule = OptimiserParamSchedule("alpha", lambda _, alpha: 0.0)
    selected = {
        net.hidden: {"weight": weights},
        net.output: {"weight": weights, "bias": biases},
    }
    of = compiler(weights)
    first = fold(of, net, schedule, optimisers=selected)
    assert [o for o, _ in first.optimisers] == [weights, biases]
    assert first.optimiser is weights
    assert (weights.alpha, biases.alpha) == (0.0, 0.0)
    second = of.compile(net.network, optimisers=selected)
    assert [len(keys) for _, keys in second.optimisers] == [2, 1]
    assert second.optimisers[0][0] is second.optimiser is not weights
    assert [o.alpha for o, _ in second.optimisers] == [0.1, 0.2]


def test_another_compiler_has_a_copy() -> None:
    net, adam = small(), Adam(0.1)
    first = compiler(adam).compile(net.network)
    second = compiler(adam).compile(net.network)
    second.optimiser.alpha = 0.2
    assert (first.optimiser, adam.alpha) == (adam, 0.1)


def test_a_callback_may_change_the_users_object() -> None:
    net, adam = small(), Adam(0.1)

    class Freeze(Callback):
        def on_epoch_begin(self, epoch: int) -> None:
            adam.alpha = 0.0

    compiled = compiler(adam).compile(net.network)
    before = compiled.weights(net.output)
    compiled.train(spikes(4), labels(4), callbacks=[Freeze()])
    np.testing.assert_array_equal(compiled.weights(net.output), before)


def test_model_files_have_the_optimiser_of_the_network(tmp_path: Path) -> None:
    net, adam = small(), Adam(0.1)
    compiled = compiler(adam).compile(net.network)
    compiled.optimiser.alpha = 0.03
    ml_genn.save_model(compiled, tmp_path / "model")
    loaded = ml_genn.load_model(tmp_path / "model")
    assert (loaded.optimiser.alpha, adam.alpha) == (0.03, 0.03)


def test_changes_without_effect_are_warned_of() -> None:
    net, adam = small(), Adam(0.1)
    of = compiler(adam)
    of.compile(net.network)
    compiled = of.compile(net.network)

    def learn() -> None:
        before = compiled.weights(net.output)
        compiled.train(spikes(4), labels(4), callbacks=[])
        assert not np.array_equal(compiled.weights(net.output), before)

    adam.alpha = 0.0
    with pytest.warns(TrainingWarning, match="alpha of Adam.*was changed") as warned:
        learn()
        learn()
    assert len(warned) == 1
    assert warned[0].filename == __file__
