"""Plot of the firing rates of layers."""

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

    For several epochs: mean and interquartile range of the rates of each layer. For one
    epoch: a box plot of the rates of each layer's neurons (median, interquartile range,
    whiskers from the 5th to the 95th percentile).

    Args:
        rates: data of `SpikeRateMonitor` (``data[key]``); or, with ``duration``, those
            of `SpikeRecorder` with ``record_counts=True``, as ``{name: data[key]}``.
        epoch: index of a recorded epoch; None (default) for all.
        duration: duration of an example [ms], ``compiled.num_steps * compiled.dt``;
            None (default) for rates.
        ax: axes to draw on; None (default) for those of a new figure.

    Returns:
        The axes.

    Raises:
        ValidationError: if the data have another form.
        UnsupportedError: if matplotlib is not installed.
    """
    by_layer = _rates(rates, duration)
    if epoch is not None:
        by_layer = {
            name: [chosen("firing_rates", epochs, epoch, "epoch")]
            for name, epochs in by_layer.items()
        }
    ax = axes("firing_rates", ax)
    over_epochs = max(map(len, by_layer.values())) > 1
    (_draw_epochs if over_epochs else _draw_boxes)(ax, by_layer)
    single = over_epochs and len(by_layer) == 1
    of = f" of {next(iter(by_layer))}" if single else ""
    ax.set_ylabel(f"firing rate{of} [Hz]")
    plain(ax)
    ax.set_ylim(bottom=0)
    return ax


def _rates(data: Any, duration: float | None) -> Rates:
    named = isinstance(data, Mapping) and len(data) > 0
    if not named or not all(v and is_arrays(v, dimensions=1) for v in data.values()):
        raise ValidationError(
            "firing_rates: give what SpikeRateMonitor collected (data[key]), or {name: "
            "data[key]} of SpikeRecorder with record_counts=True, and duration=. "
            f"Received {shown(data)}."
        )
    recorded = {str(name): list(values) for name, values in data.items()}
    if duration is None:
        return recorded
    seconds = positive("firing_rates: duration", duration) / 1000.0
    return {n: [np.mean(counts, axis=0) / seconds] for n, counts in recorded.items()}


def _draw_epochs(ax: Any, rates: Rates) -> None:
    for k, (name, values) in enumerate(rates.items()):
        epochs = range(1, len(values) + 1)
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


def _draw_boxes(ax: Any, rates: Rates) -> None:
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
