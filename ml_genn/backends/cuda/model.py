"""Model on a GPU: parameters in device memory, batches as sequences of kernels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from ml_genn.backends.api import Processes
from ml_genn.backends.cuda.device import plain_errors
from ml_genn.backends.cuda.launch.batch import Batch, BatchBuilder
from ml_genn.backends.cuda.launch.graph import LaunchGraphs
from ml_genn.backends.cuda.launch.kernel_args import CallBuffer
from ml_genn.backends.cuda.launch.nccl import device_allreduce
from ml_genn.backends.cuda.launch.results import BatchResults
from ml_genn.backends.cuda.launch.runner import BatchRunner
from ml_genn.backends.cuda.launch.settings import Settings
from ml_genn.backends.cuda.memory.addresses import address
from ml_genn.backends.cuda.memory.carryover import Carryover, save_carryover
from ml_genn.backends.cuda.memory.device_parameters import DeviceParameters
from ml_genn.backends.cuda.memory.prefetcher import BatchArrays, Prefetcher
from ml_genn.backends.cuda.memory.reductions import Reductions
from ml_genn.backends.cuda.memory.workspace import Workspace
from ml_genn.backends.cuda.source import DeviceLayout
from ml_genn.backends.host.abi.call import Phase, Status
from ml_genn.backends.host.batch_data import slice_of
from ml_genn.backends.host.divergence import divergence
from ml_genn.backends.host.model import HostModel
from ml_genn.backends.host.process import ProcessBound
from ml_genn.backends.host.state import STATE_TYPES, state_type, typed_state
from ml_genn.errors import MlGennError
from ml_genn.model.batch import Examples, RunOptions, RunResult
from ml_genn.model.plan import PlanValues

#: Phases of a forward pass that is not stepped.
FORWARD_PASS = Phase.FORWARD | Phase.END
TAPE_GROWTH = 4  #: factor by which tapes grow when they are full


class CudaModel(HostModel):
    """Runs a plan on a GPU; see `ml_genn.backends.api.Model`.

    Args:
        layout: places of variables.
        values: initial values.
        cupy: module.
        compile_kernels: function that returns the compiled module; see `LaunchGraphs`.
        seed: seed of random numbers.

    Attributes:
        settings: sizes of thread blocks and buffers.
    """

    settings: ClassVar[Settings] = Settings()

    def __init__(
        self,
        layout: DeviceLayout,
        values: PlanValues,
        cupy: Any,
        compile_kernels: Callable[[bool], Any],
        *,
        seed: int,
    ) -> None:
        super().__init__(layout, values, seed)
        self._cupy = cupy
        self._stream = cupy.cuda.Stream()  # of all work but copies of data
        with self._stream:
            self._parameters = DeviceParameters(
                cupy, layout, self._host_arrays, self._optimiser_state
            )
            self._reductions = Reductions(
                cupy,
                [self._learned_array(array).size for array in layout.learned],
                [group.size for group in layout.regularised],
                len(self.plan.neurons),
            )
            self._device_scalars = cupy.asarray(self._optimiser_scalars)
        self._builder = BatchBuilder(
            cupy,
            layout,
            self._values,
            self._host_arrays,
            settings=self.settings,
            parameters=self._parameters,
            reductions=self._reductions,
            constant_fields={
                "seed": np.uint64(seed).astype(np.int64),
                "optimiser_scalars": address(self._device_scalars),
            },
        )
        self._runner = BatchRunner(
            self.plan,
            self._reductions,
            CallBuffer(cupy),
            LaunchGraphs(compile_kernels, self._stream),
            self._stream,
        )
        data = self._builder.data
        self._prefetcher = Prefetcher(cupy, self._stream, data.host_arrays)
        self._results = BatchResults(layout, data, self._reductions, self._shapes)
        self._tape_fraction = self.settings.tape_fraction
        self._batch: Batch | None = None  # the last one, or the one that is stepped
        self._carryover: Carryover | None = None
        self._is_stepping = False
        self._is_closed = False
        self._process = ProcessBound("a network on a GPU")

    def close(self) -> None:
        """Frees the memory of batches."""
        self._prefetcher.clear()
        self._builder.release_workspace()
        self._batch = None
        self._is_closed = True

    def set_processes(self, processes: Processes | None) -> None:
        """Sets the processes that sum their gradients; None for one process."""
        self._runner.allreduce = None
        if processes is not None:
            with plain_errors(self._cupy):
                self._runner.allreduce = device_allreduce(self._cupy, processes)

    def _download(self) -> None:
        with self._stream:
            self._parameters.download()

    def _upload(self) -> None:
        with self._stream:
            self._parameters.upload()

    # ------------------------------------------------------------ whole batches
    def prepare(self, examples: Examples) -> Examples:
        """Returns the examples as they are; their data are packed batch by batch."""
        return examples

    def run(
        self, prepared: Examples, indices: np.ndarray, options: RunOptions
    ) -> RunResult:
        """Runs the examples at ``indices`` as one batch."""
        self._check_open()
        self._is_stepping = False
        first_example = self._next_example(indices, options)
        with plain_errors(self._cupy), self._stream:
            self._device_scalars.set(self._optimiser_scalars)
            arrays = self._prefetcher.get(prepared, indices)
            batch = self._run_forward(prepared, indices, options, arrays, first_example)
            self._runner.finish()
            return self._result(batch)

    def _run_forward(
        self,
        examples: Examples,
        indices: np.ndarray,
        options: RunOptions,
        arrays: BatchArrays,
        first_example: int,
    ) -> Batch:
        """Runs the first stage of a batch, again with longer tapes if they are full."""
        while True:
            batch = self._batch = self._builder.build(
                indices,
                examples.num_steps,
                options,
                arrays=arrays,
                carryover=self._carryover if options.continue_state else None,
                first_example=first_example,
                tape_fraction=self._tape_fraction,
            )
            phases = batch.begin_phase | self._online_phase(options) | FORWARD_PASS
            self._runner.start(batch, phases)
            if options.next_indices is not None:
                self._prefetcher.prefetch(examples, options.next_indices)
                options = replace(options, next_indices=None)
            if not self._reductions.status() & Status.TAPE_FULL:
                return batch
            self._tape_fraction *= TAPE_GROWTH
            self._builder.release_workspace()
            self._batch = None
            del batch  # frees its tapes before longer ones are allocated

    def _online_phase(self, options: RunOptions) -> Phase:
        """`Phase.ONLINE` if gradients are computed during the forward pass."""
        return Phase.ONLINE if options.backward and self.plan.online else Phase(0)

    def _next_example(self, indices: np.ndarray, options: RunOptions) -> int:
        """Counts a batch; returns the number of its first example."""
        batch_slice = slice_of(options, indices)
        return self._examples_run.next(options.update, batch_slice)

    def _check_open(self) -> None:
        self._process.check()
        if self._is_closed:
            raise MlGennError(
                "the model was closed; compile the network again to run it"
            )

    # ------------------------------------------------------------ time steps
    def begin_manual_batch(
        self, prepared: Examples, indices: np.ndarray, options: RunOptions
    ) -> None:
        """Starts a batch that is advanced one time step at a time."""
        self._check_open()
        self._is_stepping = False
        with plain_errors(self._cupy), self._stream:
            batch = self._batch = self._builder.build(
                indices,
                prepared.num_steps,
                options,
                arrays=self._prefetcher.get(prepared, indices),
                carryover=self._carryover if options.continue_state else None,
                first_example=self._next_example(indices, options),
                tape_fraction=1.0,  # a batch that is stepped cannot run again
            )
            launches = batch.grid.over_weights("mlg_clear")
            if batch.begin_phase:
                launches += batch.grid.over_examples(batch.begin_phase)
            self._runner.run_once(batch, launches)
        self._is_stepping = True

    def step(self) -> None:
        """Advances the batch by one time step."""
        batch = self._stepped_batch()
        batch.call_fields["first_step"] = batch.step
        batch.call_fields["end_step"] = batch.step + 1
        with plain_errors(self._cupy), self._stream:
            phases = Phase.FORWARD | self._online_phase(batch.options)
            self._runner.run_once(batch, batch.grid.over_examples(phases))
        batch.step += 1

    def end_manual_batch(self) -> RunResult:
        """Runs what follows the last time step; returns the results."""
        batch = self._stepped_batch()
        self._is_stepping = False
        with plain_errors(self._cupy), self._stream:
            self._device_scalars.set(self._optimiser_scalars)
            self._runner.start(batch, Phase.END)
            self._runner.finish()
            return self._result(batch)

    def _stepped_batch(self) -> Batch:
        if self._batch is None or not self._is_stepping:
            raise MlGennError(
                "no batch is being stepped; call begin_manual_batch first"
            )
        return self._batch

    # ------------------------------------------------------------ results
    def _result(self, batch: Batch) -> RunResult:
        """Waits for a batch; returns its results."""
        options, results = batch.options, self._results
        not_finite = None
        status = self._reductions.status()
        self._check_loops(status)
        if status:
            not_finite = divergence(
                self._layout,
                status,
                self._reductions.state_not_finite(),
                self._reductions.maxima(),
            )
        gradients = {}
        if options.gradients:
            gradients = results.gradients(
                {a: self._learned_array(a).shape for a in self._layout.learned}
            )
        rewirings = {}
        if options.update and not_finite is None:
            self._parameters.host_is_stale = True
            rewirings = self._after_update()
        if options.continue_state:
            self._carryover = save_carryover(
                batch.workspace.state_blocks.get(),
                {name: results.spikes(batch, name) for name in self._layout.tapes},
                batch.num_steps,
                self._builder.longest_delay,
                self._carryover,
            )
        return RunResult(
            outputs=results.outputs(batch),
            losses=batch.outputs.losses.get(),
            divergence=not_finite,
            gradients=gradients,
            records=results.records(batch),
            rewirings=rewirings,
            spikes={name: results.spikes(batch, name) for name in options.spikes},
        )

    # ------------------------------------------------------------ state
    def state(self, group: str, variable: str) -> np.ndarray:
        """Returns a state variable, (examples, neurons).

        Of the batch that is being stepped, or of the last one if it ran with
        ``RunOptions.expose_state``.
        """
        with self._stream:
            blocks = self._exposed_workspace().state_blocks.get()
        row = self._layout.rows[group, variable]
        values = np.ascontiguousarray(blocks[:, row.indices])
        return typed_state(self.plan, group, variable, values)

    def set_state(self, group: str, variable: str, values: np.ndarray) -> None:
        """Replaces a state variable of the batch that `state` reads."""
        state_blocks = self._exposed_workspace().state_blocks
        row = self._layout.rows[group, variable]
        dtype = STATE_TYPES[state_type(self.plan, group, variable)]
        with self._stream:
            blocks = state_blocks.get()
            blocks.view(dtype)[:, row.indices] = values
            state_blocks.set(blocks)

    def _exposed_workspace(self) -> Workspace:
        batch = self._batch
        if batch is None or not (self._is_stepping or batch.options.expose_state):
            raise MlGennError(
                "no state can be read: no batch is being stepped, and the last batch "
                "ran without expose_state."
            )
        return batch.workspace
