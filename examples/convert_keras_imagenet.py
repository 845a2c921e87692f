"""VGG-16 and ResNet-34 for large colour pictures, converted to spiking networks.

Data: synthetic stripes, on which narrow models of the same layers are trained.
``--dataset FOLDER`` reads pictures, with a subfolder for each class, for models of the
published sizes. ImageNet's pictures are behind a login at image-net.org; its subfolders
are n01440764 to n15075141. ``--weights imagenet`` downloads those of VGG-16, for all
1,000 subfolders (they may be empty); Keras has none of ResNet-34. VGG-16 becomes 15
million neurons: begin with ``--norm=4 --test=4``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from ml_genn_tf.converters import Converter, DataNorm, FewSpike, SpikeNorm

MEAN, DEVIATION = np.array([123.68, 116.779, 103.939]), 58.0  # of red, green and blue
VGG16_FILE = "vgg16_weights_tf_dim_ordering_tf_kernels.h5"

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--model", choices=["vgg16", "resnet34"], default="resnet34")
parser.add_argument(
    "--converter", choices=["few-spike", "data-norm", "spike-norm"], default="few-spike"
)
parser.add_argument("--filters", type=int, help="of the first layer: 8; published: 64")
parser.add_argument("--size", type=int, help="of pictures: 64; published: 224")
parser.add_argument("--k", type=int, default=10, help="digits of few-spike codes")
parser.add_argument("--timesteps", type=int, default=500, help="for rates")
parser.add_argument("--dataset", type=Path, help="folder of folders of pictures")
parser.add_argument(
    "--weights", help="'imagenet', or x.weights.h5: read, or else trained and written"
)
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument(
    "--examples", type=int, default=2000, help="synthetic, for training"
)
parser.add_argument("--norm", type=int, default=100, help="pictures for the thresholds")
parser.add_argument("--test", type=int, default=100, help="pictures to compare with")
parser.add_argument("--seed", type=int, default=1)
args = parser.parse_args()
filters = args.filters or (64 if args.dataset else 8)
size = args.size or (224 if args.dataset else 64)
keras.utils.set_random_seed(args.seed)
rng = np.random.default_rng(args.seed)


def stripes(number: int, kinds: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Returns stripes of two colours, 6 to 12 pixels wide, and their directions."""
    y = rng.integers(0, kinds, number)
    angle, phase = np.pi * y / kinds, rng.uniform(0, 2 * np.pi, number)
    wave = 2 * np.pi / rng.uniform(6, 12, number)
    rows, columns = np.mgrid[:size, :size, :1, :1][:2]
    along = np.cos(angle) * columns + np.sin(angle) * rows
    first, second = rng.uniform(0, 255, (2, 3, number))
    x = np.where(np.sin(wave * along + phase) > 0, first, second)
    return np.moveaxis(x, -1, 0).astype(np.float32), y


def normalised_convolution(
    x: Any, filters: int, size: int = 3, strides: int = 1
) -> Any:
    """Returns a convolution with batch normalisation, without activation."""
    x = layers.Conv2D(filters, size, strides, padding="same", use_bias=False)(x)
    return layers.BatchNormalization(momentum=0.9)(x)


def vgg16(x: Any) -> Any:
    """Returns 13 convolutions with pooling, and 2 dense layers (Simonyan 2015)."""
    rectified: dict[str, Any] = {
        "activation": "relu",
        "kernel_initializer": "he_normal",
    }
    for depth, factor in ((2, 1), (2, 2), (3, 4), (3, 8), (3, 8)):
        for _ in range(depth):
            x = layers.Conv2D(factor * filters, 3, padding="same", **rectified)(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Dense(64 * filters, **rectified)(x)
    return x


def resnet34(x: Any) -> Any:
    """Returns 16 residual blocks of two convolutions each (He et al. 2016)."""
    x = layers.ReLU()(normalised_convolution(x, filters, 7, 2))
    x = layers.MaxPooling2D(3, 2, padding="same")(x)
    for depth, factor in ((3, 1), (4, 2), (6, 4), (3, 8)):
        for block in range(depth):
            strides = 2 if factor > 1 and block == 0 else 1
            skip = (
                normalised_convolution(x, factor * filters, 1, 2) if strides == 2 else x
            )
            x = layers.ReLU()(normalised_convolution(x, factor * filters, 3, strides))
            x = layers.Add()([normalised_convolution(x, factor * filters), skip])
            x = layers.ReLU()(x)
    return layers.GlobalAveragePooling2D()(x)


def imagenet_weights() -> list[np.ndarray]:
    """Returns VGG-16's weights, the first layer's for our order and range of colours.

    The published weights are for blue first and numbers up to 255.
    """
    try:
        network = keras.applications.VGG16(weights="imagenet")
        weights: list[np.ndarray] = network.get_weights()
    except Exception as error:
        parser.exit(
            1, f"No download ({error}). Put {VGG16_FILE} in ~/.keras/models/.\n"
        )
    weights[0] = DEVIATION * weights[0][:, :, ::-1]
    return weights


def first(pictures: Any, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the first pictures and their classes."""
    x, y = zip(*pictures.unbatch().take(number).as_numpy_iterator(), strict=True)
    return np.array(x), np.array(y)


train: tuple[Any, ...]
if args.dataset:
    try:
        parts = keras.utils.image_dataset_from_directory(
            args.dataset,
            image_size=(size, size),
            crop_to_aspect_ratio=True,
            validation_split=0.2,
            subset="both",
            seed=args.seed,
        )
    except (OSError, ValueError) as error:
        folders = f"{args.dataset}/CLASS/PICTURE.jpg (or .png, .bmp, .gif)"
        parser.exit(1, f"No pictures ({error}). Put them in {folders}.\n")
    classes = len(parts[0].class_names)
    train, norm, test = (
        parts[:1],
        first(parts[0], args.norm)[0],
        first(parts[1], args.test),
    )
else:
    x, y = stripes(args.examples)
    train, norm, test, classes = (x, y), x[: args.norm], stripes(args.test), 8

inputs = keras.Input((size, size, 3))
x = layers.Rescaling(1 / DEVIATION, list(-MEAN / DEVIATION))(inputs)
x = {"vgg16": vgg16, "resnet34": resnet34}[args.model](x)
model = keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))
if args.weights == "imagenet":
    if (args.model, filters, size, classes) != ("vgg16", 64, 224, 1000):
        parser.exit(
            1,
            "Weights of ImageNet are for --model=vgg16, 64 filters, pictures of 224 "
            "pixels and a --dataset with 1,000 subfolders, n01440764 to n15075141 "
            f"(they may be empty). Received {args.model}, {filters} filters, {size} "
            f"pixels and {classes} classes.\n",
        )
    model.set_weights(imagenet_weights())
elif args.weights and Path(args.weights).exists():
    model.load_weights(args.weights)
else:
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(*train, epochs=args.epochs, verbose=2)
    if args.weights:
        model.save_weights(args.weights)

converters: dict[str, Callable[[], Converter]] = {
    "few-spike": lambda: FewSpike(args.k, norm_data=norm),
    "data-norm": lambda: DataNorm(args.timesteps, norm_data=norm, input_type="if"),
    "spike-norm": lambda: SpikeNorm(args.timesteps, norm_data=norm, input_type="if"),
}
converters[args.converter]().convert(model, validate=test)
