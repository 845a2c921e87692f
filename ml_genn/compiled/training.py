"""Networks that learn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn.callbacks import Callback
from ml_genn.callbacks.callback_list import CallbackList
from ml_genn.compiled.checkpoint import (
    PROGRESS,
    check_optimiser,
    newest,
    numpy_random_state,
    optimiser_state,
    set_numpy_random_state,
    set_optimiser,
)
from ml_genn.compiled.network import Callbacks, CompiledNetwork
from ml_genn.compiled.settings import Settings
from ml_genn.errors import CheckpointError, ValidationError, unknown_name
from ml_genn.losses import Loss
from ml_genn.lowering import Lowered
from ml_genn.metrics import MetricsType
from ml_genn.model.batch import RunOptions, RunResult
from ml_genn.model.plan import Learned, LearnedKind
from ml_genn.model.snapshot import Snapshot
from ml_genn.network import Network
from ml_genn.optimisers import Optimiser
from ml_genn.population import Population
from ml_genn.serialisers import Serialiser, as_keys, get_serialiser
from ml_genn.training.data.adapter import adapt, is_stream
from ml_genn.training.data.batches import InMemory
from ml_genn.training.data.example_weights import Weights
from ml_genn.training.data.examples import in_memory
from ml_genn.training.data.streams import Streamed
from ml_genn.training.data.validation_split import split_off
from ml_genn.training.history import History, logs_of
from ml_genn.training.loop import Tally, run_epoch, telling
from ml_genn.training.metrics import metrics_of
from ml_genn.utils.checks import flag, whole


@dataclass(frozen=True, slots=True, eq=False)
class _Pass:
    """Data with its metrics and callbacks."""

    data: InMemory | Streamed
    tally: Tally
    callbacks: CallbackList


class CompiledTrainingNetwork(CompiledNetwork):
    """A network that learns, and can be evaluated with the weights it has so far.

    Args:
        network, lowered, settings, losses: as for `CompiledNetwork`.
        optimiser: the optimiser that the compiler was given.
        recorders: callbacks that are called in all training, none by default.

    Attributes:
        optimiser: changes the weights; an attribute changed takes effect with the next
            batch.
        history: loss and metrics of the last training by name and epoch.
    """

    def __init__(
        self,
        network: Network,
        lowered: Lowered,
        settings: Settings,
        losses: Mapping[Population, Loss],
        optimiser: Optimiser,
        recorders: Sequence[Callback] = (),
    ) -> None:
        super().__init__(network, lowered, settings, losses)
        self.optimiser = optimiser
        self._recorders = recorders
        self._steps_taken = 0
        self.history = History()
        self._epoch: int | None = None

    @property
    def example_timesteps(self) -> int:
        """Time steps of an example."""
        return self.num_steps

    @property
    def optimisers(self) -> list[tuple[Optimiser, list[Any]]]:
        """Each optimiser, and what it changes, named as by `gradients`."""
        found: dict[Optimiser, list[Any]] = {}
        for update in self._lowered.updates:
            found.setdefault(update.optimiser, []).append(self._key(update.target))
        return list(found.items())

    def begin_batch(self) -> None:
        """Tells the engine the optimisers' numbers for a batch."""
        pairs = zip(self._lowered.updates, self._lowered.plan.updates, strict=True)
        optimisers = {update.optimiser for update in self._lowered.updates}
        numbers = {one: one.numbers(self._steps_taken) for one in optimisers}
        self.model.set_optimiser_scalars(
            [
                s
                for one, plan in pairs
                for s in one.scalars(numbers[one.optimiser], plan)
            ]
        )

    def _ran(self, result: RunResult, options: RunOptions) -> RunResult:
        """Counts a batch that was learned from as a step."""
        self._steps_taken += options.update and result.finite
        return result

    def resume(self, serialiser: Serialiser | str = "numpy", keys: Any = None) -> int:
        """Goes back to a checkpoint, to train on as if nothing had happened.

        Weights, delays, parameters, synapses, what optimisers keep and all random
        states, numpy's global one too, are what they were:

            epoch = compiled.resume(Numpy("folder"))
            compiled.train(x, y, num_epochs=40 - epoch, start_epoch=epoch)

        Args:
            serialiser: where `Checkpoint` saves; a serialiser or its name, "numpy" by
                default.
            keys: what was saved; None (default) for the newest that is whole.

        Returns:
            The epoch to start with, the one after the one that was saved.

        Raises:
            CheckpointError: if there is none, or it is damaged or does not fit.
        """
        found = get_serialiser(serialiser)
        if self.communicator is not None:
            self.communicator.barrier()  # so that the first process has written it
        self.restore(newest(found) if keys is None else found.load(as_keys(keys)))
        return 0 if self._epoch is None else self._epoch + 1

    def _progress(self) -> dict[str, Any]:
        return {
            "epoch": self._epoch,
            "steps_taken": self._steps_taken,
            "numpy_random": numpy_random_state(),
            "optimisers": [optimiser_state(o) for o, _ in self.optimisers],
        }

    def _checked_progress(self, snapshot: Snapshot) -> Callable[[], None]:
        progress = snapshot.info.get(PROGRESS)
        optimisers = [optimiser for optimiser, _ in self.optimisers]
        if not progress or len(progress["optimisers"]) != len(optimisers):
            raise CheckpointError(
                "Checkpoint: it does not say how far training was, with as many "
                "optimisers as this network has. Compile the network as it was."
            )
        states = list(zip(optimisers, progress["optimisers"], strict=True))
        for optimiser, state in states:
            check_optimiser(optimiser, state)

        def set_progress() -> None:
            for optimiser, state in states:
                set_optimiser(optimiser, state)
            set_numpy_random_state(progress["numpy_random"])
            self._epoch = progress["epoch"]
            self._steps_taken = progress["steps_taken"]

        return set_progress

    def train(
        self,
        x: Any,
        y: Any = None,
        num_epochs: int = 1,
        start_epoch: int = 0,
        shuffle: bool = True,
        metrics: MetricsType = "sparse_categorical_accuracy",
        callbacks: Callbacks = None,
        validation_callbacks: Callbacks = None,
        validation_split: float = 0.0,
        validation_x: Any = None,
        validation_y: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        steps_per_epoch: int | None = None,
    ) -> tuple[Any, ...]:
        """Trains the network.

        Args:
            x: {input: examples}, the examples of the only input, or (without y) an
                iterable of batches (x, y) such as a torch DataLoader, a function that
                returns an iterator for each epoch, or a data set of single examples
                with ``__getitem__`` and ``__len__``; batches may be (x, y, weights).
            y: {output: targets}, or the targets of the only output; None (default) for
                those that batches bring along.
            num_epochs: how often all data are shown, 1 by default.
            start_epoch: number of the first epoch, 0 by default.
            shuffle: whether examples come in random order (numpy's global generator);
                yes by default.
            metrics: as for `evaluate`.
            callbacks, validation_callbacks: callbacks; progress bars by default.
            validation_split: fraction of the data, from its end, that is not trained on
                but evaluated after each epoch; 0 by default.
            validation_x, validation_y: data that are evaluated after each epoch, as x
                and y; None (default) for none.
            sample_weight: how much the loss of each example counts, one number each, or
                {output: numbers}; 1 by default. A batch is still divided by its
                number of examples.
            class_weight: {label: how much its examples count}, or {output: {label:
                number}}; 1 for labels that are not there.
            steps_per_epoch: batches of an iterable that make an epoch; None (default)
                for all. An iterator goes on where the last epoch ended.

        Returns:
            Metrics of the last epoch by output, and what callbacks collected; with
            validation: (metrics, validation metrics, collected, collected in
            validation). ``metrics.history``, also ``history`` of this network, has
            loss and metrics of each epoch: ``history["val_accuracy"]``.

        Raises:
            ValidationError: if the data do not fit the network.
            DivergedError: if the loss is not a finite number.
            KeyboardInterrupt: after Ctrl-C. The batch under way is finished first, so
                that weights are those after a whole batch; the network can be used,
                trained on and saved, and ``history`` has the epochs that were finished.
        """
        whole("train: num_epochs", num_epochs)
        whole("train: start_epoch", start_epoch, least=0)
        flag("train: shuffle", shuffle)
        aside = self._given(validation_split, validation_x, validation_y)
        if validation_split:
            (x, y, sample_weight), aside = split_off(
                x, y, sample_weight, validation_split
            )
        spec = self._spec()
        weights = Weights(sample_weight, class_weight)
        if steps_per_epoch is not None:
            whole("train: steps_per_epoch", steps_per_epoch)
        data = adapt(
            x,
            y,
            spec,
            self.full_batch_size,
            epochs=num_epochs,
            weights=weights,
            steps=steps_per_epoch,
        )
        keys = data.targets if isinstance(data, InMemory) else self.outputs
        told: dict[str, Any] = {"num_epochs": num_epochs, "start_epoch": start_epoch}
        training = _Pass(
            data,
            Tally(metrics_of(metrics, keys)),
            self._callbacks(
                callbacks, self._recorders, num_batches=data.num_batches, **told
            ),
        )
        validation = None
        if aside is not None:
            kept = adapt(*aside, spec, self.full_batch_size, epochs=num_epochs)
            fresh = {k: m.fresh() for k, m in training.tally.metrics.items()}
            hooks = self._callbacks(
                validation_callbacks, num_batches=kept.num_batches, **told
            )
            _refuse_shared(training.callbacks, hooks)
            validation = _Pass(kept, Tally(fresh), hooks)
        listeners = [p.callbacks for p in (training, validation) if p is not None]
        epochs = range(start_epoch, start_epoch + num_epochs)
        with telling(*listeners), _noted():
            self._epochs(training, validation, epochs, shuffle)
        if validation is None:
            return training.tally.metrics, training.callbacks.get_data()
        return (
            training.tally.metrics,
            validation.tally.metrics,
            training.callbacks.get_data(),
            validation.callbacks.get_data(),
        )

    def _epochs(
        self, training: _Pass, validation: _Pass | None, epochs: range, shuffle: bool
    ) -> None:
        hooks = training.callbacks
        self.stop_training = False
        self.history = training.tally.metrics.history = History()
        hooks.call("on_train_begin")
        if validation:
            validation.callbacks.call("on_test_begin")
        batches = training.data.num_batches
        if batches is not None and epochs.start:
            self._steps_taken = batches * epochs.start
        for epoch in epochs:
            self._epoch = epoch
            hooks.call("on_epoch_begin", epoch)
            run_epoch(
                self,
                training.data,
                training.tally,
                hooks,
                epoch=epoch,
                train=True,
                shuffle=shuffle,
                communicator=self.communicator,
            )
            hooks.call("on_epoch_end", epoch, training.tally.metrics)
            if validation:
                self._validate(validation, epoch)
            logs = logs_of(
                training.tally.metrics, validation.tally.metrics if validation else None
            )
            self.history.add(epoch, logs)
            hooks.call("on_epoch_logs", epoch, logs)
            if self.stop_training:
                break
        hooks.call("on_train_end", training.tally.metrics)
        if validation:
            validation.callbacks.call("on_test_end", validation.tally.metrics)

    def _validate(self, validation: _Pass, epoch: int) -> None:
        hooks = validation.callbacks
        hooks.call("on_epoch_begin", epoch)
        run_epoch(
            self,
            validation.data,
            validation.tally,
            hooks,
            communicator=self.communicator,
        )
        hooks.call("on_epoch_end", epoch, validation.tally.metrics)

    @staticmethod
    def _given(
        split: float, validation_x: Any, validation_y: Any
    ) -> tuple[Any, Any] | None:
        """Data for validation if any are given."""
        given = validation_x is not None, validation_y is not None
        if any(given) and not all(given) and not is_stream(validation_x):
            raise ValidationError(
                "train: give both validation_x and validation_y, or neither."
            )
        if any(given) and split:
            raise ValidationError(
                "train: give either validation_split or validation_x and validation_y."
            )
        return (validation_x, validation_y) if any(given) else None

    def parameter(self, population: Any, name: str) -> np.ndarray:
        """The values of a learned parameter: (neurons,), or () if they share one.

        Args:
            population: population or layer.
            name: name of the parameter, for example "tau_mem".

        Raises:
            UnknownNameError: if it is not learned.
        """
        found = self._population(population)
        known = [
            a.name
            for a in self._lowered.plan.learned
            if a.kind is LearnedKind.PARAMETER and a.owner == found.name
        ]
        if name not in known:
            where = f"Population '{found.name}'"
            raise unknown_name("learned parameter", name, known, where=where)
        return self.model.parameter(found.name, name)

    def feedback_weights(self, hidden: Any, output: Any) -> np.ndarray:
        """A copy of the feedback weights from an output: (hidden size, output size).

        Raises:
            ValidationError: if there are none.
        """
        ends = self._population(hidden).name, self._population(output).name
        for group in self._lowered.plan.synapses:
            if not group.delivers and (group.source, group.target) == ends:
                return self.model.weights(group.name)
        raise ValidationError(
            f"feedback_weights: there are none from '{ends[1]}' to '{ends[0]}'."
        )

    def gradients(
        self, x: Any, y: Any, sample_weight: Any = None
    ) -> dict[Any, np.ndarray]:
        """Gradients of the mean loss over all examples, with the weights as they are.

        Args:
            x: {input: examples}, or the examples of the only input.
            y: {output: targets}, or the targets of the only output.
            sample_weight: as for `train`.

        Returns:
            A dictionary of arrays for what is learned. Keys are connections for
            weights: (source size, target size), (synapses,) where they are sparse, or
            of the shape of the kernel; ``(connection, "delay")`` for delays, shaped as
            weights; ``(population, parameter)`` for parameters: (neurons,), or () if
            they share one; and ``(hidden, output)`` for feedback weights.
        """
        weights = Weights(sample_weight)
        data = in_memory(x, y, self._spec(), self.batch_size, weights=weights)
        everything = np.arange(data.size)
        result = self.model.run(
            data.prepared, everything, RunOptions(backward=True, gradients=True)
        )
        return {
            self._key(array): gradient for array, gradient in result.gradients.items()
        }

    def _key(self, array: Learned) -> Any:
        """How the user knows a learned array."""
        owners = {p.name: p for p in self._lowered.neurons}
        if array.kind is LearnedKind.PARAMETER:
            return owners[array.owner], array.name
        known = {c.name: c for c in self._lowered.synapses}
        if array.owner not in known:
            group = self._lowered.plan.synapse(array.owner)
            return owners[group.source], owners[group.target]
        connection = known[array.owner]
        if array.kind is LearnedKind.WEIGHT:
            return connection
        return connection, array.kind.value

    def loss(self, x: Any, y: Any, sample_weight: Any = None) -> float:
        """The mean loss over all examples, with the weights as they are.

        Args:
            x, y, sample_weight: as for `train`, in memory.
        """
        weights = Weights(sample_weight)
        data = in_memory(x, y, self._spec(), self.batch_size, weights=weights)
        tally = Tally({})
        run_epoch(self, data, tally, CallbackList([], compiled_network=self))
        return float(tally.metrics.loss or 0.0)


@contextmanager
def _noted() -> Iterator[None]:
    """Says in the trace of Ctrl-C what it left behind."""
    try:
        yield
    except KeyboardInterrupt as error:
        error.add_note(
            "Training was interrupted. The network is as the last batch left it, and "
            "can be used, trained on and saved."
        )
        raise


def _refuse_shared(callbacks: CallbackList, validation: CallbackList) -> None:
    """Refuses a callback that would mix data of training and validation."""
    for callback in callbacks:
        if any(callback is other for other in validation):
            raise ValidationError(
                f"train: {callback!r} is in callbacks and in validation_callbacks. "
                "Make one for each."
            )
