"""Keras models with random parameters, for tests of conversion."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

# Threads do not speed up small networks, and slow them down on a busy machine.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
keras = pytest.importorskip("keras", reason="needs keras (extra 'tf')")
L = keras.layers


def randomise(model: Any, seed: int = 0) -> Any:
    """Sets random biases and statistics of batch normalisation; returns the model."""
    rng = np.random.default_rng(seed)
    for layer in inner_layers(model):
        name = type(layer).__name__
        weights = layer.get_weights()
        if name == "BatchNormalization":
            size = weights[-1].shape
            gamma_beta = [rng.uniform(0.5, 1.5, size), rng.normal(0, 0.2, size)]
            statistics = [rng.normal(0, 0.3, size), rng.uniform(0.3, 1.5, size)]
            layer.set_weights([*gamma_beta[: len(weights) - 2], *statistics])
        elif getattr(layer, "use_bias", False):
            bias = rng.normal(0, 0.1, weights[-1].shape)
            layer.set_weights([*weights[:-1], bias])
    return model


def inner_layers(model: Any) -> Iterator[Any]:
    """Yields the layers of a model and of models inside it."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from inner_layers(layer)
        else:
            yield layer


def normalised_conv(x: Any, filters: int) -> Any:
    """Returns a convolution with batch normalisation."""
    x = L.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    return L.BatchNormalization()(x)


def residual(shape: tuple[int, ...] = (8, 8, 1)) -> Any:
    """Returns a residual network: one connection skips a block."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input(shape)
    first = L.ReLU(name="first")(normalised_conv(inputs, 6))
    x = L.ReLU(name="inside")(normalised_conv(first, 6))
    x = L.ReLU(name="added")(L.Add()([normalised_conv(x, 6), first]))
    skip = L.Conv2D(8, 1, strides=2)(x)
    x = L.ReLU(name="narrow")(L.Conv2D(8, 3, strides=2, padding="same")(x))
    x = L.ReLU(name="second")(L.Add()([L.Conv2D(8, 3, padding="same")(x), skip]))
    x = L.GlobalAveragePooling2D()(x)
    return randomise(keras.Model(inputs, L.Dense(10, activation="softmax")(x)))


def vgg(shape: tuple[int, ...] = (8, 8, 1)) -> Any:
    """Returns a network in the style of VGG: convolutions, pooling, dense layers."""
    keras.utils.set_random_seed(1)
    x = inputs = keras.Input(shape)
    for filters, pool in ((6, L.MaxPooling2D(2)), (8, L.AveragePooling2D(2))):
        x = L.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = pool(L.ReLU()(normalised_conv(x, filters)))
    x = L.Dropout(0.5)(L.Flatten()(x))
    x = L.Dense(20, activation="relu")(x)
    return randomise(keras.Model(inputs, L.Dense(10)(x)))
