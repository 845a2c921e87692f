"""Converted models have the values of the model: rectified outputs, weights, calls."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import numpy as np
import pytest
from conversion.keras_nets import L, keras, randomise

from ml_genn.errors import UnsupportedError
from ml_genn_tf.converters import FewSpike

IMAGE = (4, 5, 2)


def with_lora(layer: Any) -> Any:
    """Returns a function that calls a layer and adds random low-rank weights."""

    def call(x: Any) -> Any:
        y = layer(x)
        layer.enable_lora(2)
        return y

    return call


def tf_relu() -> Any:
    """Returns TensorFlow's ReLU, or that of Keras with another backend."""
    if keras.backend.backend() != "tensorflow":
        return keras.ops.relu
    import tensorflow

    return tensorflow.nn.relu


#: {name: layers from an image to an output}
PARTS: dict[str, Any] = {
    "relu": lambda x: L.Conv2D(3, 2, activation="relu")(x),
    "function": lambda x: L.Conv2D(3, 2, activation=keras.activations.relu)(x),
    "keras.ops": lambda x: L.Conv2D(3, 2, activation=keras.ops.relu)(x),
    "tensorflow": lambda x: L.Conv2D(3, 2, activation=tf_relu())(x),
    "layer": lambda x: L.ReLU()(L.Conv2D(3, 2)(x)),
    "layer with a limit": lambda x: L.ReLU(0.2)(L.Conv2D(3, 2)(x)),
    "layer as activation": lambda x: L.Conv2D(3, 2, activation=L.ReLU(0.3))(x),
    "relu6": lambda x: L.Conv2D(3, 2, activation="relu6")(L.Rescaling(20.0)(x)),
    "flat": lambda x: L.Flatten()(L.Conv2D(3, 2, activation="relu")(x)),
    "maximum": lambda x: L.MaxPooling2D(2)(L.Conv2D(3, 2, activation="relu")(x)),
    "hidden": lambda x: L.Dense(3, "relu")(
        L.Flatten()(L.Conv2D(3, 2, activation="relu")(x))
    ),
    "LoRA, conv": lambda x: with_lora(L.Conv2D(3, 2, activation="relu"))(x),
    "LoRA, dense": lambda x: with_lora(L.Dense(4))(L.Flatten()(x)),
    "constraint": lambda x: L.Conv2D(3, 2, kernel_constraint="non_neg")(x),
    "train only": lambda x: L.Dropout(0.5)(
        L.GaussianNoise(1.0)(L.Conv2D(3, 2)(x), training=False)
    ),
    "mixed precision": lambda x: L.Conv2D(
        3, 2, activation="relu", dtype="mixed_float16"
    )(x),
    "half precision": lambda x: L.Conv2D(3, 2, dtype="bfloat16")(x),
}


@pytest.fixture(scope="module")
def outputs() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Returns {part: (network's output, Keras' output)} for inputs without rounding."""
    keras.utils.set_random_seed(3)
    rng = np.random.default_rng(3)
    inputs = keras.Input(IMAGE)
    ends = [part(inputs) for part in PARTS.values()]
    model = randomise(keras.Model(inputs, ends))
    for layer in model.layers:
        for weight in layer.weights:
            if "lora" in weight.path:
                weight.assign(rng.normal(0.0, 0.3, weight.shape))
    x = (rng.integers(0, 2**8, (10, *IMAGE)) / 2**8).astype(np.float32)
    converter = FewSpike(k=16, norm_data=x)
    network, _, populations, _ = converter.convert(model)
    compiled = converter.create_compiler(batch_size=10).compile(network)
    values, _ = compiled.predict(x, populations, callbacks=[])
    expected = model.predict(x, verbose=0)
    return {
        name: (
            np.asarray(values[p]),
            np.asarray(y, np.float32).reshape(values[p].shape),
        )
        for name, p, y in zip(PARTS, populations, expected, strict=True)
    }


@pytest.mark.parametrize("name", PARTS)
def test_outputs_are_those_of_the_model(name: str, outputs: Any) -> None:
    value, expected = outputs[name]
    precision = {"mixed precision": 2e-3, "half precision": 2e-2}.get(name, 2e-4)
    scale = float(np.abs(expected).max())
    assert scale > 0.1
    assert name in ("constraint", "train only", "half precision", "LoRA, dense") or (
        (expected == 0).any() or expected.max() in (np.float32(0.3), 6.0)
    )
    np.testing.assert_allclose(value, expected, rtol=0.0, atol=precision * scale)


def relu(x: Any) -> Any:
    """Returns what no ReLU returns."""
    return keras.ops.clip(x, 0.0, 0.3)


def sequential(*layers: Any, shape: Any = IMAGE) -> Any:
    return keras.Sequential([keras.Input(shape), *layers])


def called(layer: Any, **arguments: Any) -> Any:
    """Returns a model that calls a layer with more arguments than its input."""
    inputs = keras.Input(IMAGE)
    return keras.Model(inputs, L.Dense(2)(layer(L.Dense(3)(inputs), **arguments)))


def quantised() -> Any:
    model = sequential(L.Dense(4, "relu", name="few bits"), shape=(6,))
    with warnings.catch_warnings(action="ignore"):  # an Input has no weights
        model.quantize("int8")
    return model


def embedded() -> Any:
    return sequential(L.Embedding(5, 3, lora_rank=2), L.Flatten(), shape=(4,))


def batch_norm_of_rows() -> Any:
    data_format = {"data_format": "channels_first"}
    return sequential(L.Conv2D(2, 2, padding="same"), L.Flatten(**data_format))


REFUSED: dict[str, tuple[Any, str]] = {
    "own function": (
        lambda: sequential(L.Conv2D(2, 2, activation=relu)),
        r"activation 'relu' of '.*test_keras_values', no function of Keras, has no",
    ),
    "own function, as layer": (
        lambda: sequential(L.Dense(2), L.Activation(relu)),
        "no function of Keras, has no spiking form",
    ),
    "lambda": (
        lambda: sequential(L.Dense(2, activation=lambda x: keras.ops.relu(x))),
        "activation '<lambda>'",
    ),
    "partial": (
        lambda: sequential(
            L.Dense(2, activation=partial(keras.activations.relu, max_value=0.5))
        ),
        "has no spiking form",
    ),
    "no values": (lambda: sequential(L.ReLU(max_value=0.0)), "is always zero"),
    "dropout in inference": (
        lambda: called(L.Dropout(0.5), training=True),
        r"\(Dropout\): it is called with training=True",
    ),
    "batch norm in training mode": (
        lambda: called(L.BatchNormalization(), training=True),
        r"\(BatchNormalization\): it is called with training=True",
    ),
    "model in training mode": (
        lambda: called(
            keras.Sequential([keras.Input((4, 5, 3)), L.Dropout(0.5)]), training=True
        ),
        "it is called with training=True",
    ),
    "quantised": (quantised, "'few bits' .Dense.: its weights are quantised"),
    "LoRA of an embedding": (embedded, "Embedding.: there is no rule"),
    "channels first": (batch_norm_of_rows, "data_format='channels_first'"),
    "divisor": (lambda: called(lambda x: 2.0 / x), "a signal is no divisor"),
    "lambda layer": (
        lambda: sequential(L.Lambda(lambda x: 2 * x), L.Dense(2)),
        "Lambda.: there is no rule",
    ),
    "masking": (
        lambda: sequential(L.Masking(), L.Dense(2), shape=(3, 4)),
        "Masking.: there is no rule",
    ),
    "wrapper": (
        lambda: sequential(L.SpectralNormalization(L.Dense(2))),
        "SpectralNormalization.: there is no rule",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_models_that_have_no_spiking_form(name: str) -> None:
    make, message = REFUSED[name]
    with pytest.raises(UnsupportedError, match=message):
        FewSpike().convert(make())
