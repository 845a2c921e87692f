"""Which examples and neurons a recorder keeps."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_genn.errors import ValidationError


class ExampleFilter:
    """Chooses examples by their index from the start of an epoch.

    Args:
        chosen: None for all, an index, indices, or a sequence of flags.
    """

    def __init__(self, chosen: Any = None) -> None:
        self._indices: np.ndarray | None = None
        if chosen is None:
            return
        values = np.atleast_1d(np.asarray(chosen))
        if values.dtype == bool and values.ndim == 1:
            self._indices = np.flatnonzero(values)
        elif values.dtype.kind in "iu" and values.ndim == 1 and np.all(values >= 0):
            self._indices = values
        else:
            raise ValidationError(
                "example_filter is None, an index, indices or flags. "
                f"Received {chosen!r}."
            )

    def mask(self, first: int, size: int) -> np.ndarray:
        """Flags of the examples ``first`` to ``first + size - 1``."""
        if self._indices is None:
            return np.ones(size, dtype=bool)
        return np.isin(np.arange(first, first + size), self._indices)

    def get_batch_mask(self, batch: int, batch_size: int) -> np.ndarray:
        """Flags of the examples of a batch."""
        return self.mask(batch * batch_size, batch_size)


def get_neuron_filter_mask(chosen: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Flags of a population's neurons, in row-major order.

    Args:
        chosen: None for all, an index, indices, a slice, flags of the population's
            shape, or a tuple of these, one per dimension.
        shape: shape of the population.

    Raises:
        ValidationError: if it does not fit the shape.
    """
    mask = np.zeros(shape, dtype=bool)
    if chosen is None:
        mask[...] = True
        return mask.ravel()
    if not isinstance(chosen, slice | tuple):
        chosen = np.asarray(chosen)
        if chosen.dtype == bool and chosen.shape != shape:
            raise ValidationError(
                f"neuron_filter: flags have the population's shape {shape}. "
                f"Received shape {chosen.shape}."
            )
    try:
        mask[chosen] = True
    except IndexError as error:
        raise ValidationError(
            f"neuron_filter does not fit a population of shape {shape}: {error}."
        ) from None
    return mask.ravel()
