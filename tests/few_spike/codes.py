"""Few-spike codes and networks in plain NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_genn import Population
from ml_genn.callbacks import SpikeRecorder

RNG = np.random.default_rng(7)


def spikes_of(values: Any, k: int, alpha: float, signed: bool = False) -> np.ndarray:
    """Spikes (k, ...) by the equations, digit by digit; alpha as in the engine."""
    alpha = float(np.float32(alpha))
    v = np.array(values, dtype=np.float64)
    found = np.zeros((k, *v.shape), dtype=bool)
    for s in range(k):
        if not signed:
            worth = alpha * 2.0 ** (-1 - s)
            found[s] = v >= worth
        else:
            worth = alpha * 2.0 ** (-1 - s // 2) * (-1) ** s
            found[s] = v >= worth if worth > 0 else v < worth
        v -= found[s] * worth
    return found


def value_of(spikes: np.ndarray, alpha: float, signed: bool = False) -> np.ndarray:
    """What spikes (k, ...) are worth together."""
    alpha = float(np.float32(alpha))
    s = np.arange(len(spikes))
    worth = 2.0 ** (-1 - s // 2) * (-1.0) ** s if signed else 2.0 ** (-1 - s)
    return np.tensordot(alpha * worth, spikes, 1)


def sent(values: Any, k: int, alpha: float, signed: bool = False) -> np.ndarray:
    """The number that a population sends for a value: rounded and limited."""
    return value_of(spikes_of(values, k, alpha, signed), alpha, signed)


def dyadic(*shape: int, scale: float = 0.5) -> np.ndarray:
    """Weights whose products and sums are exact in single precision."""
    return np.round(RNG.normal(0.0, scale, shape) * 64) / 64


def conv(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """A convolution of images without padding."""
    rows, columns = weight.shape[:2]
    windows = np.lib.stride_tricks.sliding_window_view(x, (rows, columns), (1, 2))
    return np.einsum("brcikl,klif->brcf", windows, weight)


def patches(x: np.ndarray, size: int) -> np.ndarray:
    """Pixels of patches that do not overlap, as the last axis."""
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), (1, 2))
    return windows[:, ::size, ::size].reshape(*windows[:, ::size, ::size].shape[:4], -1)


def recorded(compiled: Any, x: Any, populations: list[Population]) -> dict[Any, Any]:
    """{population: spikes (examples, steps) + shape}."""
    recorders = [SpikeRecorder(p, key=p.name) for p in populations]
    _, data = compiled.predict(x, callbacks=recorders)
    found = {}
    for p in populations:
        times, ids = data[p.name]
        spikes = np.zeros((len(times), compiled.num_steps, p.size), dtype=bool)
        for one, t, i in zip(spikes, times, ids, strict=True):
            one[np.round(np.asarray(t) / compiled.dt).astype(int), np.asarray(i)] = True
        found[p] = spikes.reshape(*spikes.shape[:2], *p.shape)
    return found
