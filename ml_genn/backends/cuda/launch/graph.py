"""A batch's launches, one after the other: as one captured graph once they repeat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ml_genn.backends.cuda.launch.kernel_args import address

KERNELS = ("mlg_clear", "mlg_run", "mlg_regularise", "mlg_squares", "mlg_update")


@dataclass(frozen=True, slots=True)
class Launch:
    """A kernel and its blocks.

    Args:
        kernel: one of ``KERNELS``.
        blocks, threads: thread blocks, and threads of each.
        parts: blocks that run each example together, all at once.
        phases: what ``mlg_run`` does.
        shared: bytes of shared memory of a block.
    """

    kernel: str
    blocks: int
    threads: int
    phases: int | None = None
    shared: int = 0
    parts: int = 1


class Launches:
    """Runs sequences of launches on a stream.

    A sequence is captured when it comes the second time; from then on it is one call of
    the driver. All that changes between batches is in the call's memory, so a graph
    stays good as long as that stays where it is.

    Args:
        made: the compiled kernels; with True, such whose blocks all run at once.
        stream: where they run.
    """

    def __init__(self, made: Callable[[bool], Any], stream: Any) -> None:
        module = lru_cache(made)
        self._kernel = lru_cache(
            lambda name, parts: module(parts > 1).get_function(name)
        )
        self._stream = stream
        self._graphs: dict[tuple[tuple[Launch, ...], int], Any] = {}

    def go(self, sequence: tuple[Launch, ...], given: Any) -> None:
        """Launches a sequence, and does not wait for it."""
        key = sequence, address(given)
        if key not in self._graphs:
            self._graphs[key] = None
            self.each(sequence, given)
            return
        if self._graphs[key] is None:
            self._stream.begin_capture()
            try:
                self.each(sequence, given)
            finally:
                graph = self._stream.end_capture()
            self._graphs[key] = graph
        self._graphs[key].launch(self._stream)

    def each(self, sequence: tuple[Launch, ...], given: Any) -> None:
        """Launches one after the other."""
        for launch in sequence:
            phases = () if launch.phases is None else (np.int64(launch.phases),)
            self._kernel(launch.kernel, launch.parts)(
                (launch.blocks, launch.parts),
                (launch.threads,),
                (given, *phases),
                shared_mem=launch.shared,
            )
