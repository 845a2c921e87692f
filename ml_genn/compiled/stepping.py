"""Running a batch, whole or one time step at a time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ml_genn.callbacks.callback_list import CallbackList
from ml_genn.compiled.manual_stepping import ByHand, shaped
from ml_genn.compiled.saving import SavedNetwork
from ml_genn.graph.graph import get_underlying_pop
from ml_genn.model.batch import Record, RunOptions, RunResult
from ml_genn.population import Population
from ml_genn.training.data.batches import Batch, DataSpec
from ml_genn.training.data.examples import in_memory
from ml_genn.training.loop import BatchResult
from ml_genn.training.population_dict import PopulationDict
from ml_genn.utils.interrupts import uninterrupted


class SteppedNetwork(SavedNetwork):
    """A network that runs batches."""

    def _spec(self) -> DataSpec:
        plans = {p: self._lowered.plan.neuron(p.name).loss for p in self.outputs}
        return DataSpec(
            inputs=self.inputs,
            outputs=self.outputs,
            losses=self.losses,
            num_steps=self.num_steps,
            dt=self.dt,
            prepare=self.model.prepare,
            encode=self.model.encode,
            each_step=frozenset(
                p for p, loss in plans.items() if loss and loss.per_step
            ),
        )

    # ------------------------------------------------------------ whole
    def begin_batch(self) -> None:
        """Called before training on a batch; an evaluated network has nothing to do."""

    def run_batch(
        self, batch: Batch, callbacks: CallbackList, number: int, *, train: bool
    ) -> BatchResult:
        """Runs a batch and tells callbacks what was recorded."""
        trajectories = self._trajectories(batch)
        options = RunOptions(
            backward=train,
            update=train,
            spikes=callbacks.spikes,
            records=(*callbacks.records, *trajectories.values()),
            continue_state=self._settings.keep_state,
            batch_slice=batch.batch_slice,
            expose_state=self._looks or callbacks.looks,
            next_indices=batch.next_indices,
        )
        run = self._run_steps if callbacks.steps else self._run_whole
        result = run(batch, options, callbacks)
        self._hand.keep(result.outputs)
        callbacks.call("on_recorded", number, result)
        predictions = PopulationDict()
        for population in self.outputs:
            shape = (batch.size, *(population.shape or ()))
            values = result.outputs[population.name].reshape(shape)
            if population in trajectories:
                values = result.records[trajectories[population]].reshape(
                    batch.size, self.num_steps, *shape[1:]
                )
            predictions[population] = values
        trained = bool(self.losses) and bool(batch.targets)
        loss = float(result.losses.sum(dtype=np.float64)) if trained else None
        return BatchResult(predictions, loss, result.finite)

    def _trajectories(self, batch: Batch) -> dict[Population, Record]:
        """Outputs whose targets have a time axis, so that all steps are compared."""
        found = {}
        for key, values in batch.targets.items():
            population = get_underlying_pop(key)
            output = self._lowered.plan.neuron(population.name).output
            shape = (batch.size, self.num_steps, *(population.shape or ()))
            if output is not None and values.shape == shape:
                found[population] = Record(population.name, output)
        return found

    def _run_whole(
        self, batch: Batch, options: RunOptions, callbacks: CallbackList
    ) -> RunResult:
        with uninterrupted():
            result = self.model.run(batch.prepared, batch.indices, options)
            self.timestep = self.num_steps
            return self._ran(result, options)

    def _run_steps(
        self, batch: Batch, options: RunOptions, callbacks: CallbackList
    ) -> RunResult:
        self.model.begin_step(batch.prepared, batch.indices, options)
        for step in range(self.num_steps):
            self.timestep = step
            callbacks.call("on_timestep_begin", step)
            self.model.step()
            self.timestep = step + 1
            callbacks.call("on_timestep_end", step)
        with uninterrupted():
            return self._ran(self.model.end_step(), options)

    def _ran(self, result: RunResult, options: RunOptions) -> RunResult:
        """Takes note of a batch that ran, which belongs to it: no Ctrl-C in between."""
        return result

    # ------------------------------------------------------------ by hand
    @cached_property
    def _hand(self) -> ByHand:
        return ByHand(self.model, self.num_steps)

    def set_input(self, x: Any) -> None:
        """Gives a batch that `step_time` runs.

        Args:
            x: {input: examples}, or the examples of the only input.
        """
        spec = self._spec()
        self._hand.set_input(in_memory(x, None, spec, self.batch_size, targets=False))
        self.timestep = 0

    def step_time(self, callback_list: CallbackList | None = None) -> None:
        """Advances the batch that was set by a time step, without learning.

        Args:
            callback_list: callbacks that are told of the step; None (default) for none.
        """
        if callback_list is not None:
            callback_list.call("on_timestep_begin", self.timestep)
        options = RunOptions(
            continue_state=self._settings.keep_state, expose_state=True
        )
        self.timestep = self._hand.step(options)
        if callback_list is not None:
            callback_list.call("on_timestep_end", self.timestep - 1)

    def reset_time(self) -> None:
        """Ends the batch that was set; the next step is its first again."""
        self._hand.end()
        self.timestep = 0

    def get_readout(self, outputs: Any) -> Any:
        """Readouts of the batch that ran last; one that was set ends.

        Args:
            outputs: a population or layer, or a sequence of them.

        Returns:
            An array (examples,) + shape, or a list of them.
        """
        if isinstance(outputs, Sequence):
            return [self.get_readout(output) for output in outputs]
        found = self._population(outputs)
        return shaped(self._hand.result(found.name), found.shape)
