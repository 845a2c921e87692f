"""Import of CuPy, choice of the GPU, and translation of CuPy's errors."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from ml_genn.errors import BuildError, MlGennError

#: Environment variables with the rank of a process on its machine: of Open MPI, MPICH
#: and Slurm.
LOCAL_RANKS = ("OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID")
#: Texts of CuPy's errors about parts of CUDA that its wheel does not contain: the
#: compiler, and the library that CuPy 13 links to kernels of cooperative launches.
MISSING_PARTS = ("libnvrtc", "cudadevrt", "CUDA is not found")
REMEDY = "Use backend='cpu', which needs no GPU."


class DeviceError(MlGennError, RuntimeError):
    """Failure of the GPU or of its driver."""


def load_cupy() -> Any:
    """Returns the module CuPy.

    The processes that mpirun starts on a machine use its GPUs in turn.

    Raises:
        BuildError: if CuPy is not installed, or no GPU can be used.
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
    ranks = [int(os.environ[name]) for name in LOCAL_RANKS if name in os.environ]
    if ranks:
        with plain_errors(cupy):
            cupy.cuda.Device(ranks[0] % count).use()
    return cupy


def gpu_name(cupy: Any) -> str:
    """Returns the name of the GPU."""
    properties = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.runtime.getDevice())
    return str(properties["name"].decode())


@contextmanager
def plain_errors(cupy: Any) -> Iterator[None]:
    """Context manager that raises errors of CuPy as errors of ml_genn.

    Raises:
        MemoryError: if the GPU's memory is full.
        BuildError: if a kernel does not compile, or the compiler is missing.
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
        if not any(part in str(error) for part in MISSING_PARTS):
            raise
        raise BuildError(
            f"CuPy did not find what compiles kernels ({error}). Install the CUDA "
            "toolkit, or CuPy 14 with NVRTC alone: pip install 'cupy-cuda12x>=14' "
            f"nvidia-cuda-nvrtc-cu12. {REMEDY}"
        ) from None
