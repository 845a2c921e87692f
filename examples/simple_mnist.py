"""A trained network of rectified units, run as integrate-and-fire neurons.

scikit-learn trains the units. Their values become firing rates, so weights are divided
by the largest values. Data: scikit-learn's 8x8 digits; ``--dataset FOLDER``
downloads MNIST from OpenML.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
from sklearn.datasets import fetch_openml, load_digits
from sklearn.neural_network import MLPClassifier

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.compilers import InferenceCompiler
from ml_genn.connectivity import Dense
from ml_genn.neurons import IntegrateFire, IntegrateFireInput

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--dataset", help="folder for MNIST")
parser.add_argument("--epochs", type=int, default=100, help="of the rectified units")
parser.add_argument("--examples", type=int, help="how many; default: all")
parser.add_argument("--steps", type=int, default=100, help="time steps of an example")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--threads", type=int, help="default: all processors")
args = parser.parse_args()

if args.dataset:
    try:
        x, y = fetch_openml(
            "mnist_784", return_X_y=True, as_frame=False, data_home=args.dataset
        )
    except OSError as error:
        parser.exit(1, f"No download of MNIST ({error}). Leave out --dataset.\n")
else:
    x, y = load_digits(return_X_y=True)
x = np.pad(
    x / x.max(), [(0, 0), (0, 1)], constant_values=1.0
)  # the last input is for biases
x, y = x[: args.examples].astype(np.float32), y[: args.examples].astype(int)
num_train = len(x) * 4 // 5

units = MLPClassifier(128, max_iter=args.epochs, random_state=args.seed)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # about more epochs
    units.fit(x[:num_train], y[:num_train])
first, second = units.coefs_
first = first + np.eye(len(first))[:, -1:] * units.intercepts_[0]
rates = np.maximum(x[:num_train] @ first, 0.0)
first /= (largest := np.percentile(rates, 99.9))
second *= largest / np.percentile(rates @ second, 99.9)

with SequentialNetwork() as network:
    InputLayer(IntegrateFireInput(v_thresh=1.0), x.shape[1])
    Layer(Dense(first), IntegrateFire(v_thresh=1.0), 128)
    Layer(Dense(second), IntegrateFire(v_thresh=1.0, readout="spike_count"), 10)
compiled = InferenceCompiler(
    args.steps, batch_size=128, num_threads=args.threads
).compile(network)
metrics, _ = compiled.evaluate(x[num_train:], y[num_train:])
(accuracy,) = metrics.values()
unit_accuracy = units.score(x[num_train:], y[num_train:])
print(f"Rectified units: {100 * unit_accuracy:.2f} %")
print(f"Test accuracy: {100 * accuracy.result:.2f} %")
