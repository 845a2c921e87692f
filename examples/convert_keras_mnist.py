"""Keras models of handwritten digits, converted to spiking networks.

A model is trained with Keras on four fifths of the digits and converted in one or more
ways; accuracies, spikes and expected losses of layers are printed.

Data: 10,000 digits of MNIST in the folder ``ML_GENN_SHARED``, or else scikit-learn's
8x8 digits, enlarged. ``--dataset FOLDER`` downloads all of MNIST from
OpenML.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import keras
import numpy as np
from keras import layers
from sklearn.datasets import fetch_openml, load_digits

from ml_genn_tf.converters import Converter, DataNorm, FewSpike, SpikeNorm

NUM_NORM = 200  # digits from which ranges and thresholds are computed
SHARED = Path(os.environ.get("ML_GENN_SHARED", Path(__file__).parents[2] / "shared"))


def normalised_convolution(x: Any, filters: int) -> Any:
    """Returns a 3x3 convolution with batch normalisation, without activation."""
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    return layers.BatchNormalization()(x)


def cnn(x: Any) -> Any:
    """Returns layers with biases, batch normalisation, maximum and average pooling."""
    x = layers.Conv2D(8, 5, strides=2, padding="same", activation="relu")(x)
    x = layers.ReLU()(normalised_convolution(x, 16))
    x = layers.MaxPooling2D(2)(x)
    x = layers.ReLU()(normalised_convolution(x, 32))
    x = layers.AveragePooling2D(2, padding="same")(x)
    x = layers.Dropout(0.2)(layers.Flatten()(x))
    x = layers.Dense(64, activation="relu")(x)
    return layers.Dense(10, activation="softmax")(x)


def vgg(x: Any) -> Any:
    """Returns pairs of convolutions, each followed by maximum pooling."""
    for filters in (8, 16):
        x = layers.ReLU()(normalised_convolution(x, filters))
        x = layers.ReLU()(normalised_convolution(x, filters))
        x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(64, activation="relu")(x)
    return layers.Dense(10, activation="softmax")(x)


def residual(x: Any) -> Any:
    """Returns two residual blocks."""
    x = layers.Conv2D(8, 5, strides=2, padding="same", activation="relu")(x)
    for filters, strides in ((8, 1), (16, 2)):
        skip = x
        if strides == 2:
            skip = layers.Conv2D(filters, 1, strides=2)(x)
            x = layers.AveragePooling2D(2)(x)
        x = normalised_convolution(
            layers.ReLU()(normalised_convolution(x, filters)), filters
        )
        x = layers.ReLU()(layers.Add()([x, skip]))
    x = layers.GlobalAveragePooling2D()(x)
    return layers.Dense(10, activation="softmax")(x)


MODELS: dict[str, Callable[[Any], Any]] = {"cnn": cnn, "vgg": vgg, "residual": residual}


def load(folder: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Returns images of 28 by 28 pixels from 0 to 255, and their digits."""
    shared = SHARED / "data" / "mnist10k.npz"
    if folder:
        try:
            mnist = fetch_openml("mnist_784", as_frame=False, data_home=folder)
        except OSError as error:
            sys.exit(f"No download of MNIST ({error}). Leave out --dataset.")
        return mnist.data.reshape(-1, 28, 28), mnist.target.astype(int)
    if shared.exists():
        data = np.load(shared)
        return data["images"], data["labels"].astype(int)
    images, labels = load_digits().images * (255 / 16), load_digits().target
    return np.pad(images.repeat(3, 1).repeat(3, 2), ((0, 0), (2, 2), (2, 2))), labels


def converters(args: argparse.Namespace, x: np.ndarray) -> dict[str, Converter]:
    """Returns the converters by name."""
    rates: dict[str, Any] = {"norm_data": x[:NUM_NORM], "input_type": "if"}
    return {
        "few-spike": FewSpike(args.k, norm_data=x[:NUM_NORM]),
        "data-norm": DataNorm(args.timesteps, **rates),
        "spike-norm": SpikeNorm(args.timesteps, **rates),
    }


def parse_arguments() -> argparse.Namespace:
    """Returns the arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", choices=MODELS, default="cnn")
    parser.add_argument("--converter", action="append", help="default: all of them")
    parser.add_argument("--k", type=int, default=8, help="digits of few-spike codes")
    parser.add_argument("--timesteps", type=int, default=500)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--dataset", type=Path, help="folder for all of MNIST")
    parser.add_argument("--examples", type=int, help="how many; default: all")
    parser.add_argument("--test", type=int, default=2000, help="digits to test with")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main() -> None:
    """Trains, converts and compares."""
    args = parse_arguments()
    keras.utils.set_random_seed(args.seed)
    images, y = (part[: args.examples] for part in load(args.dataset))
    x = images[..., None].astype(np.float32) / 255.0
    num_train = len(x) * 4 // 5
    inputs = keras.Input((28, 28, 1))
    model = keras.Model(inputs, MODELS[args.model](inputs))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x[:num_train], y[:num_train], epochs=args.epochs, verbose=2)

    test = slice(num_train, num_train + args.test)
    all_converters = converters(args, x)
    for name in args.converter or all_converters:
        start = perf_counter()
        print(f"\n{name}")
        all_converters[name].convert(model, validate=(x[test], y[test]))
        print(f"Converted and compared in {perf_counter() - start:.1f} s.")


if __name__ == "__main__":
    main()
