"""Simulation of the parts of CuPy that the CUDA engine uses; kernels run on the CPU.

Kernels are compiled by g++ with `simulated_block.h`, so that their results and barriers
are tested without a GPU. Speed is not simulated, nor are data races of a GPU; runs with
threads in ascending and in descending order find some of those. Work on a stream is
done as late as possible: when something waits for it.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from weakref import WeakSet

import numpy as np

from ml_genn.backends.host.cache import cache_folder

HEADER = Path(__file__).parent / "simulated_block.h"
#: Kernel: its name, the type of its argument, and its second parameter, if any.
KERNEL = re.compile(
    r"__global__ void (?:\w+ |\w+\(\w+\) )?(\w+)\(const (\w+) \*\w+(, int64_t)?"
)
SHARED_MEMORY = "extern __shared__ float mlg_state[];"
KERNEL_LOCK = threading.Lock()
FLAGS = ["-std=c++20", "-O1", "-ffp-contract=fast", "-march=native", "-w"]
DESCENDING = False  #: True if threads and blocks run from the last to the first


class Event:
    """Point in the work of a stream."""

    def __init__(self, stream: Stream) -> None:
        self._stream, self._is_done = stream, False

    def complete(self) -> None:
        self._is_done = True

    def wait(self) -> None:
        if not self._is_done:
            self._stream.synchronize()


class Stream:
    """Queue of work, which runs when something waits for it."""

    def __init__(self, null: bool = False, non_blocking: bool = False) -> None:
        self._work: list[Callable[[], None]] = []
        self._captured: list[Callable[[], None]] | None = None
        self.ptr = id(self)
        if not null and not non_blocking:
            blocking_streams().add(self)

    def __enter__(self) -> Stream:
        CURRENT.streams = [*streams(), self]
        return self

    def __exit__(self, *_: object) -> None:
        CURRENT.streams = streams()[:-1]

    def do(self, work: Callable[[], None]) -> None:
        (self._work if self._captured is None else self._captured).append(work)

    def synchronize(self) -> None:
        if self._captured is not None:
            raise CUDARuntimeError("cudaErrorStreamCaptureUnsupported")
        while self._work:
            self._work.pop(0)()

    def record(self) -> Event:
        event = Event(self)
        self.do(event.complete)
        return event

    def wait_event(self, event: Event) -> None:
        self.do(event.wait)

    def begin_capture(self) -> None:
        assert self._captured is None
        self._captured = []

    def end_capture(self) -> Graph:
        assert self._captured
        graph, self._captured = Graph(self._captured), None
        return graph


class Graph:
    """CUDA graph: captured work."""

    def __init__(self, work: list[Callable[[], None]]) -> None:
        self._work = work

    def launch(self, stream: Stream) -> None:
        GRAPHS.append(len(self._work))
        for work in self._work:
            stream.do(work)


CURRENT = threading.local()  #: streams of a thread, which stands for a process
GRAPHS: list[int] = []  #: kernels of each graph that was launched
PINNED: list[range] = []  #: address ranges of pinned memory
NULL = Stream(null=True)


def streams() -> list[Stream]:
    """Stack of the thread's current streams."""
    return getattr(CURRENT, "streams", [NULL])


def blocking_streams() -> WeakSet[Stream]:
    """Streams that the null stream waits for."""
    if not hasattr(CURRENT, "blocking"):
        CURRENT.blocking = WeakSet()
    blocking: WeakSet[Stream] = CURRENT.blocking
    return blocking


def synchronize_current_stream() -> None:
    """Waits for the current stream; as the null stream, for all blocking streams."""
    current = streams()[-1]
    for stream in [*blocking_streams(), NULL] if current is NULL else [current]:
        stream.synchronize()


def alloc_pinned_memory(size: int) -> np.ndarray:
    """Returns memory with arbitrary contents."""
    memory = np.full(size, 55, dtype=np.uint8)
    PINNED.append(range(memory.ctypes.data, memory.ctypes.data + size))
    return memory


class ndarray:
    """Array of the device."""

    def __init__(self, values: np.ndarray) -> None:
        self._values = np.ascontiguousarray(values)
        self.data = SimpleNamespace(ptr=self._values.ctypes.data)
        self.shape, self.dtype = self._values.shape, self._values.dtype
        self.size, self.nbytes = self._values.size, self._values.nbytes

    def get(self) -> np.ndarray:
        synchronize_current_stream()
        return self._values.copy()

    def set(self, arr: np.ndarray, stream: Stream | None = None) -> None:
        if not isinstance(arr, np.ndarray) or arr.dtype != self.dtype:
            raise TypeError(f"{self.dtype} array must be set to its own type")
        if arr.shape != self.shape:
            raise ValueError(
                f"Shape mismatch. Old shape: {self.shape}, new: {arr.shape}"
            )
        if stream is None:
            synchronize_current_stream()
            self._values[...] = arr
            return
        is_pinned = any(arr.ctypes.data in addresses for addresses in PINNED)
        assert is_pinned, "CUDA would copy memory that is not pinned synchronously"
        stream.do(lambda: np.copyto(self._values, arr))


def zeros(shape: int | Sequence[int], dtype: Any = float) -> ndarray:
    return ndarray(np.zeros(shape, dtype=dtype))


def empty(shape: int | Sequence[int], dtype: Any = float) -> ndarray:
    """Returns an array with arbitrary contents."""
    return ndarray(np.full(shape, 77, dtype=dtype))


def asarray(a: Any) -> ndarray:
    assert isinstance(a, np.ndarray)
    return ndarray(a.copy())


class RawModule:
    """Module of kernels."""

    def __init__(
        self,
        code: str,
        *,
        options: tuple[str, ...] = (),
        backend: str = "nvrtc",
        enable_cooperative_groups: bool = False,
    ) -> None:
        assert backend == "nvrtc"
        assert isinstance(options, tuple)
        self._library = ctypes.CDLL(str(_compile(code)))
        self._is_cooperative = enable_cooperative_groups

    def get_function(self, name: str) -> Function:
        return Function(self._library, name, self._is_cooperative)


class Function:
    """Kernel."""

    def __init__(self, library: ctypes.CDLL, name: str, cooperative: bool) -> None:
        self._is_cooperative = cooperative
        self._run = getattr(library, f"simulate_{name}")
        self._run.restype = ctypes.c_char_p
        self._run.argtypes = [
            ctypes.c_void_p,
            ctypes.c_int64,
            ctypes.c_uint,
            ctypes.c_uint,
            ctypes.c_uint,
            ctypes.c_size_t,
            ctypes.c_bool,
        ]

    def __call__(
        self,
        grid: tuple[int, ...],
        block: tuple[int, ...],
        args: tuple[Any, ...],
        *,
        shared_mem: int = 0,
    ) -> None:
        (examples, blocks), (threads,), (argument, *numbers) = grid, block, args
        if blocks > 1:
            assert self._is_cooperative and examples * blocks <= MULTIPROCESSORS
        BLOCKS_PER_EXAMPLE.add(blocks)
        assert examples > 0 and shared_mem <= MAX_SHARED_BYTES
        assert all(isinstance(number, np.int64) for number in numbers)
        address, (number, *_) = argument.data.ptr, [*map(int, numbers), 0]

        def run() -> None:
            with KERNEL_LOCK:
                error = self._run(
                    address, number, examples, blocks, threads, shared_mem, DESCENDING
                )
            if error:
                raise AssertionError(error.decode())

        streams()[-1].do(run)


def _launcher(name: str, argument_type: str, has_number: bool) -> str:
    """Returns C++ text of a function that launches a kernel."""
    number = ", simulated::kernel_number" if has_number else ""
    return f"""
extern "C" const char *simulate_{name}(void *call, int64_t number, unsigned examples,
    unsigned blocks, unsigned threads, size_t shared_bytes, bool descending) {{
  simulated::kernel_number = number;
  auto run = [](void *c) {{
    {name}(static_cast<const {argument_type} *>(c){number});
  }};
  return simulated::launch(run, call, examples, blocks, threads, shared_bytes,
                           descending);
}}"""


def _compile(code: str) -> Path:
    """Returns a library with the kernels of a text; the engine's cache stores it."""
    text = "\n".join(
        (
            f'#include "{HEADER}"',
            code.replace(SHARED_MEMORY, "float *mlg_state = simulated::shared_memory;"),
            *(_launcher(*kernel) for kernel in KERNEL.findall(code)),
        )
    )
    key = hashlib.sha256((text + HEADER.read_text() + str(FLAGS)).encode())
    library = cache_folder() / f"simulated-{key.hexdigest()[:24]}.so"
    if not library.exists():
        # Other processes and threads may compile the same text.
        own_suffix = f".{os.getpid()}-{threading.get_ident()}.cpp"
        source = library.with_suffix(own_suffix)
        source.write_text(text)
        compiled = source.with_suffix(".so")
        command = ["g++", *FLAGS, "-fPIC", "-shared", str(source), "-o", str(compiled)]
        subprocess.run(command, check=True)
        compiled.replace(library)
    return library


class CUDARuntimeError(RuntimeError):
    """Stand-in for the exception of this name in CuPy."""


class CUDADriverError(RuntimeError):
    """Stand-in for the exception of this name in CuPy."""


class OutOfMemoryError(MemoryError):
    """Stand-in for the exception of this name in CuPy."""


class CompileException(Exception):
    """Stand-in for the exception of this name in CuPy."""


MULTIPROCESSORS = 8
MAX_SHARED_BYTES = 48 * 1024  #: of a block, without an attribute of the kernel
BLOCKS_PER_EXAMPLE: set[int] = set()  #: values of all launches
DEVICES: list[int] = []  #: GPUs that were selected


cuda = SimpleNamespace(
    Device=lambda number=0: SimpleNamespace(
        use=lambda: DEVICES.append(number),
        attributes={"MultiProcessorCount": MULTIPROCESSORS},
    ),
    Stream=Stream,
    alloc_pinned_memory=alloc_pinned_memory,
    get_current_stream=lambda: streams()[-1],
    runtime=SimpleNamespace(
        getDeviceCount=lambda: 1,
        getDevice=lambda: 0,
        deviceGetPCIBusId=lambda device: f"0000:{threading.get_ident():x}",
        CUDARuntimeError=CUDARuntimeError,
    ),
    driver=SimpleNamespace(CUDADriverError=CUDADriverError),
    memory=SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
    compiler=SimpleNamespace(CompileException=CompileException),
)
