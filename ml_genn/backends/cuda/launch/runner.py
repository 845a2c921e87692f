"""Runs the stages of batches, with an all-reduce between stages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ml_genn.backends.cuda.launch.batch import Batch
from ml_genn.backends.cuda.launch.graph import LaunchGraphs
from ml_genn.backends.cuda.launch.grid import Stage
from ml_genn.backends.cuda.launch.kernel_args import CallBuffer
from ml_genn.backends.cuda.launch.stages import batch_stages, joined
from ml_genn.backends.cuda.memory.reductions import Reductions
from ml_genn.backends.host.abi.call import Phase
from ml_genn.model.plan import Plan


class BatchRunner:
    """Launches the kernels of batches.

    Args:
        plan: plan of the network.
        reductions: sums over a batch.
        call: the kernels' argument.
        graphs: launches.
        stream: stream of the launches.

    Attributes:
        allreduce: sums a device array over processes in place; None in one process.
    """

    def __init__(
        self,
        plan: Plan,
        reductions: Reductions,
        call: CallBuffer,
        graphs: LaunchGraphs,
        stream: Any,
    ) -> None:
        self._plan, self._reductions = plan, reductions
        self._call, self._graphs, self._stream = call, graphs, stream
        self._written_call: Any = None  # of the batch that was started
        self._remaining: list[Stage] = []
        self.allreduce: Callable[[Any], None] | None = None

    def start(self, batch: Batch, phases: Phase) -> None:
        """Launches the first stage of a batch; does not wait for it.

        Args:
            batch: the batch.
            phases: phases of the first stage.
        """
        first, *self._remaining = self._stages(batch, phases)
        self._written_call = self._write_call(batch)
        self._graphs.launch(first, self._written_call)

    def finish(self) -> None:
        """Launches the other stages, each after the all-reduce that it needs."""
        if self.allreduce is None:
            return
        sums = [self._reductions.gradient_sums()]
        if not self._plan.online:
            sums.insert(0, self._reductions.forward_sums())
        for arrays, stage in zip(sums, self._remaining, strict=False):
            for array in arrays:
                self.allreduce(array)
            self._graphs.launch(stage, self._written_call)

    def run_once(self, batch: Batch, launches: Stage) -> None:
        """Launches kernels without a graph, and waits for them."""
        self._graphs.launch_kernels(launches, self._write_call(batch))
        self._stream.synchronize()

    def _write_call(self, batch: Batch) -> Any:
        return self._call.write(batch.call_fields, batch.call_tables)

    def _stages(self, batch: Batch, first: Phase) -> list[Stage]:
        """Stages of a batch: one, unless processes sum arrays between them."""
        options = batch.options
        stages = batch_stages(self._plan, options, batch.grid, first)
        sums = (
            self.allreduce is not None
            and options.batch_slice is not None
            and options.update
        )
        return stages if sums else joined(stages)
