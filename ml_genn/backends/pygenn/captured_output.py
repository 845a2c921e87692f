"""Output of GeNN and of the programs that it starts, which goes past `sys.stdout`."""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_STREAMS = (1, 2)  #: file descriptors of standard output and standard error


@contextmanager
def captured_output() -> Iterator[Callable[[], str]]:
    """Redirects the standard output and error of the process to a file.

    Yields:
        A function that returns the text so far. It may be called after the context.
    """
    with tempfile.TemporaryFile() as file:
        _flush()
        saved = [os.dup(stream) for stream in _STREAMS]
        text = ""

        def read() -> str:
            return text if file.closed else _content(file.fileno())

        try:
            for stream in _STREAMS:
                os.dup2(file.fileno(), stream)
            yield read
        finally:
            _flush()
            for stream, copy in zip(_STREAMS, saved, strict=True):
                os.dup2(copy, stream)
                os.close(copy)
            text = _content(file.fileno())


def _flush() -> None:
    """Writes out what Python and C have buffered."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    ctypes.CDLL(None).fflush(None)


def _content(descriptor: int) -> str:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, size, 0).decode(errors="replace")
