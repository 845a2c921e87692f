"""Python blocks of every page run in order, as printed, in an empty folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from docs.pages import DOCS, blocks, run

Names = dict[str, Any]
#: Libraries that the code of a page needs.
LIBRARIES: dict[str, tuple[str, ...]] = {
    "conversion.md": (
        "keras",
        "sklearn",
    ),
    "nir.md": ("nir",),
    "processes.md": ("mpi4py",),
    "sklearn.md": ("sklearn",),
}
#: Pages whose code is run, as printed, by a test of their own.
OWN_TESTS = {
    "keras.md": "test_keras_page",
    "plots.md": "test_plots_page",
    "extending/backend.md": "test_extending: needs an installed package",
    "extending/compiler.md": "test_extending: needs an installed package",
    "extending/connectivity.md": "test_extending: needs an installed package",
    "extending/neuron.md": "test_extending: needs an installed package",
}
PAGES = [
    page
    for page in sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))
    if blocks(DOCS / page) and page not in OWN_TESTS
]


def check_callbacks(names: Names, printed: str) -> None:
    assert [len(t) for t in names["times"]] == [len(n) for n in names["neurons"]]
    assert names["counts"][2].sum() == len(names["times"][1]) > 0
    assert names["voltages"].shape == (100, 3)
    assert len(names["history"]["loss"]) == 3
    assert len(names["recorded"]["largest"]) == 5
    names["compiled"].train(
        names["x"],
        names["y"],
        num_epochs=5,
        callbacks=[stop := names["LargestWeight"](names["first"], limit=0.1)],
    )
    assert len(stop.weights) == 1


def check_connectivity(names: Names, printed: str) -> None:
    from ml_genn.compilers import BPTTCompiler

    assert "(12, 12, 16)" in printed
    x = np.random.default_rng(0).random((2, 20, 28, 28, 1)) < 0.1
    compiler = BPTTCompiler(20, "sparse_categorical_crossentropy")
    compiled = compiler.compile(names["network"])
    conv = names["conv"]
    assert compiled.weights(conv).shape == (5, 5, 1, 16)
    assert compiled.gradients(x, [0, 1])[conv.connection()].shape == (5, 5, 1, 16)


def check_conversion(names: Names, printed: str) -> None:
    assert "Spikes per inference" in printed
    validation = names["converter"].validation
    assert abs(validation.ann_accuracy[0] - validation.snn_accuracy[0]) < 0.02
    (metric,) = names["metrics"].values()
    assert metric.result == pytest.approx(validation.snn_accuracy[0])


def check_data(names: Names, printed: str) -> None:
    (connection,) = names["network"].connections
    assert np.any(names["compiled"].weights(connection) != np.float32(0.1))


def check_few_spike(names: Names, printed: str) -> None:
    assert names["own"].expression == "where(x > 0, x, 0.1 * x)"
    assert names["logits"].shape == (100, 10)
    assert np.ptp(names["logits"]) > 0.1
    assert names["compiled"].num_steps == 3 * 8 + 1


def check_files(names: Names, printed: str) -> None:
    """The file has code: it is loaded with the page's argument only."""
    import ml_genn
    from ml_genn.errors import CheckpointError

    assert names["again"].network.populations[1].size == 2
    with pytest.raises(CheckpointError, match="code strings"):
        ml_genn.load_model("model.safetensors")


def check_getting_started(names: Names, printed: str) -> None:
    assert "Left to the compiler" in printed
    assert printed.split()[-2:] == ["1000", "1000.0"]
    assert names["predictions"][names["output"]].shape == (20, 20)
    assert names["voltages"].shape == (1000, 256)
    first, compiled = names["network"].connections[0], names["compiled"]
    before = compiled.weights(first)
    run(blocks(DOCS / "getting_started.md")[-1], names)
    changed = compiled.weights(first) - before
    np.testing.assert_allclose(changed[:, :10], 0.002, atol=1e-7)
    assert not changed[:, 10:].any()


def check_inputs(names: Names, printed: str) -> None:
    from ml_genn.compilers import InferenceCompiler

    x = np.random.default_rng(0).uniform(0, 1, (2, 28, 28))
    compiled = InferenceCompiler(5, batch_size=2).compile(names["network"])
    predictions = compiled.predict(x, callbacks=[]).array
    assert np.all(predictions.std(axis=1) > 0)


def check_learning_rules(names: Names, printed: str) -> None:
    """The networks learn the selected arrays."""
    hidden, network = names["hidden"], names["network"]
    x, y = names["x"], names["y"]
    assert names["gradients"][network.connections[0]].shape == (6, 5)
    before = float(names["compiled"].parameter(hidden, "tau_mem"))
    names["compiled"].train(x, y, 3, callbacks=[])
    assert float(names["compiled"].parameter(hidden, "tau_mem")) != before
    compiled = names["compiler"].compile(network)
    compiled.train(x, y, 3, callbacks=[])
    assert np.any(compiled.delays(hidden) > 0)


def check_networks(names: Names, printed: str) -> None:
    assert "speaker" in printed
    assert 0 <= names["metrics"][names["speaker"]].result <= 1
    assert np.any(names["compiled"].weights(names["loop"]) != 0)


def check_nir(names: Names, printed: str) -> None:
    (again,) = names["again"].connections
    weights = names["compiled"].weights(names["connection"])
    np.testing.assert_array_equal(again.connectivity.weight, weights)


def check_own_neurons(names: Names, printed: str) -> None:
    assert names["network"].populations[0].size == 100
    assert names["izhikevich"].threshold == "v - 30"
    assert names["with_rise_time"].inject_current == "i"


def check_processes(names: Names, printed: str) -> None:
    assert len(names["compiled"].history["loss"]) == 1


def check_saving(names: Names, printed: str) -> None:
    """The network has the weights of the checkpoint, the loaded model those before."""
    from safetensors.numpy import load_file

    assert names["epoch"] == 2
    assert Path("best.safetensors").exists()
    first = names["network"].connections[0]
    stored = load_file("checkpoints/1.safetensors")
    weights = names["inference"].weights(first)
    same = [
        key
        for key, array in stored.items()
        if np.array_equal(array.ravel(), weights.ravel())
    ]
    assert len(same) == 1, stored.keys()
    saved = names["again"].weights(names["again"].network.connections[0])
    assert np.any(saved != 1.5)
    assert np.any(weights != saved)


def check_training(names: Names, printed: str) -> None:
    assert names["decision"].readout.steps(100, 1.0) == range(80, 100)
    top, accuracy = printed.split()[:2]
    assert top == accuracy
    trained = names["result"]
    assert len(trained["val_accuracy"]) == len(trained.epoch) <= 5
    assert names["predictions"].array.shape == (8, 2)
    assert len(names["compiled"].optimisers) == 2
    assert np.any(names["compiled"].weights(names["second"]) != 0.5)


CHECKS: dict[str, Callable[[Names, str], None]] = {
    "callbacks.md": check_callbacks,
    "connectivity.md": check_connectivity,
    "conversion.md": check_conversion,
    "data.md": check_data,
    "few_spike.md": check_few_spike,
    "files.md": check_files,
    "getting_started.md": check_getting_started,
    "inputs.md": check_inputs,
    "learning_rules.md": check_learning_rules,
    "networks.md": check_networks,
    "nir.md": check_nir,
    "own_neurons.md": check_own_neurons,
    "processes.md": check_processes,
    "saving.md": check_saving,
    "training.md": check_training,
}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs_as_printed(
    page: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for library in LIBRARIES.get(page, ()):
        pytest.importorskip(library, reason=f"the page needs {library}")
    monkeypatch.chdir(tmp_path)
    names: Names = {}
    for code in blocks(DOCS / page):
        run(code, names)
    assert names
    if page in CHECKS:
        CHECKS[page](names, capsys.readouterr().out)


def test_checks_belong_to_pages() -> None:
    assert CHECKS.keys() <= set(PAGES)
