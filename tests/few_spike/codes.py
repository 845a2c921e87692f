"""Reference of few-spike codes and networks in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_genn import Population
from ml_genn.callbacks import SpikeRecorder

RNG = np.random.default_rng(7)


def spikes_of(values: Any, k: int, alpha: float, signed: bool = False) -> np.ndarray:
    """Returns spikes (k, ...) by the equations; alpha is rounded as in the engine."""
    alpha = float(np.float32(alpha))
    v = np.array(values, dtype=np.float64)
    spikes = np.zeros((k, *v.shape), dtype=bool)
    for s in range(k):
        if not signed:
            digit = alpha * 2.0 ** (-1 - s)
            spikes[s] = v >= digit
        else:
            digit = alpha * 2.0 ** (-1 - s // 2) * (-1) ** s
            spikes[s] = v >= digit if digit > 0 else v < digit
        v -= spikes[s] * digit
    return spikes


def value_of(spikes: np.ndarray, alpha: float, signed: bool = False) -> np.ndarray:
    """Returns the values that spikes (k, ...) represent."""
    alpha = float(np.float32(alpha))
    s = np.arange(len(spikes))
    digit = 2.0 ** (-1 - s // 2) * (-1.0) ** s if signed else 2.0 ** (-1 - s)
    return np.tensordot(alpha * digit, spikes, 1)


def sent(values: Any, k: int, alpha: float, signed: bool = False) -> np.ndarray:
    """Returns the values that a population sends: rounded and clipped."""
    return value_of(spikes_of(values, k, alpha, signed), alpha, signed)


def dyadic(*shape: int, scale: float = 0.5) -> np.ndarray:
    """Returns weights whose products and sums are exact in single precision."""
    return np.round(RNG.normal(0.0, scale, shape) * 64) / 64


def conv(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Returns a convolution of images without padding."""
    rows, columns = weight.shape[:2]
    windows = np.lib.stride_tricks.sliding_window_view(x, (rows, columns), (1, 2))
    return np.einsum("brcikl,klif->brcf", windows, weight)


def patches(x: np.ndarray, size: int) -> np.ndarray:
    """Returns the pixels of disjoint patches as the last axis."""
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), (1, 2))
    return windows[:, ::size, ::size].reshape(*windows[:, ::size, ::size].shape[:4], -1)


def recorded(compiled: Any, x: Any, populations: list[Population]) -> dict[Any, Any]:
    """Returns {population: spikes (examples, steps) + shape}."""
    recorders = [SpikeRecorder(p, key=p.name) for p in populations]
    _, data = compiled.predict(x, callbacks=recorders)
    rasters = {}
    for p in populations:
        times, ids = data[p.name]
        spikes = np.zeros((len(times), compiled.num_steps, p.size), dtype=bool)
        for raster, t, i in zip(spikes, times, ids, strict=True):
            raster[np.round(np.asarray(t) / compiled.dt).astype(int), np.asarray(i)] = (
                True
            )
        rasters[p] = spikes.reshape(*spikes.shape[:2], *p.shape)
    return rasters
