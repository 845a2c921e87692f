"""The report names errors with coded sources, synaptic operations and energies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conversion.keras_nets import L, keras, randomise

from ml_genn.errors import ValidationError
from ml_genn_tf.converters import FewSpike
from ml_genn_tf.report import ADDITION


def small() -> Any:
    """Returns a model with two hidden layers."""
    keras.utils.set_random_seed(5)
    layers = [L.Dense(12, "silu"), L.Dense(9, "relu"), L.Dense(3)]
    return randomise(keras.Sequential([keras.Input((6,)), *layers]))


X = np.random.default_rng(1).random((50, 6)).astype(np.float32)


def test_losses_with_sources_are_those_of_the_network() -> None:
    model, converter = small(), FewSpike(6, norm_data=X)
    network, _, (output,), _ = converter.convert(model)
    compiled = converter.create_compiler(batch_size=50).compile(network)
    actual = compiled.predict(X, callbacks=[])[0][output]
    expected = model.predict(X, verbose=0)
    loss = np.sqrt(np.sum((actual - expected) ** 2) / np.sum(expected**2))
    row = converter.report.layers[-1]
    assert row.total_loss == pytest.approx(loss, rel=0.01)
    assert loss > 0.001


def test_layers_are_ranked() -> None:
    converter = FewSpike(6, norm_data=X)
    converter.convert(small())
    losses = [row.total_loss for row in converter.report.ranked]
    assert losses == sorted(losses, reverse=True)
    assert f"Largest losses: {converter.report.ranked[0].name}" in str(converter.report)


def test_operations(capsys: pytest.CaptureFixture[str]) -> None:
    model, converter = small(), FewSpike(6, norm_data=X)
    converter.convert(model, validate=(X, np.zeros(50, int)))
    validation = converter.validation
    assert validation.products == 6 * 12 + 12 * 9 + 9 * 3
    # Each spike reaches 12, 9 or 3 neurons.
    assert 3 * validation.spikes < validation.operations < 12 * validation.spikes
    assert validation.energy == pytest.approx(ADDITION * validation.operations)
    assert "Synaptic operations per inference" in capsys.readouterr().out


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.filterwarnings("ignore:.*HDF5 file", "ignore:__array__ impl")
def test_models_by_path(tmp_path: Path, ending: str) -> None:
    path, model = tmp_path / f"model.{ending}", small()
    model.save(path)
    converter, other = FewSpike(8, norm_data=X), FewSpike(8, norm_data=X)
    converter.convert(path)
    other.convert(model)
    assert [r.total_loss for r in converter.report.layers] == [
        r.total_loss for r in other.report.layers
    ]


def test_missing_files() -> None:
    with pytest.raises(ValidationError, match=r"cannot load the model 'none\.keras'"):
        FewSpike().convert("none.keras")
