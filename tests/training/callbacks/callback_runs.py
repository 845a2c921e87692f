"""Training runs and a fake compiled network for tests of callbacks."""

from __future__ import annotations

from typing import Any

import numpy as np
from training.small_nets import (
    labels,
    spikes,
)

from ml_genn.model.snapshot import Snapshot
from ml_genn.optimisers import SGD
from ml_genn.utils.logs import LogEntry, LogNames


def train_two_batches(
    compiled: Any, callbacks: list[Any], epochs: int = 1, **options: Any
) -> Any:
    """Trains on two batches per epoch, without shuffling."""
    defaults = {"shuffle": False, "validation_callbacks": []}
    return compiled.train(
        spikes(8), labels(8), epochs, callbacks=callbacks, **{**defaults, **options}
    )


class FakeCompiledNetwork:
    """Stand-in for a compiled network; its state is the number of the epoch."""

    stop_training = False

    def __init__(self, alpha: Any = 1.0) -> None:
        self.optimisers = [(SGD(alpha), [])]
        self.epoch = 0

    def snapshot(self) -> Snapshot:
        """Returns the number of the epoch."""
        return Snapshot({("net", "epoch"): np.array(self.epoch)})

    def restore(self, snapshot: Snapshot) -> None:
        """Restores the number of the epoch."""
        self.epoch = int(snapshot.arrays["net", "epoch"])


#: names of the loss and the accuracy of training and validation
LOG_NAMES = LogNames(
    [
        LogEntry(prefix, None, name, frozenset(), better)
        for prefix in ("", "val_")
        for name, better in (("loss", False), ("accuracy", True))
    ]
)


def report_epochs(
    callback: Any, numbers: list[float], name: str = "val_loss"
) -> FakeCompiledNetwork:
    """Reports one number per epoch to a callback, until it stops training."""
    network = FakeCompiledNetwork()
    callback.set_params(compiled_network=network, log_names=LOG_NAMES)
    for epoch, number in enumerate(numbers):
        network.epoch = epoch
        callback.on_epoch_logs(epoch, {name: number})
        if network.stop_training:
            break
    callback.on_train_end({})
    return network
