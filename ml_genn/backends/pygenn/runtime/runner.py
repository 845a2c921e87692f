"""Batches on a loaded model: forward pass, losses, backward pass."""

from __future__ import annotations

import numpy as np

from ml_genn.backends.host.state import is_forward
from ml_genn.backends.pygenn.lowering.names import (
    READ_OUT,
    REDUCE,
    RESET,
    RESET_READOUT,
    RESULT,
    SCALE,
    adjoint,
)
from ml_genn.backends.pygenn.online.synapses import LEARNING
from ml_genn.backends.pygenn.online.traces import traces_of
from ml_genn.backends.pygenn.runtime.batch import Batch
from ml_genn.backends.pygenn.runtime.batch_losses import BatchLosses
from ml_genn.backends.pygenn.runtime.device import Device
from ml_genn.backends.pygenn.runtime.inputs import push_inputs
from ml_genn.backends.pygenn.runtime.online_targets import pull_losses, push_targets
from ml_genn.errors import UnsupportedError
from ml_genn.model.batch import Examples, Record, RunOptions
from ml_genn.model.plan import LearnedKind, Plan, PlanValues


class BatchRunner:
    """Runs batches on a loaded model.

    Args:
        plan, values: the plan and its values.
        device: the device.

    Attributes:
        last: batch whose state is on the device; None before the first.
    """

    def __init__(self, plan: Plan, values: PlanValues, device: Device) -> None:
        self.last: Batch | None = None
        self._plan = plan
        self._values = values
        self._device = device
        self._losses = BatchLosses(plan, values, device)
        traces = traces_of(plan, values).values()
        self._learning_lag = max((t.lag for t in traces), default=0)

    def check_delays(self, examples: Examples, options: RunOptions) -> None:
        """Checks that spikes of the backward pass arrive within the example.

        Raises:
            UnsupportedError: if a delay is longer.
        """
        if not options.backward or self._plan.online:
            return
        for name, longest in self._values.max_delays.items():
            if self._plan.synapse(name).trained and longest > examples.num_steps:
                raise UnsupportedError(
                    f"Connection '{name}': backend 'pygenn' trains with delays of at "
                    f"most an example ({examples.num_steps} steps). Received {longest} "
                    "steps. Use backend='cpu'."
                )

    def discard_gradients(self, options: RunOptions) -> None:
        """Discards the gradients of a batch that was interrupted, if learning online.

        They accumulate while a batch runs.
        """
        if self._plan.online and options.backward:
            self._device.run_updates(REDUCE)

    # ------------------------------------------------------------ whole batches
    def run(
        self, examples: Examples, indices: np.ndarray, options: RunOptions
    ) -> list[Batch]:
        """Runs the examples at ``indices``, as many at once as fit on the device."""
        size = self._device.batch_size
        chunks = [indices[k : k + size] for k in range(0, len(indices), size)]
        scale = 1.0 / max(len(indices), 1)
        regularised = any(g.regularised for g in self._plan.neurons)
        counts = None
        if options.backward and regularised and len(chunks) > 1:
            counts = self._spike_counts(examples, chunks, options, scale)
        return [
            self.finish(self._forward(examples, chunk, options, scale), counts)
            for chunk in chunks
        ]

    def _forward(
        self, examples: Examples, chunk: np.ndarray, options: RunOptions, scale: float
    ) -> Batch:
        batch = self.begin(examples, chunk, options, scale)
        for _ in range(examples.num_steps):
            self.step(batch)
        return batch

    def _spike_counts(
        self,
        examples: Examples,
        chunks: list[np.ndarray],
        options: RunOptions,
        scale: float,
    ) -> dict[str, np.ndarray]:
        """Returns {regularised group: spikes of each neuron in all examples}.

        Firing rates are regularised over the whole batch, so that the forward passes of
        all its examples run before the first backward pass.
        """
        total: dict[str, np.ndarray] = {}
        for chunk in chunks:
            batch = self._forward(examples, chunk, options, scale)
            for name, spikes in self._losses.spike_counts(batch).items():
                total[name] = total.get(name, 0.0) + spikes
        return total

    # ------------------------------------------------------------ one batch
    def begin(
        self, examples: Examples, indices: np.ndarray, options: RunOptions, scale: float
    ) -> Batch:
        """Resets the state, unless it continues, and copies inputs to the device.

        Args:
            examples: examples of the data set.
            indices: those that run; at most the batch size.
            options: options of the run.
            scale: one over the number of examples over which gradients are averaged.
        """
        device = self._device
        device.restart()
        if not options.continue_state:
            device.run_updates(RESET)
        device.run_updates(RESET_READOUT)
        device.set_parameter(SCALE, scale)
        batch = Batch(examples, indices, options, scale)
        push_inputs(device, self._plan, batch)
        if self._plan.online:
            device.set_parameter(LEARNING, float(options.backward))
            push_targets(device, self._plan, self._values, batch)
        batch.records = {record: [] for record in options.records}
        self.last = batch
        return batch

    def step(self, batch: Batch) -> None:
        """Runs one time step of the forward pass."""
        self._device.step()
        self._record(batch, adjoints=False)

    def finish(
        self, batch: Batch, counts: dict[str, np.ndarray] | None = None
    ) -> Batch:
        """Computes outputs and losses, and runs the backward pass.

        Args:
            batch: a batch after its last time step.
            counts: {regularised group: spikes of each neuron}, if gradients are
                averaged over more examples than those of this batch.
        """
        device, options = self._device, batch.options
        if options.spikes:
            device.pull_spikes()
            batch.spikes = {n: device.spikes(n)[: batch.size] for n in options.spikes}
        device.run_updates(READ_OUT)
        for group in self._plan.neurons:
            if group.readout:
                name = f"{READ_OUT} {group.name}"
                outputs = device.pull_neuron_update(name, RESULT)
                batch.outputs[group.name] = outputs[: batch.size]
        self._check_state(batch)
        if self._plan.online:
            self._finish_online(batch)
        else:
            self._losses.compute(batch)
            if options.backward:
                self._backward(batch, counts or self._losses.spike_counts(batch))
        if options.backward:
            self._pull_parameter_gradients(batch)
        return batch

    def _check_state(self, batch: Batch) -> None:
        """Finds the groups whose state or output is not finite."""
        not_finite = []
        for group in self._plan.neurons:
            arrays = [batch.outputs[group.name]] if group.readout else []
            arrays += [
                self._device.pull(group.name, variable.name)[: batch.size]
                for variable in group.variables
                if variable.type == "float" and not group.events
            ]
            if not all(np.isfinite(array).all() for array in arrays):
                not_finite.append(group.name)
        batch.groups_not_finite = tuple(not_finite)

    def _finish_online(self, batch: Batch) -> None:
        """Runs steps without input for the last error, and for learning, which lags."""
        lag = self._learning_lag if batch.options.backward else 0
        for _ in range(1 + lag):
            self._device.step()
        pull_losses(self._device, self._plan, self._values, batch)

    def _backward(self, batch: Batch, counts: dict[str, np.ndarray]) -> None:
        self._losses.push_rate_gradients(batch, counts)
        for _ in range(batch.examples.num_steps):
            self._device.step()
            self._record(batch, adjoints=True)

    def _pull_parameter_gradients(self, batch: Batch) -> None:
        for array in self._plan.learned:
            if array.kind is LearnedKind.PARAMETER:
                rows = self._device.pull(array.owner, adjoint(array.name))
                batch.parameter_gradients[array] = rows[: batch.size].sum(axis=0)

    # ------------------------------------------------------------ recording
    def _record(self, batch: Batch, *, adjoints: bool) -> None:
        """Records states in the forward pass, adjoints in the backward pass."""
        for record, rows in batch.records.items():
            if is_forward(self._plan, record) is not adjoints:
                row = self._device.pull(record.group, record.variable)
                rows.append(row[: batch.size])

    def records(self, batches: list[Batch], record: Record) -> np.ndarray:
        """Returns a record in the order of time: (examples, steps, neurons)."""
        order = 1 if is_forward(self._plan, record) else -1
        return np.concatenate(
            [np.stack(b.records[record][::order], 1) for b in batches]
        )
