"""A converted Keras network: time of an image, in turn with the same one in snnTorch.

784-1200-1200-10 with biases is trained on MNIST10k for an epoch and converted with
`DataNorm`; inputs are integrate-and-fire neurons. snnTorch has `Leaky` neurons that do
not leak and reset by subtraction, the same weights, thresholds and biases, in a loop
over time steps. Accuracies and spikes are compared first.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import snntorch
import torch
from keras import layers
from measure import SHARED, InferenceStep, in_turn, ratio, report, spread

from ml_genn import Network, Population
from ml_genn_tf.converters import DataNorm, InputType

NUM_TRAIN, NUM_NORM = 8000, 200


def train(x: np.ndarray, y: np.ndarray) -> Any:
    """The ANN."""
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


class SnnTorch:
    """The converted network in snnTorch.

    Args:
        network: the network.
        x: a batch.
        steps: time steps of an example.
    """

    def __init__(self, network: Network, x: np.ndarray, steps: int) -> None:
        self.x, self.steps = torch.tensor(x), steps
        self.linear = [self._linear(p) for p in network.populations[1:]]
        self.neurons = [self._neuron(p) for p in network.populations[:-1]]

    def _linear(self, population: Population) -> torch.nn.Linear:
        (connection,) = (c() for c in population.incoming_connections)
        weight = torch.tensor(connection.connectivity.weight.T.astype(np.float32))
        made = torch.nn.Linear(weight.shape[1], weight.shape[0])
        made.weight.data = weight
        bias = np.broadcast_to(population.neuron.bias, made.bias.shape)
        made.bias.data = torch.tensor(bias.astype(np.float32))
        return made

    def _neuron(self, population: Population) -> snntorch.Leaky:
        threshold = float(population.neuron.v_thresh)
        # Its reset acts on what comes after a spike, as ours does, without delay.
        return snntorch.Leaky(
            beta=1.0, threshold=threshold, reset_mechanism="subtract", reset_delay=False
        )

    def predict(self) -> tuple[torch.Tensor, float]:
        """Potentials of the outputs, and spikes of an example."""
        with torch.no_grad():
            states = [neuron.init_leaky() for neuron in self.neurons]
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
        """Milliseconds of a batch."""
        start = time.perf_counter()
        self.predict()
        return 1e3 * (time.perf_counter() - start)


def parse_arguments() -> argparse.Namespace:
    """What the user asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--json", type=Path, help="where figures are written")
    return parser.parse_args()


def main() -> None:
    """Converts, compares, measures and prints."""
    args = parse_arguments()
    torch.set_num_threads(args.threads)
    keras.utils.set_random_seed(1)
    data = np.load(SHARED / "data" / "mnist10k.npz")
    x = data["images"].reshape(-1, 784).astype(np.float32) / 255.0
    y = data["labels"].astype(int)
    model = train(x[:NUM_TRAIN], y[:NUM_TRAIN])
    converter = DataNorm(args.steps, norm_data=x[:NUM_NORM], input_type=InputType.IF)
    batch = slice(NUM_TRAIN, NUM_TRAIN + args.batch)
    network, _, (output,), _ = converter.convert(model, validate=(x[batch], y[batch]))
    compiler = converter.create_compiler(
        batch_size=args.batch, num_threads=args.threads
    )
    compiled = compiler.compile(network)
    theirs = SnnTorch(network, x[batch], args.steps)
    found = compiled.predict(x[batch], callbacks=[])[0][output]
    potentials, spikes = theirs.predict()
    same = float(np.mean(found.argmax(1) == potentials.numpy().argmax(1)))
    print(f"snnTorch: {spikes:,.1f} spikes per inference; {100 * same:.1f} % agree.")

    subjects = {"ml_genn": InferenceStep(compiled, x[batch]), "snnTorch": theirs}
    times = in_turn(args.repeats, subjects)
    each = {name: [t / args.batch for t in taken] for name, taken in times.items()}
    rows = {
        name: {**spread(each[name]), "snnTorch / it": ratio(each["snnTorch"], taken)}
        for name, taken in each.items()
    }
    title = f"784-1200-1200-10, T = {args.steps}, batch {args.batch}: ms an image"
    report({title: rows}, args.json)


if __name__ == "__main__":
    main()
