"""Events in structured arrays, the format of data sets of the Tonic package."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_genn.data import PreprocessedSpikes, preprocess_tonic_spikes
from ml_genn.errors import ValidationError
from ml_genn.population import Population


def is_event_array(value: Any) -> bool:
    """True for an array with named fields."""
    return getattr(getattr(value, "dtype", None), "names", None) is not None


def spikes_from_events(
    where: str, population: Population, events: np.ndarray
) -> PreprocessedSpikes:
    """Returns the spikes of an example's events.

    Args:
        where: start of error messages.
        population: input with one neuron for each x, or with the shape (rows, columns)
            or (rows, columns, polarities).
        events: structured array with the fields t [us], x and p, and optionally y.

    Raises:
        ValidationError: if the events do not fit the population.
    """
    names, shape = events.dtype.names or (), population.shape or ()
    if len(shape) > 3 or (len(shape) == 1 and "y" in names):
        raise ValidationError(
            f"{where}: events with fields x, y and p come from an image. Give the "
            "input the shape (rows, columns, polarities), for example (34, 34, 2). "
            f"Received shape {shape}."
        )
    rows, columns, polarities = shape if len(shape) == 3 else (*shape, 1, 1)[:3]
    if len(shape) == 1:
        rows, columns = columns, rows
    try:
        spikes: PreprocessedSpikes = preprocess_tonic_spikes(
            events, names, (columns, rows, polarities)
        )
    except ValidationError as error:
        raise ValidationError(f"{where}: {error}") from None
    return spikes
