"""Lists of synapses, sorted by source and target."""

from __future__ import annotations

import numpy as np

from ml_genn.errors import CheckpointError


def row_starts(source: np.ndarray, rows: int) -> np.ndarray:
    """Where the synapses of each source neuron start in a sorted list, and its end."""
    return np.searchsorted(source, np.arange(rows + 1)).astype(np.int64)


def check_listed(
    name: str, source: np.ndarray, target: np.ndarray, shape: tuple[int, int]
) -> None:
    """Refuses a list that is not sorted, or names neurons that there are not.

    Args:
        name: of the connection.
        source, target: neurons of each synapse.
        shape: source and target size.

    Raises:
        CheckpointError: if it does not fit.
    """
    lists = [given.astype(np.int64) for given in (source, target)]
    inside = all(
        indices.min() >= 0 and indices.max() < size
        for indices, size in zip(lists, shape, strict=True)
    )
    keys = lists[0] * shape[1] + lists[1]
    if not inside or np.any(np.diff(keys) <= 0):
        raise CheckpointError(
            f"Checkpoint: the list of synapses of connection '{name}' is not sorted, "
            "or names neurons that there are not."
        )
