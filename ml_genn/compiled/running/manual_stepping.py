"""Manual stepping: a script sets the input and advances time step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ml_genn.callbacks.callback_list import CallbackList
from ml_genn.compiled.built_model import BuiltModel
from ml_genn.compiled.lookup import NetworkLookup, with_population_shape
from ml_genn.compiled.running.stepping import CurrentBatch
from ml_genn.errors import BusyError, ValidationError
from ml_genn.model.batch import RunOptions
from ml_genn.training.data.batches import InMemoryData
from ml_genn.training.divergence import evaluation_error


class ManualStepping:
    """Advances a batch under a script's control, without learning.

    Args:
        built: the model.
        lookup: outputs of the network.
        batch: time step and readouts, shared with `BatchRunner`.
    """

    def __init__(
        self, built: BuiltModel, lookup: NetworkLookup, batch: CurrentBatch
    ) -> None:
        self._built = built
        self._lookup = lookup
        self._batch = batch
        self._data: InMemoryData | None = None
        #: completed time steps; None while no manually stepped batch runs
        self._step: int | None = None
        self._interrupted = False
        built.lock.before_batches(self._interrupt)

    def set_input(self, data: InMemoryData) -> None:
        """Sets the examples of the batch that the next `step_time` begins.

        Raises:
            ValidationError: if there are more than a batch has.
        """
        if data.size > data.batch_size:
            raise ValidationError(
                f"set_input: a batch has up to {data.batch_size} examples. Received "
                f"{data.size}."
            )
        self._end()
        self._interrupted = False
        self._data = data
        self._batch.timestep = 0

    def step_time(self, callbacks: CallbackList | None) -> None:
        """Advances the batch by one time step.

        Args:
            callbacks: called before and after the step; None for no callbacks.

        Raises:
            ValidationError: without input, or after the last time step.
        """
        if callbacks is not None:
            callbacks.call("on_timestep_begin", self._batch.timestep)
        with self._built.lock.batch(stepped_by_hand=True):
            self._batch.timestep = self._advance()
        if callbacks is not None:
            callbacks.call("on_timestep_end", self._batch.timestep - 1)

    def _advance(self) -> int:
        data, config = self._data, self._built.config
        if data is None:
            raise ValidationError("step_time: there is no batch. Call set_input first.")
        if self._interrupted:
            raise BusyError(
                "step_time: the batch ended when another one ran. Call set_input, or "
                "reset_time to begin it again."
            )
        if self._step == config.num_steps:
            raise ValidationError(
                f"step_time: the {self._step} time steps of the batch are over. "
                "Call reset_time, or set_input for another batch."
            )
        if self._step is None:
            options = RunOptions(
                continue_state=config.continue_state,
                expose_state=True,
                spikes=self._lookup.recordable,
            )
            self._built.model.begin_manual_batch(
                data.prepared, np.arange(data.size), options
            )
            self._step = 0
            self._batch.stepped = True
        self._built.model.step()
        self._step += 1
        return self._step

    def _interrupt(self) -> None:
        """Ends the batch, since another one is about to run."""
        if self._step is not None:
            self._end()
            self._interrupted = True

    def reset_time(self) -> None:
        """Ends the batch; the next `step_time` is its first time step again."""
        self._end()
        self._interrupted = False
        self._batch.timestep = 0

    def _end(self) -> None:
        with self._built.lock.access():
            self._end_batch()

    def _end_batch(self) -> None:
        if self._step is not None:
            self._step = None
            result = self._built.model.end_manual_batch()
            self._batch.finish(result)

    def pull_spikes(self) -> None:
        """Makes the spikes of the batch readable, which ends it.

        Raises:
            ValidationError: before its last time step.
        """
        num_steps = self._built.config.num_steps
        if self._step is not None and self._step < num_steps:
            raise ValidationError(
                "pull_recording_buffers_from_device: spikes can be read after the last "
                f"time step of a batch. Received step {self._step} of {num_steps}."
            )
        self._end()

    def readout(self, outputs: Any) -> Any:
        """Returns readouts of the last batch; a manually stepped batch ends.

        Args:
            outputs: a population or layer, or a sequence of them.

        Returns:
            An array (examples,) + shape, or a list of arrays.

        Raises:
            ValidationError: if no batch has run.
            DivergedError: if the state of a population is not finite.
        """
        if isinstance(outputs, Sequence):
            return [self.readout(output) for output in outputs]
        population = self._lookup.population(outputs)
        self._end()
        if population.name not in self._batch.readouts:
            raise ValidationError(
                "get_readout: no batch has run. Call set_input and step_time first; "
                "predict() does both."
            )
        divergence = self._batch.divergence
        if divergence is not None and divergence.groups:
            raise evaluation_error(divergence, None, None)
        readout = self._batch.readouts[population.name]
        return with_population_shape(readout, population)
