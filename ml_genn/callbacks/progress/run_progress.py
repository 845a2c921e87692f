"""Progress of a training, evaluation or prediction as text."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import Any

from ml_genn.callbacks.progress.displays import SILENT, Display
from ml_genn.utils.logs import VALIDATION

SEPARATOR = " - "
LONGEST_BAR = 25  #: characters of a bar
SHORTEST_BAR = 5  #: characters below which there is no bar
SHORTEST_TIME = 1.0  #: time after which the time left is estimated [s]


class RunProgress:
    """Progress of one run, with a line for each epoch and the time that is left.

    Args:
        display: where it is shown.
        title: name of a run without epochs, for example "Evaluate".
        num_batches: batches of an epoch; None (default) if unknown.
        epochs: numbers of the epochs; None (default) for a run without epochs.
    """

    def __init__(
        self,
        display: Display,
        title: str,
        num_batches: int | None = None,
        epochs: range | None = None,
    ) -> None:
        self._display = display
        self._title = title
        self._expected: dict[str, int | None] = {"": num_batches, VALIDATION: 0}
        self._epochs = epochs
        self._done = {"": 0, VALIDATION: 0}
        self._epochs_done = 0
        self._open = False  # True within an epoch, or a run without epochs
        self._messages: list[str] = []
        self._start = self._epoch_start = self._shown_at = perf_counter()

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles of callbacks show nothing: their run has ended."""
        return no_progress, ()

    @property
    def shows(self) -> bool:
        """True if anything is shown."""
        return self._display is not SILENT

    def expect_validation(self, num_batches: int | None) -> None:
        """Sets the batches of validation after each epoch.

        Args:
            num_batches: their number; None if unknown.
        """
        self._expected[VALIDATION] = num_batches

    def begin(self) -> None:
        """Begins the run."""
        self._start = self._epoch_start = perf_counter()
        self._shown_at = -float("inf")
        self._epochs_done, self._open = 0, True

    def begin_epoch(self, epoch: int) -> None:
        """Begins an epoch.

        Args:
            epoch: its number, from 0.
        """
        self._title, self._open = self._epoch_title(epoch), True
        self._epoch_start = perf_counter()
        self._done = {"": 0, VALIDATION: 0}

    def advance(self, batches: int, metrics: Any, prefix: str = "") -> None:
        """Shows the state after a number of batches, not more often than is readable.

        Args:
            batches: batches of this epoch, or of its validation, that are done.
            metrics: an object with ``logs``, the loss and metrics so far; others have
                none.
            prefix: "val_" for validation; empty (default) for training.
        """
        self._done[prefix] = batches
        interval, now = self._display.interval, perf_counter()
        if interval is None or now - self._shown_at < interval:
            return
        self._shown_at = now
        logs = getattr(metrics, "logs", {})
        numbers = {f"{prefix}{name}": value for name, value in logs.items()}
        part = self._part()
        self._display.live(self._live_text(prefix, numbers, part), part or 0.0)

    def end_epoch(self, logs: Mapping[str, float]) -> None:
        """Shows the line of an epoch, then its messages.

        Args:
            logs: loss and metrics of training and validation.
        """
        unknown = [prefix for prefix, n in self._expected.items() if n is None]
        self._expected.update({prefix: self._done[prefix] for prefix in unknown})
        self._epochs_done += 1
        self._result(self._epoch_start, logs)

    def end_run(self, metrics: Any) -> None:
        """Shows the line of a run without epochs.

        Args:
            metrics: an object with ``logs``; others have none.
        """
        self._result(self._start, getattr(metrics, "logs", {}))

    def message(self, text: str) -> None:
        """Shows a message; within an epoch below the line of the epoch.

        Args:
            text: one line.
        """
        if self._open:
            self._messages.append(text)
        else:
            self._display.message(text)

    def close(self) -> None:
        """Shows what is left to show, and ends the live line."""
        self._open = False
        self._display.close()
        for text in self._messages:
            self._display.message(text)
        self._messages.clear()

    def _result(self, start: float, logs: Mapping[str, float]) -> None:
        seconds = duration_text(perf_counter() - start, precise=True)
        parts = [self._title, seconds, *_numbers(logs)]
        self._display.result(SEPARATOR.join(parts))
        self.close()

    def _epoch_title(self, epoch: int) -> str:
        if self._epochs is None:
            return f"Epoch {epoch + 1}"
        return f"Epoch {epoch + 1}/{self._epochs.stop}"

    def _part(self) -> float | None:
        """Returns the part of the run that is done; None if it is not known."""
        expected = [n for n in self._expected.values() if n is not None]
        if len(expected) < len(self._expected) or not sum(expected):
            return None
        epoch = min(sum(self._done.values()) / sum(expected), 1.0)
        return (self._epochs_done + epoch) / len(self._epochs or (0,))

    def _live_text(
        self, prefix: str, numbers: Mapping[str, float], part: float | None
    ) -> str:
        done, expected = self._done[prefix], self._expected[prefix]
        count = f"{done}/{expected}" if expected else f"{done} batches"
        texts = _numbers(numbers)
        elapsed = perf_counter() - self._start
        if part and elapsed > SHORTEST_TIME:
            left = elapsed * (1 / part - 1)
            texts.append(f"{duration_text(left)} left")
        ending = SEPARATOR.join([count, *texts])
        room = self._display.columns - len(self._title) - len(ending) - len(" [] ")
        if expected and room >= SHORTEST_BAR:
            bar = _bar(done / expected, min(room, LONGEST_BAR))
            return f"{self._title} [{bar}] {ending}"
        return f"{self._title} {ending}"[: self._display.columns]


def no_progress() -> RunProgress:
    """Returns the progress of a run that shows nothing."""
    return RunProgress(SILENT, "")


def _bar(part: float, width: int) -> str:
    filled = round(min(part, 1.0) * width)
    return f"{'=' * filled}{'.' * (width - filled)}"


def _numbers(logs: Mapping[str, float]) -> list[str]:
    """Returns the name and number of each entry."""
    return [f"{name} {number_text(value)}" for name, value in logs.items()]


def number_text(value: float) -> str:
    """Returns a number with four decimals, or in scientific notation."""
    fixed_point = value == 0 or 1e-3 <= abs(value) < 1e6
    return f"{value:.4f}" if fixed_point else f"{value:.3e}"


def duration_text(seconds: float, *, precise: bool = False) -> str:
    """Returns a duration: "1.2 s" if it is precise and below a minute, else "0:01".

    Args:
        seconds: duration [s].
        precise: True for tenths of seconds; False by default.
    """
    minute, hour = 60, 3600
    if precise and seconds < minute:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    minutes = f"{whole // minute % minute}:{whole % minute:02}"
    return minutes if whole < hour else f"{whole // hour}:{minutes.zfill(5)}"
