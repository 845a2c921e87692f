"""A converted Keras network: time per image against the same network in snnTorch.

784-1200-1200-10 with biases is trained on MNIST (the 8,000 digits of the folder of
data) for an epoch and converted with `DataNorm`; inputs are integrate-and-fire neurons.
snnTorch's network has `Leaky` neurons without leak that reset by subtraction, the same
weights, thresholds, biases and initial voltages, in a loop over time steps. Predictions
and spikes are compared first.
"""

from __future__ import annotations

import argparse
from typing import Any

import keras
import numpy as np
import snntorch
import torch
from harness.results import benchmark_parser, measurement, report
from harness.spikes import SHARED
from harness.timing import InferenceStep, measure_in_turn, milliseconds, ratios
from keras import layers

from ml_genn import Network, Population
from ml_genn_tf.converters import DataNorm, InputType

NUM_TRAIN, NUM_NORM = 8000, 200


def train(x: np.ndarray, y: np.ndarray) -> Any:
    """Returns the trained Keras model."""
    model = keras.Sequential(
        [
            keras.Input((784,)),
            layers.Dense(1200, activation="relu"),
            layers.Dense(1200, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=1, batch_size=64, verbose=0)
    return model


class SnnTorchNetwork:
    """The converted network in snnTorch.

    Args:
        network: the converted network.
        x: a batch.
        steps: time steps of an example.
    """

    def __init__(self, network: Network, x: np.ndarray, steps: int) -> None:
        self.x, self.steps = torch.tensor(x), steps
        spiking = network.populations[:-1]
        self.linear = [self._linear(p) for p in network.populations[1:]]
        self.neurons = [self._neuron(p) for p in spiking]
        #: Number of neurons and initial voltage of each population.
        self.initial = [(p.size, p.neuron.v) for p in spiking]

    def _linear(self, population: Population) -> torch.nn.Linear:
        (connection,) = (c() for c in population.incoming_connections)
        weight = torch.tensor(connection.connectivity.weight.T.astype(np.float32))
        linear = torch.nn.Linear(weight.shape[1], weight.shape[0])
        linear.weight.data = weight
        bias = np.broadcast_to(population.neuron.bias, linear.bias.shape)
        linear.bias.data = torch.tensor(bias.astype(np.float32))
        return linear

    def _neuron(self, population: Population) -> snntorch.Leaky:
        threshold = float(population.neuron.v_thresh)
        # Without delay the reset takes effect in the step of the spike, as in ml_genn.
        return snntorch.Leaky(
            beta=1.0, threshold=threshold, reset_mechanism="subtract", reset_delay=False
        )

    def predict(self) -> tuple[torch.Tensor, float]:
        """Returns the potentials of the outputs, and the spikes of an example."""
        with torch.no_grad():
            states = [torch.full((len(self.x), n), v) for n, v in self.initial]
            total, count = torch.zeros(len(self.x), 10), torch.zeros(())
            for _ in range(self.steps):
                current = self.x
                for k, neuron in enumerate(self.neurons):
                    spikes, states[k] = neuron(current, states[k])
                    count += spikes.sum()
                    current = self.linear[k](spikes)
                total += current
        return total, float(count) / len(self.x)

    def __call__(self) -> float:
        """Returns the milliseconds of a batch."""
        return milliseconds(self.predict)


def load() -> tuple[np.ndarray, np.ndarray]:
    """Returns digits as numbers from 0 to 1, and their labels."""
    data = np.load(SHARED / "data" / "mnist10k.npz")
    x = data["images"].reshape(-1, 784).astype(np.float32) / 255.0
    return x, data["labels"].astype(int)


def convert(args: argparse.Namespace) -> tuple[Any, SnnTorchNetwork, np.ndarray, Any]:
    """Returns the network compiled and in snnTorch, a batch, and the output."""
    x, y = load()
    model = train(x[:NUM_TRAIN], y[:NUM_TRAIN])
    converter = DataNorm(args.steps, norm_data=x[:NUM_NORM], input_type=InputType.IF)
    batch = slice(NUM_TRAIN, NUM_TRAIN + args.batch)
    network, _, (output,), _ = converter.convert(model, validate=(x[batch], y[batch]))
    compiler = converter.create_compiler(
        batch_size=args.batch, num_threads=args.threads
    )
    in_snntorch = SnnTorchNetwork(network, x[batch], args.steps)
    return compiler.compile(network), in_snntorch, x[batch], output


def main() -> None:
    """Converts, compares, measures and reports."""
    parser = benchmark_parser(__doc__, repeats=9, steps=100, batch=128, threads=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    keras.utils.set_random_seed(1)
    compiled, in_snntorch, x, output = convert(args)
    predictions = compiled.predict(x, callbacks=[])[0][output]
    potentials, spikes = in_snntorch.predict()
    same = float(np.mean(predictions.argmax(1) == potentials.numpy().argmax(1)))
    print(f"snnTorch: {spikes:,.1f} spikes per image; {100 * same:.1f} % agree.")

    steps = {"ml_genn": InferenceStep(compiled, x), "snnTorch": in_snntorch}
    times = {
        name: [time / args.batch for time in batch_times]
        for name, batch_times in measure_in_turn(args.repeats, steps).items()
    }
    ratio = ratios(times["snnTorch"], times["ml_genn"])
    table: dict[str, dict[str, Any]] = {
        name: {"per image [ms]": measurement(each)} for name, each in times.items()
    }
    table["snnTorch / ml_genn"] = {"per image [ms]": measurement(ratio)}
    title = f"784-1200-1200-10, T = {args.steps}, batch {args.batch}"
    report("A converted Keras network against snnTorch", {title: table}, args)


if __name__ == "__main__":
    main()
