"""Keras models of handwritten digits, converted to spiking networks.

10,000 digits of MNIST, the last 2,000 of them for testing. A model is trained with
Keras and converted in one or more ways; accuracies, spikes and what layers lose are
printed.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import keras
import numpy as np
from keras import layers

from ml_genn_tf.converters import Converter, DataNorm, FewSpike, SpikeNorm

NUM_TRAIN = 8000
NUM_NORM = 200  # digits that ranges and thresholds are chosen by
SHARED = Path(os.environ.get("ML_GENN_SHARED", Path(__file__).parents[2] / "shared"))
DATA = SHARED / "data" / "mnist10k.npz"


def normed(x: Any, filters: int) -> Any:
    """A convolution of 3 by 3 pixels and batch normalisation, without activation."""
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    return layers.BatchNormalization()(x)


def cnn(x: Any) -> Any:
    """Biases, batch normalisation, maximum and average pooling."""
    x = layers.Conv2D(8, 5, strides=2, padding="same", activation="relu")(x)
    x = layers.ReLU()(normed(x, 16))
    x = layers.MaxPooling2D(2)(x)
    x = layers.ReLU()(normed(x, 32))
    x = layers.AveragePooling2D(2, padding="same")(x)
    x = layers.Dropout(0.2)(layers.Flatten()(x))
    x = layers.Dense(64, activation="relu")(x)
    return layers.Dense(10, activation="softmax")(x)


def vgg(x: Any) -> Any:
    """Convolutions in pairs, maximum pooling after each."""
    for filters in (8, 16):
        x = layers.ReLU()(normed(x, filters))
        x = layers.ReLU()(normed(x, filters))
        x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(64, activation="relu")(x)
    return layers.Dense(10, activation="softmax")(x)


def residual(x: Any) -> Any:
    """Two blocks with connections that skip them."""
    x = layers.Conv2D(8, 5, strides=2, padding="same", activation="relu")(x)
    for filters, strides in ((8, 1), (16, 2)):
        skip = x
        if strides == 2:
            skip = layers.Conv2D(filters, 1, strides=2)(x)
            x = layers.AveragePooling2D(2)(x)
        x = normed(layers.ReLU()(normed(x, filters)), filters)
        x = layers.ReLU()(layers.Add()([x, skip]))
    x = layers.GlobalAveragePooling2D()(x)
    return layers.Dense(10, activation="softmax")(x)


MODELS: dict[str, Callable[[Any], Any]] = {"cnn": cnn, "vgg": vgg, "residual": residual}


def converters(args: argparse.Namespace, x: np.ndarray) -> dict[str, Converter]:
    """The ways that a model is converted."""
    rates = {"norm_data": x[:NUM_NORM], "input_type": "if"}
    return {
        "few-spike": FewSpike(args.k, norm_data=x[:NUM_NORM]),
        "data-norm": DataNorm(args.timesteps, **rates),
        "spike-norm": SpikeNorm(args.timesteps, **rates),
    }


def parse_arguments() -> argparse.Namespace:
    """What the user asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", choices=MODELS, default="cnn")
    parser.add_argument("--converter", action="append", help="default: all of them")
    parser.add_argument("--k", type=int, default=8, help="digits of few-spike codes")
    parser.add_argument("--timesteps", type=int, default=500)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--test", type=int, default=2000, help="digits to test with")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, default=DATA)
    return parser.parse_args()


def main() -> None:
    """Trains, converts and compares."""
    args = parse_arguments()
    keras.utils.set_random_seed(args.seed)
    data = np.load(args.data)
    x = data["images"][..., None].astype(np.float32) / 255.0
    y = data["labels"].astype(int)
    inputs = keras.Input((28, 28, 1))
    model = keras.Model(inputs, MODELS[args.model](inputs))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x[:NUM_TRAIN], y[:NUM_TRAIN], epochs=args.epochs, verbose=2)

    test = slice(NUM_TRAIN, NUM_TRAIN + args.test)
    known = converters(args, x)
    for name in args.converter or known:
        start = perf_counter()
        print(f"\n{name}")
        known[name].convert(model, validate=(x[test], y[test]))
        print(f"Converted and compared in {perf_counter() - start:.1f} s.")


if __name__ == "__main__":
    main()
