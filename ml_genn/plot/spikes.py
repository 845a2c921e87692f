"""Raster plot of spikes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ml_genn.plot.axes import axes, colour, plain
from ml_genn.plot.data import named, train


def raster(spikes: Any, example: int = 0, ax: Any = None) -> Any:
    """Draws the spikes of one example, a dot for each, over time [ms].

    Args:
        spikes: data of `SpikeRecorder` (``data[key]``); a dictionary of these
            (``{name: data[key]}``), drawn above each other; `PreprocessedSpikes` or a
            list of them; or a tuple of times [ms] and neurons.
        example: index of the recorded example, 0 by default.
        ax: axes to draw on; None (default) for those of a new figure.

    Returns:
        The axes.

    Raises:
        ValidationError: if there are no spikes in the data, or no such example.
        UnsupportedError: if matplotlib is not installed.
    """
    parts = named("raster", spikes if isinstance(spikes, Mapping) else {"": spikes})
    trains = {name: train(_where(name), part, example) for name, part in parts.items()}
    ax = axes("raster", ax)
    sizes = [1 + int(np.max(ids, initial=0)) for _, ids in trains.values()]
    starts = np.cumsum([0, *sizes])
    dot = float(np.clip(900 / starts[-1], 2, 12))
    for k, (times, ids) in enumerate(trains.values()):
        ax.scatter(times, ids + starts[k], s=dot, color=colour(k), linewidths=0)
    ax.set(xlabel="time [ms]", ylim=(-0.5 - 0.02 * starts[-1], 1.02 * starts[-1] - 0.5))
    ax.set_xlim(left=0)
    plain(ax)
    if len(trains) == 1:
        ax.set_ylabel(" ".join(["neuron", *(f"of {name}" for name in trains if name)]))
        return ax
    for start in starts[1:-1]:
        ax.axhline(start - 0.5, color="0.8", linewidth=0.8)
    ax.set_yticks((starts[:-1] + starts[1:] - 1) / 2, list(trains))
    ax.tick_params("y", length=0)
    return ax


def _where(name: str) -> str:
    return f"raster: '{name}'" if name else "raster"
