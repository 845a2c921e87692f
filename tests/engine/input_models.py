"""Input neurons once more, step by step in NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from engine.test_random import expected
from numpy.typing import NDArray

from ml_genn.neurons import LeakyIntegrateFireInput

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]


def shown(data: NDArray[Any], steps: int, frames: int = 1, each: int = 1) -> Float:
    """Input of neurons in each step: (examples, steps, neurons)."""
    size = len(data)
    framed = np.asarray(data, dtype=np.float64).reshape(size, frames, -1)
    return framed[:, np.minimum(np.arange(steps) // each, frames - 1)]


@dataclass(frozen=True)
class Run:
    """Spikes and potentials, (examples, steps, neurons), and the nearest miss."""

    spikes: Bool
    v: Float
    margin: float


def integrate_fire(
    x: Float, v_thresh: Any = 1.0, v_reset: Any = 0.0, v: Any = 0.0
) -> Run:
    """v += x; spike where v >= v_thresh; then v = v_reset."""
    state = np.broadcast_to(np.asarray(v, dtype=np.float64), x[:, 0].shape).copy()
    spikes, trace = np.zeros(x.shape, dtype=bool), np.zeros(x.shape)
    margin = np.inf
    for n in range(x.shape[1]):
        state += x[:, n]
        margin = min(margin, np.abs(state - v_thresh).min())
        spikes[:, n] = state >= v_thresh
        state = np.where(spikes[:, n], v_reset, state)
        trace[:, n] = state
    return Run(spikes, trace, float(margin))


def leaky(x: Float, neuron: LeakyIntegrateFireInput, dt: float) -> Run:
    """v = alpha v + x; refractory neurons do not spike, and may stand still."""
    choice = neuron.choices()
    alpha = np.exp(-dt / np.asarray(neuron.tau_mem))
    gain = 1.0 - alpha if choice["scale_i"] else 1.0
    tau = 0.0 if neuron.tau_refrac is None else np.asarray(neuron.tau_refrac)
    refrac = np.ceil(np.round(tau / dt, 3))
    thresh, reset = np.asarray(neuron.v_thresh), np.asarray(neuron.v_reset)
    state = np.broadcast_to(np.asarray(neuron.v, float), x[:, 0].shape).copy()
    left = np.zeros(state.shape)
    spikes, trace = np.zeros(x.shape, dtype=bool), np.zeros(x.shape)
    margin = np.inf
    for n in range(x.shape[1]):
        still = (left > 0) & (not choice["integrate_during_refrac"])
        state = np.where(still, state, alpha * state + gain * x[:, n])
        left = np.where(left > 0, left - 1, left)
        free = left == 0
        margin = min(margin, np.abs(np.where(free, state - thresh, np.inf)).min())
        spikes[:, n] = free & (state >= thresh)
        after = state - (thresh - reset) if choice["relative_reset"] else reset
        state = np.where(spikes[:, n], after, state)
        left = np.where(spikes[:, n], refrac, left)
        trace[:, n] = state
    return Run(spikes, trace, float(margin))


def poisson(x: Float, dt: float, seed: int = 0, draw: int = 0) -> Float:
    """Spikes, +1 and -1: where a uniform number is at least exp(-|x| dt)."""
    uniform = np.array(
        [
            [
                [
                    (expected(seed, b, n, j, draw) >> 8) / 2.0**24
                    for j in range(x[b, n].size)
                ]
                for n in range(x.shape[1])
            ]
            for b in range(len(x))
        ]
    )
    chance = np.exp(-np.abs(x.astype(np.float32)) * np.float32(dt))
    return np.sign(x) * (uniform >= chance)


def binary(x: Float) -> Float:
    """Spikes, +1 and -1, in each step."""
    return np.sign(x)
