"""Networks that run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Sized
from typing import Any

import numpy as np

from ml_genn.callbacks import BatchProgressBar, Callback
from ml_genn.callbacks.callback_list import CallbackList
from ml_genn.compiled.stepping import SteppedNetwork
from ml_genn.errors import ValidationError
from ml_genn.graph.graph import get_underlying_pop
from ml_genn.metrics import MetricsType
from ml_genn.training.data.adapter import adapt
from ml_genn.training.data.batches import InMemory
from ml_genn.training.data.example_weights import Weights
from ml_genn.training.data.examples import in_memory
from ml_genn.training.data.streams import Keyed, Streamed
from ml_genn.training.loop import Tally, run_epoch, telling
from ml_genn.training.metrics import metrics_of
from ml_genn.training.population_dict import PopulationDict

Callbacks = Sequence[Callback | str] | None


class CompiledNetwork(SteppedNetwork):
    """A network that can be evaluated; made by a compiler.

    It is built when first used. A ``with`` block is not needed, but does no harm.

    Args:
        network: the network.
        lowered: its plan and numbers, as a compiler makes them.
        settings: how it runs, as `Compiler.settings` makes them.
        losses: {output: loss}; None (default) where nothing is learned.

    Attributes:
        custom_updates: {name: function of no arguments}, to be called by callbacks such
            as `CustomUpdateOnBatchEnd`.
        timestep: time steps of the batch that are over.
        stop_training: set by callbacks to end training.
    """

    stop_training: bool = False

    def evaluate(
        self,
        x: Any,
        y: Any = None,
        metrics: MetricsType = "sparse_categorical_accuracy",
        callbacks: Callbacks = None,
        sample_weight: Any = None,
        class_weight: Any = None,
    ) -> tuple[PopulationDict, dict[Any, Any]]:
        """Measures how good the network is.

        Args:
            x: {input: examples}, the examples of the only input, or (without y) an
                iterable of batches (x, y).
            y: {output: targets}, or the targets of the only output; None (default) for
                those that batches bring along.
            metrics: a metric or its name, several in a list or as {name: metric}, or
                {output: any of these}; accuracy of labels by default.
            callbacks: callbacks; a progress bar by default.
            sample_weight: how much each example counts for loss and metrics, one number
                each, or {output: numbers}; 1 by default. The loss is the sum over
                examples divided by their number, metrics are divided by the sum of
                weights.
            class_weight: {label: how much its examples count}, or {output: {label:
                number}}; 1 for labels that are not there.

        Returns:
            Metrics by output (their value is ``.result``), what callbacks collected.

        Raises:
            ValidationError: if the data do not fit the network.
        """
        weights = Weights(sample_weight, class_weight)
        data = adapt(x, y, self._spec(), self.full_batch_size, weights=weights)
        return self._evaluate(data, metrics, callbacks)

    def evaluate_batch_iter(
        self,
        inputs: Any,
        outputs: Any,
        data: Iterable[tuple[Any, Any]],
        num_batches: int | None = None,
        metrics: MetricsType = "sparse_categorical_accuracy",
        callbacks: Callbacks = None,
    ) -> tuple[PopulationDict, dict[Any, Any]]:
        """As `evaluate`, on batches that an iterable yields as (x, y).

        Args:
            inputs, outputs: one population or a sequence of them; with several, x and y
                are sequences in that order.
            data: yields batches.
            num_batches: how many to use; None (default) for all.
            metrics, callbacks: as for `evaluate`.
        """

        if num_batches is None and isinstance(data, Sized):
            num_batches = len(data)
        batches = Keyed(data, inputs, outputs)
        stream = Streamed(batches, self._spec(), self.full_batch_size, num_batches)
        return self._evaluate(stream, metrics, callbacks)

    def evaluate_batch(
        self,
        x: Any,
        y: Any,
        metrics: MetricsType = "sparse_categorical_accuracy",
        callbacks: Callbacks = (),
    ) -> tuple[PopulationDict, dict[Any, Any]]:
        """As `evaluate`, for one batch and without a progress bar by default.

        Args:
            x, y, metrics: as for `evaluate`.
            callbacks: callbacks; none by default.
        """
        return self.evaluate(x, y, metrics, callbacks)

    def _evaluate(
        self, data: InMemory | Streamed, metrics: MetricsType, callbacks: Callbacks
    ) -> tuple[PopulationDict, dict[Any, Any]]:
        keys = data.targets if isinstance(data, InMemory) else self.outputs
        tally = Tally(metrics_of(metrics, keys), weighted=True)
        hooks = self._callbacks(callbacks, num_batches=data.num_batches)
        self._test(data, tally, hooks)
        return tally.metrics, hooks.get_data()

    def _test(
        self, data: InMemory | Streamed, tally: Tally, hooks: CallbackList
    ) -> None:
        with telling(hooks):
            hooks.call("on_test_begin")
            run_epoch(self, data, tally, hooks, communicator=self.communicator)
            hooks.call("on_test_end", tally.metrics)

    def predict(
        self, x: Any, outputs: Any = None, callbacks: Callbacks = None
    ) -> tuple[PopulationDict, dict[Any, Any]]:
        """Readouts of outputs.

        Args:
            x: {input: examples}, or the examples of the only input.
            outputs: one population or layer or a sequence of them; None (default) for
                all.
            callbacks: callbacks; a progress bar by default.

        Returns:
            ``{output: array (examples,) + shape}``, and what callbacks collected.

        Raises:
            ValidationError: if an output has no readout, or the data do not fit.
        """
        keys = self.outputs if outputs is None else outputs
        keys = list(keys) if isinstance(keys, Sequence) else [keys]
        for key in keys:
            if get_underlying_pop(key) not in self.outputs:
                raise ValidationError(
                    f"predict: '{key}' has no readout. Outputs of this network: "
                    f"{[p.name for p in self.outputs]}."
                )
        data = in_memory(x, None, self._spec(), self.full_batch_size, targets=False)
        hooks = self._callbacks(callbacks, num_batches=data.num_batches)
        parts: dict[Any, list[np.ndarray]] = {key: [] for key in keys}
        nothing = PopulationDict()
        with telling(hooks):
            hooks.call("on_test_begin")
            for number, whole in enumerate(data.batches()):
                batch = whole.shared(self.communicator)
                hooks.call("on_batch_begin", number)
                result = self.run_batch(batch, hooks, number, train=False)
                for key in keys:
                    part = result.predictions[get_underlying_pop(key)]
                    parts[key].append(whole.gathered(part, self.communicator))
                hooks.call("on_batch_end", number, nothing)
            hooks.call("on_test_end", nothing)
        found = {key: np.concatenate(part) for key, part in parts.items()}
        return PopulationDict(found), hooks.get_data()

    def _callbacks(
        self, callbacks: Callbacks, own: Sequence[Callback] = (), **params: Any
    ) -> CallbackList:
        listed = [BatchProgressBar()] if callbacks is None else callbacks
        if own and isinstance(listed, Iterable) and not isinstance(listed, str):
            listed = [*listed, *own]
        return CallbackList(listed, compiled_network=self, **params)
