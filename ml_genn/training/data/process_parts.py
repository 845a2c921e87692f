"""Data of which each process has a part of its own, as scripts for mlGeNN pass them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ml_genn.communicators import Communicator
from ml_genn.model.batch import BatchSlice


@dataclass(frozen=True, slots=True)
class ProcessParts:
    """Numbers of examples of processes that have different data.

    Each batch has the same number of examples from every process, until a process has
    no more.

    Args:
        sizes: number of examples of each process.
        rank: rank of this process.
        batch_size: examples in a batch of all processes.
    """

    sizes: tuple[int, ...]
    rank: int
    batch_size: int

    @property
    def examples_of_batch(self) -> int:
        """Examples of a batch that each process runs."""
        return self.batch_size // len(self.sizes)

    @property
    def num_batches(self) -> int:
        """Number of batches, until the last process has no more examples."""
        return -(-max(self.sizes) // self.examples_of_batch)

    def slice_of(self, batch: int) -> BatchSlice:
        """Returns the place of this process's examples in a batch."""
        most = self.examples_of_batch
        counts = [min(max(size - batch * most, 0), most) for size in self.sizes]
        return BatchSlice(sum(counts[: self.rank]), sum(counts))


def process_parts(
    size: int,
    targets: Iterable[np.ndarray],
    batch_size: int,
    communicator: Communicator | None,
) -> ProcessParts | None:
    """Returns the parts of processes with different data; None if all have the same.

    Data differ if their numbers of examples or their targets do.

    Args:
        size: number of examples of this process.
        targets: targets of each output.
        batch_size: examples in a batch of all processes.
        communicator: connects the processes; None for one.
    """
    if communicator is None:
        return None
    checksum = 0
    for values in targets:
        checksum = zlib.crc32(np.ascontiguousarray(values).tobytes(), checksum)
    facts = np.zeros((communicator.num_ranks, 2))
    facts[communicator.rank] = size, checksum
    communicator.all_sum(facts)
    if np.all(facts == facts[0]):
        return None
    sizes = tuple(int(each) for each in facts[:, 0])
    return ProcessParts(sizes, communicator.rank, batch_size)
