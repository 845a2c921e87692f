"""Copies of the data of batches to the device, while another batch runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn.backends.cuda.memory.addresses import address
from ml_genn.model.batch import Examples

ALIGNMENT = 16  #: bytes; the widest load of a CUDA thread


@dataclass(frozen=True, slots=True, eq=False)
class BatchArrays:
    """Arrays of a batch on the device.

    Args:
        host: the same arrays on the host; None for one that the batch lacks.
        addresses: addresses on the device; 0 for one that the batch lacks.
        memory: owners of the memory, on the device and pinned.
        ready: event after which the arrays are on the device.
    """

    host: Sequence[np.ndarray | None]
    addresses: Sequence[int]
    memory: Any
    ready: Any

    def example_addresses(self, first: int, last: int, examples: int) -> list[int]:
        """Returns the address of each example in arrays first <= k < last."""
        addresses = []
        for base, array in zip(
            self.addresses[first:last], self.host[first:last], strict=True
        ):
            example_bytes = 0 if array is None else array.nbytes // max(examples, 1)
            addresses += [base + example_bytes * b for b in range(examples)]
        return addresses


class Prefetcher:
    """Copies the arrays of a batch to the device, from pinned memory.

    The arrays of a batch are one copy, on a stream of its own.

    Args:
        cupy: module.
        stream: stream on which batches run.
        host_arrays: function that returns the arrays of some examples.
    """

    def __init__(
        self,
        cupy: Any,
        stream: Any,
        host_arrays: Callable[[Examples, np.ndarray], Sequence[np.ndarray | None]],
    ) -> None:
        self._cupy, self._stream, self._host_arrays = cupy, stream, host_arrays
        self._copy_stream = cupy.cuda.Stream(non_blocking=True)
        self._prefetched: tuple[Examples, bytes, BatchArrays] | None = None

    def get(self, examples: Examples, indices: np.ndarray) -> BatchArrays:
        """Returns the arrays of a batch; the stream of batches waits for them."""
        prefetched, self._prefetched = self._prefetched, None
        key = indices.tobytes()
        if prefetched and prefetched[0] is examples and prefetched[1] == key:
            arrays = prefetched[2]
        else:
            arrays = self._copy(examples, indices)
        self._stream.wait_event(arrays.ready)
        return arrays

    def prefetch(self, examples: Examples, indices: np.ndarray) -> None:
        """Starts to copy the arrays of the next batch."""
        arrays = self._copy(examples, indices)
        self._prefetched = examples, indices.tobytes(), arrays

    def clear(self) -> None:
        """Frees the arrays that were prefetched for a batch that has not run."""
        self._prefetched = None

    def _copy(self, examples: Examples, indices: np.ndarray) -> BatchArrays:
        arrays = self._host_arrays(examples, indices)
        sizes = [
            0 if array is None else -(-array.nbytes // ALIGNMENT) * ALIGNMENT
            for array in arrays
        ]
        starts = np.cumsum([0, *sizes])
        total = max(int(starts[-1]), ALIGNMENT)
        pinned = self._cupy.cuda.alloc_pinned_memory(total)
        host = np.frombuffer(pinned, dtype=np.uint8, count=total)
        for array, start in zip(arrays, starts, strict=False):
            if array is not None:
                host[start : start + array.nbytes] = array.reshape(-1).view(np.uint8)
        with self._copy_stream:
            memory = self._cupy.empty(total, dtype=np.uint8)
            memory.set(host, stream=self._copy_stream)
            ready = self._copy_stream.record()
        base = address(memory)
        addresses = [
            0 if array is None else base + int(start)
            for array, start in zip(arrays, starts, strict=False)
        ]
        return BatchArrays(arrays, addresses, (memory, host), ready)
