"""Selections of the examples and neurons that a recorder records."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_genn.errors import SelectionError, ValidationError
from ml_genn.utils.checks import array_or_object, shown


class ExampleFilter:
    """Selection of examples by their index from the start of an epoch.

    >>> ExampleFilter([0, 3]).get_batch_mask(0, 4)
    array([ True, False, False,  True])

    Args:
        selection: None (default) for all, an index, indices, or a sequence of flags.

    Raises:
        ValidationError: if it is of another form, or an index is negative.
    """

    def __init__(self, selection: Any = None) -> None:
        self._indices: np.ndarray | None = None
        if selection is None:
            return
        values = _array("example_filter", selection)
        if values.dtype == bool and values.ndim == 1:
            self._indices = np.flatnonzero(values)
        elif values.dtype.kind in "iu" and values.ndim <= 1 and np.all(values >= 0):
            self._indices = np.atleast_1d(values)
        else:
            raise ValidationError(
                "example_filter is None, an index, indices or flags. "
                f"Received {shown(selection)}."
            )

    def mask(self, first: int, size: int) -> np.ndarray:
        """Returns a flag for each of the examples ``first`` to ``first + size - 1``."""
        if self._indices is None:
            return np.ones(size, dtype=bool)
        return np.isin(np.arange(first, first + size), self._indices)

    def get_batch_mask(self, batch: int, batch_size: int) -> np.ndarray:
        """Returns a flag for each example of a batch."""
        return self.mask(batch * batch_size, batch_size)


def get_neuron_filter_mask(selection: Any, shape: int | tuple[int, ...]) -> np.ndarray:
    """Returns a flag for each neuron of a population, in row-major order.

    >>> get_neuron_filter_mask(1, (3,))
    array([False,  True, False])
    >>> get_neuron_filter_mask((0, slice(1, 3)), (2, 3))
    array([False,  True,  True, False, False, False])

    Args:
        selection: None for all, an index, indices or a slice; flags of the population's
            shape; for a population of several dimensions a tuple with an index,
            indices or a slice for each, or a list of lists of indices.
        shape: shape of the population, or number of neurons.

    Raises:
        ValidationError: if entries are no whole numbers or flags.
        SelectionError: if the selection does not fit the shape.
    """
    shape = (shape,) if isinstance(shape, int) else shape
    mask = np.zeros(shape, dtype=bool)
    if selection is None:
        mask[...] = True
        return mask.ravel()
    mask[_index(selection, shape)] = True
    return mask.ravel()


def _index(selection: Any, shape: tuple[int, ...]) -> Any:
    """Returns an index for NumPy arrays of the population's shape.

    Raises:
        SelectionError: if the selection does not fit the shape.
    """
    flags = _flags(selection)
    if flags is not None:
        if flags.shape != shape:
            raise _misfit(shape, f"flags have that shape. Received shape {flags.shape}")
        return flags
    parts = selection if _is_by_dimension(selection) else (selection,)
    if len(parts) != len(shape):
        raise _misfit(shape, "give a tuple with one entry for each dimension")
    index = tuple(
        p if isinstance(p, slice) else _array("neuron_filter", p) for p in parts
    )
    try:
        np.broadcast_to(False, shape)[index]
    except IndexError as error:
        raise _misfit(shape, str(error)) from None
    return index


def _flags(selection: Any) -> np.ndarray | None:
    if isinstance(selection, slice | tuple):
        return None
    if isinstance(selection, list) and any(isinstance(p, slice) for p in selection):
        return None
    array = _array("neuron_filter", selection)
    return array if array.dtype == bool else None


def _is_by_dimension(selection: Any) -> bool:
    """True for a tuple, or a list of lists, arrays or slices, of one per dimension."""
    return isinstance(selection, tuple) or (
        isinstance(selection, list)
        and bool(selection)
        and all(isinstance(p, list | slice | np.ndarray | range) for p in selection)
    )


def _misfit(shape: tuple[int, ...], why: str) -> SelectionError:
    return SelectionError(
        f"neuron_filter does not fit a population of shape {shape}: {why}."
    )


def _array(where: str, selection: Any) -> np.ndarray:
    array = array_or_object(where, selection)
    if array.size == 0:
        array = array.astype(np.int64)
    if array.dtype.kind not in "biu":
        raise ValidationError(
            f"{where}: indices are whole numbers. Received {shown(selection)}."
        )
    return array
