"""ReduceLROnPlateau and OptimiserParamSchedule."""

from __future__ import annotations

from typing import Any

import pytest
from training.callbacks.callback_runs import (
    LOG_NAMES,
    FakeCompiledNetwork,
    train_two_batches,
)
from training.small_nets import (
    STEPS,
    small,
)

from ml_genn.callbacks import (
    OptimiserParamSchedule,
    ReduceLROnPlateau,
)
from ml_genn.compilers import EventPropCompiler
from ml_genn.errors import (
    UnknownNameError,
    ValidationError,
)
from ml_genn.optimisers import SGD, Adam, CosineDecay


def test_learning_rate_falls_on_a_plateau() -> None:
    callback = ReduceLROnPlateau(factor=0.5, patience=2, cooldown=2, min_lr=0.2)
    network = FakeCompiledNetwork()
    callback.set_params(compiled_network=network, log_names=LOG_NAMES)
    rates = []
    for epoch, value in enumerate([3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]):
        callback.on_epoch_logs(epoch, {"val_loss": value})
        rates.append(network.optimisers[0][0].alpha)
    assert rates == [1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2]


def test_plateau_refuses_a_scheduled_learning_rate() -> None:
    compiled = small().compile_training(optimiser=Adam(CosineDecay(0.1, 10)))
    with pytest.raises(ValidationError, match="follows a schedule"):
        train_two_batches(compiled, ["reduce_lr_on_plateau"], validation_split=0.25)


def test_schedule_changes_every_optimiser() -> None:

    net = small()
    first, second = Adam(1.0), SGD(2.0)
    optimisers: Any = {net.hidden: {"weight": first}, net.output: {"weight": second}}
    compiler = EventPropCompiler(STEPS, "sparse_categorical_crossentropy")
    compiled = compiler.compile(net.network, optimisers=optimisers)
    calls: list[Any] = []

    def halved(epoch: int, value: float) -> float:
        calls.append((epoch, value))
        return value / 2

    train_two_batches(
        compiled, [OptimiserParamSchedule("alpha", halved)], 2, start_epoch=5
    )
    assert calls == [(5, 1.0), (5, 2.0), (6, 0.5), (6, 1.0)]
    assert [o.alpha for o, _ in compiled.optimisers] == [0.25, 0.5]
    assert (first.alpha, second.alpha) == (0.25, 0.5)
    with pytest.raises(UnknownNameError, match="Did you mean 'alpha'"):
        train_two_batches(compiled, [OptimiserParamSchedule("alfa", halved)])
