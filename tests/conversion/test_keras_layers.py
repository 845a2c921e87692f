"""Converted Keras layers compute what Keras computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conversion.keras_nets import L, keras, randomise

from ml_genn_tf.converters import FewSpike
from ml_genn_tf.graph import rectified
from ml_genn_tf.tracing import trace
from ml_genn_tf.units import make_units

IMAGE = (6, 7, 4)


def bn_pad_conv(x: Any) -> Any:
    """Returns layers whose fused bias would differ at the edges of the image."""
    x = L.ZeroPadding2D(((1, 2), (0, 1)))(L.BatchNormalization()(x))
    return L.Conv2D(3, 3, strides=2)(x)


def nested(x: Any) -> Any:
    """Returns a model inside another."""
    inner = keras.Sequential([keras.Input(IMAGE), L.Conv2D(5, 2), L.Flatten()])
    return L.Dense(4)(inner(x))


def concatenated_images(x: Any) -> Any:
    """Returns the convolution of two concatenated images."""
    both = L.Concatenate()([L.Conv2D(2, 3)(x), L.AveragePooling2D(3, 1)(x)])
    return L.Conv2D(3, 2)(L.BatchNormalization()(both))


def concatenated_vectors(x: Any) -> Any:
    """Returns a dense layer of two concatenated vectors."""
    x = L.Flatten()(x)
    return L.Dense(4)(L.Concatenate(axis=1)([L.Dense(3)(x), x]))


def operations(x: Any) -> Any:
    """Returns operations of tensors and constants."""
    y = L.Conv2D(4, 1)(x)
    return -(2.0 - y) / 4.0 + (y + 1.0 - x) * np.arange(4.0) + y * 0.5


def normalised(x: Any) -> Any:
    """Returns the input with another mean and variance for each channel."""
    mean, variance = np.arange(4.0), np.arange(1.0, 5.0)
    return L.Normalization(mean=mean, variance=variance)(x)


def called_twice(x: Any) -> Any:
    """Returns a layer's output for its own output."""
    layer = L.Conv2D(4, 3, padding="same")
    return layer(layer(x))


def broadcast_sum(x: Any) -> Any:
    """Returns the sum of an image, its mean and one row."""
    mean = L.GlobalAveragePooling2D(keepdims=True)(x)
    return L.Add()([x, mean, L.Cropping2D(((2, 3), (0, 0)))(x)])


#: {name: layers from an image to an output}
PARTS: dict[str, Any] = {
    "activation": lambda x: L.Activation("linear")(L.Conv2D(2, 2)(x)),
    "add": lambda x: L.Add()([L.Conv2D(4, 3, padding="same")(x), x]),
    "average": lambda x: L.AveragePooling2D(2)(x),
    "average of layers": lambda x: L.Average()([x, L.Conv2D(4, 1)(x)]),
    "average, conv": lambda x: L.Conv2D(3, 2)(L.AveragePooling2D(2)(x)),
    "average, dense": lambda x: L.Dense(3)(L.Flatten()(L.AveragePooling2D(2)(x))),
    "average, overlapping": lambda x: L.Conv2D(3, 2)(L.AveragePooling2D(3, 2)(x)),
    "average, same": lambda x: L.AveragePooling2D(3, 2, padding="same")(x),
    "batch norm": lambda x: L.BatchNormalization()(x),
    "batch norm of flat": lambda x: L.BatchNormalization(scale=False)(L.Flatten()(x)),
    "batch norm, conv": bn_pad_conv,
    "broadcast": broadcast_sum,
    "called twice": called_twice,
    "concatenate": concatenated_images,
    "concatenate, flat": concatenated_vectors,
    "conv": lambda x: L.Conv2D(3, (3, 2), use_bias=False)(x),
    "conv, dilated": lambda x: L.Conv2D(3, 2, dilation_rate=(3, 2), padding="same")(x),
    "conv, groups": lambda x: L.Conv2D(6, 2, groups=2)(x),
    "conv, same": lambda x: L.Conv2D(3, 3, strides=2, padding="same")(x),
    "cropping": lambda x: L.Conv2D(2, 2)(L.Cropping2D(((1, 0), (2, 1)))(x)),
    "dense": lambda x: L.Dense(5)(L.Flatten()(x)),
    "dense of channels": lambda x: L.Dense(5)(x),
    "dense of rows": lambda x: L.Dense(3)(L.Reshape((6, 28))(x)),
    "depthwise": lambda x: L.DepthwiseConv2D(3, depth_multiplier=2)(x),
    "dropout": lambda x: L.Dropout(0.5)(L.GaussianNoise(1.0)(L.Conv2D(2, 2)(x))),
    "global average": lambda x: L.Dense(3)(L.GlobalAveragePooling2D()(x)),
    "nested": nested,
    "normalization": normalised,
    "operations": operations,
    "permute": lambda x: L.Dense(3)(L.Permute((3, 1, 2))(x)),
    "rescaling": lambda x: L.Conv2D(2, 2)(L.Rescaling(2.0, -1.0)(x)),
    "reshape": lambda x: L.Conv2D(3, 2)(L.Reshape((7, 3, 8))(x)),
    "separable": lambda x: L.SeparableConv2D(5, 3, depth_multiplier=2)(x),
    "subtract": lambda x: L.Subtract()([x, L.Conv2D(4, 1)(x)]),
    "transposed": lambda x: L.Conv2DTranspose(3, 3, strides=2)(x),
    "transposed, same": lambda x: L.Conv2DTranspose(3, 3, 2, padding="same")(x),
    "up sampling": lambda x: L.Conv2D(2, 2)(L.UpSampling2D((2, 3))(x)),
}


@pytest.fixture(scope="module")
def outputs() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Returns {part: (network's output, Keras' output)} for inputs without rounding."""
    inputs = keras.Input(IMAGE)
    ends = [part(inputs) for part in PARTS.values()]
    model = randomise(keras.Model(inputs, ends))
    x = np.random.default_rng(2).integers(0, 256, (4, *IMAGE)) / 256
    converter = FewSpike(8, alpha=1.0)
    network, _, populations, _ = converter.convert(model)
    compiled = converter.create_compiler(batch_size=4, num_threads=1).compile(network)
    values, _ = compiled.predict(x, callbacks=[])
    expected = [np.asarray(e) for e in model.predict(x, verbose=0)]
    return {
        name: (values[p].reshape(e.shape), e)
        for name, p, e in zip(PARTS, populations, expected, strict=True)
    }


@pytest.mark.parametrize("name", PARTS)
def test_layers(name: str, outputs: Any) -> None:
    """The output of the network is that of Keras."""
    if name == "average, same" and keras.backend.backend() == "torch":
        pytest.skip("Keras with torch repeats pixels at the edges of means")
    values, expected = outputs[name]
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-4)


def relu_before_pooling(x: Any) -> Any:
    """Returns max pooling of average pooling of rectified activations."""
    return L.MaxPooling2D(2)(L.AveragePooling2D(2, 1)(L.ReLU()(L.Conv2D(3, 2)(x))))


#: {name: (layers with activations, number of populations)}
ACTIVATIONS: dict[str, tuple[Any, int]] = {
    "relu": (lambda x: L.Conv2D(3, 2, activation="relu")(x), 1),
    "relu twice": (lambda x: L.ReLU()(L.Conv2D(3, 2, activation="relu")(x)), 1),
    "relu of a flat image": (lambda x: L.ReLU()(L.Flatten()(L.Conv2D(3, 2)(x))), 1),
    "relu6": (lambda x: L.ReLU(max_value=0.5)(L.Conv2D(3, 2)(x)), 1),
    "max": (lambda x: L.MaxPooling2D(2)(L.Conv2D(3, 2, activation="relu")(x)), 2),
    "max, same": (lambda x: L.MaxPooling2D(3, 2, padding="same")(L.ReLU()(x)), 2),
    "max, then relu": (
        lambda x: L.ReLU()(L.MaxPooling2D((2, 1))(L.Conv2D(3, 2)(x))),
        2,
    ),
    "max of averages": (relu_before_pooling, 3),
    "image of flat": (
        lambda x: L.Conv2D(2, 2, activation="relu")(
            L.Reshape((3, 4, 2))(L.Dense(24, activation="relu")(L.Flatten()(x)))
        ),
        2,
    ),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name: str) -> None:
    """Units have Keras' activations, and there are as few as possible."""
    part, populations = ACTIVATIONS[name]
    inputs = keras.Input(IMAGE)
    model = randomise(keras.Model(inputs, part(inputs)))
    ann = trace(model, lambda layer: None)
    units = make_units(ann)
    assert len(units.all) == 1 + populations
    x = np.random.default_rng(2).normal(size=(4, *IMAGE)).astype(np.float32)
    (end,) = units.outputs
    actual, expected = units.values([x])[end], model.predict(x, verbose=0)
    assert rectified(ann.outputs[0])
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(actual.reshape(expected.shape), expected, atol=1e-5)
    assert units.layers[model.layers[-1]] is end


def test_kinds_of_connectivity() -> None:
    """Chains of common layers become convolutions or dense matrices, no lists."""
    x = inputs = keras.Input((12, 12, 2))
    x = L.ReLU()(L.BatchNormalization()(L.Conv2D(4, 3, use_bias=False)(x)))
    x = L.SeparableConv2D(6, 3, activation="relu")(L.ZeroPadding2D(1)(x))
    x = L.Conv2D(6, 2, activation="relu")(L.AveragePooling2D(2)(x))
    x = L.Reshape((2, 2, 6))(L.Dense(24, activation="relu")(L.Flatten()(x)))
    x = L.Conv2DTranspose(3, 3, strides=2, activation="relu")(x)
    x = L.DepthwiseConv2D(2, activation="relu")(x)
    x = L.Dense(5)(L.Flatten()(L.AveragePooling2D(2)(x)))
    network, *_ = FewSpike().convert(randomise(keras.Model(inputs, x)))
    assert [type(c.connectivity).__name__ for c in network.connections] == [
        "Conv2D",
        "Conv2D",
        "AvgPoolConv2D",
        "Dense",
        "Conv2DTranspose",
        "DepthwiseConv2D",
        "AvgPoolDense2D",
    ]
