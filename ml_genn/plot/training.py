"""Plot of loss and metrics over epochs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from ml_genn.errors import ValidationError
from ml_genn.plot.axes import axes, colour, legend, plain
from ml_genn.utils.checks import items, real_array, shown, text
from ml_genn.utils.logs import VALIDATION, Logs

LOSS = "loss"
WHERE = "learning_curve: names"  #: argument, in error messages


def learning_curve(
    history: Any, names: Sequence[str] | None = None, ax: Any = None
) -> Any:
    """Draws loss (left axis) and metrics (right axis) of each epoch, counted from 1.

    Validation curves are dashed, in the colour of the training curve. Accuracies are in
    percent.

    Args:
        history: a `History`, or an object with one: the metrics that training returned,
            or a compiled network.
        names: curves to draw, for example ``["loss", "val_loss"]``; None (default) for
            all.
        ax: axes to draw on; None (default) for those of a new figure.

    Returns:
        The left axes. ``ax.figure.axes[-1]`` are the right ones.

    Raises:
        ValidationError: if there is no history, or no epoch in it.
        UnknownNameError: if the history has no curve of a name.
        UnsupportedError: if matplotlib is not installed.
    """
    by_name = getattr(history, "history", history)
    if not isinstance(by_name, Mapping):
        raise ValidationError(
            "learning_curve: give compiled.history, or the metrics that train returned "
            f"first. Received {shown(history)}."
        )
    series = _series(Logs(by_name), names)
    count = len(next(iter(series.values())))
    epochs = [epoch + 1 for epoch in getattr(by_name, "epoch", None) or range(count)]
    losses = {k: v for k, v in series.items() if k.endswith(LOSS)}
    metrics = {k: v for k, v in series.items() if k not in losses}
    ax = axes("learning_curve", ax)
    sides = [ax, ax.twinx()] if losses and metrics else [ax]
    colours = _colours(series)
    lines = []
    groups = [group for group in (losses, metrics) if group]
    for side, group in zip(sides, groups, strict=True):
        scale, axis_label = _unit(group)
        for name, values in group.items():
            style = "--" if name.startswith(VALIDATION) else "-"
            lines += side.plot(
                epochs,
                scale * values,
                style,
                color=colours[_base(name)],
                marker="." if len(values) < 30 else None,
                label=_label(name, series),
            )
        side.set_ylabel(
            axis_label, color=_common({colours[_base(name)] for name in group})
        )
        side.spines["top"].set_visible(False)
    ax.set_xlabel("epoch")
    ax.xaxis.set_major_locator(
        import_module("matplotlib.ticker").MaxNLocator(integer=True)
    )
    if len(sides) == 1:
        plain(ax)
    legend(ax, lines)
    return ax


def _series(logs: Logs, names: Sequence[str] | None) -> dict[str, np.ndarray]:
    """Returns {full name: a number for each epoch} of the curves to draw."""
    if isinstance(names, str):
        names = [names]
    elif names is not None:
        names = [text(WHERE, n) for n in items(WHERE, names)]
    values = {name: logs[name] for name in (logs if names is None else names)}
    series = {
        name: real_array(f"learning_curve: {name}", v).astype(float)
        for name, v in values.items()
    }
    if names is None:
        series = {n: v for n, v in series.items() if not np.all(np.isnan(v))}
    if not series or not all(v.ndim == 1 and v.size for v in series.values()):
        raise ValidationError("learning_curve: there are no epochs in this history.")
    return series


def _base(name: str) -> str:
    return name.removeprefix(VALIDATION)


def _label(name: str, names: Iterable[str]) -> str:
    """Returns the label of a curve, shortened to its last word if unambiguous.

    For example "accuracy, validation".
    """
    base = _base(name)
    last = base.split("_")[-1]
    others = {_base(other) for other in names if other.endswith(last)}
    label = last if len(others) == 1 else base.replace("_", " ")
    return f"{label}, validation" if name.startswith(VALIDATION) else label


def _common(colours: set[str]) -> str:
    """Returns the colour of all lines of an axis, or black if they differ."""
    return colours.pop() if len(colours) == 1 else "black"


def _colours(series: Mapping[str, Any]) -> dict[str, str]:
    bases = dict.fromkeys(map(_base, series))
    return {base: colour(k) for k, base in enumerate(bases)}


def _unit(group: Mapping[str, Any]) -> tuple[float, str]:
    """Returns the factor of the values and the label of their axis."""
    if all(name.endswith("accuracy") for name in group):
        return 100.0, "accuracy [%]"
    bases = {_base(name).replace("_", " ") for name in group}
    return 1.0, bases.pop() if len(bases) == 1 else "metric"
