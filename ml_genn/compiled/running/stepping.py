"""Batches of a compiled network, run as a whole or one time step at a time."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ml_genn.callbacks.callback_list import CallbackList
from ml_genn.compiled.built_model import BuiltModel
from ml_genn.compiled.checkpoint.training_progress import TrainingProgress
from ml_genn.compiled.lookup import NetworkLookup
from ml_genn.graph.graph import get_underlying_pop
from ml_genn.losses import Loss
from ml_genn.model.batch import Divergence, Record, RunOptions, RunResult
from ml_genn.model.loss_formula import Targets
from ml_genn.population import Population
from ml_genn.training.data.batches import Batch, DataSpec, InMemoryData
from ml_genn.training.divergence import gradient_error, not_finite
from ml_genn.training.loop import BatchResult
from ml_genn.training.population_dict import PopulationDict
from ml_genn.utils.interrupts import deferred_interrupts


@dataclass(slots=True, eq=False)
class CurrentBatch:
    """Time step of the batch that runs or ran last; results of the last complete one.

    Attributes:
        timestep: completed time steps.
        stepped: True while the batch runs one time step at a time.
        readouts: {output: (examples, neurons)} of the last complete batch.
        spikes: {population: one (steps, neurons) pair per example} of that batch, of
            populations whose spikes were kept.
        divergence: numbers of that batch that are not finite; None if all are.
    """

    timestep: int = 0
    stepped: bool = False
    readouts: Mapping[str, np.ndarray] = field(default_factory=dict)
    spikes: Mapping[str, Any] = field(default_factory=dict)
    divergence: Divergence | None = None

    def finish(self, result: RunResult) -> None:
        """Stores the results of a complete batch."""
        self.stepped = False
        self.readouts, self.spikes = result.outputs, result.spikes
        self.divergence = result.divergence


class BatchRunner:
    """Runs batches on the model and calls callbacks.

    Args:
        built: the model.
        lookup: inputs and outputs of the network.
        losses: {output: loss}; empty without training.
        progress: counts optimiser steps; None without training.

    Attributes:
        batch: the batch that runs or ran last.
        exposes_state: True if state variables, and spikes of populations that record
            them, stay readable after each batch; False at first.
        stop_training: set to True by callbacks to end training after the batch.
    """

    def __init__(
        self,
        built: BuiltModel,
        lookup: NetworkLookup,
        losses: Mapping[Population, Loss],
        progress: TrainingProgress | None,
    ) -> None:
        self._built = built
        self._lookup = lookup
        self._losses = losses
        self._progress = progress
        self.batch = CurrentBatch()
        self.exposes_state = False
        self.stop_training = False

    @property
    def num_steps(self) -> int:
        """Time steps of an example."""
        return self._built.config.num_steps

    @property
    def data_spec(self) -> DataSpec:
        """Inputs, outputs and sizes that data are checked against."""
        model, plan = self._built.model, self._built.lowered.plan
        losses = {p: plan.neuron(p.name).loss for p in self._lookup.outputs}
        return DataSpec(
            inputs=self._lookup.inputs,
            outputs=self._lookup.outputs,
            losses=self._losses,
            num_steps=self.num_steps,
            dt=self._built.config.dt,
            prepare=model.prepare,
            encode=model.encode,
            seen=self._seen,
            each_step=frozenset(
                p for p, loss in losses.items() if loss and loss.per_step
            ),
        )

    @property
    def _labelled(self) -> list[Population]:
        """Outputs whose loss may have a label for each time step."""
        losses = (
            (p, self._built.lowered.plan.neuron(p.name).loss) for p in self._losses
        )
        return [
            p
            for p, loss in losses
            if loss and loss.per_step and loss.formula.targets is Targets.LABELS
        ]

    def steps_of(self, output: Population) -> int:
        """Returns the number of time steps that an output's readout sees."""
        return len(self._seen[output])

    @property
    def _seen(self) -> dict[Population, range]:
        """{output: time steps that its readout sees}."""
        config, neurons = self._built.config, self._built.lowered.neurons
        return {
            p: neurons[p].readout_steps(config.num_steps, config.dt)
            for p in self._lookup.outputs
        }

    def exclusive(self, what: str) -> AbstractContextManager[None]:
        """Lets a block train; see `RunLock.exclusive`."""
        return self._built.lock.exclusive(what)

    def evaluation(self, what: str) -> AbstractContextManager[None]:
        """Lets a block evaluate; others may do so between its batches.

        If batches continue from each other, no others may.

        Args:
            what: "evaluate" or "predict", for error messages.
        """
        continues = self._built.config.continue_state
        return self.exclusive(what) if continues else nullcontext()

    def run_batch(
        self, batch: Batch, callbacks: CallbackList, number: int, *, train: bool
    ) -> BatchResult:
        """Runs a batch and passes recorded data to callbacks.

        Args:
            batch: examples and targets.
            callbacks: called in each time step, if any overrides such a method, and
                when the batch is complete.
            number: number of the batch in its epoch.
            train: True to update parameters.

        Raises:
            BusyError: in a callback of a time step of another batch.
        """
        trajectories = self._trajectories(batch)
        exposes = self.exposes_state or callbacks.may_read_state
        spikes = callbacks.recorded_spikes
        if exposes:
            spikes = tuple(dict.fromkeys((*spikes, *self._lookup.recordable)))
        options = RunOptions(
            backward=train,
            update=train,
            spikes=spikes,
            records=(*callbacks.recorded_variables, *trajectories.values()),
            continue_state=self._built.config.continue_state,
            batch_slice=batch.batch_slice,
            expose_state=exposes,
            next_indices=batch.next_indices,
        )
        with self._built.lock.batch():
            if train and self._progress is not None:
                scalars = self._progress.optimiser_scalars()
                self._built.model.set_optimiser_scalars(scalars)
            run = self._run_steps if callbacks.has_step_hooks else self._run_whole
            result = run(batch, options, callbacks)
            self.batch.finish(result)
        if result.divergence is None:
            callbacks.call("on_recorded", number, result)
        has_loss = bool(self._losses) and bool(batch.targets)
        loss = float(result.losses.sum(dtype=np.float64)) if has_loss else None
        predictions = self._predictions(result, trajectories, batch.size)
        return BatchResult(predictions, loss, result.divergence)

    def _trajectories(self, batch: Batch) -> dict[Population, Record]:
        """{output: its recorded variable} where targets have a time axis."""
        records, seen = {}, self._seen
        for key, targets in batch.targets.items():
            population = get_underlying_pop(key)
            output = self._built.lowered.plan.neuron(population.name).output
            steps = len(seen[population])
            shape = (batch.size, steps, *(population.shape or ()))
            frames = population in self._labelled and targets.shape == shape[:2]
            if output is not None and (frames or targets.shape == shape):
                records[population] = Record(population.name, output)
        return records

    def _predictions(
        self, result: RunResult, trajectories: Mapping[Population, Record], size: int
    ) -> PopulationDict:
        """{output: readout (examples,) + shape, or (examples, steps) + shape}, of the
        steps that the readout sees."""
        predictions = PopulationDict()
        for population in self._lookup.outputs:
            shape = population.shape or ()
            if population in trajectories:
                values = result.records[trajectories[population]]
                seen = self._seen[population]
                values = values.reshape(size, self.num_steps, *shape)
                values = values[:, seen.start : seen.stop]
            else:
                values = result.outputs[population.name].reshape(size, *shape)
            predictions[population] = values
        return predictions

    def _run_whole(
        self, batch: Batch, options: RunOptions, callbacks: CallbackList
    ) -> RunResult:
        with deferred_interrupts():
            result = self._built.model.run(batch.prepared, batch.indices, options)
            self.batch.timestep = self.num_steps
            self._count_step(result, options)
            return result

    def _run_steps(
        self, batch: Batch, options: RunOptions, callbacks: CallbackList
    ) -> RunResult:
        model = self._built.model
        model.begin_manual_batch(batch.prepared, batch.indices, options)
        self.batch.stepped = True
        for step in range(self.num_steps):
            self.batch.timestep = step
            callbacks.call("on_timestep_begin", step)
            model.step()
            self.batch.timestep = step + 1
            callbacks.call("on_timestep_end", step)
        with deferred_interrupts():
            result = model.end_manual_batch()
            self._count_step(result, options)
            return result

    def _count_step(self, result: RunResult, options: RunOptions) -> None:
        """Counts an optimiser step, before Ctrl-C can separate it from its batch."""
        if self._progress is not None and options.update and result.divergence is None:
            self._progress.steps_taken += 1

    def gradients(self, data: InMemoryData) -> dict[Any, np.ndarray]:
        """Returns gradients of the mean loss over all examples, run as one batch.

        Raises:
            DivergedError: if loss, states or gradients are not finite.
        """
        options = RunOptions(backward=True, gradients=True)
        with self._built.lock.batch():
            model, indices = self._built.model, np.arange(data.size)
            result = model.run(data.prepared, indices, options)
        divergence = result.divergence or not_finite(result.gradients)
        if divergence is not None:
            raise gradient_error(divergence)
        return {
            self._lookup.learned_key(array): gradient
            for array, gradient in result.gradients.items()
        }
