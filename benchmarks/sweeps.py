"""Time and memory of all frameworks, one size of the setting at a time."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from frameworks import Setting
from lab import Lab
from measure import ratio
from workers import Measured

Wanted = Callable[[str], bool]
Tables = dict[str, Mapping[str, Mapping[str, Any]]]
#: What the others are compared with, in training and in inference.
REFERENCE = {True: "EventProp", False: "inference"}
MODE = {True: "training step", False: "inference"}


@dataclass(frozen=True)
class Sweep:
    """One size and the values it is given.

    Args:
        title: what it is called.
        field: of `Setting`.
        values: what it is set to, in turn.
    """

    title: str
    field: str
    values: Sequence[float]

    def settings(self, training: bool) -> dict[str, Setting]:
        """Settings by the column they are shown in."""
        usual = Setting(training=training)
        return {
            f"{self.title} = {value:g}": replace(usual, **{self.field: value})
            for value in self.values
        }


STEPS = Sweep("T", "steps", (100, 250, 500, 1000))
SWEEPS = (
    STEPS,
    Sweep("batch", "batch", (1, 32, 128)),
    Sweep("hidden", "hidden", (256, 1024)),
    Sweep("input spikes/s", "spikes", (2000.0, 8000.0, 32000.0)),
    Sweep("threads", "threads", (1, 2)),
)
SHORT = (Sweep("T", "steps", (100, 500)),)


def time_cell(one: Measured, reference: Measured) -> str:
    """Milliseconds, their spread, and how many times as long as ours."""
    if one.error:
        return "failed"
    low, high = min(one.times), max(one.times)
    text = f"{statistics.median(one.times):.3g} [{low:.3g}, {high:.3g}]"
    known = reference.error is None
    return text + (f", {ratio(one.times, reference.times):.3g}x" if known else "")


def memory_cell(one: Measured, reference: Measured) -> str:
    """Megabytes above idle, and how many times as much as ours."""
    if one.error:
        return "failed"
    text = f"{one.memory:.3g}"
    known = reference.error is None and reference.memory > 0
    return text + (f", {one.memory / reference.memory:.3g}x" if known else "")


def rate_cell(one: Measured, reference: Measured) -> str:
    """Hidden spikes per neuron and second."""
    return "failed" if one.error else f"{one.rate:.3g}"


def sweep_tables(lab: Lab, sweep: Sweep) -> Tables:
    """Times and memory of all frameworks over the values of a sweep."""
    result: Tables = {}
    for training, mode in MODE.items():
        found = {k: lab.measure(s) for k, s in sweep.settings(training).items()}
        for title, cell in (
            (f"{mode} [ms], [fastest, slowest], times ours", time_cell),
            (f"{mode}, memory above idle [MB], times ours", memory_cell),
            (f"{mode}, rate of hidden neurons [Hz]", rate_cell),
        ):
            reference = REFERENCE[training]
            none = Measured(error="not measured")
            result[f"By {sweep.title}: {title}"] = {
                name: {
                    column: cell(each[name], each.get(reference, none))
                    for column, each in found.items()
                }
                for name in lab.names(training)
            }
    return result


def tables(lab: Lab, wanted: Wanted, sweeps: Sequence[Sweep] = SWEEPS) -> Tables:
    """Those of sweeps whose titles are wanted."""
    chosen = [sweep for sweep in sweeps if wanted(sweep.title)]
    return {k: v for sweep in chosen for k, v in sweep_tables(lab, sweep).items()}


def plot(lab: Lab, sweep: Sweep, path: Path) -> None:
    """Draws the times of all frameworks against the number of time steps."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for axis, (training, mode) in zip(axes, MODE.items(), strict=True):
        settings = sweep.settings(training).values()
        for name in lab.names(training):
            found = [(s.steps, lab.measure(s)[name]) for s in settings]
            points = [
                (t, statistics.median(m.times)) for t, m in found if m.error is None
            ]
            axis.loglog(*zip(*points, strict=True), marker="o", label=name)
        axis.set(xlabel="time steps", ylabel="ms per batch of 32", title=mode)
        axis.legend(fontsize="small")
    figure.savefig(path, dpi=120)
