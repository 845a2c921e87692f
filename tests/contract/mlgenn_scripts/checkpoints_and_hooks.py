"""Hooks of callbacks in the order of mlGeNN, and checkpoints of a convolution."""

from __future__ import annotations

from typing import Any

import numpy as np
from contract.script_data import CLASSES, SIDE, images

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.callbacks import Callback, Checkpoint
from ml_genn.compilers import EventPropCompiler, InferenceCompiler
from ml_genn.connectivity import Conv2D, Dense
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire
from ml_genn.serialisers import Numpy
from ml_genn.synapses import Exponential
from ml_genn.utils.data import log_latency_encode_data


class Log(Callback):
    """Notes which hooks are called."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.calls: list[str] = []

    def set_params(self, data: dict[Any, Any], **kwargs: Any) -> None:
        self.shared = data.setdefault("shared", [])
        self.num_batches = kwargs["num_batches"]
        self.num_epochs = kwargs.get("num_epochs")

    def set_first(self) -> None:
        self.calls.append("first")

    def on_train_begin(self) -> None:
        self.calls.append("train")

    def on_test_begin(self) -> None:
        self.calls.append("test")

    def on_epoch_begin(self, epoch: int) -> None:
        self.calls.append(f"epoch {epoch}")

    def on_batch_begin(self, batch: int) -> None:
        self.calls.append(f"batch {batch}")

    def on_timestep_begin(self, timestep: int) -> None:
        if timestep in (0, 9):
            self.calls.append(f"step {timestep}")

    def on_batch_end(self, batch: int, metrics: Any) -> None:
        (metric,) = metrics.values()
        self.shared.append(metric.result)

    def on_train_end(self, metrics: Any) -> None:
        self.calls.append("trained")

    def get_data(self) -> tuple[str, list[str]]:
        return self.key, self.calls


data, labels = images(24)
spikes = log_latency_encode_data(data, 2.0, 51)
network = SequentialNetwork()
with network:
    inputs = InputLayer("spike_input", (SIDE, SIDE, 1))
    Layer(
        Conv2D(Normal(1.0, 0.5), 4, 3, True),
        LeakyIntegrateFire(relative_reset=False),
        synapse=Exponential(5.0, scale_i=True),
    )
    output = Layer(
        Dense(Normal(0.2, 0.4)),
        LeakyIntegrate(readout="max_var"),
        CLASSES,
        Exponential(5.0),
    )
compiler = EventPropCompiler(
    10, {output: "sparse_categorical_crossentropy"}, batch_size=16
)
compiled_net = compiler.compile(network)
first, second = Log("a"), Log("b")
with compiled_net:
    metrics, cb_data = compiled_net.train(
        {inputs: spikes},
        {output: labels},
        num_epochs=1,
        start_epoch=3,
        callbacks=[first, second, Checkpoint(Numpy("checkpoints"))],
    )
assert cb_data["b"] == [
    *["train", "epoch 3", "batch 0", "step 0", "step 9"],
    *["batch 1", "step 0", "step 9", "trained"],
]
assert cb_data["a"] == ["first", *cb_data["b"]]
assert first.shared is second.shared
assert len(first.shared) == 4
assert (first.num_batches, first.num_epochs) == (2, 1)
assert first.shared[-1] == metrics[output].result

trained = compiled_net.weights(network.layers[1])
np.testing.assert_array_equal(
    np.load("checkpoints/3-Conn_Pop0_Pop1-g.npy").reshape(-1), trained.reshape(-1)
)
network.load((3,), Numpy("checkpoints"))
loaded = InferenceCompiler(10, batch_size=16).compile(network)
np.testing.assert_array_equal(loaded.weights(network.layers[1]), trained)
_, cb_data = loaded.evaluate({inputs: spikes}, {output: labels}, callbacks=[Log("c")])
assert cb_data["c"][:4] == ["first", "test", "batch 0", "step 0"]
