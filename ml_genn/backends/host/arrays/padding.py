"""Aligned arrays, padded to whole vectors as the engines read them."""

from __future__ import annotations

import numpy as np

from ml_genn.codegen.layout import ROW_ALIGNMENT, padded

CACHE_LINE = 64  #: bytes; vectors of any processor are loaded from such addresses


def aligned(shape: tuple[int, ...], dtype: type = np.float32) -> np.ndarray:
    """Returns zeros that start at a multiple of a cache line."""
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + CACHE_LINE, dtype=np.uint8)
    start = -raw.ctypes.data % CACHE_LINE
    return raw[start : start + size].view(dtype).reshape(shape)


def padded_row(values: np.ndarray, size: int) -> np.ndarray:
    """Returns a row whose last value is repeated up to whole vectors.

    The padding is computed as a copy of the last neuron without input, so it stays
    finite.

    Args:
        values: one value, or one per neuron.
        size: number of neurons.
    """
    return np.pad(
        np.broadcast_to(values, (size,)), (0, padded(size) - size), mode="edge"
    )


def padded_matrix(values: np.ndarray, dtype: type = np.float32) -> np.ndarray:
    """Returns a matrix whose rows are padded with zeros."""
    result = aligned((values.shape[0], padded(values.shape[1])), dtype)
    result[:, : values.shape[1]] = values
    return result


def padded_list(values: np.ndarray, dtype: type = np.float32) -> np.ndarray:
    """Returns a list followed by zeros.

    A vector can be loaded from the place of any of its values without leaving the
    array.
    """
    result = aligned((padded(values.size) + ROW_ALIGNMENT,), dtype)
    result[: values.size] = values
    return result
