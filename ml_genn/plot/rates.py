"""Firing rates of layers."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np

from ml_genn.errors import ValidationError
from ml_genn.plot.axes import axes, colour, legend, plain
from ml_genn.plot.data import chosen, is_arrays
from ml_genn.utils.checks import positive, shown

Rates = dict[str, list[np.ndarray]]  #: {layer: rates [Hz] of neurons, per epoch}


def firing_rates(
    rates: Any, epoch: int | None = None, duration: float | None = None, ax: Any = None
) -> Any:
    """Draws firing rates [Hz] of layers.

    Over several epochs: the mean rate of each layer, and between which rates the
    middle half of its neurons lies. Of one epoch: how the rates of a layer's neurons
    are spread (median, middle half, and whiskers over 90 % of them).

    Args:
        rates: what `SpikeRateMonitor` collected (``data[key]``); or, with ``duration``,
            what `SpikeRecorder` collected with ``record_counts=True``, as ``{name:
            data[key]}``.
        epoch: which of the recorded epochs; None (default) for all.
        duration: of an example [ms], ``compiled.num_steps * compiled.dt``; None
            (default) for rates.
        ax: axes to draw on; None (default) for those of a new figure.

    Returns:
        The axes.

    Raises:
        ValidationError: if the data are something else.
        UnsupportedError: if matplotlib is not installed.
    """
    found = _rates(rates, duration)
    if epoch is not None:
        found = {
            n: [chosen("firing_rates", r, epoch, "epoch")] for n, r in found.items()
        }
    ax = axes("firing_rates", ax)
    over_epochs = max(map(len, found.values())) > 1
    (_epochs if over_epochs else _spread)(ax, found)
    of = f" of {next(iter(found))}" if over_epochs and len(found) == 1 else ""
    ax.set_ylabel(f"firing rate{of} [Hz]")
    plain(ax)
    ax.set_ylim(bottom=0)
    return ax


def _rates(given: Any, duration: float | None) -> Rates:
    good = isinstance(given, Mapping) and len(given) > 0
    if not good or not all(v and is_arrays(v, dimensions=1) for v in given.values()):
        raise ValidationError(
            "firing_rates: give what SpikeRateMonitor collected (data[key]), or {name: "
            "data[key]} of SpikeRecorder with record_counts=True, and duration=. "
            f"Received {shown(given)}."
        )
    recorded = {str(name): list(values) for name, values in given.items()}
    if duration is None:
        return recorded
    seconds = positive("firing_rates: duration", duration) / 1000.0
    return {n: [np.mean(counts, axis=0) / seconds] for n, counts in recorded.items()}


def _epochs(ax: Any, rates: Rates) -> None:
    for k, (name, values) in enumerate(rates.items()):
        epochs = range(len(values))
        low, high = np.percentile(values, (25, 75), axis=1)
        ax.fill_between(epochs, low, high, color=colour(k), alpha=0.2, linewidth=0)
        mean = np.mean(values, axis=1)
        ax.plot(epochs, mean, color=colour(k), label=name)
    ax.set_xlabel("epoch")
    ax.xaxis.set_major_locator(
        import_module("matplotlib.ticker").MaxNLocator(integer=True)
    )
    ax.margins(x=0)
    legend(ax)


def _spread(ax: Any, rates: Rates) -> None:
    boxes = ax.boxplot(
        [values[0] for values in rates.values()],
        tick_labels=list(rates),
        whis=(5, 95),
        widths=0.3,
        patch_artist=True,
        medianprops={"color": "black"},
        flierprops={"marker": ".", "markersize": 3, "markeredgecolor": "0.5"},
    )
    for k, box in enumerate(boxes["boxes"]):
        box.set(facecolor=colour(k), alpha=0.6)
