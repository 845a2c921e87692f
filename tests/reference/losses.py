"""Readouts and losses of one example, in continuous time, and their differences.

T is the duration of the simulation, V_k the voltage of neuron k of the output
population, y_k its readout. Losses are numbers; nothing is averaged over a batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .trace import Result

__all__ = [
    "READOUTS",
    "avg_var",
    "avg_var_exp_weight",
    "cross_entropy",
    "finite_difference",
    "first_spike_loss",
    "max_var",
    "mean_square_error",
    "per_timestep_cross_entropy",
    "readout_loss",
    "sum_var",
    "var",
]

Array = NDArray[np.float64]
Target = Callable[[Array], Array] | Array

_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(16)


def avg_var(result: Result, population: str) -> Array:
    """Return y = (1/T) int_0^T V dt."""
    traces = result.traces[population]
    return np.array([t.integral() for t in traces]) / result.t_end


def sum_var(result: Result, population: str, dt: float = 1.0) -> Array:
    """Return y = (1/dt) int_0^T V dt, what a sum over steps of dt [ms] tends to."""
    traces = result.traces[population]
    return np.array([t.integral() for t in traces]) / dt


def avg_var_exp_weight(result: Result, population: str) -> Array:
    """Return y = (1/T) int_0^T exp(-t/T) V dt."""
    end, traces = result.t_end, result.traces[population]
    return np.array([t.exp_weighted_integral(end) for t in traces]) / end


def max_var(result: Result, population: str) -> Array:
    """Return y = max(0, max_t V)."""
    return np.array([t.maximum()[0] for t in result.traces[population]])


def var(result: Result, population: str) -> Array:
    """Return y = V(T)."""
    return np.array([t.final() for t in result.traces[population]])


READOUTS: dict[str, Callable[..., Array]] = {
    "avg_var": avg_var,
    "avg_var_exp_weight": avg_var_exp_weight,
    "max_var": max_var,
    "sum_var": sum_var,
    "var": var,
}


def cross_entropy(y: ArrayLike, label: int, temperature: float = 1.0) -> float:
    """Return -log softmax(y / temperature)[label]."""
    return float(_cross_entropy_rows(np.asarray(y)[None], label, temperature)[0])


def readout_loss(
    result: Result,
    population: str,
    readout: str,
    label: int,
    temperature: float = 1.0,
    dt: float = 1.0,
) -> float:
    """Cross entropy of a readout named as in READOUTS; dt serves sum_var only."""
    extra = {"dt": dt} if readout == "sum_var" else {}
    y = READOUTS[readout](result, population, **extra)
    return cross_entropy(y, label, temperature)


def per_timestep_cross_entropy(
    result: Result, population: str, label: int, temperature: float = 1.0
) -> float:
    """Return (1/T) int_0^T -log softmax(V(t) / temperature)[label] dt."""
    times, weights = _quadrature(result, population, np.empty(0))
    v = result.voltages(population, times)
    loss = weights @ _cross_entropy_rows(v, label, temperature)
    return float(loss) / result.t_end


def mean_square_error(
    result: Result, population: str, target: Target, dt: float = 1.0
) -> float:
    """Return (1/T) (1/K) int_0^T sum_k (V_k(t) - y*_k(t))^2 dt.

    Args:
        result: of the simulation.
        population: name of the output, K neurons.
        target: a smooth function of an array of times, giving (times, K), or
            samples of shape (steps, K), sample n holding in [n dt, (n + 1) dt).
        dt: length of a sample [ms], 1 by default.
    """
    if callable(target):
        times, weights = _quadrature(result, population, np.empty(0))
        targets = np.asarray(target(times))
    else:
        samples = np.asarray(target, dtype=np.float64)
        if len(samples) * dt < result.t_end * (1.0 - 1e-12):
            raise ValueError(
                f"target: samples must cover {result.t_end} ms. "
                f"Got {len(samples)} of {dt} ms."
            )
        edges = np.arange(len(samples) + 1, dtype=np.float64) * dt
        times, weights = _quadrature(result, population, edges)
        sample = np.searchsorted(edges, times, side="right") - 1
        targets = samples[np.minimum(sample, len(samples) - 1)]
    error = result.voltages(population, times) - targets
    return float(weights @ np.mean(error**2, axis=1)) / result.t_end


def first_spike_loss(
    times: ArrayLike,
    label: int,
    t_end: float,
    temperature: float = 1.0,
    alpha: float = 0.01,
) -> float:
    """Return -log softmax(-t / temperature)[label] + alpha / (1.01 T - t[label]).

    ``times`` [ms] come from ``Result.first_spike_times``. A neuron that is silent
    (infinite time) has no part in the softmax; a silent label makes the loss
    infinite.
    """
    times = np.asarray(times, dtype=np.float64)
    if not np.isfinite(times[label]):
        return float("inf")
    push = alpha / (1.01 * t_end - times[label])
    return cross_entropy(-times, label, temperature) + float(push)


def finite_difference(
    f: Callable[[Array], Any], array: ArrayLike, step: float = 1e-5
) -> Array:
    """Return central differences (f(a + step) - f(a - step)) / (2 step).

    The result has the shape of ``array`` followed by that of f's value.
    """
    centre = np.array(array, dtype=np.float64)
    rows = []
    for index in np.ndindex(centre.shape):
        values = []
        for sign in (1.0, -1.0):
            moved = centre.copy()
            moved[index] += sign * step
            values.append(np.asarray(f(moved), dtype=np.float64))
        rows.append((values[0] - values[1]) / (2.0 * step))
    inner = rows[0].shape if rows else ()
    return np.array(rows).reshape(centre.shape + inner)


def _cross_entropy_rows(y: Array, label: int, temperature: float) -> Array:
    """Cross entropy of each row of y, stable for large values."""
    scaled = y / temperature
    peak = scaled.max(axis=1, keepdims=True)
    total = np.log(np.exp(scaled - peak).sum(axis=1)) + peak[:, 0]
    losses: Array = total - scaled[:, label]
    return losses


def _quadrature(result: Result, population: str, breaks: Array) -> tuple[Array, Array]:
    """Gauss-Legendre times and weights over [0, T], cut at events and breaks.

    Pieces are at most half of the shortest time constant long.
    """
    traces = result.traces[population]
    ends = np.array([0.0, result.t_end])
    edges = np.unique(np.concatenate([ends, breaks, *(t.start for t in traces)]))
    edges = edges[edges <= result.t_end]
    membranes = [t.membrane for t in traces]
    longest = 0.5 * min(min((m.tau_mem, *m.tau_syn)) for m in membranes)
    counts = np.ceil(np.diff(edges) / longest).astype(int)
    width = np.repeat(np.diff(edges) / counts, counts)
    within = np.concatenate([np.arange(n) for n in counts])
    begin = np.repeat(edges[:-1], counts) + within * width
    times = begin[:, None] + 0.5 * width[:, None] * (_NODES + 1.0)
    weights = 0.5 * width[:, None] * _NODE_WEIGHTS
    return np.minimum(times.reshape(-1), result.t_end), weights.reshape(-1)
