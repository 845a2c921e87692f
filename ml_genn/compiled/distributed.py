"""Data-parallel training: identical initial parameters in all processes."""

from __future__ import annotations

import zlib

import numpy as np

from ml_genn.backends.api import Model
from ml_genn.communicators import Communicator
from ml_genn.errors import ValidationError
from ml_genn.model.snapshot import Snapshot


def join_processes(model: Model, communicator: Communicator) -> None:
    """Starts data-parallel training of a model that every process has compiled.

    The arrays of the process with rank 0 replace those of the others, and from then on
    the model all-reduces gradients over the processes.

    Args:
        model: model of this process.
        communicator: communicator of the training processes.

    Raises:
        ValidationError: if the names, shapes and types of all arrays are not those of
            process 0.
    """
    snapshot = model.snapshot()
    own_checksum = _layout_checksum(snapshot)
    checksum = np.array([own_checksum])
    communicator.broadcast(checksum, 0)
    if checksum[0] != own_checksum:
        raise ValidationError(
            f"Process {communicator.rank} of {communicator.num_ranks} compiled another "
            "network than process 0: names, shapes or types of arrays differ. Run the "
            "same script in all, and draw sparse connectivity by the library."
        )
    arrays = {}
    for key in sorted(snapshot.arrays):
        arrays[key] = np.array(snapshot.arrays[key], order="C")
        communicator.broadcast(arrays[key], 0)
    # Counters and random states, in ``info``, stay those of this process.
    model.restore(Snapshot(arrays, snapshot.info))
    model.set_processes(communicator)


def _layout_checksum(snapshot: Snapshot) -> int:
    """Returns the CRC-32 of the names, shapes and types of all arrays."""
    arrays = [(key, snapshot.arrays[key]) for key in sorted(snapshot.arrays)]
    text = repr([(key, array.shape, array.dtype.str) for key, array in arrays])
    return zlib.crc32(text.encode())
