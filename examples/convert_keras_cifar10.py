"""VGG-16 and ResNet-20 for small colour pictures, trained with Keras and converted.

Data: 10 synthetic kinds of shapes and colours; ``--dataset FOLDER`` downloads CIFAR-10
from OpenML. The published sizes are ``--filters=64`` for VGG-16 and ``--filters=16``
for ResNet-20; their training needs a GPU and some hundred epochs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers
from sklearn.datasets import fetch_openml

from ml_genn_tf.converters import Converter, DataNorm, FewSpike, SpikeNorm

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--model", choices=["vgg16", "resnet20"], default="resnet20")
parser.add_argument(
    "--converter", choices=["few-spike", "data-norm", "spike-norm"], default="few-spike"
)
parser.add_argument("--filters", type=int, default=8, help="of the first layers")
parser.add_argument("--k", type=int, default=10, help="digits of few-spike codes")
parser.add_argument("--timesteps", type=int, default=500, help="for rates")
parser.add_argument("--dataset", help="folder for CIFAR-10")
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--examples", type=int, help="how many; default: all")
parser.add_argument("--test", type=int, default=100, help="pictures to compare with")
parser.add_argument("--seed", type=int, default=1)
args = parser.parse_args()
keras.utils.set_random_seed(args.seed)
rng = np.random.default_rng(args.seed)


def shape(kind: int) -> np.ndarray:
    """Returns a disc, square, ring, cross or stripes in a warm or a cold colour."""
    form, warm = kind % 5, kind // 5
    y, x = np.mgrid[:32, :32] - rng.uniform(12, 20, (2, 1, 1))
    size, radius = rng.uniform(6, 10), np.hypot(x, y)
    inside = [
        radius < size,
        np.maximum(abs(x), abs(y)) < size,
        abs(radius - size) < 2,
        (np.minimum(abs(x), abs(y)) < 2) & (radius < size),
        (x % 6 < 3) & (radius < size),
    ][form]
    colour = rng.uniform(0.0, 0.4, 3)
    colour[0 if warm else 2] = rng.uniform(0.7, 1.0)
    return np.where(inside[..., None], colour, 0.5) + rng.normal(0, 0.05, (32, 32, 3))


def normalised_convolution(x: Any, filters: int, strides: int = 1) -> Any:
    """Returns a 3x3 convolution with batch normalisation, without activation."""
    x = layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)(x)
    return layers.BatchNormalization()(x)


def vgg16(x: Any) -> Any:
    """Returns 13 convolutions with pooling, and 3 dense layers (Simonyan 2015)."""
    for depth, factor in ((2, 1), (2, 2), (3, 4), (3, 8), (3, 8)):
        for _ in range(depth):
            x = layers.ReLU()(normalised_convolution(x, factor * args.filters))
        x = layers.AveragePooling2D(2)(x)
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Dense(8 * args.filters, activation="relu")(x)
    return layers.Dense(10, activation="softmax")(x)


def resnet20(x: Any) -> Any:
    """Returns nine residual blocks of two convolutions each (He et al. 2016)."""
    x = layers.ReLU()(normalised_convolution(x, args.filters))
    for factor in (1, 2, 4):
        for block in range(3):
            strides = 2 if factor > 1 and block == 0 else 1
            skip = x
            if strides == 2:
                skip = layers.Conv2D(factor * args.filters, 1, strides)(x)
            x = layers.ReLU()(normalised_convolution(x, factor * args.filters, strides))
            x = layers.Add()([normalised_convolution(x, factor * args.filters), skip])
            x = layers.ReLU()(x)
    x = layers.GlobalAveragePooling2D()(x)
    return layers.Dense(10, activation="softmax")(x)


if args.dataset:
    try:
        cifar = fetch_openml("CIFAR_10", as_frame=False, data_home=args.dataset)
    except OSError as error:
        parser.exit(1, f"No download of CIFAR-10 ({error}). Leave out --dataset.\n")
    x = cifar.data.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1) / 255.0
    y = cifar.target.astype(int)
else:
    y = rng.integers(0, 10, 2000)
    x = np.array([shape(kind) for kind in y]).clip(0.0, 1.0)
x, y = x[: args.examples].astype(np.float32), y[: args.examples]
num_train = len(x) * 5 // 6

inputs = keras.Input((32, 32, 3))
model = keras.Model(inputs, {"vgg16": vgg16, "resnet20": resnet20}[args.model](inputs))
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x[:num_train], y[:num_train], batch_size=32, epochs=args.epochs, verbose=2)

norm, test = x[: min(num_train, 200)], slice(num_train, num_train + args.test)
converters: dict[str, Callable[[], Converter]] = {
    "few-spike": lambda: FewSpike(args.k, norm_data=norm),
    "data-norm": lambda: DataNorm(args.timesteps, norm_data=norm, input_type="if"),
    "spike-norm": lambda: SpikeNorm(args.timesteps, norm_data=norm, input_type="if"),
}
converters[args.converter]().convert(model, validate=(x[test], y[test]))
