"""Axes, colours and legends of plots."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.utils.checks import shown

#: Colours that colour-blind people can tell apart (Okabe and Ito, 2008).
COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
    "#B0A000",
)


def colour(k: int) -> str:
    """Returns the colour of the k-th line; colours repeat after eight."""
    return COLOURS[k % len(COLOURS)]


def axes(where: str, ax: Any, size: tuple[float, float] = (6.0, 3.6)) -> Any:
    """Returns the axes to draw on.

    Args:
        where: name of the plot function, for errors.
        ax: matplotlib axes; None for new ones.
        size: width and height of a new figure [inches].

    Raises:
        UnsupportedError: if matplotlib is not installed.
        ValidationError: if ``ax`` is neither axes nor None.
    """
    try:
        pyplot = import_module("matplotlib.pyplot")
    except ImportError:
        raise UnsupportedError(
            f"{where}: matplotlib is not installed. pip install 'ml_genn[plot]'"
        ) from None
    if ax is None:
        return pyplot.subplots(figsize=size, layout="constrained")[1]
    if not isinstance(ax, import_module("matplotlib.axes").Axes):
        raise ValidationError(
            f"{where}: ax is one of the axes of a matplotlib figure. "
            f"Received {shown(ax)}."
        )
    return ax


def legend(ax: Any, lines: Any = None) -> None:
    """Draws a legend above the axes if there are two lines or more.

    Args:
        ax: the axes.
        lines: lines to list; None (default) for all with a label.
    """
    handles = ax.get_legend_handles_labels()[0] if lines is None else lines
    if len(handles) > 1:
        longest = max(len(handle.get_label()) for handle in handles)
        ax.legend(
            handles=handles,
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            ncols=max(1, min(len(handles), 60 // (longest + 6))),
            frameon=False,
            borderaxespad=0.2,
        )


def plain(ax: Any) -> None:
    """Hides the top and the right edge of the frame."""
    ax.spines[["top", "right"]].set_visible(False)
