"""Launches of kernels; a sequence that repeats is captured as a CUDA graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ml_genn.backends.cuda.memory.addresses import address

KERNELS = (
    "mlg_clear",
    "mlg_run",
    "mlg_regularise",
    "mlg_squares",
    "mlg_try",
    "mlg_update",
)


@dataclass(frozen=True, slots=True)
class Launch:
    """Launch of a kernel.

    Args:
        kernel: one of ``KERNELS``.
        blocks: thread blocks; examples for ``mlg_run``.
        threads: threads of a block.
        phases: phases of ``mlg_run``.
        shared_bytes: dynamic shared memory of a block.
        blocks_per_example: blocks that run each example together; if more than one, the
            launch is cooperative, since they wait for each other.
    """

    kernel: str
    blocks: int
    threads: int
    phases: int | None = None
    shared_bytes: int = 0
    blocks_per_example: int = 1


class LaunchGraphs:
    """Launches sequences of kernels on a stream, and captures those that repeat.

    A sequence is captured when it is launched for the second time. From then on it is
    one call of the driver. What changes between batches is in the call's memory, so a
    graph is valid as long as that memory stays at its address.

    Args:
        compile_kernels: function that returns the compiled module; its argument is True
            for cooperative launches.
        stream: stream of the launches.
    """

    def __init__(self, compile_kernels: Callable[[bool], Any], stream: Any) -> None:
        module = lru_cache(compile_kernels)
        self._kernel = lru_cache(
            lambda name, cooperative: module(cooperative).get_function(name)
        )
        self._stream = stream
        self._graphs: dict[tuple[tuple[Launch, ...], int], Any] = {}

    def launch(self, sequence: tuple[Launch, ...], call: Any) -> None:
        """Launches a sequence, as a graph if it repeats; does not wait for it."""
        key = sequence, address(call)
        if key not in self._graphs:
            self._graphs[key] = None
            self.launch_kernels(sequence, call)
            return
        if self._graphs[key] is None:
            self._stream.begin_capture()
            try:
                self.launch_kernels(sequence, call)
            finally:
                graph = self._stream.end_capture()
            self._graphs[key] = graph
        self._graphs[key].launch(self._stream)

    def launch_kernels(self, sequence: tuple[Launch, ...], call: Any) -> None:
        """Launches the kernels of a sequence, without a graph."""
        for launch in sequence:
            phases = () if launch.phases is None else (np.int64(launch.phases),)
            self._kernel(launch.kernel, launch.blocks_per_example > 1)(
                (launch.blocks, launch.blocks_per_example),
                (launch.threads,),
                (call, *phases),
                shared_mem=launch.shared_bytes,
            )
