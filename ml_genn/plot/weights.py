"""Histogram of weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ml_genn.errors import ValidationError
from ml_genn.graph.graph import ConnectionLike, get_underlying_conn
from ml_genn.plot.axes import axes, colour, legend, plain
from ml_genn.plot.data import named, numbers
from ml_genn.utils.checks import whole


def weight_histogram(
    weights: Any, connection: Any = None, bins: int = 50, ax: Any = None
) -> Any:
    """Draws a histogram of weights.

    Args:
        weights: a compiled network, a connection or layer whose weights are an array
            (as after ``network.load``), an array, or a dictionary of arrays to compare
            (``{"before": ..., "after": ...}``).
        connection: connection or layer of a compiled network; None (default) for all
            whose weights can be learned.
        bins: bars from the smallest to the largest weight, 50 by default.
        ax: axes to draw on; None (default) for those of a new figure.

    Returns:
        The axes.

    Raises:
        ValidationError: if there are no weights.
        UnsupportedError: if matplotlib is not installed.
    """
    whole("weight_histogram: bins", bins)
    parts = {
        name: numbers("weight_histogram", values)
        for name, values in _parts(weights, connection).items()
    }
    ax = axes("weight_histogram", ax)
    values = np.concatenate(list(parts.values()))
    edges = _edges(values, bins)
    for k, (name, part) in enumerate(parts.items()):
        percent = np.full(part.size, 100.0 / part.size)
        style = {"color": colour(k), "weights": percent}
        ax.hist(part, edges, alpha=0.25, **style)
        ax.hist(part, edges, histtype="step", linewidth=1.4, label=name, **style)
    only = next(iter(parts)) if len(parts) == 1 else ""
    xlabel = f"weight of {only}" if only else "weight"
    ax.set(xlabel=xlabel, ylabel="fraction of weights [%]")
    plain(ax)
    legend(ax)
    return ax


def _edges(values: np.ndarray, bins: int) -> np.ndarray:
    try:
        return np.histogram_bin_edges(values, bins)
    except ValueError:  # adjacent numbers are further apart than bars
        raise ValidationError(
            f"weight_histogram: {bins} bars do not fit between {values.min()} and "
            f"{values.max()}. Use fewer, or rescale the weights."
        ) from None


def _parts(weights: Any, connection: Any) -> dict[str, Any]:
    if callable(getattr(weights, "weights", None)):
        connections = _trainable(weights) if connection is None else [connection]
        by_name = {get_underlying_conn(c).name: c for c in connections}
        return {name: weights.weights(c) for name, c in by_name.items()}
    if connection is not None:
        raise ValidationError(
            "weight_histogram: connection goes with a compiled network: "
            "weight_histogram(compiled, connection)."
        )
    if isinstance(weights, ConnectionLike):
        return _initial(weights)
    return named(
        "weight_histogram", weights if isinstance(weights, Mapping) else {"": weights}
    )


def _trainable(compiled: Any) -> list[Any]:
    return [c for c in compiled.network.connections if c.connectivity.trainable]


def _initial(connection: ConnectionLike) -> dict[str, Any]:
    underlying = get_underlying_conn(connection)
    values = underlying.connectivity.weight
    if not isinstance(values, np.ndarray):
        raise ValidationError(
            f"weight_histogram: connection '{underlying.name}' has no weights "
            f"before it is compiled, but {values!r}. Give "
            "weight_histogram(compiled, connection)."
        )
    return {underlying.name: values}
