"""Sums over processes: between GPUs by NCCL where each has its own, or on the host."""

from __future__ import annotations

import socket
import zlib
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from ml_genn.backends.api import Processes

#: Names of NCCL's types.
NCCL_TYPES = {"float32": "NCCL_FLOAT32", "int32": "NCCL_INT32"}


def sums(cupy: Any, processes: Processes) -> Callable[[Any], None]:
    """What sums an array of the device over all processes, in place.

    Args:
        cupy: the module.
        processes: those that train together.
    """
    nccl = _nccl()
    own = 0 if nccl is None else _gpu(cupy)
    gpus = np.zeros(processes.num_ranks, dtype=np.int64)
    gpus[processes.rank] = own
    processes.all_sum(gpus)
    if nccl is None or not gpus.all() or len(set(gpus.tolist())) < len(gpus):
        return lambda array: _through_host(array, processes)
    communicator = _joined(nccl, processes)

    def between_gpus(array: Any) -> None:
        place, kind = array.data.ptr, getattr(nccl, NCCL_TYPES[array.dtype.name])
        stream = cupy.cuda.get_current_stream().ptr
        communicator.allReduce(place, place, array.size, kind, nccl.NCCL_SUM, stream)

    return between_gpus


def _through_host(array: Any, processes: Processes) -> None:
    numbers = array.get()
    processes.all_sum(numbers)
    array.set(numbers)


def _nccl() -> Any:
    """CuPy's NCCL; None where the library is not installed."""
    try:
        nccl = import_module("cupy.cuda.nccl")
    except ImportError:
        return None
    return nccl if nccl.available else None


def _gpu(cupy: Any) -> int:
    """A number of this process's GPU, not 0; other GPUs have others."""
    device = cupy.cuda.runtime.getDevice()
    place = f"{socket.gethostname()} {cupy.cuda.runtime.deviceGetPCIBusId(device)}"
    return 1 + zlib.crc32(place.encode())


def _joined(nccl: Any, processes: Processes) -> Any:
    own = nccl.get_unique_id()  # bytes or a tuple, as CuPy's version has it
    name = np.array(list(own), dtype=np.int64)
    processes.broadcast(name, 0)
    given = type(own)(name.tolist())
    return nccl.NcclCommunicator(processes.num_ranks, given, processes.rank)
