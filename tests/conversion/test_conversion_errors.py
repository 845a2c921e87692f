"""Errors for models and arguments that cannot be converted name a remedy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conversion.keras_nets import L, keras

from ml_genn.errors import UnknownNameError, UnsupportedError, ValidationError
from ml_genn_tf.converters import DataNorm, FewSpike, InputType, Simple, SpikeNorm

IMAGE = (6, 6, 2)


def sequential(*layers: Any, shape: Any = IMAGE) -> Any:
    """Returns a sequential model of layers."""
    return keras.Sequential([keras.Input(shape), *layers])


def powered() -> Any:
    """Returns a model with an operation that has no rule."""
    inputs = keras.Input((4,))
    return keras.Model(inputs, L.Dense(4)(inputs) ** 3)


def unused() -> Any:
    """Returns a model with an input that leads to no output."""
    inputs = [keras.Input((4,)), keras.Input((4,))]
    return keras.Model(inputs, L.Dense(2)(inputs[0]))


class Subclass(keras.Model):
    """Model whose ``call`` is code."""

    def call(self, x: Any) -> Any:
        """Returns twice the input."""
        return 2 * x


class Mine(L.Dense):
    """Layer of a user."""


def soft() -> Any:
    """Returns a model with a softmax between layers."""
    return sequential(L.Flatten(), L.Dense(3, "softmax", name="soft"), L.Dense(2))


def not_built() -> Any:
    """Returns a model without Input, which is not built."""
    return keras.Sequential([L.Dense(2)], name="open")


MODELS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "activation": (
        lambda: sequential(L.Conv2D(2, 2, activation="log_softmax", name="c")),
        UnsupportedError,
        r"Layer 'c' \(Conv2D\): activation 'log_softmax' has no spiking form.*'relu'",
    ),
    "layer": (
        lambda: sequential(L.LayerNormalization(name="norm")),
        UnsupportedError,
        r"Layer 'norm' \(LayerNormalization\): .*of the example itself.*Use Batch",
    ),
    "unknown layer": (
        lambda: sequential(L.LSTM(3, name="memory"), shape=(5, 3)),
        UnsupportedError,
        r"'memory' \(LSTM\): there is no rule that converts it. Use one of Act",
    ),
    "layer of the user": (
        lambda: sequential(L.Flatten(), Mine(3, name="own")),
        UnsupportedError,
        r"'own' \(Mine\): there is no rule",
    ),
    "operation": (
        powered,
        UnsupportedError,
        r"\(Power\): there is no rule.*Use one of Add",
    ),
    "dynamic shape": (
        lambda: sequential(L.Conv2D(2, 3), shape=(None, None, 1)),
        ValidationError,
        r"'input.*fixed size, but its shape is \(None, None, None, 1\).*keras.Input",
    ),
    "subclass": (
        Subclass,
        UnsupportedError,
        r"\(Subclass\) is a subclass of keras.Model: .*keras.Model\(inputs, outputs\)",
    ),
    "subclass inside": (
        lambda: sequential(Subclass(name="inner")),
        UnsupportedError,
        "Model 'inner' .Subclass. is a subclass",
    ),
    "not built": (not_built, ValidationError, r"Model 'open' has no input shape yet"),
    "no model": (dict, ValidationError, "expected a model of Keras 3.*builtins.dict"),
    "softmax of one unit": (
        lambda: sequential(L.Flatten(), L.Dense(1, "softmax")),
        UnsupportedError,
        "the softmax of one unit is always 1. Use two units",
    ),
    "layer with the softmax of one unit": (
        lambda: sequential(L.Flatten(), L.Dense(1), L.Softmax()),
        UnsupportedError,
        "the softmax of one unit is always 1",
    ),
    "softmax inside": (
        soft,
        UnsupportedError,
        "'soft' .*at the output of a model only",
    ),
    "axis": (
        lambda: sequential(L.BatchNormalization(axis=1)),
        UnsupportedError,
        "another axis than the last. Use axis=-1",
    ),
    "channels first": (
        lambda: sequential(
            L.Conv2D(2, 2, padding="valid", data_format="channels_first")
        ),
        UnsupportedError,
        "images have their channels last. Use data_format='channels_last'",
    ),
    "padding of transposed": (
        lambda: sequential(L.Conv2DTranspose(2, 3, strides=2, output_padding=1)),
        UnsupportedError,
        "output_padding=.*Use output_padding=None",
    ),
    "input is output": (
        lambda: sequential(L.Dropout(0.1)),
        UnsupportedError,
        "an input is no output",
    ),
    "unused input": (unused, ValidationError, "an input of the model leads to no"),
}


@pytest.mark.parametrize("name", MODELS)
def test_models(name: str) -> None:
    make, error, message = MODELS[name]
    with pytest.raises(error, match=message):
        FewSpike().convert(make())


def plain() -> Any:
    """Returns a model that can be converted."""
    return sequential(L.Dense(3, "relu"), L.Dense(2), shape=(4,))


X = np.ones((3, 4))
ARGUMENTS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "no norm data": (
        lambda: DataNorm(10).convert(plain()),
        ValidationError,
        r"DataNorm: norm_data is needed.*DataNorm\(\.\.\., norm_data=",
    ),
    "no norm data for spikes": (
        lambda: SpikeNorm(10).convert(plain()),
        ValidationError,
        "SpikeNorm: norm_data is needed",
    ),
    "shape of norm data": (
        lambda: FewSpike(norm_data=np.ones((3, 5))).convert(plain()),
        ValidationError,
        r"\(examples,\) \+ \(4,\)\. Received \[\(3, 5\)\]",
    ),
    "norm data is none": (
        lambda: DataNorm(10, norm_data=5).convert(plain()),
        ValidationError,
        "an array of examples or an iterable of batches.*Received 5",
    ),
    "norm data is empty": (
        lambda: DataNorm(10, norm_data=[]).convert(plain()),
        ValidationError,
        "norm_data yields no batch",
    ),
    "norm data is not finite": (
        lambda: DataNorm(10, norm_data=np.nan * X).convert(plain()),
        ValidationError,
        "DataNorm: norm_data holds numbers that are not finite",
    ),
    "input type": (
        lambda: Simple(10, input_type="poison"),
        UnknownNameError,
        "Simple: input_type: unknown input_type 'poison'. Did you mean 'poisson'",
    ),
    "signed": (
        lambda: Simple(10, True, InputType.IF),
        UnsupportedError,
        "integrate-and-fire inputs send no negative spikes.*POISSON",
    ),
    "time steps": (
        lambda: Simple(0),
        ValidationError,
        "Simple: evaluate_timesteps is a whole number of at least 1",
    ),
    "alpha": (lambda: FewSpike(alpha=0), ValidationError, "FewSpike: alpha is greater"),
    "validate": (
        lambda: FewSpike().convert(plain(), validate=X),
        ValidationError,
        r"validate is \(x, y\)",
    ),
    "labels": (
        lambda: FewSpike().convert(plain(), validate=(X, [0, 1])),
        ValidationError,
        r"one label for each example, shape \(3,\). Received \[\(2,\)\]",
    ),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arguments(name: str) -> None:
    call, error, message = ARGUMENTS[name]
    with pytest.raises(error, match=message):
        call()
