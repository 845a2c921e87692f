"""CuPy, and its errors in plain words."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from ml_genn.errors import BuildError, MlGennError

#: Variables in which mpirun says which of a machine's processes one is: of Open MPI,
#: MPICH and Slurm.
LOCAL_RANKS = ("OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID")
#: Parts of CUDA that CuPy's wheel does not bring: its compiler, and what CuPy 13 links
#: kernels to whose blocks wait for each other.
PARTS = ("libnvrtc", "cudadevrt", "CUDA is not found")
REMEDY = "Use backend='cpu', which runs everywhere."


class DeviceError(MlGennError, RuntimeError):
    """The GPU or its driver failed."""


def load() -> Any:
    """CuPy, if there is a GPU that it can use.

    Processes that mpirun started on a machine take its GPUs in turn.

    Raises:
        BuildError: if CuPy is not installed, or there is no GPU.
    """
    try:
        cupy = import_module("cupy")
    except ImportError as error:
        raise BuildError(
            f"backend='cuda' needs CuPy, which could not be imported ({error}). "
            f"Install it: pip install 'ml_genn[cuda]'. {REMEDY}"
        ) from None
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise BuildError(
            f"backend='cuda' found no GPU that it can use ({error}). Does the driver "
            f"suit this version of CuPy? {REMEDY}"
        ) from None
    if count == 0:
        raise BuildError(f"backend='cuda' found no GPU. {REMEDY}")
    own = next((int(os.environ[v]) for v in LOCAL_RANKS if v in os.environ), None)
    if own is not None:
        with plain_errors(cupy):
            cupy.cuda.Device(own % count).use()
    return cupy


def name_of(cupy: Any) -> str:
    """What the GPU is called."""
    properties = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.runtime.getDevice())
    return str(properties["name"].decode())


@contextmanager
def plain_errors(cupy: Any) -> Iterator[None]:
    """Errors of CuPy as our own.

    Raises:
        MemoryError: if the GPU's memory is full.
        BuildError: if a kernel does not compile, or there is nothing that compiles it.
        DeviceError: if anything else fails on the GPU.
    """
    try:
        yield
    except cupy.cuda.memory.OutOfMemoryError as error:
        raise MemoryError(
            f"The GPU ran out of memory ({error}). Use a smaller batch, fewer time "
            f"steps, or backend='cpu'."
        ) from None
    except cupy.cuda.compiler.CompileException as error:
        raise BuildError(f"NVRTC failed: {error}. {REMEDY}") from None
    except (
        cupy.cuda.runtime.CUDARuntimeError,
        cupy.cuda.driver.CUDADriverError,
    ) as error:
        raise DeviceError(f"The GPU failed: {error}. {REMEDY}") from None
    except RuntimeError as error:
        if not any(part in str(error) for part in PARTS):
            raise
        raise BuildError(
            f"CuPy did not find what compiles kernels ({error}). Install the CUDA "
            "toolkit, or CuPy 14 with NVRTC alone: pip install 'cupy-cuda12x>=14' "
            f"nvidia-cuda-nvrtc-cu12. {REMEDY}"
        ) from None
