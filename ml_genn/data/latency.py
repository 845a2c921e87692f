"""Latency encoding: intensities become the times of single spikes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ml_genn.data.ranges import DataWarnings
from ml_genn.data.spikes import PreprocessedSpikes
from ml_genn.errors import ValidationError
from ml_genn.utils.checks import number, positive, real_array, shown

#: Fraction of max_value that the largest value of a data set exceeds.
DARK = 0.02
Floats = npt.NDArray[np.float64]


def linear_latency_encode_data(
    data: npt.ArrayLike,
    max_time: float,
    min_time: float = 0.0,
    thresh: float = 1,
    *,
    max_value: float = 255,
) -> list[PreprocessedSpikes]:
    """Encodes intensities as spike times that fall linearly with intensity.

    A value ``x`` above ``thresh`` gives one spike at
    ``min_time + (max_time - min_time) * (max_value - x) / max_value``.

    Args:
        data: array of shape ``(examples, ...)`` with values from 0 to ``max_value``,
            integers or floats; each example is flattened in row-major order.
        max_time: time [ms] of the value 0.
        min_time: time [ms] of the value ``max_value``; 0 by default.
        thresh: values up to this one give no spike; 1 by default.
        max_value: the largest value that data can have; 255 by default.

    Returns:
        The spikes of each example.

    Raises:
        ValidationError: if a value is outside 0 to ``max_value`` or not a number, or
            the times are not in order.
    """
    where = "linear_latency_encode_data"
    top = positive(f"{where}: max_value", max_value)
    level = number(f"{where}: thresh", thresh)
    first = number(f"{where}: min_time", min_time)
    last = number(f"{where}: max_time", max_time)
    if not 0.0 <= first <= last:
        raise ValidationError(
            f"{where}: times must satisfy 0 <= min_time <= max_time [ms]. Got "
            f"min_time={shown(min_time)} and max_time={shown(max_time)}."
        )
    time_per_value = (last - first) / top

    def latency(value: Floats) -> Floats:
        return (top - value) * time_per_value + first

    values = _check_data(data, top, where)
    _warn_about_scale(values, level, top, where)
    return _encode(values, level, latency)


def log_latency_encode_data(
    data: npt.ArrayLike, tau_eff: float, thresh: float, *, max_value: float = 255
) -> list[PreprocessedSpikes]:
    """Encodes intensities as times of the first spike of leaky neurons.

    A value ``x`` above ``thresh`` gives one spike at
    ``tau_eff * ln(x / (x - thresh))``, the time at which a leaky integrator with time
    constant ``tau_eff`` and constant input ``x`` reaches ``thresh``.

    Args:
        data: array of shape ``(examples, ...)`` with values from 0 to ``max_value``,
            integers or floats; each example is flattened in row-major order.
        tau_eff: time constant [ms].
        thresh: values up to this one give no spike; not negative.
        max_value: the largest value that data can have; 255 by default.

    Returns:
        The spikes of each example.

    Raises:
        ValidationError: if a value is outside 0 to ``max_value`` or not a number, or
            a parameter is out of range.
    """
    where = "log_latency_encode_data"
    top = positive(f"{where}: max_value", max_value)
    tau = positive(f"{where}: tau_eff", tau_eff)
    level = number(f"{where}: thresh", thresh)
    if level < 0.0:
        raise ValidationError(
            f"{where}: thresh must not be negative, or spikes would come before "
            f"time 0. Got {shown(thresh)}."
        )

    def latency(value: Floats) -> Floats:
        return tau * np.log(value / (value - level))

    values = _check_data(data, top, where)
    _warn_if_silent(values, level, where)
    return _encode(values, level, latency)


def _check_data(data: npt.ArrayLike, top: float, where: str) -> npt.NDArray[Any]:
    """Returns data as ``(examples, values)``, all within 0 to ``top``."""
    array = real_array(f"{where}: data", data)
    if array.ndim < 2:
        raise ValidationError(
            f"{where}: data must have the shape (examples, ...). Got {array.shape}. "
            "Pass data[None] to encode a single example."
        )
    flat = array.reshape(len(array), -1) if array.size else array
    if flat.size == 0 or (flat.min() >= 0 and flat.max() <= top):
        return flat
    wrong = np.argwhere(~((flat >= 0) & (flat <= top)))
    example, position = wrong[0]
    raise ValidationError(
        f"{where}: data must lie in 0 to {top:g}. Got {flat[example, position]} in "
        f"example {example} ({len(wrong)} of {flat.size} values are outside). Rescale "
        "the data, or pass max_value if they have another range."
    )


def _warn_if_silent(data: npt.NDArray[Any], thresh: float, where: str) -> bool:
    """Warns if no value gives a spike; returns True then."""
    is_silent = bool(data.size) and not data.max() > thresh
    if is_silent:
        DataWarnings().warn(
            where,
            "silent",
            f"{where}: no value is above thresh={thresh:g}, so there is no spike. "
            f"Received values from {data.min():g} to {data.max():g}. Pass a thresh "
            "below them, and the max_value of the data.",
        )
    return is_silent


def _warn_about_scale(
    data: npt.NDArray[Any], thresh: float, top: float, where: str
) -> None:
    """Warns if no value gives a spike, or all spikes come at the very end."""
    if _warn_if_silent(data, thresh, where) or not data.size:
        return
    if data.max() <= DARK * top:
        DataWarnings().warn(
            where,
            "dark",
            f"{where}: all spikes come in the last {DARK:.0%} of the time, since the "
            f"values, from {data.min():g} to {data.max():g}, are far below "
            f"max_value={top:g}. Pass the max_value of the data.",
        )


def _encode(
    data: npt.NDArray[Any], thresh: float, latency: Callable[[Floats], Floats]
) -> list[PreprocessedSpikes]:
    spikes = []
    for example in data:
        fires = example > thresh
        end_spikes = np.cumsum(fires, dtype=np.int32)
        times = latency(example[fires].astype(np.float64))
        spikes.append(PreprocessedSpikes(end_spikes, times))
    return spikes
