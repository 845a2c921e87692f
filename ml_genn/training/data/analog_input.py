"""Analog values of inputs, one or several frames for each example."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_genn.data.ranges import DataWarnings, check_range
from ml_genn.errors import ValidationError
from ml_genn.population import Population
from ml_genn.utils.checks import real_array


def encode_frames(
    population: Population, values: Any, dt: float, issued: DataWarnings
) -> np.ndarray:
    """Returns data of an input as (examples, frames, neurons) in single precision.

    Args:
        population: the input.
        values: (examples,) + shape, or with several frames (examples, frames) + shape.
        dt: time step [ms].
        issued: warnings of this call so far.

    Raises:
        ValidationError: if the shape does not fit, or a number is not finite.
    """
    neuron: Any = population.neuron
    where = f"Data for '{population.name}'"
    array = real_array(where, values)
    shape = population.shape or ()
    count = neuron.input_frames
    shapes = [(count, *shape)] if count > 1 else [shape, (1, *shape)]
    if array.shape[1:] not in shapes:
        raise ValidationError(
            f"{where}: numbers of a {type(neuron).__name__} with input_frames={count} "
            f"have the shape (examples, {', '.join(map(str, shapes[0]))}). Received "
            f"{array.shape}."
        )
    array = array.reshape(len(array), count, -1)
    with np.errstate(over="ignore"):
        frames = array.astype(np.float32)
    wrong = np.argwhere(~np.isfinite(frames))
    if len(wrong):
        example, frame, index = wrong[0]
        raise ValidationError(
            f"{where}: numbers are finite in single precision. Received "
            f"{array[example, frame, index]} in example {example}, frame {frame}, "
            f"neuron {index}."
        )
    check_range(where, neuron, frames, dt, issued)
    return frames
