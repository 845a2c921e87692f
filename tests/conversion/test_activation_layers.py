"""Activation functions and products are those of Keras, up to the last digit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conversion.keras_nets import L, keras, randomise

from ml_genn.errors import UnsupportedError
from ml_genn_tf.converters import DataNorm, FewSpike, InputType

IMAGE = (4, 4, 3)


def squeeze_and_excite(x: Any) -> Any:
    """Returns an image whose channels are weighted by a function of their means."""
    mean = L.GlobalAveragePooling2D(keepdims=True)(x)
    weight = L.Conv2D(3, 1, activation="sigmoid")(L.Dense(2, "silu")(mean))
    return L.Multiply()([x, weight])


def between(x: Any) -> Any:
    """Returns the largest and the smallest of two layers, and maxima of an image."""
    first, second = L.Conv2D(3, 1)(x), L.Conv2D(3, 1)(x)
    largest, smallest = L.Maximum()([first, second]), L.Minimum()([first, second])
    return L.Concatenate()([L.GlobalMaxPooling2D()(y) for y in (largest, smallest)])


def prelu(x: Any) -> Any:
    """Returns a rectifier with a slope of each channel."""
    slope = keras.initializers.RandomUniform(0.1, 0.9)
    return L.PReLU(slope, shared_axes=[1, 2])(L.Conv2D(4, 2)(x))


NAMES = (
    "elu",
    "gelu",
    "hard_sigmoid",
    "hard_silu",
    "hard_tanh",
    "leaky_relu",
    "mish",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "softplus",
    "softsign",
    "tanh",
)
#: {name: layers from an image to an output}
PARTS: dict[str, Any] = {
    **{n: lambda x, n=n: L.Conv2D(4, 2, activation=n)(x) for n in NAMES},
    "elu layer": lambda x: L.ELU(0.5)(L.Conv2D(4, 2)(x)),
    "leaky layer": lambda x: L.LeakyReLU(0.3)(L.Conv2D(4, 2)(x)),
    "largest": between,
    "prelu": prelu,
    "product": lambda x: L.Conv2D(2, 1)(x) * L.Conv2D(2, 1, activation="tanh")(x),
    "relu with slope": lambda x: L.ReLU(0.7, 0.2)(L.Conv2D(4, 2)(x)),
    "relu with threshold": lambda x: L.ReLU(threshold=0.1)(L.Conv2D(4, 2)(x)),
    "squeeze": squeeze_and_excite,
}


def all_parts() -> Any:
    """Returns a model whose outputs are a sum of the numbers of each part."""
    keras.utils.set_random_seed(4)
    inputs = keras.Input(IMAGE)
    # Dense layers read the codes of the parts, not their exact values.
    ends = [L.Dense(6)(L.Flatten()(part(inputs))) for part in PARTS.values()]
    return randomise(keras.Model(inputs, ends))


@pytest.fixture(scope="module")
def outputs() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Returns {part: (network's output, Keras' output)}."""
    model = all_parts()
    x = np.random.default_rng(2).random((20, *IMAGE)).astype(np.float32)
    converter = FewSpike(16, norm_data=x)
    network, _, populations, _ = converter.convert(model)
    compiled = converter.create_compiler(batch_size=20, num_threads=1).compile(network)
    values, _ = compiled.predict(x, callbacks=[])
    expected = model.predict(x, verbose=0)
    return {
        name: (values[p], e)
        for name, p, e in zip(PARTS, populations, expected, strict=True)
    }


@pytest.mark.parametrize("name", PARTS)
def test_values(name: str, outputs: Any) -> None:
    values, expected = outputs[name]
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(values, expected, atol=2e-3 * np.ptp(expected))


@pytest.mark.parametrize("name", ["leaky_relu", "hard_sigmoid", "prelu", "largest"])
def test_rates(name: str) -> None:
    keras.utils.set_random_seed(4)
    inputs = keras.Input(IMAGE)
    end = L.Dense(6)(L.Flatten()(PARTS[name](inputs)))
    model = randomise(keras.Model(inputs, end))
    x = np.random.default_rng(2).random((20, *IMAGE)).astype(np.float32)
    converter = DataNorm(400, norm_data=x, input_type=InputType.IF)
    network, _, (output,), _ = converter.convert(model)
    compiled = converter.create_compiler(batch_size=20).compile(network)
    values, _ = compiled.predict(x, callbacks=[])
    expected = model.predict(x, verbose=0)
    assert np.corrcoef(values[output].ravel(), expected.ravel())[0, 1] > 0.99


def test_rates_have_no_swish() -> None:
    model = keras.Sequential([keras.Input((4,)), L.Dense(3, "silu"), L.Dense(2)])
    with pytest.raises(UnsupportedError, match="no activation 'swish'"):
        DataNorm(10, norm_data=np.ones((3, 4))).convert(model)


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_outputs_of_rates_are_logits(activation: str) -> None:
    model = keras.Sequential([keras.Input((4,)), L.Dense(3, activation)])
    x = np.random.default_rng(2).random((10, 4))
    converter = DataNorm(500, norm_data=x, input_type=InputType.IF)
    network, _, (output,), _ = converter.convert(model)
    compiled = converter.create_compiler(batch_size=10).compile(network)
    values, _ = compiled.predict(x, callbacks=[])
    logits = x @ model.layers[0].get_weights()[0]
    assert np.corrcoef(values[output].ravel(), logits.ravel())[0, 1] > 0.999
