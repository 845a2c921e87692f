"""Evaluation and prediction with a compiled network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ml_genn.callbacks.callback_list import CallbackList
from ml_genn.communicators import Communicator
from ml_genn.compiled.lookup import NetworkLookup
from ml_genn.compiled.running.stepping import BatchRunner
from ml_genn.errors import ValidationError
from ml_genn.graph.graph import get_underlying_pop
from ml_genn.training.data.batches import InMemoryData
from ml_genn.training.data.streams import StreamedData
from ml_genn.training.divergence import evaluation_error
from ml_genn.training.loop import (
    MetricAccumulator,
    agreed,
    notify_exceptions,
    run_epoch,
)
from ml_genn.training.metrics import Metrics
from ml_genn.training.results import Predictions


def evaluate(
    runner: BatchRunner,
    data: InMemoryData | StreamedData,
    accumulator: MetricAccumulator,
    callbacks: CallbackList,
    communicator: Communicator | None,
) -> None:
    """Runs all batches without learning and accumulates their metrics.

    Args:
        runner: runs a batch.
        data: batches.
        accumulator: metrics and loss, which are updated.
        callbacks: called before and after evaluation, batches and time steps.
        communicator: connects the processes that run each batch together; None for
            one process.

    Raises:
        DivergedError: if the state of a population is not finite.
    """
    with runner.evaluation("evaluate"), notify_exceptions(callbacks):
        callbacks.call("on_test_begin")
        run_epoch(runner, data, accumulator, callbacks, communicator=communicator)
        callbacks.call("on_test_end", accumulator.metrics)


def readout_keys(lookup: NetworkLookup, outputs: Any) -> list[Any]:
    """Returns the outputs that `predict` reads, as the user wrote them.

    Args:
        lookup: outputs of the network.
        outputs: a population or layer, or a sequence of them; None for all.

    Raises:
        ValidationError: if one has no readout.
    """
    keys = lookup.outputs if outputs is None else outputs
    keys = list(keys) if isinstance(keys, Sequence) else [keys]
    for key in keys:
        if get_underlying_pop(key) not in lookup.outputs:
            raise ValidationError(
                f"predict: '{key}' has no readout. Outputs of this network: "
                f"{[p.name for p in lookup.outputs]}."
            )
    return keys


def predict(
    runner: BatchRunner,
    data: InMemoryData,
    keys: Sequence[Any],
    callbacks: CallbackList,
    communicator: Communicator | None,
) -> Predictions:
    """Runs all batches and returns their readouts.

    Args:
        runner, data, callbacks, communicator: as for `evaluate`.
        keys: outputs, populations or layers.

    Returns:
        {output: array (examples,) + shape}.

    Raises:
        DivergedError: if the state of a population is not finite.
    """
    readouts: dict[Any, list[np.ndarray]] = {key: [] for key in keys}
    no_metrics = Metrics()
    with runner.evaluation("predict"), notify_exceptions(callbacks):
        callbacks.call("on_test_begin")
        for number, whole in enumerate(data.batches()):
            batch = whole.local_part(communicator)
            callbacks.call("on_batch_begin", number)
            result = runner.run_batch(batch, callbacks, number, train=False)
            divergence = agreed(result.divergence, communicator)
            if divergence is not None:
                raise evaluation_error(divergence, None, number)
            for key in keys:
                readout = result.predictions[get_underlying_pop(key)]
                readouts[key].append(whole.allgather(readout, communicator))
            callbacks.call("on_batch_end", number, no_metrics)
        callbacks.call("on_test_end", no_metrics)
    return Predictions({key: np.concatenate(r) for key, r in readouts.items()})
