"""Networks that several processes train together."""

from __future__ import annotations

import zlib

import numpy as np

from ml_genn.backends.api import Model
from ml_genn.communicators import Communicator
from ml_genn.errors import ValidationError
from ml_genn.model.snapshot import Key, Snapshot


def join(model: Model, communicator: Communicator) -> None:
    """Makes a model one of several that learn alike: they start with the numbers of the
    first, and sum their gradients.

    Raises:
        ValidationError: if the other processes made another network.
    """
    snapshot = model.snapshot()
    keys = sorted(snapshot.arrays)
    mine = _shapes(keys, snapshot)
    shapes = np.array([mine])
    communicator.broadcast(shapes, 0)
    if shapes[0] != mine:
        raise ValidationError(
            f"Process {communicator.rank} of {communicator.num_ranks} compiled another "
            "network than process 0: names or shapes of weights differ. Run the same "
            "script in all, and draw sparse connectivity by the library."
        )
    arrays = {}
    for key in keys:
        arrays[key] = np.array(snapshot.arrays[key], order="C")
        communicator.broadcast(arrays[key], 0)
    model.restore(Snapshot(arrays, snapshot.info))
    model.set_processes(communicator)


def _shapes(keys: list[Key], snapshot: Snapshot) -> int:
    arrays = [(key, snapshot.arrays[key]) for key in keys]
    text = repr([(key, array.shape, array.dtype.str) for key, array in arrays])
    return zlib.crc32(text.encode())
