"""Code in the documentation runs and does what the pages say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from docs.pages import DOCS, ROOT, blocks, run
from saving.all_parts import network_with_all_parts
from saving.saved_nets import data, make
from sklearn.datasets import load_digits

import ml_genn
from ml_genn import Network, Population
from ml_genn.compilers import InferenceCompiler
from ml_genn.data import preprocess_spikes
from ml_genn.errors import CheckpointError


def test_getting_started(capsys: pytest.CaptureFixture[str]) -> None:
    first, second, third, fourth = blocks(DOCS / "getting_started.md")
    names = run(first, {})
    assert "Left to the compiler" in capsys.readouterr().out
    rng = np.random.default_rng(0)
    data = [
        preprocess_spikes(rng.uniform(0, 900, 500), rng.integers(0, 700, 500), 700)
        for _ in range(4)
    ]
    examples = {"spikes": data, "labels": np.arange(4), "test_spikes": data}
    names = run(second, {**names, **examples, "test_labels": np.arange(4)})
    assert names["predictions"][names["output"]].shape == (4, 20)
    names |= {"x": {names["inputs"]: data}, "y": {names["output"]: np.arange(4)}}
    names = run(third, names)
    assert names["voltages"].shape == (1000, 256)
    compiled, connection = names["compiled"], names["network"].connections[0]
    before = compiled.weights(connection)
    run(fourth, names)
    assert capsys.readouterr().out.split()[-2:] == ["1000", "1000.0"]
    changed = compiled.weights(connection) - before
    np.testing.assert_allclose(changed[:, :10], 0.002, atol=1e-7)
    assert not changed[:, 10:].any()


def test_own_neurons() -> None:
    neuron, synapse, code = blocks(DOCS / "own_neurons.md")
    names = run(neuron, {})
    names = run(synapse, names)
    with Network() as network:
        run(code, {**names, "Population": Population})
    assert network.populations[0].size == 100
    assert names["izhikevich"].threshold == "v - 30"
    assert names["with_rise_time"].inject_current == "i"


def test_links_point_to_existing_files() -> None:
    documents = [ROOT / "README.md", *DOCS.rglob("*.md")]
    num_links = 0
    for document in documents:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document}: {target}"
                num_links += 1
    assert num_links >= 5


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.md")), ids=lambda path: path.stem)
def test_a_page_has_one_title(path: Path) -> None:
    """A second title would be an entry of the navigation."""
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    assert len(re.findall(r"^# ", text, flags=re.MULTILINE)) == 1


def test_functions_listed_in_the_docs_are_those_of_the_parser() -> None:
    from ml_genn.model.equations.expression import FUNCTIONS

    text = (DOCS / "own_neurons.md").read_text()
    for name in FUNCTIONS:
        assert re.search(rf"\b{name}\b", text), name


def test_training() -> None:
    """The blocks run in order."""
    from ml_genn import Connection
    from ml_genn.compilers import EventPropCompiler
    from ml_genn.connectivity import Dense
    from ml_genn.metrics import SparseTopKCategoricalAccuracy
    from ml_genn.neurons import LeakyIntegrate
    from ml_genn.synapses import Exponential

    optimisers, window, metrics, streams, history, results = blocks(
        DOCS / "training.md"
    )
    assert run(window, {})["decision"].readout.steps(100, 1.0) == range(80, 100)
    with Network() as network:
        inputs = Population("spike_input", 6)
        hidden = Population("leaky_integrate_fire", 5)
        output = Population(LeakyIntegrate(readout="avg_var"), 2)
        first = Connection(inputs, hidden, Dense(1.5), Exponential(5.0))
        second = Connection(hidden, output, Dense(0.5), Exponential(5.0))
    names = {"network": network, "EventPropCompiler": EventPropCompiler}
    names = run(optimisers, {**names, "first": first, "second": second})
    x = np.random.default_rng(0).random((2, 100, 6)) < 0.1
    compiled = names["compiled"]
    compiled.train(x, [0, 1], 3, callbacks=[])
    assert len(compiled.optimisers) == 2
    names = {"compiled": compiled, "x": x, "y": [0, 1], "output": output}
    names["SparseTopKCategoricalAccuracy"] = SparseTopKCategoricalAccuracy
    result = run(metrics, names)["metrics"][output].result
    assert result["top 1"] == result["accuracy"]
    run(streams, {"np": np, "compiled": compiled})
    assert len(compiled.history["loss"]) == 2
    names = {"compiled": compiled, "x": np.repeat(x, 4, 0), "y": [0] * 4 + [1] * 4}
    trained = run(history, names)["result"]
    assert len(trained["val_accuracy"]) == len(trained.epoch) <= 5
    assert run(results, names)["predictions"].array.shape == (8, 2)
    assert np.any(compiled.weights(second) != 0.5)


def test_connectivity(capsys: pytest.CaptureFixture[str]) -> None:
    """The network has the shapes on the page, which lists all classes."""
    from ml_genn import connectivity
    from ml_genn.compilers import BPTTCompiler

    document = DOCS / "connectivity.md"
    (code,) = blocks(document)
    names = run(code, {})
    assert "(12, 12, 16)" in capsys.readouterr().out
    x = np.random.default_rng(0).random((2, 20, 28, 28, 1)) < 0.1
    compiled = BPTTCompiler(20, "sparse_categorical_crossentropy").compile(
        names["network"]
    )
    conv = names["conv"]
    assert compiled.weights(conv).shape == (5, 5, 1, 16)
    assert compiled.gradients(x, [0, 1])[conv.connection()].shape == (5, 5, 1, 16)
    for name in set(connectivity.__all__) - {"Connectivity", "default_connectivity"}:
        assert f"| `{name}(" in document.read_text(), name


def test_few_spike() -> None:
    code, functions = blocks(DOCS / "few_spike.md")
    names = run(code, {})
    assert run(functions, {})["own"].expression == "where(x > 0, x, 0.1 * x)"
    assert names["logits"].shape == (100, 10)
    assert np.ptp(names["logits"]) > 0.1
    assert names["compiled"].num_steps == 3 * 8 + 1


def test_learning_rules() -> None:
    """The blocks compile networks that learn the selected arrays."""
    from ml_genn import Connection
    from ml_genn.compilers import BPTTCompiler, EventPropCompiler
    from ml_genn.connectivity import Dense
    from ml_genn.neurons import LeakyIntegrate
    from ml_genn.optimisers import Adam
    from ml_genn.synapses import Exponential

    first, second, third = blocks(DOCS / "learning_rules.md")
    with Network() as network:
        inputs = Population("spike_input", 6)
        hidden = Population("leaky_integrate_fire", 5)
        output = Population(LeakyIntegrate(readout="avg_var"), 2)
        one = Connection(
            inputs, hidden, Dense(1.5), Exponential(5.0), max_delay_steps=9
        )
        Connection(hidden, output, Dense(0.5), Exponential(5.0))
    x = np.random.default_rng(0).random((2, 100, 6)) < 0.1
    names = {
        "network": network,
        "hidden": hidden,
        "x": x,
        "y": [0, 1],
        "Adam": Adam,
        "BPTTCompiler": BPTTCompiler,
        "EventPropCompiler": EventPropCompiler,
    }
    assert run(first, dict(names))["gradients"][one].shape == (6, 5)
    compiled = run(second, dict(names))["compiled"]
    before = float(compiled.parameter(hidden, "tau_mem"))
    compiled.train(x, [0, 1], 3, callbacks=[])
    assert float(compiled.parameter(hidden, "tau_mem")) != before
    compiled = run(third, {**names, "hidden": one})["compiler"].compile(network)
    compiled.train(x, [0, 1], 3, callbacks=[])
    assert np.any(compiled.delays(one) > 0)


def test_inputs() -> None:
    (code,) = blocks(DOCS / "inputs.md")
    start = (
        "from ml_genn import InputLayer, Layer, SequentialNetwork\n"
        "from ml_genn.connectivity import Dense\n"
        "from ml_genn.initializers import Normal\n"
        "from ml_genn.neurons import LeakyIntegrate, PoissonInput\n"
    )
    names = run(start + code, {})
    x = np.random.default_rng(0).uniform(0, 1, (2, 28, 28))
    compiled = InferenceCompiler(5, batch_size=2).compile(names["network"])
    (predictions,) = compiled.predict(x, callbacks=[])[0].values()
    assert np.all(predictions.std(axis=1) > 0)


def test_conversion(capsys: pytest.CaptureFixture[str]) -> None:
    """The model is converted without loss, and the page lists all layers."""
    pytest.importorskip("conversion.keras_nets")
    from ml_genn_tf import converters
    from ml_genn_tf.layers.table import LAYERS

    document = ROOT / "docs" / "conversion.md"
    for name in (*LAYERS, *converters.__all__):
        assert f"`{name}" in document.read_text(), name
    (code,) = blocks(document)
    digits = load_digits()
    x = digits.images[..., None] / 16
    names = {"x_train": x[:1400], "y_train": digits.target[:1400]}
    names |= {"x_test": x[1400:], "y_test": digits.target[1400:]}
    names = run(code.replace("epochs=20", "epochs=3"), names)
    assert "Spikes per inference" in capsys.readouterr().out
    validation = names["converter"].validation
    assert abs(validation.ann_accuracy[0] - validation.snn_accuracy[0]) < 0.02
    (metric,) = names["metrics"].values()
    assert metric.result == pytest.approx(validation.snn_accuracy[0])


def test_saving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    saved = make("plain")
    x, y = data()
    names: dict[str, Any] = {"ml_genn": ml_genn, "x": x, "y": y}
    names |= {"compiled": saved.compile(), "InferenceCompiler": InferenceCompiler}
    model, train, resume, best, into = blocks(DOCS / "saving.md")
    run(train, names)
    trained = names["compiled"].snapshot()
    run(model, names)
    for key, array in names["again"].snapshot().arrays.items():
        np.testing.assert_array_equal(array, trained.arrays[key])
    names["compiled"] = saved.compile()
    run(resume, names)
    assert names["epoch"] == 2
    run(best, names)
    assert (tmp_path / "best.safetensors").exists()
    names["network"] = make("plain").network
    run(into, names)
    first = names["network"].connections[0]
    np.testing.assert_array_equal(
        names["inference"].weights(first), trained.arrays[first.name, "g"]
    )


def test_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with code is loaded with the page's argument only."""
    monkeypatch.chdir(tmp_path)
    (allowed,) = blocks(DOCS / "files.md")
    ml_genn.save_model(network_with_all_parts(), "model.safetensors")
    run(allowed, {"ml_genn": ml_genn})
    with pytest.raises(CheckpointError, match="code strings"):
        run(allowed.replace(", allow_code=True", ""), {"ml_genn": ml_genn})


def test_nir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("nir", reason="needs the library nir")
    monkeypatch.chdir(tmp_path)
    (code,) = blocks(ROOT / "docs" / "nir.md")
    with Network() as network:
        inputs, output = Population("spike_input", 3), Population("leaky_integrate", 2)
        first = ml_genn.Connection(inputs, output, ml_genn.connectivity.Dense(0.5))
    compiled = InferenceCompiler(5).compile(network)
    again = run(code, {"compiled": compiled})["network"].connections[0]
    np.testing.assert_array_equal(again.connectivity.weight, compiled.weights(first))


def test_data() -> None:
    from ml_genn import InputLayer, Layer, SequentialNetwork
    from ml_genn.compilers import BPTTCompiler
    from ml_genn.connectivity import Dense
    from ml_genn.neurons import LeakyIntegrate

    (code,) = blocks(ROOT / "docs" / "data.md")
    with SequentialNetwork() as network:
        InputLayer("spike_input", 34 * 34 * 2)
        Layer(Dense(0.1), LeakyIntegrate(readout="avg_var"), 2)
    compiled = BPTTCompiler(5, "sparse_categorical_crossentropy").compile(network)
    events = np.zeros(3, [(name, "i8") for name in "xytp"])
    names = {"compiled": compiled, "dataset": [(events, int(k > 0)) for k in range(4)]}
    run(code, names)
    assert np.any(compiled.weights(network.connections[0]) != np.float32(0.1))
