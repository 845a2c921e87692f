"""Thread blocks of the kernels of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ml_genn.backends.cuda.launch.graph import Launch
from ml_genn.backends.cuda.launch.settings import Settings
from ml_genn.backends.host.abi.call import Phase

WARP_SIZE = 32
#: Bytes of state that a block holds in shared memory. CUDA grants 48 KB without an
#: attribute of the kernel; the rest is for arrays that the kernels declare.
MAX_SHARED_BYTES = 40 * 1024
#: Blocks of 512 threads that run an example together; see MAX_TEAMS in
#: platform/barrier.h.
MAX_BLOCKS_PER_EXAMPLE = 8

Stage = tuple[Launch, ...]  #: launches that follow each other


@dataclass(frozen=True, slots=True)
class Grid:
    """Thread blocks of a batch.

    Args:
        examples: examples of the batch.
        threads: threads of a block.
        blocks_per_example: blocks that run an example together.
        update_blocks: blocks of kernels that visit all weights or neurons.
        shared_bytes: shared memory of an example's state; 0 if it is in global memory.
    """

    examples: int
    threads: int
    blocks_per_example: int
    update_blocks: int
    shared_bytes: int

    def over_weights(self, kernel: str) -> Stage:
        """Launch of a kernel that visits all weights or neurons."""
        return (Launch(kernel, self.update_blocks, self.threads),)

    def over_examples(self, phases: Phase) -> Stage:
        """Launch of phases of all examples; none in a batch without examples."""
        if not self.examples:
            return ()
        return (
            Launch(
                "mlg_run",
                self.examples,
                self.threads,
                int(phases),
                self.shared_bytes,
                self.blocks_per_example,
            ),
        )


def batch_grid(
    cupy: Any,
    settings: Settings,
    *,
    examples: int,
    largest_group: int,
    state_bytes: int,
) -> Grid:
    """Returns the thread blocks of a batch.

    Args:
        cupy: module.
        settings: sizes of thread blocks.
        examples: examples of the batch.
        largest_group: neurons of the largest group.
        state_bytes: bytes in the state block of an example.
    """
    warps = max(-(-largest_group // WARP_SIZE), 2)
    threads = min(warps * WARP_SIZE, settings.max_threads)
    blocks = 1
    if largest_group > settings.max_single_block_neurons and examples:
        attributes = cupy.cuda.Device().attributes
        idle_multiprocessors = int(attributes["MultiProcessorCount"]) // examples
        most = min(-(-largest_group // threads), MAX_BLOCKS_PER_EXAMPLE)
        blocks = max(min(most, idle_multiprocessors), 1)
    fits = state_bytes <= MAX_SHARED_BYTES and blocks == 1
    return Grid(
        examples, threads, blocks, settings.update_blocks, state_bytes if fits else 0
    )
