"""A plan, built with PyGeNN."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Mapping, Sequence
from tempfile import mkdtemp
from typing import Any

import numpy as np

from ml_genn.backends.api import Processes
from ml_genn.backends.host.process import ProcessBound
from ml_genn.backends.pygenn.library import (
    LOG_LEVELS,
    compile_model,
    create_model,
    pygenn,
)
from ml_genn.backends.pygenn.lowering.lower import lower
from ml_genn.backends.pygenn.runtime import checkpoint
from ml_genn.backends.pygenn.runtime.batch import Batch
from ml_genn.backends.pygenn.runtime.build import build
from ml_genn.backends.pygenn.runtime.checkpoint import ensure_loaded
from ml_genn.backends.pygenn.runtime.device import Device
from ml_genn.backends.pygenn.runtime.optimiser import Gradients, Optimiser, largest
from ml_genn.backends.pygenn.runtime.parameters import Parameters
from ml_genn.backends.pygenn.runtime.runner import BatchRunner
from ml_genn.errors import MlGennError, UnsupportedError
from ml_genn.model.batch import (
    Divergence,
    EventStream,
    Examples,
    RunOptions,
    RunResult,
    SpikeTimes,
)
from ml_genn.model.engine_memory import HoldsEngine
from ml_genn.model.plan import Learned, LearnedKind, Plan, PlanValues
from ml_genn.model.snapshot import Snapshot


class PyGennModel(HoldsEngine):
    """A plan on PyGeNN; see `ml_genn.backends.api.Model` for its methods.

    The model is built at once, and loaded when it is first used: the memory depends on
    the number of time steps. Parts with one job each do the work: `Device` has memory
    and calls, `Parameters` the learned values, `BatchRunner` runs batches, `Optimiser`
    updates them.

    Args:
        plan: the plan.
        values: its values.
        device: PyGeNN's backend; None for the first that it has.
        batch_size: examples that run at once.
        seed: seed of random numbers.
        arguments: further arguments of ``GeNNModel``.

    Attributes:
        plan: the plan.
        genn_model: the PyGeNN model.

    Raises:
        UnsupportedError: if GeNN has no counterpart of a part of the plan.
        ValidationError: if the device runs one example at a time only.
        BuildError: if PyGeNN or a program that it starts rejects the model.
    """

    def __init__(
        self,
        plan: Plan,
        values: PlanValues,
        *,
        device: str | None,
        batch_size: int,
        seed: int,
        arguments: Mapping[str, Any],
    ) -> None:
        self.plan = plan
        lowered = lower(plan, values)
        self.genn_model: Any = create_model(device, batch_size, arguments)
        self.genn_model.dt = values.dt
        self.genn_model.batch_size = batch_size
        # With seed 0, GeNN seeds from the operating system.
        self.genn_model.seed = seed % (2**32 - 1) + 1
        built = build(pygenn(), self.genn_model, lowered)
        folder = mkdtemp(prefix="ml_genn_pygenn_")
        remove = ProcessBound("a folder of generated code").only_here(shutil.rmtree)
        self._remove_folder = weakref.finalize(self, remove, folder, True)
        show_output = not LOG_LEVELS.isdisjoint(arguments)
        compile_model(self.genn_model, folder, show_output=show_output)
        self._device = Device(built, lowered, batch_size, values.dt)
        self._parameters = Parameters(plan, values, self._device, seed)
        scalars = np.zeros(sum(len(update.scalars) for update in plan.updates))
        self._optimiser = Optimiser(plan, self._device, self._parameters, scalars)
        self._runner = BatchRunner(plan, values, self._device)
        self._stepped: Batch | None = None

    def close(self) -> None:
        """Frees the model's memory and deletes its folder."""
        self._device.unload()
        self._remove_folder()

    # ------------------------------------------------------------ learned values
    def weights(self, name: str) -> np.ndarray:
        """Returns a copy of the weights of a synapse group.

        It is (source size, target size), (synapses,) if the group is sparse, or of the
        shape of its kernel.
        """
        return self._parameters.current(Learned(LearnedKind.WEIGHT, name)).copy()

    def delays(self, name: str) -> np.ndarray:
        """Returns delays [steps] in the shape of the weights; () if all are equal."""
        return self._parameters.delays(name)

    def indices(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Returns source and target neuron of each synapse of a sparse group."""
        return self._parameters.indices(name)

    def set_weights(self, name: str, weights: np.ndarray) -> None:
        """Replaces the weights of a synapse group."""
        ensure_loaded(self._device, self._parameters)
        self._parameters.assign(Learned(LearnedKind.WEIGHT, name), weights)
        if name in self._parameters.rewirings:
            self._parameters.reset_signs(name)

    def parameter(self, group: str, name: str) -> np.ndarray:
        """Returns a learned parameter: (neurons,), or () if neurons share it."""
        array = Learned(LearnedKind.PARAMETER, group, name)
        return self._parameters.current(array).copy()

    def set_optimiser_scalars(self, scalars: Sequence[float]) -> None:
        """Sets the scalars of the optimisers, update by update."""
        self._optimiser.scalars[: len(scalars)] = scalars

    def snapshot(self) -> Snapshot:
        """Returns copies of all that training changes."""
        return checkpoint.snapshot(self._parameters)

    def restore(self, snapshot: Snapshot) -> None:
        """Replaces all values by those of a snapshot.

        Raises:
            CheckpointError: if it does not fit; nothing has changed then.
        """
        checkpoint.check(self._parameters, snapshot)
        ensure_loaded(self._device, self._parameters)
        checkpoint.restore(self._parameters, snapshot)

    # ------------------------------------------------------------ data
    def encode(self, spikes: SpikeTimes) -> EventStream | None:
        """Returns None: NumPy encodes spike times."""
        return None

    def prepare(self, examples: Examples) -> Examples:
        """Returns the examples, which are copied to the device batch by batch."""
        return examples

    # ------------------------------------------------------------ batches
    def run(
        self, prepared: Examples, indices: np.ndarray, options: RunOptions
    ) -> RunResult:
        """Runs the examples at ``indices`` as one batch."""
        self._before_batch(prepared, options)
        return self._result(self._runner.run(prepared, indices, options), options)

    def begin_manual_batch(
        self, prepared: Examples, indices: np.ndarray, options: RunOptions
    ) -> None:
        """Begins a batch that is advanced step by step."""
        self._before_batch(prepared, options)
        scale = 1.0 / max(len(indices), 1)
        self._stepped = self._runner.begin(prepared, indices, options, scale)

    def step(self) -> None:
        """Advances the batch by one time step."""
        self._runner.step(self._stepped_batch())

    def end_manual_batch(self) -> RunResult:
        """Ends the batch that was advanced step by step."""
        batch, self._stepped = self._stepped_batch(), None
        return self._result([self._runner.finish(batch)], batch.options)

    def state(self, group: str, variable: str) -> np.ndarray:
        """Returns a state variable of the last batch: (examples, neurons)."""
        return self._device.pull(group, variable)[: self._last_batch().size]

    def set_state(self, group: str, variable: str, values: np.ndarray) -> None:
        """Replaces a state variable of the last batch: (examples, neurons)."""
        rows = self._device.pull(group, variable)
        rows[: self._last_batch().size] = values
        self._device.push(group, variable, rows)

    def set_processes(self, processes: Processes | None) -> None:
        """Accepts one process only.

        Raises:
            UnsupportedError: if there are several.
        """
        if processes is not None:
            raise UnsupportedError(
                "Backend 'pygenn' runs in one process. Leave the communicator out, or "
                "use backend='cpu'."
            )

    def _before_batch(self, examples: Examples, options: RunOptions) -> None:
        self._runner.check_delays(examples, options)
        ensure_loaded(self._device, self._parameters, examples.num_steps)
        self._runner.discard_gradients(options)

    def _last_batch(self) -> Batch:
        if self._runner.last is None:
            raise MlGennError("nothing has run yet, so there is no state")
        return self._runner.last

    def _stepped_batch(self) -> Batch:
        if self._stepped is None:
            raise MlGennError(
                "no batch is being stepped; call begin_manual_batch first"
            )
        return self._stepped

    # ------------------------------------------------------------ results
    def _result(self, batches: list[Batch], options: RunOptions) -> RunResult:
        with np.errstate(over="ignore"):  # an infinite loss is reported below
            losses = np.concatenate([b.losses for b in batches]).astype(np.float32)
        learns = options.gradients or options.update
        loss = learns and not np.isfinite(losses).all()
        groups = dict.fromkeys(n for b in batches for n in b.groups_not_finite)
        divergence = Divergence(loss, tuple(groups)) if loss or groups else None
        gradients: Gradients = {}
        rewirings: dict[str, tuple[int, int]] = {}
        if options.backward:
            gradients = self._gradients(batches, options)
            divergence = divergence or _divergence_of(gradients)
            if options.update and divergence is None:
                rewirings, divergence = self._optimiser.step_if_finite(gradients)
        return RunResult(
            outputs={
                name: np.concatenate([b.outputs[name] for b in batches])
                for name in batches[0].outputs
            },
            losses=losses,
            divergence=divergence,
            gradients=gradients if options.gradients else {},
            spikes={
                n: [e for b in batches for e in b.spikes[n]] for n in options.spikes
            },
            records={r: self._runner.records(batches, r) for r in options.records},
            rewirings=rewirings,
        )

    def _gradients(self, batches: list[Batch], options: RunOptions) -> Gradients:
        """Returns the gradients of all arrays, summed over the batch."""
        of_parameters: Gradients = {
            array: np.sum([b.parameter_gradients[array] for b in batches], axis=0)
            for array in batches[0].parameter_gradients
        }
        needs_all = options.gradients or options.update
        return self._optimiser.gradients(of_parameters, pull_all=needs_all)


def _divergence_of(gradients: Gradients) -> Divergence | None:
    """Returns the divergence of gradients; None if all are finite."""
    if all(np.isfinite(gradient).all() for gradient in gradients.values()):
        return None
    return Divergence(gradients=largest(gradients))
