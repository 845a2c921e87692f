"""CuPy as far as the CUDA engine uses it, strictly; kernels run on the CPU.

Kernels are compiled by g++ with `simulated_block.h`, so what they compute, and where
their threads wait, is tested without a GPU. That proves nothing about speed, nor about
what a GPU does to memory that threads share without waiting; runs with the threads in
opposite order find some of that.
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
#: A kernel: its name, the type of its arguments, and its second parameter, if any.
KERNEL = re.compile(
    r"__global__ void (?:\w+ |\w+\(\w+\) )?(\w+)\(const (\w+) \*\w+(, int64_t)?"
)
SHARED = "extern __shared__ float mlg_state[];"
ONE_AT_A_TIME = threading.Lock()
FLAGS = ["-std=c++20", "-O1", "-ffp-contract=fast", "-march=native", "-w"]
BACKWARDS = False  #: whether threads and blocks run from the last to the first


class Event:
    """A place in the work of a stream."""

    def __init__(self, stream: Stream) -> None:
        self._stream, self._happened = stream, False

    def happen(self) -> None:
        self._happened = True

    def wait(self) -> None:
        if not self._happened:
            self._stream.synchronize()


class Stream:
    """Work that is done as late as it may be: when somebody waits for it."""

    def __init__(self, null: bool = False, non_blocking: bool = False) -> None:
        self._work: list[Callable[[], None]] = []
        self._captured: list[Callable[[], None]] | None = None
        self.ptr = id(self)
        if not null and not non_blocking:
            blocking().add(self)

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
        self.do(event.happen)
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
    """Captured work."""

    def __init__(self, work: list[Callable[[], None]]) -> None:
        self._work = work

    def launch(self, stream: Stream) -> None:
        GRAPHS.append(len(self._work))
        for work in self._work:
            stream.do(work)


CURRENT = threading.local()  #: of a thread, which stands for a process
GRAPHS: list[int] = []  #: launches of each graph that was launched
PINNED: list[range] = []  #: addresses of pinned memory
NULL = Stream(null=True)


def streams() -> list[Stream]:
    return getattr(CURRENT, "streams", [NULL])


def blocking() -> WeakSet[Stream]:
    """Streams that the null stream waits for."""
    if not hasattr(CURRENT, "blocking"):
        CURRENT.blocking = WeakSet()
    found: WeakSet[Stream] = CURRENT.blocking
    return found


def settled() -> None:
    """Waits for what the current stream waits for."""
    current = streams()[-1]
    for stream in [*blocking(), NULL] if current is NULL else [current]:
        stream.synchronize()


def alloc_pinned_memory(size: int) -> np.ndarray:
    found = np.full(size, 55, dtype=np.uint8)
    PINNED.append(range(found.ctypes.data, found.ctypes.data + size))
    return found


class ndarray:
    """An array of the device."""

    def __init__(self, values: np.ndarray) -> None:
        self._values = np.ascontiguousarray(values)
        self.data = SimpleNamespace(ptr=self._values.ctypes.data)
        self.shape, self.dtype = self._values.shape, self._values.dtype
        self.size, self.nbytes = self._values.size, self._values.nbytes

    def get(self) -> np.ndarray:
        settled()
        return self._values.copy()

    def set(self, arr: np.ndarray, stream: Stream | None = None) -> None:
        if not isinstance(arr, np.ndarray) or arr.dtype != self.dtype:
            raise TypeError(f"{self.dtype} array must be set to its own type")
        if arr.shape != self.shape:
            raise ValueError(
                f"Shape mismatch. Old shape: {self.shape}, new: {arr.shape}"
            )
        if stream is None:
            settled()
            self._values[...] = arr
            return
        assert any(arr.ctypes.data in place for place in PINNED), "or it is no copy"
        stream.do(lambda: np.copyto(self._values, arr))


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
        self,
        code: str,
        *,
        options: tuple[str, ...] = (),
        backend: str = "nvrtc",
        enable_cooperative_groups: bool = False,
    ) -> None:
        assert backend == "nvrtc"
        assert isinstance(options, tuple)
        self._library = ctypes.CDLL(str(_built(code)))
        self._together = enable_cooperative_groups

    def get_function(self, name: str) -> Function:
        return Function(self._library, name, self._together)


class Function:
    """A kernel."""

    def __init__(self, library: ctypes.CDLL, name: str, together: bool) -> None:
        self._together = together
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
        (blocks, parts), (threads,), (argument, *numbers) = grid, block, args
        assert parts == 1 or (self._together and blocks * parts <= MULTIPROCESSORS)
        PARTS.add(parts)
        assert blocks > 0 and shared_mem <= 48 * 1024
        assert all(isinstance(number, np.int64) for number in numbers)
        place, (number, *_) = argument.data.ptr, [*map(int, numbers), 0]

        def run() -> None:
            with ONE_AT_A_TIME:
                wrong = self._run(
                    place, number, blocks, parts, threads, shared_mem, BACKWARDS
                )
            if wrong:
                raise AssertionError(wrong.decode())

        streams()[-1].do(run)


def _built(code: str) -> Path:
    """A library that runs the kernels of a text; kept in the engine's cache."""
    text = [
        f'#include "{HEADER}"',
        code.replace(SHARED, "float *mlg_state = simulated::shared;"),
    ]
    text += [
        f'extern "C" const char *simulate_{name}(void *call, int64_t number, '
        "unsigned blocks, unsigned parts, unsigned threads, size_t bytes, "
        "bool backwards) {\n"
        "  simulated::number = number;\n"
        f"  auto run = [](void *c) {{ {name}(static_cast<const {kind} *>(c)"
        f"{', simulated::number' if numbered else ''}); }};\n"
        "  return simulated::launch(run, call, blocks, parts, threads, bytes, "
        "backwards);\n}"
        for name, kind, numbered in KERNEL.findall(code)
    ]
    whole = "\n".join(text)
    key = hashlib.sha256((whole + HEADER.read_text() + str(FLAGS)).encode())
    library = cache_folder() / f"simulated-{key.hexdigest()[:24]}.so"
    if not library.exists():
        own = f"{os.getpid()}-{threading.get_ident()}"  # others may build it too
        source = library.with_suffix(f".{own}.cpp")
        source.write_text(whole)
        made = source.with_suffix(".so")
        command = ["g++", *FLAGS, "-fPIC", "-shared", str(source), "-o", str(made)]
        subprocess.run(command, check=True)
        made.replace(library)
    return library


class CUDARuntimeError(RuntimeError):
    """As CuPy's."""


class CUDADriverError(RuntimeError):
    """As CuPy's."""


class OutOfMemoryError(MemoryError):
    """As CuPy's."""


class CompileException(Exception):
    """As CuPy's."""


MULTIPROCESSORS = 8
PARTS: set[int] = set()  #: blocks that shared examples
DEVICES: list[int] = []  #: those that were chosen


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
