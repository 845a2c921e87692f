"""save_model and load_model: networks and compiled networks in single files."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from engine.processes import finish, start
from saving.all_parts import network_with_all_parts
from saving.saved_nets import (
    INPUTS,
    KINDS,
    LOSS,
    STEPS,
    assert_equal,
    data,
    make,
    train,
)

import ml_genn
from ml_genn import Connection, Network, Population
from ml_genn.compilers import CompiledNetwork, EventPropCompiler, InferenceCompiler
from ml_genn.connectivity import Dense
from ml_genn.errors import CheckpointError, UnsupportedError, ValidationError
from ml_genn.initializers import Wrapper
from ml_genn.neurons import (
    LeakyIntegrate,
)
from ml_genn.serialisers import Safetensors


def test_arguments_of_genn_are_not_saved(tmp_path: Path) -> None:
    """They depend on the machine, and may be objects of GeNN."""
    with pytest.warns(UserWarning, match="device_select_method belongs to GeNN"):
        compiled = make("plain", device_select_method=object()).compile()
    ml_genn.save_model(compiled, tmp_path / "model.safetensors")
    assert_equal(ml_genn.load_model(tmp_path / "model.safetensors"), compiled)


@pytest.mark.parametrize("kind", KINDS)
def test_loaded_compiled_networks_are_identical(kind: str, tmp_path: Path) -> None:
    """They have the same arrays, and train and evaluate alike."""
    path = tmp_path / "model.safetensors"
    compiled = make(kind).compile()
    train(compiled, 2)
    ml_genn.save_model(compiled, path)
    loaded = ml_genn.load_model(path)
    assert_equal(loaded, compiled)
    assert loaded.network.to_config() == compiled.network.to_config()
    results = []
    for network in (loaded, compiled):
        train(network, 1, 2)
        metrics, _ = network.evaluate(*data(), callbacks=[])
        results.append((metrics.loss, next(iter(metrics.values())).result))
    assert results[0] == results[1]
    assert_equal(loaded, compiled)


def test_models_load_in_another_process(tmp_path: Path) -> None:
    """The process does not run the script that created the network."""
    path = tmp_path / "model.safetensors"
    compiled = make("deep_r").compile()
    train(compiled, 1)
    ml_genn.save_model(compiled, path)
    script = f"""
import ml_genn, numpy as np
model = ml_genn.load_model({str(path)!r})
x = np.random.default_rng(1).uniform(0, 1, (4, {INPUTS}))
predictions, _ = model.predict(x, callbacks=[])
print(predictions[model.network.layers[-1]].tolist())
"""
    predictions = json.loads(finish(start(script)))
    x = np.random.default_rng(1).uniform(0, 1, (4, INPUTS))
    fresh = ml_genn.load_model(path)
    expected, _ = fresh.predict(x, callbacks=[])
    np.testing.assert_array_equal(predictions, expected[fresh.network.layers[-1]])


def test_models_are_saved_without_the_library_safetensors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    compiled = make("plain").compile()
    path = tmp_path / "model.safetensors"
    ml_genn.save_model(compiled, path)
    assert_equal(ml_genn.load_model(path), compiled)


def test_inference_networks_are_saved(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    network = make("plain").network
    compiled = InferenceCompiler(STEPS, rng_seed=3, batch_size=4).compile(network)
    ml_genn.save_model(compiled, path)
    loaded = ml_genn.load_model(path)
    assert_equal(loaded, compiled)
    assert loaded.batch_size == 4


def test_networks_are_saved(tmp_path: Path) -> None:
    path = tmp_path / "network.safetensors"
    network = network_with_all_parts()
    ml_genn.save_model(network, path)
    loaded = ml_genn.load_model(path, allow_code=True)
    assert type(loaded) is Network
    assert loaded.to_config() == network.to_config()


def test_lambdas_and_other_objects_are_refused(tmp_path: Path) -> None:
    with Network() as network:
        source = Population("spike_input", 2)
        target = Population(LeakyIntegrate(readout="var"), 2, name="out")
        Connection(source, target, Dense(Wrapper(lambda rng, shape: rng.random(shape))))
    with pytest.raises(UnsupportedError, match=r"'Conn_Pop0_out'.*lambda has no name"):
        ml_genn.save_model(network, tmp_path / "x")
    assert not (tmp_path / "x").exists()
    with pytest.raises(ValidationError, match="expected a Network or a compiled"):
        ml_genn.save_model(3, tmp_path / "x")  # type: ignore[arg-type]


def test_invalid_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    with pytest.raises(CheckpointError, match="there is no such file"):
        ml_genn.load_model(path)
    path.write_bytes(b"not a model")
    with pytest.raises(CheckpointError, match="cannot be read"):
        ml_genn.load_model(path)
    make("plain").compile().save(("x",), Safetensors(tmp_path))
    with pytest.raises(CheckpointError, match="holds no network"):
        ml_genn.load_model(path)


def test_arguments_of_compilers_are_saved(tmp_path: Path) -> None:
    """Dictionaries with layers as keys, threads, batch size."""
    trainable = make("plain")
    compiled = EventPropCompiler(
        STEPS,
        {trainable.layers[2]: LOSS},
        "adam",
        reg_lambda_upper={trainable.layers[1]: 1e-3},
        reg_nu_upper=5,
        num_threads=1,
        batch_size=5,
    ).compile(trainable.network)
    train(compiled, 1)
    compiled.save_model(tmp_path / "x")
    loaded = ml_genn.load_model(tmp_path / "x")
    train(loaded, 1, 1)
    train(compiled, 1, 1)
    assert_equal(loaded, compiled)


def test_a_file_with_another_class_than_expected_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with ml_genn.Network() as network:
        ml_genn.Population("spike_input", 2)
    ml_genn.save_model(network, path)
    assert ml_genn.load_model(path, expect=ml_genn.Network).populations
    with pytest.raises(CheckpointError, match="expected a CompiledNetwork"):
        ml_genn.load_model(path, expect=CompiledNetwork)
