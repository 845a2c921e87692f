"""Spikes as users give them: events or arrays with an entry for each time step."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_genn.data import PreprocessedSpikes
from ml_genn.data.encode import (
    STEP_TOLERANCE,
    check_spikes,
    encode_dense,
    encode_events,
    latest_allowed,
)
from ml_genn.errors import ValidationError
from ml_genn.model.batch import EventStream, SpikeTimes
from ml_genn.population import Population
from ml_genn.training.data.batches import DataSpec
from ml_genn.training.data.event_arrays import are_events, spikes_of
from ml_genn.utils.checks import as_array


def event_streams(
    population: Population, values: Any, spec: DataSpec
) -> list[EventStream]:
    """Spikes of each example, in order of time.

    Raises:
        ValidationError: if they do not fit the population, or the time it is run for.
    """
    where = f"Data for '{population.name}'"
    if hasattr(values, "__array__") and as_array(where, values).dtype != object:
        return _raster(where, population, values, spec)
    result = []
    for k, spikes in enumerate(values):
        where = f"Data for '{population.name}', example {k}"
        if are_events(spikes):
            spikes = spikes_of(where, population, spikes)
        elif hasattr(spikes, "__array__") and np.ndim(as_array(where, spikes)) > 0:
            dense = np.asarray(spikes)[None]
            result += _raster(where, population, dense, spec, shorter=True)
            continue
        if not isinstance(spikes, PreprocessedSpikes):
            raise ValidationError(
                f"{where}: expected PreprocessedSpikes (see "
                "ml_genn.data.preprocess_spikes), events of Tonic, or an array "
                "(time steps,) + population shape; or give one array (examples, time "
                f"steps) + population shape. Received {type(spikes).__name__}."
            )
        result.append(_events(where, population, spikes, spec))
    return result


def _events(
    where: str, population: Population, spikes: PreprocessedSpikes, spec: DataSpec
) -> EventStream:
    """Events of one example, by the model if it can and they are as they should be."""
    duration = spec.num_steps * spec.dt
    ends, times = spikes
    if (
        isinstance(ends, np.ndarray)
        and isinstance(times, np.ndarray)
        and (ends.shape, times.ndim) == ((population.size,), 1)
        and ends.dtype.kind in "iu"
        and times.dtype.kind in "iuf"
    ):
        latest = latest_allowed(duration)
        given = SpikeTimes(ends, times, latest, spec.num_steps, spec.dt, STEP_TOLERANCE)
        events = spec.encode(given)
        if events is not None:
            return events
    check_spikes(spikes, population.size, duration, where)
    return encode_events(spikes, spec.num_steps, spec.dt)


def _raster(
    where: str,
    population: Population,
    given: Any,
    spec: DataSpec,
    shorter: bool = False,
) -> list[EventStream]:
    """Spikes from an array (examples, steps) + shape that is 1 where there is one.

    An example that is ``shorter`` than the network runs ends in silence.
    """
    values = np.asarray(given)
    shape = population.shape or ()
    steps = min(spec.num_steps, values.shape[1]) if shorter else spec.num_steps
    expected = (len(values), steps, *shape)
    if values.dtype.kind not in "buif":
        raise ValidationError(
            f"{where}: an array of spikes holds flags or numbers. Received type "
            f"{values.dtype}."
        )
    if values.shape != expected:
        raise ValidationError(
            f"{where}: an array of spikes has the shape (examples, time steps) + "
            f"population shape = {expected}. Received {values.shape}."
        )
    flat = values.reshape(len(values), steps, population.size)
    if values.dtype.kind in "if":
        _check_counts(where, flat)
    return [encode_dense(example) for example in flat]


def _check_counts(where: str, counts: np.ndarray) -> None:
    """Refuses numbers of spikes (examples, steps, neurons) that there cannot be."""
    wrong = np.argwhere(~((counts >= 0) & (counts < np.inf)))
    if len(wrong):
        example, step, neuron = wrong[0]
        raise ValidationError(
            f"{where}: numbers of spikes are finite and not negative. Received "
            f"{counts[example, step, neuron]} in example {example}, step {step}, "
            f"neuron {neuron}."
        )
