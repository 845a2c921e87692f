"""Populations send numbers of either sign, so that no ReLU has to stand beside them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conversion.keras_nets import L, keras, normalised_conv, randomise

from ml_genn.errors import UnsupportedError
from ml_genn_tf import populations
from ml_genn_tf.connectivity import is_proportional
from ml_genn_tf.converters import Converter, DataNorm, FewSpike, InputType, Simple
from ml_genn_tf.linear_maps import NO_PADDING, Conv

IMAGE = (8, 8, 2)


def pre_activation(x: Any) -> Any:
    """Returns a residual block whose sums are pooled and normalised, not rectified."""
    skip = x = L.Conv2D(4, 3, padding="same")(x)
    for _ in range(2):
        x = L.Conv2D(4, 3, padding="same")(L.ReLU()(L.BatchNormalization()(x)))
    x = L.MaxPooling2D(3, 2, padding="same")(L.Add()([x, skip]))
    return L.Dense(3)(L.GlobalAveragePooling2D()(L.ReLU()(normalised_conv(x, 4))))


def pooled_normalisation(x: Any) -> Any:
    """Returns maxima of concatenated, normalised numbers, and the same as an output."""
    both = L.Concatenate()([L.Conv2D(2, 3)(x), L.Conv2D(2, 3)(x)])
    return L.MaxPooling2D(2)(L.BatchNormalization()(both))


MODELS = {f.__name__: f for f in (pre_activation, pooled_normalisation)}


def model_of(name: str) -> Any:
    """Returns a model with random parameters."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input(IMAGE)
    return randomise(keras.Model(inputs, MODELS[name](inputs)))


def error(converter: Converter, model: Any, x: np.ndarray) -> float:
    """Returns the largest error of the network, relative to the largest output."""
    network, _, outputs, _ = converter.convert(model)
    with converter.create_compiler(batch_size=len(x)).compile(network) as compiled:
        predicted, _ = compiled.predict(x, callbacks=[])
    expected = model.predict(x, verbose=0)
    got = predicted[outputs[0]].reshape(expected.shape)
    return float(np.abs(got - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("cut", [False, True], ids=["fused", "cut"])
def test_few_spike(name: str, cut: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if cut:  # every convolution ends in a population
        monkeypatch.setattr(populations, "is_proportional", lambda c: len(c) == 1)
    x = np.random.default_rng(0).random((20, *IMAGE))
    assert error(FewSpike(k=14, norm_data=x), model_of(name), x) < 0.005


def test_without_examples() -> None:
    x = np.random.default_rng(0).random((20, *IMAGE))
    assert error(FewSpike(k=16, alpha=8), model_of("pre_activation"), x) < 0.005


@pytest.mark.parametrize("name", MODELS)
def test_rates(name: str) -> None:
    x = np.random.default_rng(0).random((20, *IMAGE))
    model = model_of(name)
    converter = DataNorm(300, norm_data=x, input_type=InputType.IF)
    network, _, (output,), _ = converter.convert(model)
    compiled = converter.create_compiler(batch_size=20).compile(network)
    predicted, _ = compiled.predict(x, callbacks=[])
    expected = model.predict(x, verbose=0)
    assert np.corrcoef(predicted[output].ravel(), expected.ravel())[0, 1] > 0.998


def test_thresholds_of_1_have_no_range() -> None:
    with pytest.raises(UnsupportedError, match="use FewSpike or DataNorm"):
        Simple(10).convert(model_of("pre_activation"))


def test_lists_are_short() -> None:
    image, kernel = (32, 32, 8), np.ones((3, 3, 8, 8), np.float32)
    conv = Conv(image, (1, 1), ((1, 1), (1, 1)), kernel)
    assert is_proportional((conv,))
    assert not is_proportional((conv, conv))
    small = Conv((4, 4, 8), (1, 1), NO_PADDING, kernel)
    assert is_proportional((small, Conv(small.target, (1, 1), NO_PADDING, kernel)))
