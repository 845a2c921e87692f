"""Data-parallel training: equal parameters in all processes."""

from __future__ import annotations

import zlib

import numpy as np

from ml_genn.backends.api import Model
from ml_genn.communicators import Communicator
from ml_genn.errors import ValidationError
from ml_genn.model.snapshot import Snapshot


def join_processes(model: Model, communicator: Communicator) -> None:
    """Broadcasts the arrays of process 0 and makes the model sum its gradients.

    Args:
        model: model of this process.
        communicator: connects the processes.

    Raises:
        ValidationError: if names, shapes or types of arrays differ from process 0.
    """
    snapshot = model.snapshot()
    own_checksum = _layout_checksum(snapshot)
    checksum = np.array([own_checksum])
    communicator.broadcast(checksum, 0)
    if checksum[0] != own_checksum:
        raise ValidationError(
            f"Process {communicator.rank} of {communicator.num_ranks} compiled another "
            "network than process 0: names or shapes of weights differ. Run the same "
            "script in all, and draw sparse connectivity by the library."
        )
    arrays = {}
    for key in sorted(snapshot.arrays):
        arrays[key] = np.array(snapshot.arrays[key], order="C")
        communicator.broadcast(arrays[key], 0)
    model.restore(Snapshot(arrays, snapshot.info))
    model.set_processes(communicator)


def _layout_checksum(snapshot: Snapshot) -> int:
    """CRC-32 of names, shapes and types of all arrays."""
    arrays = [(key, snapshot.arrays[key]) for key in sorted(snapshot.arrays)]
    text = repr([(key, array.shape, array.dtype.str) for key, array in arrays])
    return zlib.crc32(text.encode())
