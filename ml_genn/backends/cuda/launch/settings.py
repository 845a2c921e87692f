"""Sizes of thread blocks, blocks of time steps and tapes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Sizes that affect speed and memory, not what is computed.

    Args:
        max_threads: most threads of a thread block; a multiple of the warp size, and at
            most `MLG_MAX_THREADS` of platform/grid.h.
        update_blocks: thread blocks of kernels that visit all weights.
        max_single_block_neurons: neurons of a group up to which one thread block runs
            an example. For larger groups several blocks run it, if the GPU has more
            multiprocessors than the batch has examples.
        gradient_window: steps of the backward pass after which the gradients of dense
            synapses are summed.
        steps_per_block: steps after which online gradients are computed, and old spikes
            dropped.
        tape_fraction: initial capacity of tapes, as fraction of the spikes if all
            neurons spiked in all steps; tapes grow when they are full.
    """

    max_threads: int = 512
    update_blocks: int = 256
    max_single_block_neurons: int = 4096
    gradient_window: int = 32
    steps_per_block: int = 128
    tape_fraction: float = 0.1
