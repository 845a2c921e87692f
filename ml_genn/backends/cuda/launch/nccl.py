"""All-reduce of device arrays: by NCCL between GPUs, or through host memory."""

from __future__ import annotations

import socket
import zlib
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from ml_genn.backends.api import Processes

#: {NumPy type: name of NCCL's type}.
NCCL_TYPES = {"float32": "NCCL_FLOAT32", "int32": "NCCL_INT32"}


def device_allreduce(cupy: Any, processes: Processes) -> Callable[[Any], None]:
    """Returns a function that sums a device array over all processes, in place.

    It uses NCCL if NCCL is installed in all processes and each has a GPU of its own;
    otherwise the sums are computed in host memory.

    Args:
        cupy: module.
        processes: processes that train together.
    """
    nccl = _nccl()
    gpus = np.zeros(processes.num_ranks, dtype=np.int64)
    gpus[processes.rank] = 0 if nccl is None else _gpu_hash(cupy)
    processes.all_sum(gpus)
    if nccl is None or not gpus.all() or len(set(gpus.tolist())) < len(gpus):
        return lambda array: _sum_on_host(array, processes)
    communicator = _communicator(nccl, processes)

    def allreduce(array: Any) -> None:
        address, kind = array.data.ptr, getattr(nccl, NCCL_TYPES[array.dtype.name])
        stream = cupy.cuda.get_current_stream().ptr
        communicator.allReduce(
            address, address, array.size, kind, nccl.NCCL_SUM, stream
        )

    return allreduce


def _sum_on_host(array: Any, processes: Processes) -> None:
    numbers = array.get()
    processes.all_sum(numbers)
    array.set(numbers)


def _nccl() -> Any:
    """Returns CuPy's module of NCCL; None if NCCL is not installed."""
    try:
        nccl = import_module("cupy.cuda.nccl")
    except ImportError:
        return None
    return nccl if nccl.available else None


def _gpu_hash(cupy: Any) -> int:
    """Returns a positive number that identifies this process's GPU."""
    device = cupy.cuda.runtime.getDevice()
    name = f"{socket.gethostname()} {cupy.cuda.runtime.deviceGetPCIBusId(device)}"
    return 1 + zlib.crc32(name.encode())


def _communicator(nccl: Any, processes: Processes) -> Any:
    """Returns a communicator of NCCL, whose identifier rank 0 chooses."""
    unique_id = nccl.get_unique_id()  # bytes or a tuple, depending on CuPy's version
    numbers = np.array(list(unique_id), dtype=np.int64)
    processes.broadcast(numbers, 0)
    common_id = type(unique_id)(numbers.tolist())
    return nccl.NcclCommunicator(processes.num_ranks, common_id, processes.rank)
