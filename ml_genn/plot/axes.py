"""Axes to draw on, and colours."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.utils.checks import shown

#: Colours that differ for colour-blind eyes too (Okabe and Ito, 2008).
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
    """The colour of the k-th line; they repeat."""
    return COLOURS[k % len(COLOURS)]


def axes(where: str, ax: Any, size: tuple[float, float] = (6.0, 3.6)) -> Any:
    """The axes that were given, or those of a new figure.

    Args:
        where: the function that draws, for errors.
        ax: matplotlib axes; None for new ones.
        size: width and height of a new figure [inches].

    Raises:
        UnsupportedError: if matplotlib is not installed.
        ValidationError: if something else was given.
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
    """A legend above the axes, where nothing is drawn; none for a single line.

    Args:
        ax: the axes.
        lines: what it names; None (default) for all that has a label.
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
    """Takes off the frame where there are no ticks."""
    ax.spines[["top", "right"]].set_visible(False)
