"""Numbers that the inputs of converted networks cannot send are reported."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from conversion.keras_nets import L, keras

from ml_genn.errors import DataWarning
from ml_genn_tf.converters import DataNorm, FewSpike, Simple, SpikeNorm

X = np.random.default_rng(0).uniform(-1.0, 1.0, (20, 6)).astype(np.float32)


@pytest.fixture(scope="module")
def model() -> Any:
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((6,)), L.Dense(5, "relu"), L.Dense(3)])


CONVERTERS = {
    "few-spike": lambda **options: FewSpike(8, **options),
    "data norm, Poisson": lambda **options: DataNorm(20, **options),
    "data norm, if": lambda **options: DataNorm(20, input_type="if", **options),
    "spike norm": lambda **options: SpikeNorm(20, **options),
}


@pytest.mark.parametrize("name", CONVERTERS)
def test_numbers_below_zero_are_reported_at_conversion(name: str, model: Any) -> None:
    converter = CONVERTERS[name](norm_data=X)
    with pytest.warns(DataWarning, match="convert: input 'input.*below") as record:
        converter.convert(model)
    assert len(record) == 1
    loss = converter.report.layers[0].expected_loss
    below = np.sum(X[X < 0].astype(float) ** 2) / np.sum(X.astype(float) ** 2)
    assert loss == pytest.approx(np.sqrt(below), rel=0.05)


@pytest.mark.parametrize("name", [n for n in CONVERTERS if "if" not in n])
def test_inputs_with_a_sign_carry_them(name: str, model: Any) -> None:
    converter = CONVERTERS[name](norm_data=X, signed_input=True)
    with warnings.catch_warnings(action="error"):
        converter.convert(model)
    assert converter.report.layers[0].expected_loss < 0.1


def test_examples_of_a_validation_are_reported_once(model: Any) -> None:
    converter = FewSpike(8, norm_data=np.abs(X))
    with pytest.warns(DataWarning, match="numbers up to") as record:
        converter.convert(model, validate=(np.abs(3.0 * X), np.zeros(len(X), int)))
    assert len(record) == 1


def test_numbers_below_zero_are_reported_when_the_network_runs(model: Any) -> None:
    converter = Simple(20, input_type="spike")
    network, _, _, _ = converter.convert(model)
    compiled = converter.create_compiler(batch_size=20).compile(network)
    with pytest.warns(
        DataWarning, match="BinarySpikeInput represents no numbers below"
    ):
        compiled.predict(X, callbacks=[])
