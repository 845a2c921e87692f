"""Losses of a batch and their slopes, taken between the two passes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ml_genn.model.plan import LossKind

#: (loss of each example, dL/dy) from y (examples, neurons), targets and a number.
Loss = tuple[np.ndarray, np.ndarray]


def cross_entropy(y: np.ndarray, label: np.ndarray, temperature: float) -> Loss:
    """Softmax cross-entropy against labels."""
    return soft_cross_entropy(y, one_hot(y, label), temperature)


def soft_cross_entropy(y: np.ndarray, share: np.ndarray, temperature: float) -> Loss:
    """Softmax cross-entropy against shares of classes."""
    z = (y - y.max(axis=-1, keepdims=True)) / temperature
    size = np.exp(z)
    total = size.sum(axis=-1, keepdims=True)
    loss = (share * (np.log(total) - z)).sum(axis=-1)
    wanted = share.sum(axis=-1, keepdims=True)
    return loss, (wanted * size / total - share) / temperature


def squared_error(y: np.ndarray, target: np.ndarray, factor: float) -> Loss:
    """Mean square error, times a factor."""
    error, n = y - target, y.shape[-1]
    return factor * (error**2).sum(axis=-1) / n, factor * 2.0 * error / n


def absolute_error(y: np.ndarray, target: np.ndarray, factor: float) -> Loss:
    """Mean absolute error, times a factor."""
    error, n = y - target, y.shape[-1]
    return factor * np.abs(error).sum(axis=-1) / n, factor * np.sign(error) / n


def relative_squared_error(y: np.ndarray, label: np.ndarray, lead: float) -> Loss:
    """Of times -y: by how much others miss the lead of the right one."""
    right = one_hot(y, label)
    first = (y * right).sum(axis=-1, keepdims=True)
    error = np.where(right > 0, 0.0, first - y - lead)
    slope = np.where(right > 0, error.sum(axis=-1, keepdims=True), -error)
    return 0.5 * (error**2).sum(axis=-1), slope


def one_hot(y: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Ones, of the shape of y, at the neuron that a label names."""
    right = np.arange(y.shape[-1]) == np.asarray(label)[..., None]
    return np.asarray(right, dtype=y.dtype)


LOSSES: dict[LossKind, Callable[[np.ndarray, np.ndarray, float], Loss]] = {
    LossKind.CROSS_ENTROPY: cross_entropy,
    LossKind.SOFT_CROSS_ENTROPY: soft_cross_entropy,
    LossKind.SQUARED_ERROR: squared_error,
    LossKind.ABSOLUTE_ERROR: absolute_error,
    LossKind.RELATIVE_SQUARED_ERROR: relative_squared_error,
}
