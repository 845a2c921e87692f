"""What comes with a batch, brought to the device while another one runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn.backends.cuda.launch.kernel_args import address
from ml_genn.model.batch import Examples

ALIGNED = 16  #: bytes that arrays start at a multiple of


@dataclass(frozen=True, slots=True, eq=False)
class Brought:
    """Arrays of a batch on the device.

    Args:
        arrays: the same on the host; None for one that there is not.
        places: addresses on the device; 0 for one that there is not.
        memory: what holds them there.
        arrived: event after which they are there.
    """

    arrays: Sequence[Any]
    places: Sequence[int]
    memory: Any
    arrived: Any

    def starts(self, first: int, last: int, examples: int) -> list[int]:
        """Where the numbers of each example start in arrays first <= k < last."""
        found = []
        for place, given in zip(
            self.places[first:last], self.arrays[first:last], strict=True
        ):
            row = 0 if given is None else given.nbytes // max(examples, 1)
            found += [place + row * b for b in range(examples)]
        return found


class Feed:
    """Brings arrays in one copy, from pinned memory, on a stream of its own.

    Args:
        cupy: the module.
        stream: where batches run.
        collect: the arrays that come with some examples.
    """

    def __init__(
        self,
        cupy: Any,
        stream: Any,
        collect: Callable[[Examples, np.ndarray], Sequence[np.ndarray | None]],
    ) -> None:
        self._cupy, self._stream, self._collect = cupy, stream, collect
        self._copies = cupy.cuda.Stream(non_blocking=True)
        self._next: tuple[Examples, bytes, Brought] | None = None

    def take(self, examples: Examples, indices: np.ndarray) -> Brought:
        """A batch's arrays; the stream waits for them."""
        found, self._next = self._next, None
        if found and found[0] is examples and found[1] == indices.tobytes():
            brought = found[2]
        else:
            brought = self._bring(examples, indices)
        self._stream.wait_event(brought.arrived)
        return brought

    def ahead(self, examples: Examples, indices: np.ndarray) -> None:
        """Starts to bring the arrays of the batch that is to run next."""
        brought = self._bring(examples, indices)
        self._next = examples, indices.tobytes(), brought

    def forget(self) -> None:
        """Drops what was brought for a batch that did not come."""
        self._next = None

    def _bring(self, examples: Examples, indices: np.ndarray) -> Brought:
        arrays = self._collect(examples, indices)
        sizes = [0 if a is None else -(-a.nbytes // ALIGNED) * ALIGNED for a in arrays]
        starts = np.cumsum([0, *sizes])
        total = max(int(starts[-1]), ALIGNED)
        pinned = self._cupy.cuda.alloc_pinned_memory(total)
        host = np.frombuffer(pinned, dtype=np.uint8, count=total)
        for array, start in zip(arrays, starts, strict=False):
            if array is not None:
                host[start : start + array.nbytes] = array.reshape(-1).view(np.uint8)
        with self._copies:
            memory = self._cupy.empty(total, dtype=np.uint8)
            memory.set(host, stream=self._copies)
            arrived = self._copies.record()
        base = address(memory)
        places = [
            0 if array is None else base + int(start)
            for array, start in zip(arrays, starts, strict=False)
        ]
        return Brought(arrays, places, (memory, host), arrived)
