"""EarlyStopping, and ``stop_training``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from training.callbacks.callback_runs import (
    LOG_NAMES,
    report_epochs,
    train_two_batches,
)
from training.small_nets import (
    CLASSES,
    INPUTS,
    STEPS,
    Spy,
    small,
    spikes,
)

from ml_genn.callbacks import (
    Callback,
    EarlyStopping,
    OptimiserParamSchedule,
)
from ml_genn.compilers import EventPropCompiler
from ml_genn.neurons import LeakyIntegrate
from ml_genn.optimisers import Adam
from ml_genn.synapses import Exponential

#: (arguments, number of each epoch, stopped epoch, best epoch)
CASES: list[tuple[dict[str, Any], list[float], int | None, int | None]] = [
    ({}, [3, 2, 2, 1], 2, 1),
    ({"patience": 2}, [3, 2, 2, 1, 1, 1, 0], 5, 3),
    ({"patience": 3}, [3, 2, 1], None, 2),
    ({"min_delta": 0.5}, [3, 2, 1.6, 0], 2, 1),
    ({"mode": "max"}, [1, 2, 3, 2], 3, 2),
    ({"baseline": 2.0, "patience": 2}, [3, 2.5, 1], 1, None),
    ({"start_from_epoch": 2}, [3, 4, 5, 4, 4], 4, 3),
    ({}, [3, float("nan"), 2], 1, 0),
]


@pytest.mark.parametrize(("options", "numbers", "stopped", "best"), CASES)
def test_early_stopping(
    options: dict[str, Any], numbers: list[float], stopped: Any, best: Any
) -> None:
    callback = EarlyStopping(**options, restore_best_weights=True)
    network = report_epochs(callback, numbers)
    assert (callback.stopped_epoch, callback.best_epoch) == (stopped, best)
    assert network.stop_training == (stopped is not None)
    last = len(numbers) - 1 if stopped is None else stopped
    assert network.epoch == (last if best is None else best)


def test_early_stopping_maximises_accuracy() -> None:
    callback = EarlyStopping("val_accuracy")
    report_epochs(callback, [0.5, 0.6, 0.6, 0.9], "val_accuracy")
    assert callback.stopped_epoch == 2


def test_early_stopping_restores_weights_of_the_best_epoch() -> None:
    """The learning rate grows, so that the loss rises in the end."""
    net = small()
    compiled = net.compile_training(optimiser=Adam(0.05))
    grow = OptimiserParamSchedule("alpha", lambda epoch, old: 0.05 * 4.0**epoch)
    recorded: list[list[np.ndarray]] = []

    class RecordWeights(Callback):
        def on_epoch_logs(self, epoch: int, logs: Any) -> None:
            recorded.append([compiled.weights(n) for n in (net.hidden, net.output)])

    stop = EarlyStopping("val_loss", patience=2, restore_best_weights=True)
    train_two_batches(
        compiled, [grow, RecordWeights(), stop], 30, validation_split=0.25
    )
    losses = compiled.history["val_loss"]
    assert len(losses) == stop.stopped_epoch + 1 < 30
    assert stop.best_epoch == int(np.argmin(losses)) == len(losses) - 3
    for layer, weights in zip(
        (net.hidden, net.output), recorded[stop.best_epoch], strict=True
    ):
        assert np.array_equal(compiled.weights(layer), weights)


def test_early_stopping_restores_delays_and_parameters() -> None:
    from ml_genn import Connection, Network, Population
    from ml_genn.connectivity import Dense

    with Network() as network:
        a = Population("spike_input", INPUTS)
        b = Population(LeakyIntegrate(readout="avg_var"), CLASSES)
        weights = np.random.default_rng(0).normal(size=(INPUTS, CLASSES))
        dense = Dense(weights, 3.0)
        c = Connection(a, b, dense, Exponential(5.0), max_delay_steps=9)
    compiler = EventPropCompiler(
        STEPS, "sparse_categorical_crossentropy", Adam(0.5), num_threads=1
    )
    optimisers: Any = {
        c: {"weight": "adam", "delay": Adam(0.7)},
        b: {"tau_mem": Adam(0.5)},
    }
    compiled = compiler.compile(network, optimisers=optimisers)
    predictions, _ = compiled.predict(spikes(8), callbacks=[])
    stop = EarlyStopping(restore_best_weights=True)
    stop.set_params(compiled_network=compiled, log_names=LOG_NAMES)
    stop.on_epoch_logs(0, {"val_loss": 1.0})
    train_two_batches(compiled, [])
    assert np.any(compiled.delays(c) != 3.0)
    assert compiled.parameter(b, "tau_mem") != 20.0
    info = compiled.snapshot().info
    stop.on_epoch_logs(1, {"val_loss": 2.0})
    stop.on_train_end({})
    assert compiled.snapshot().info == info
    assert np.all(compiled.delays(c) == 3.0)
    assert compiled.parameter(b, "tau_mem") == 20.0
    again, _ = compiled.predict(spikes(8), callbacks=[])
    assert np.array_equal(again[b], predictions[b])


class StopTraining(Callback):
    """Stops training in the first batch."""

    def set_params(self, **kwargs: Any) -> None:
        """Stores the network."""
        self.network = kwargs["compiled_network"]

    def on_batch_end(self, batch: int, metrics: Any) -> None:
        """Sets ``stop_training``."""
        self.network.stop_training = True


def test_stop_training_ends_after_the_batch() -> None:
    compiled, spy = small().compile_training(), Spy()
    train_two_batches(compiled, [StopTraining(), spy], 5)
    assert spy.hooks.count("on_batch_end") == 1
    assert spy.hooks[-3:] == ["on_epoch_end", "on_train_end", "get_data"]
    train_two_batches(compiled, [spy])
    assert spy.hooks.count("on_batch_end") == 3
