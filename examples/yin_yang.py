"""The Yin-Yang data set: points of a figure, each encoded by four spike times.

The first output that spikes is the predicted class; with ``--delays`` it is the output
with the largest mean voltage, and delays from inputs are learned, too. The data are
random points (Kriener, Goeltz and Petrovici, 2022), without a download.
"""

from __future__ import annotations

import argparse

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.compilers import EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import generate_yin_yang_dataset
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire, Neuron
from ml_genn.optimisers import Adam, ExponentialDecay
from ml_genn.synapses import Exponential

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--delays", action="store_true", help="learn delays, too")
parser.add_argument("--epochs", type=int, default=40)
parser.add_argument("--examples", type=int, default=3200, help="for training")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--threads", type=int, help="default: all processors")
args = parser.parse_args()

DT = 0.1  # [ms]
sizes = args.examples, args.examples // 4
(x, y), (x_test, y_test) = (
    generate_yin_yang_dataset(n, 20.0, 2.0, seed=args.seed + k)
    for k, n in enumerate(sizes)
)
output: Neuron = LeakyIntegrateFire(readout="first_spike_time")
hidden, last = Normal(1.5, 0.78), Normal(0.93, 0.1)
if args.delays:
    output, last = LeakyIntegrate(readout="avg_var"), Normal(0.0, 0.5)
with SequentialNetwork() as network:
    InputLayer("spike_input", 5)
    first = Layer(
        Dense(hidden),
        "leaky_integrate_fire",
        100,
        Exponential(5.0),
        max_delay_steps=100,
    )
    Layer(Dense(last), output, 3, Exponential(5.0))
rate = ExponentialDecay(0.003, sizes[0] // 32 * args.epochs, 0.1)
compiled = EventPropCompiler(
    300,
    "sparse_categorical_crossentropy",
    Adam(rate),
    dt=DT,
    ttfs_alpha=0.1,
    softmax_temperature=0.5,
    batch_size=32,
    rng_seed=args.seed,
    num_threads=args.threads,
    delay_learn_conns=[first] if args.delays else [],
    delay_optimiser=Adam(0.1),
).compile(network)
compiled.train(x, y, num_epochs=args.epochs)
metrics, _ = compiled.evaluate(x_test, y_test)
(accuracy,) = metrics.values()
print(f"Test accuracy: {100 * accuracy.result:.2f} %")
