"""Learning-rate schedules, by themselves and in training."""

from __future__ import annotations

from math import cos, pi
from typing import Any

import numpy as np
import pytest
from training.small_nets import labels, small, spikes

from ml_genn.errors import ValidationError
from ml_genn.optimisers import (
    SGD,
    Constant,
    CosineDecay,
    ExponentialDecay,
    PiecewiseConstant,
    WarmUp,
)

EXPECTED: dict[Any, dict[int, float]] = {
    Constant(0.3): {0: 0.3, 99: 0.3},
    ExponentialDecay(1.0, 10, 0.5): {0: 1.0, 5: 0.5**0.5, 10: 0.5, 30: 0.125},
    ExponentialDecay(1.0, 10, 0.5, staircase=True): {0: 1.0, 9: 1.0, 10: 0.5, 29: 0.25},
    CosineDecay(1.0, 8): {0: 1.0, 2: 0.5 + 0.5 * cos(pi / 4), 4: 0.5, 8: 0.0, 20: 0.0},
    CosineDecay(1.0, 8, final=0.2): {0: 1.0, 4: 0.6, 8: 0.2, 9: 0.2},
    PiecewiseConstant((2, 5), (1.0, 0.1, 0.01)): {0: 1, 1: 1, 2: 0.1, 4: 0.1, 5: 0.01},
    WarmUp(4, 0.8): {0: 0.0, 1: 0.2, 3: 0.6, 4: 0.8, 100: 0.8},
    WarmUp(4, CosineDecay(1.0, 8), start=0.2): {0: 0.2, 2: 0.6, 4: 1.0, 8: 0.5, 12: 0},
}


@pytest.mark.parametrize("schedule", EXPECTED, ids=repr)
def test_learning_rates(schedule: Any) -> None:
    for step, rate in EXPECTED[schedule].items():
        assert schedule(step) == pytest.approx(rate, abs=1e-12), step


def test_learning_rates_equal_those_of_torch() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from torch.optim import lr_scheduler as theirs

    pairs = [
        (ExponentialDecay(0.5, 1, 0.9), lambda o: theirs.ExponentialLR(o, 0.9)),
        (
            ExponentialDecay(0.5, 3, 0.5, staircase=True),
            lambda o: theirs.StepLR(o, 3, 0.5),
        ),
        (
            CosineDecay(0.5, 12, final=0.1),
            lambda o: theirs.CosineAnnealingLR(o, 12, 0.1),
        ),
        (
            PiecewiseConstant((4, 9), (0.5, 0.05, 0.005)),
            lambda o: theirs.MultiStepLR(o, [4, 9], 0.1),
        ),
        (WarmUp(5, 0.5, start=0.1), lambda o: theirs.LinearLR(o, 0.2, 1.0, 5)),
    ]
    for ours, make in pairs:
        stepper = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.5)
        schedule = make(stepper)
        for step in range(12):
            (rate,) = schedule.get_last_lr()
            assert ours(step) == pytest.approx(rate, rel=1e-6), (ours, step)
            stepper.step()
            schedule.step()


def test_a_schedule_is_called_for_each_batch() -> None:
    steps = []

    def rate(step: int) -> float:
        steps.append(step)
        return 0.0 if step in (1, 2) else 0.1

    net = small()
    compiled = net.compile_training(optimiser=SGD(rate))
    x, y = spikes(8), labels(8)
    weights = [compiled.weights(net.output)]
    for _ in range(3):
        compiled.train(x[:4], y[:4], callbacks=[])
        weights.append(compiled.weights(net.output))
    assert sorted(set(steps)) == [0, 1, 2]
    assert not np.array_equal(weights[0], weights[1])
    assert np.array_equal(weights[1], weights[3])
    compiled.train(x, y, num_epochs=2, callbacks=[])
    assert steps == sorted(steps)
    assert sorted(set(steps)) == [0, 1, 2, 3, 4, 5, 6]


def test_steps_use_the_learning_rate_of_the_schedule() -> None:
    net = small()
    schedule = ExponentialDecay(1.0, 1, 0.5)
    compiled = net.compile_training(optimiser=SGD(schedule))
    x, y = spikes(4), labels(4)
    for n in range(3):
        gradient = compiled.gradients(x, y)[net.output.connection()]
        before = compiled.weights(net.output)
        compiled.train(x, y, callbacks=[])
        step = before - compiled.weights(net.output)
        np.testing.assert_allclose(step, 0.5**n * gradient, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("rate", [-0.1, np.nan, "x"])
def test_invalid_learning_rates_are_refused(rate: Any) -> None:
    net = small()
    compiled = net.compile_training(optimiser=SGD(lambda step: rate))
    with pytest.raises(ValidationError, match="Learning rate of step 0"):
        compiled.train(spikes(4), labels(4), callbacks=[])


@pytest.mark.parametrize(
    "create",
    [
        lambda: Constant(-1.0),
        lambda: ExponentialDecay(1.0, 0),
        lambda: ExponentialDecay(1.0, 5, -0.5),
        lambda: CosineDecay(1.0, 2.5),
        lambda: CosineDecay(1.0, 5, final=-1.0),
        lambda: PiecewiseConstant((5, 2), (1.0, 0.1, 0.01)),
        lambda: PiecewiseConstant((5,), (1.0,)),
        lambda: PiecewiseConstant((0,), (1.0, 0.1)),
        lambda: WarmUp(0, 1.0),
        lambda: WarmUp(5, "fast"),
        lambda: WarmUp(5, 1.0, start=-1.0),
    ],
)
def test_invalid_schedules_are_refused(create: Any) -> None:
    with pytest.raises(ValidationError, match="Received"):
        create()
