"""Plot of a confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ml_genn.errors import ValidationError
from ml_genn.plot.axes import axes
from ml_genn.plot.data import only
from ml_genn.utils.checks import finite_array, flag, items, real_array, shown, text
from ml_genn.utils.labels import checked_labels

WHERE = "confusion_matrix"
MOST_NUMBERS = 20  #: largest number of classes whose cells show numbers


def confusion_matrix(
    y_true: Any,
    y_pred: Any = None,
    names: Sequence[str] | None = None,
    normalise: bool = False,
    ax: Any = None,
) -> Any:
    """Draws a confusion matrix: labels (rows) by predicted classes (columns).

    Args:
        y_true: labels; or, without ``y_pred``, a `ConfusionMatrix` metric or its
            result.
        y_pred: labels, or outputs (examples, classes) as ``predict`` returns them; None
            (default) where ``y_true`` is a metric.
        names: of classes; None (default) for their numbers.
        normalise: True for cells in percent of their row; False by default.
        ax: axes to draw on; None (default) for those of a new figure.

    Returns:
        The axes.

    Raises:
        ValidationError: if labels and predictions do not fit.
        UnsupportedError: if matplotlib is not installed.
    """
    counts = (
        _counts_of(y_true) if y_pred is None else _counted(y_true, only(WHERE, y_pred))
    )
    classes = len(counts)
    if names is not None:
        names = [text(f"{WHERE}: names", name) for name in items(WHERE, names)]
    if names is not None and len(names) != classes:
        raise ValidationError(
            f"{WHERE}: there are {classes} classes. Received {len(names)} names."
        )
    percent = flag(f"{WHERE}: normalise", normalise)
    rows = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    cells = 100.0 * counts / rows if percent else counts
    ax = axes(WHERE, ax, (5.2, 4.4))
    image = ax.imshow(cells, cmap="Blues", vmin=0)
    if names is not None or classes <= MOST_NUMBERS:
        ax.set_xticks(range(classes), names)
        ax.set_yticks(range(classes), names)
        ax.tick_params(labelsize=min(10.0, 200.0 / classes))
    if names is not None and sum(map(len, names)) > MOST_NUMBERS:
        ax.tick_params("x", rotation=90)
    if classes <= MOST_NUMBERS:
        _write(ax, cells, "%" if percent else "")
    else:
        label = "fraction of the label [%]" if percent else "examples"
        ax.figure.colorbar(image, ax=ax, label=label)
    total = counts.sum()
    accuracy = 100.0 * np.trace(counts) / max(total, 1)
    title = f"{accuracy:.1f} % of {total:.0f} examples right"
    ax.set(xlabel="predicted", ylabel="label", title=title)
    return ax


def _counts_of(matrix: Any) -> np.ndarray:
    """Returns the counts of a `ConfusionMatrix` metric or of its result."""
    values = only(WHERE, matrix)
    values = values.result if hasattr(values, "result") else values
    if values is None:
        raise ValidationError(f"{WHERE}: the metric has seen no data yet.")
    counts = finite_array(WHERE, values)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not counts.size:
        raise ValidationError(
            f"{WHERE}: give labels and predictions, a ConfusionMatrix metric or its "
            f"result, a square array. Received {shown(matrix)}."
        )
    return counts


def _counted(y_true: Any, y_pred: Any) -> np.ndarray:
    """Returns counts from labels and predicted labels or outputs."""
    outputs = finite_array(f"{WHERE}: y_pred", y_pred)
    labels = real_array(f"{WHERE}: y_true", only(WHERE, y_true))
    if outputs.shape[:1] != labels.shape or not labels.size or outputs.ndim > 2:
        raise ValidationError(
            f"{WHERE}: one label and one prediction for each example. Received labels "
            f"of shape {labels.shape} and predictions of shape {outputs.shape}."
        )
    predicted = outputs if outputs.ndim == 1 else np.argmax(outputs, axis=1)
    classes = outputs.shape[1] if outputs.ndim == 2 else _classes(labels, predicted)
    rows = checked_labels(f"{WHERE}: y_true", labels, classes)
    columns = checked_labels(f"{WHERE}: y_pred", predicted, classes)
    return np.bincount(rows * classes + columns, minlength=classes**2).reshape(
        classes, classes
    )


def _classes(*labels: np.ndarray) -> int:
    return 1 + max(int(np.max(array)) for array in labels)


def _write(ax: Any, cells: np.ndarray, unit: str) -> None:
    """Writes the number into each cell that is not zero, in a contrasting colour."""
    size = 9 if len(cells) <= 10 else 6
    for (row, column), value in np.ndenumerate(cells):
        if value:
            light = value > 0.6 * cells.max()
            ax.text(
                column,
                row,
                f"{value:.0f}{unit}",
                ha="center",
                va="center",
                fontsize=size,
                color="white" if light else "black",
            )
