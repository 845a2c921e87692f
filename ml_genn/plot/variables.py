"""Plot of state variables over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ml_genn.errors import ValidationError
from ml_genn.plot.axes import axes, colour, legend, plain
from ml_genn.plot.data import chosen, is_arrays
from ml_genn.utils.checks import items, number, positive, shown, text, whole

SHOWN = 5  #: neurons that are drawn by default


def traces(
    data: Any,
    example: int = 0,
    neurons: Sequence[int] | None = None,
    dt: float = 1.0,
    variable: str = "voltage",
    threshold: float | None = None,
    ax: Any = None,
) -> Any:
    """Draws a state variable of some neurons, a line for each, over time [ms].

    Args:
        data: data of `VarRecorder` (``data[key]``), or the array (time steps, neurons)
            of one example.
        example: index of the recorded example, 0 by default.
        neurons: indices of neurons; None (default) for the first 5.
        dt: time step [ms], 1 by default: ``compiled.dt``.
        variable: label of the vertical axis, "voltage" by default.
        threshold: level of a dashed line; None (default) for no line.
        ax: axes to draw on; None (default) for those of a new figure.

    Returns:
        The axes.

    Raises:
        ValidationError: if the data have another form, or there is no such neuron or
            example.
        UnsupportedError: if matplotlib is not installed.
    """
    dt = positive("traces: dt", dt)
    text("traces: variable", variable)
    if threshold is not None:
        number("traces: threshold", threshold)
    values = _values(data, example)
    count = values.shape[1]
    indices = range(min(SHOWN, count)) if neurons is None else _indices(neurons, count)
    ax = axes("traces", ax)
    times = dt * np.arange(len(values))
    for k, neuron in enumerate(indices):
        ax.plot(
            times,
            values[:, neuron],
            color=colour(k),
            linewidth=1.2,
            label=f"neuron {neuron}",
        )
    if threshold is not None:
        style = {"color": "0.4", "linewidth": 0.9, "linestyle": "--"}
        ax.axhline(threshold, label="threshold", **style)
    ax.set(xlabel="time [ms]", ylabel=variable)
    ax.margins(x=0)
    plain(ax)
    legend(ax)
    return ax


def _values(data: Any, example: int) -> np.ndarray:
    if is_arrays(data, dimensions=2):
        data = chosen("traces", data, example)
    if not isinstance(data, np.ndarray) or data.ndim != 2 or not data.size:
        raise ValidationError(
            "traces: data are what VarRecorder collected (data[key]), or an array "
            f"(time steps, neurons). Received {shown(data)}."
        )
    return data


def _indices(neurons: Any, count: int) -> list[int]:
    listed = items("traces: neurons", neurons)
    indices = [whole("traces: each of neurons", k, least=0) for k in listed]
    if not indices or max(indices) >= count:
        raise ValidationError(
            f"traces: neurons are some of 0 to {count - 1}, those that were recorded. "
            f"Received {shown(neurons)}."
        )
    return indices
