"""Keras models with numbers that were not trained, for tests of conversion."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

# Small nets gain nothing from threads, which wait for each other on a busy machine.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
keras = pytest.importorskip("keras", reason="needs keras (extra 'tf')")
L = keras.layers


def settle(model: Any, seed: int = 0) -> Any:
    """The same model, with biases and statistics of batch normalisation."""
    rng = np.random.default_rng(seed)
    for layer in inner_layers(model):
        name = type(layer).__name__
        weights = layer.get_weights()
        if name == "BatchNormalization":
            size = weights[-1].shape
            spread = [rng.uniform(0.5, 1.5, size), rng.normal(0, 0.2, size)]
            known = [rng.normal(0, 0.3, size), rng.uniform(0.3, 1.5, size)]
            layer.set_weights([*spread[: len(weights) - 2], *known])
        elif getattr(layer, "use_bias", False):
            bias = rng.normal(0, 0.1, weights[-1].shape)
            layer.set_weights([*weights[:-1], bias])
    return model


def inner_layers(model: Any) -> Iterator[Any]:
    """Layers, those of models inside, too."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from inner_layers(layer)
        else:
            yield layer


def normed(x: Any, filters: int) -> Any:
    """A convolution and batch normalisation."""
    x = L.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    return L.BatchNormalization()(x)


def residual(shape: tuple[int, ...] = (8, 8, 1)) -> Any:
    """A network with a connection that skips a block."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input(shape)
    first = L.ReLU(name="first")(normed(inputs, 6))
    x = L.ReLU(name="inside")(normed(first, 6))
    x = L.ReLU(name="added")(L.Add()([normed(x, 6), first]))
    skip = L.Conv2D(8, 1, strides=2)(x)
    x = L.ReLU(name="narrow")(L.Conv2D(8, 3, strides=2, padding="same")(x))
    x = L.ReLU(name="second")(L.Add()([L.Conv2D(8, 3, padding="same")(x), skip]))
    x = L.GlobalAveragePooling2D()(x)
    return settle(keras.Model(inputs, L.Dense(10, activation="softmax")(x)))


def vgg(shape: tuple[int, ...] = (8, 8, 1)) -> Any:
    """Pairs of convolutions, pooling, dense layers."""
    keras.utils.set_random_seed(1)
    x = inputs = keras.Input(shape)
    for filters, pool in ((6, L.MaxPooling2D(2)), (8, L.AveragePooling2D(2))):
        x = L.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = pool(L.ReLU()(normed(x, filters)))
    x = L.Dropout(0.5)(L.Flatten()(x))
    x = L.Dense(20, activation="relu")(x)
    return settle(keras.Model(inputs, L.Dense(10)(x)))
