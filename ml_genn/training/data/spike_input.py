"""Spikes of inputs: spike times, events, or arrays with an entry per time step."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_genn.data import PreprocessedSpikes
from ml_genn.data.events import (
    check_spikes,
    encode_dense,
    encode_events,
    latest_allowed,
)
from ml_genn.data.ranges import DataWarnings
from ml_genn.errors import ValidationError
from ml_genn.model.batch import EventStream, SpikeTimes
from ml_genn.population import Population
from ml_genn.training.data.batches import DataSpec
from ml_genn.training.data.event_arrays import is_event_array, spikes_from_events
from ml_genn.training.data.spike_statistics import SpikeStatistics
from ml_genn.utils.checks import as_array, check_unmasked
from ml_genn.utils.time_steps import STEP_TOLERANCE


def encode_spikes(
    population: Population, values: Any, spec: DataSpec, issued: DataWarnings
) -> list[EventStream]:
    """Returns the spikes of each example as events in order of time.

    Args:
        population: the input.
        values: a list with `PreprocessedSpikes`, an event array or an array (steps,) +
            population shape for each example; or one array (examples, steps) +
            population shape.
        spec: number and duration of time steps.
        issued: warnings of this call so far.

    Raises:
        ValidationError: if spikes do not fit the population, or all spikes of an
            example come after its end.
    """
    statistics = SpikeStatistics(spec.num_steps * spec.dt)
    streams = _encode(population, values, spec, statistics)
    counts = [len(events.ids) for events in streams]
    statistics.add_events(counts, population.size, spec.num_steps)
    statistics.check(f"Data for '{population.name}'", issued)
    return streams


def _encode(
    population: Population, values: Any, spec: DataSpec, statistics: SpikeStatistics
) -> list[EventStream]:
    where = f"Data for '{population.name}'"
    if hasattr(values, "__array__") and as_array(where, values).dtype != object:
        return _encode_raster(where, population, values, spec, statistics)
    streams = []
    for k, spikes in enumerate(values):
        where = f"Data for '{population.name}', example {k}"
        if is_event_array(spikes):
            spikes = spikes_from_events(where, population, spikes)
        elif hasattr(spikes, "__array__") and np.ndim(as_array(where, spikes)) > 0:
            dense = as_array(where, spikes)[None]
            streams += _encode_raster(where, population, dense, spec, statistics, True)
            continue
        if not isinstance(spikes, PreprocessedSpikes):
            raise ValidationError(
                f"{where}: expected PreprocessedSpikes (see "
                "ml_genn.data.preprocess_spikes), events of Tonic, or an array "
                "(time steps,) + population shape; or give one array (examples, time "
                f"steps) + population shape. Received {type(spikes).__name__}."
            )
        streams.append(_encode_times(where, population, spikes, spec, statistics))
    return streams


def _encode_times(
    where: str,
    population: Population,
    spikes: PreprocessedSpikes,
    spec: DataSpec,
    statistics: SpikeStatistics,
) -> EventStream:
    """Returns the events of one example.

    The backend encodes valid spikes in the usual types, if it can: NumPy takes several
    times longer. Otherwise NumPy checks and encodes them.
    """
    duration = spec.num_steps * spec.dt
    ends, times = spikes
    check_unmasked(where, (ends, times))
    if (
        isinstance(ends, np.ndarray)
        and isinstance(times, np.ndarray)
        and (ends.shape, times.ndim) == ((population.size,), 1)
        and ends.dtype.kind in "iu"
        and times.dtype.kind in "iuf"
    ):
        latest = latest_allowed(duration)
        spike_times = SpikeTimes(
            ends, times, latest, spec.num_steps, spec.dt, STEP_TOLERANCE
        )
        statistics.add(times)
        events = spec.encode(spike_times)
        if events is not None:
            return events
    spikes = statistics.without_late(spikes, population.size, where)
    check_spikes(spikes, population.size, duration, where)
    return encode_events(spikes, spec.num_steps, spec.dt)


def _encode_raster(
    where: str,
    population: Population,
    raster: Any,
    spec: DataSpec,
    statistics: SpikeStatistics,
    shorter: bool = False,
) -> list[EventStream]:
    """Returns the events of an array with numbers of spikes.

    Args:
        where: start of error messages.
        population: the input.
        raster: (examples, steps) + population shape; a neuron spikes in a step if its
            entry is not 0.
        spec: number of time steps.
        statistics: of the spikes of this call.
        shorter: True to allow fewer steps than the network runs; the rest of the
            example then has no spikes. False by default.
    """
    values = as_array(where, raster)
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
    streams = [encode_dense(example) for example in flat]
    statistics.add_raster(flat, sum(len(events.ids) for events in streams))
    return streams


def _check_counts(where: str, counts: np.ndarray) -> None:
    """Raises an error if numbers of spikes are negative or not finite.

    Args:
        where: start of error messages.
        counts: (examples, steps, neurons).
    """
    wrong = np.argwhere(~((counts >= 0) & (counts < np.inf)))
    if len(wrong):
        example, step, neuron = wrong[0]
        raise ValidationError(
            f"{where}: numbers of spikes are finite and not negative. Received "
            f"{counts[example, step, neuron]} in example {example}, step {step}, "
            f"neuron {neuron}."
        )
