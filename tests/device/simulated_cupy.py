"""CuPy as far as the CUDA engine uses it, strictly; kernels run on the CPU.

Kernels are compiled by g++ with `simulated_block.h`, so what they compute, and where
their threads wait, is tested without a GPU. That proves nothing about speed, nor about
what a GPU does to memory that threads share without waiting; runs with the threads in
opposite order find some of that.
"""

from __future__ import annotations

import ctypes
import hashlib
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from ml_genn.backends.cache import cache_folder

HEADER = Path(__file__).parent / "simulated_block.h"
KERNELS = ("mlg_run", "mlg_regularise", "mlg_squares", "mlg_update")
FLAGS = ["-std=c++20", "-O1", "-ffp-contract=fast", "-march=native", "-w"]
BACKWARDS = False  #: whether threads and blocks run from the last to the first


class ndarray:
    """An array of the device."""

    def __init__(self, values: np.ndarray) -> None:
        self._values = np.ascontiguousarray(values)
        self.data = SimpleNamespace(ptr=self._values.ctypes.data)
        self.shape, self.dtype = self._values.shape, self._values.dtype
        self.size, self.nbytes = self._values.size, self._values.nbytes

    def get(self) -> np.ndarray:
        return self._values.copy()

    def set(self, arr: np.ndarray) -> None:
        if not isinstance(arr, np.ndarray) or arr.dtype != self.dtype:
            raise TypeError(f"{self.dtype} array must be set to its own type")
        if arr.shape != self.shape:
            raise ValueError(
                f"Shape mismatch. Old shape: {self.shape}, new: {arr.shape}"
            )
        self._values[...] = arr

    def fill(self, value: float) -> None:
        self._values.fill(value)


def zeros(shape: int | Sequence[int], dtype: Any = float) -> ndarray:
    return ndarray(np.zeros(shape, dtype=dtype))


def empty(shape: int | Sequence[int], dtype: Any = float) -> ndarray:
    return ndarray(np.full(shape, 77, dtype=dtype))


def asarray(a: Any) -> ndarray:
    assert isinstance(a, np.ndarray)
    return ndarray(a.copy())


class RawModule:
    """Kernels, compiled from text."""

    def __init__(
        self, code: str, *, options: tuple[str, ...] = (), backend: str = "nvrtc"
    ) -> None:
        assert backend == "nvrtc"
        assert isinstance(options, tuple)
        self._library = ctypes.CDLL(str(_built(code)))

    def get_function(self, name: str) -> Function:
        return Function(self._library, name)


class Function:
    """A kernel."""

    def __init__(self, library: ctypes.CDLL, name: str) -> None:
        self._run = getattr(library, f"simulate_{name}")
        self._run.restype = ctypes.c_char_p
        self._run.argtypes = [
            ctypes.c_void_p,
            ctypes.c_uint,
            ctypes.c_uint,
            ctypes.c_size_t,
            ctypes.c_bool,
        ]

    def __call__(
        self,
        grid: tuple[int, ...],
        block: tuple[int, ...],
        args: tuple[ndarray, ...],
        *,
        shared_mem: int = 0,
    ) -> None:
        (blocks,), (threads,), (argument,) = grid, block, args
        assert shared_mem <= 48 * 1024
        wrong = self._run(argument.data.ptr, blocks, threads, shared_mem, BACKWARDS)
        if wrong:
            raise AssertionError(wrong.decode())


def _built(code: str) -> Path:
    """A library that runs the kernels of a text; kept in the engine's cache."""
    own = "extern __shared__ float mlg_state[];"
    assert own in code
    text = [
        f'#include "{HEADER}"',
        code.replace(own, "float *mlg_state = simulated::shared;"),
    ]
    text += [
        f'extern "C" const char *simulate_{name}(void *call, unsigned blocks, '
        "unsigned threads, size_t bytes, bool backwards) {\n"
        f"  auto run = [](void *c) {{ {name}(static_cast<Call *>(c)); }};\n"
        "  return simulated::launch(run, call, blocks, threads, bytes, backwards);\n}"
        for name in KERNELS
    ]
    whole = "\n".join(text)
    key = hashlib.sha256((whole + HEADER.read_text() + str(FLAGS)).encode())
    library = cache_folder() / f"simulated-{key.hexdigest()[:24]}.so"
    if not library.exists():
        source = library.with_suffix(".cpp")
        source.write_text(whole)
        command = ["g++", *FLAGS, "-fPIC", "-shared", str(source), "-o", str(library)]
        subprocess.run(command, check=True)
    return library


class CUDARuntimeError(RuntimeError):
    """As CuPy's."""


class CUDADriverError(RuntimeError):
    """As CuPy's."""


class OutOfMemoryError(MemoryError):
    """As CuPy's."""


class CompileException(Exception):
    """As CuPy's."""


cuda = SimpleNamespace(
    runtime=SimpleNamespace(
        getDeviceCount=lambda: 1, CUDARuntimeError=CUDARuntimeError
    ),
    driver=SimpleNamespace(CUDADriverError=CUDADriverError),
    memory=SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
    compiler=SimpleNamespace(CompileException=CompileException),
)
