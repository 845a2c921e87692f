"""Clocks: training and inference steps, and several programs measured in turn."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ml_genn.callbacks import Callback

#: Pause before a measurement [s]. Idle threads of the program before spin for some
#: milliseconds; during the pause they go to sleep.
PAUSE = 0.1


def milliseconds(run: Callable[[], Any]) -> float:
    """Returns the milliseconds that a call takes."""
    start = time.perf_counter()
    run()
    return 1e3 * (time.perf_counter() - start)


class BatchTimer(Callback):
    """Duration of the last batch, ``seconds``."""

    def on_batch_begin(self, batch: int) -> None:
        """Starts the clock."""
        self.start = time.perf_counter()

    def on_batch_end(self, batch: int, metrics: Any) -> None:
        """Stops the clock."""
        self.seconds = time.perf_counter() - self.start


def repeat_batch(examples: Any) -> Any:
    """Returns a batch followed by itself, for an array or a list of examples."""
    if isinstance(examples, np.ndarray):
        return np.concatenate([examples, examples])
    return [*examples, *examples]


class TrainingStep:
    """Training step on one batch, repeatable since the learning rate is 0.

    Each call trains an epoch of two equal batches and returns the duration of the
    second: preparation, such as the encoding of spikes, is part of the first.

    Args:
        compiled: network that learns, with this batch size.
        x, y: the batch.
    """

    def __init__(self, compiled: Any, x: Any, y: Any) -> None:
        self.compiled = compiled
        self.x, self.y = repeat_batch(x), repeat_batch(y)
        self.timer = BatchTimer()

    def __call__(self) -> float:
        """Returns the milliseconds of one step."""
        self.compiled.optimiser.alpha = 0.0
        self.compiled.train(self.x, self.y, shuffle=False, callbacks=[self.timer])
        return 1e3 * self.timer.seconds


class InferenceStep:
    """Inference on one batch; of two equal batches the second is timed.

    Args:
        compiled: network with this batch size.
        x: the batch.
    """

    def __init__(self, compiled: Any, x: Any) -> None:
        self.compiled = compiled
        self.x = repeat_batch(x)
        self.timer = BatchTimer()

    def __call__(self) -> float:
        """Returns the milliseconds of one batch."""
        self.compiled.predict(self.x, callbacks=[self.timer])
        return 1e3 * self.timer.seconds


def measure_in_turn(
    repeats: int, steps: Mapping[str, Callable[[], float]]
) -> dict[str, list[float]]:
    """Measures programs in turn, so that other load of the machine falls on all.

    Before each measurement the program runs once, to bring its data into cache.

    Args:
        repeats: rounds.
        steps: for each program a function that returns the duration of one step.

    Returns:
        Durations of each program, one for each round.
    """
    result: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(repeats):
        for name, step in steps.items():
            time.sleep(PAUSE)
            step()
            result[name].append(step())
    return result


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Returns the ratios of durations measured in the same rounds."""
    return [a / b for a, b in zip(above, below, strict=True)]


def median_ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """Returns the median of the ratios of durations measured in the same rounds."""
    return statistics.median(ratios(above, below))
