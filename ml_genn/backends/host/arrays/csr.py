"""CSR matrices of synapses: lists sorted by source and target neuron."""

from __future__ import annotations

import numpy as np

from ml_genn.errors import CheckpointError


def check_csr(
    name: str, source: np.ndarray, target: np.ndarray, shape: tuple[int, int]
) -> None:
    """Raises an error if synapses are not sorted or a neuron does not exist.

    Args:
        name: name of the connection.
        source, target: neurons of each synapse.
        shape: source and target size.

    Raises:
        CheckpointError: as above.
    """
    rows, columns = source.astype(np.int64), target.astype(np.int64)
    exist = all(
        np.all((indices >= 0) & (indices < size))
        for indices, size in zip((rows, columns), shape, strict=True)
    )
    if not exist or np.any(np.diff(rows * shape[1] + columns) <= 0):
        raise CheckpointError(
            f"Checkpoint: the list of synapses of connection '{name}' is not sorted, "
            "or names neurons that there are not."
        )
