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
from ml_genn.model.batch import Mode, Outcome, Record
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
        mode = Mode(
            backward=train,
            update=train,
            spikes=callbacks.spikes,
            records=(*callbacks.records, *trajectories.values()),
            keep_state=self._settings.keep_state,
            share=batch.share,
            state=self._looks or callbacks.looks,
            ahead=batch.ahead,
        )
        run = self._run_steps if callbacks.steps else self._run_whole
        outcome = run(batch, mode, callbacks)
        self._hand.keep(outcome.results)
        callbacks.call("on_recorded", number, outcome)
        predictions = PopulationDict()
        for population in self.outputs:
            shape = (batch.size, *(population.shape or ()))
            values = outcome.results[population.name].reshape(shape)
            if population in trajectories:
                values = outcome.records[trajectories[population]].reshape(
                    batch.size, self.num_steps, *shape[1:]
                )
            predictions[population] = values
        trained = bool(self.losses) and bool(batch.targets)
        loss = float(outcome.losses.sum(dtype=np.float64)) if trained else None
        return BatchResult(predictions, loss, outcome.finite)

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

    def _run_whole(self, batch: Batch, mode: Mode, callbacks: CallbackList) -> Outcome:
        with uninterrupted():
            outcome = self.model.run(batch.prepared, batch.indices, mode)
            self.timestep = self.num_steps
            return self._ran(outcome, mode)

    def _run_steps(self, batch: Batch, mode: Mode, callbacks: CallbackList) -> Outcome:
        self.model.begin_step(batch.prepared, batch.indices, mode)
        for step in range(self.num_steps):
            self.timestep = step
            callbacks.call("on_timestep_begin", step)
            self.model.step()
            self.timestep = step + 1
            callbacks.call("on_timestep_end", step)
        with uninterrupted():
            return self._ran(self.model.end_step(), mode)

    def _ran(self, outcome: Outcome, mode: Mode) -> Outcome:
        """Takes note of a batch that ran, which belongs to it: no Ctrl-C in between."""
        return outcome

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
        mode = Mode(keep_state=self._settings.keep_state, state=True)
        self.timestep = self._hand.step(mode)
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
