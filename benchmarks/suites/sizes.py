"""Time and memory of all frameworks against single sizes of the setting."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from frameworks import Setting
from harness.session import Session
from harness.timing import median_ratio
from harness.workers import StepMeasurement

Selected = Callable[[str], bool]
Tables = Mapping[str, Mapping[str, Mapping[str, Any]]]
#: Network that the others are compared with, in training and in inference.
REFERENCE = {True: "EventProp", False: "inference"}
MODE = {True: "training step", False: "inference"}


@dataclass(frozen=True)
class Size:
    """One size of the setting and its values.

    Args:
        title: its name in tables.
        field: of `Setting`.
        values: settings differ in it.
    """

    title: str
    field: str
    values: Sequence[float]

    def settings(self, training: bool) -> dict[str, Setting]:
        """Returns the settings by column of the tables."""
        default = Setting(training=training)
        return {
            f"{self.title} = {value:g}": replace(default, **{self.field: value})
            for value in self.values
        }


STEPS = Size("T", "steps", (100, 250, 500, 1000))
SIZES = (
    STEPS,
    Size("batch", "batch", (1, 32, 128)),
    Size("hidden", "hidden", (256, 1024)),
    Size("input spikes/s", "spikes", (2000.0, 8000.0, 32000.0)),
    Size("threads", "threads", (1, 2)),
)
SHORT = (Size("T", "steps", (100, 500)),)


def time_cell(one: StepMeasurement, reference: StepMeasurement) -> str:
    """Returns milliseconds, their range, and their ratio to the reference's."""
    if one.error:
        return "failed"
    low, high = min(one.times), max(one.times)
    text = f"{statistics.median(one.times):.3g} ({low:.3g} to {high:.3g})"
    if reference.error is None:
        text += f", {median_ratio(one.times, reference.times):.3g}x"
    return text


def memory_cell(one: StepMeasurement, reference: StepMeasurement) -> str:
    """Returns the memory growth [MB] and its ratio to the reference's."""
    if one.error:
        return "failed"
    text = f"{one.memory:.3g}"
    if reference.error is None and reference.memory > 0:
        text += f", {one.memory / reference.memory:.3g}x"
    return text


def rate_cell(one: StepMeasurement, reference: StepMeasurement) -> str:
    """Returns the spikes per hidden neuron and second."""
    return "failed" if one.error else f"{one.rate:.3g}"


def size_tables(session: Session, size: Size) -> Tables:
    """Returns the tables of times, memory and rates of all frameworks."""
    result: dict[str, dict[str, dict[str, str]]] = {}
    for training, mode in MODE.items():
        by_column = {k: session.measure(s) for k, s in size.settings(training).items()}
        reference = REFERENCE[training]
        absent = StepMeasurement(error="not measured")
        for title, cell in (
            (f"{mode} [ms] (range), ratio to ml_genn's", time_cell),
            (f"{mode}, memory growth [MB], ratio to ml_genn's", memory_cell),
            (f"{mode}, rate of hidden neurons [Hz]", rate_cell),
        ):
            result[f"By {size.title}: {title}"] = {
                name: {
                    column: cell(each[name], each.get(reference, absent))
                    for column, each in by_column.items()
                }
                for name in session.names(training)
            }
    return result


def tables(
    session: Session, selected: Selected, sizes: Sequence[Size] = SIZES
) -> Tables:
    """Returns the tables of sizes whose titles are selected."""
    chosen = [size for size in sizes if selected(size.title)]
    return {k: v for size in chosen for k, v in size_tables(session, size).items()}


def plot(session: Session, size: Size, path: Path) -> None:
    """Draws the times of all frameworks against the number of time steps."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for axis, (training, mode) in zip(axes, MODE.items(), strict=True):
        settings = size.settings(training).values()
        for name in session.names(training):
            results = [(s.steps, session.measure(s)[name]) for s in settings]
            points = [
                (t, statistics.median(m.times)) for t, m in results if m.error is None
            ]
            axis.loglog(*zip(*points, strict=True), marker="o", label=name)
        axis.set(xlabel="time steps", ylabel="ms per batch of 32", title=mode)
        axis.legend(fontsize="small")
    figure.savefig(path, dpi=120)
