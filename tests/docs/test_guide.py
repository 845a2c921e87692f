"""Code of the pages on networks and on callbacks runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from docs.pages import DOCS, blocks, run

from ml_genn import Connection, Network, Population
from ml_genn.compilers import BPTTCompiler
from ml_genn.connectivity import Dense
from ml_genn.neurons import LeakyIntegrate
from ml_genn.readouts import default_readouts
from ml_genn.synapses import Exponential


def test_networks(capsys: pytest.CaptureFixture[str]) -> None:
    document = DOCS / "networks.md"
    graph, training, chain, defaults = blocks(document)
    names = run(graph, {})
    assert "speaker" in capsys.readouterr().out
    rng = np.random.default_rng(0)
    names |= {
        "x_sound": rng.random((8, 50, 700)) < 0.05,
        "x_vision": rng.random((8, 50, 16, 16, 2)) < 0.05,
        "y_word": np.arange(8),
        "y_speaker": np.arange(8) % 4,
    }
    names = run(training, names)
    assert 0 <= names["metrics"][names["speaker"]].result <= 1
    assert np.any(names["compiled"].weights(names["loop"]) != 0)
    run(defaults, run(chain, names))
    for name in default_readouts:
        assert f'| `"{name}"` |' in document.read_text(), name


def test_callbacks(capsys: pytest.CaptureFixture[str]) -> None:
    recording, history, own = blocks(DOCS / "callbacks.md")
    with Network() as network:
        inputs = Population("spike_input", 6)
        hidden = Population("leaky_integrate_fire", 5, record_spikes=True)
        output = Population(LeakyIntegrate(readout="avg_var"), 2)
        first = Connection(inputs, hidden, Dense(1.5), Exponential(5.0))
        Connection(hidden, output, Dense(0.5), Exponential(5.0))
    compiled = BPTTCompiler(100, "sparse_categorical_crossentropy").compile(network)
    names: dict[str, Any] = {
        "compiled": compiled,
        "hidden": hidden,
        "first": first,
        "x": np.random.default_rng(0).random((4, 100, 6)) < 0.1,
        "y": [0, 1, 1, 0],
    }
    names = run(recording, names)
    assert [len(t) for t in names["times"]] == [len(n) for n in names["neurons"]]
    assert names["counts"][2].sum() == len(names["times"][1]) > 0
    assert names["voltages"].shape == (100, 3)
    run(history.replace("early_stopping", "batch_progress_bar"), names)
    assert len(compiled.history["loss"]) == 3
    assert len(run(own, names)["recorded"]["largest"]) == 5
    stops = run(own.replace("limit=100.0", "limit=0.1"), names)
    assert len(stops["recorded"]["largest"]) == 1


def test_every_hook_is_on_the_page() -> None:
    from ml_genn.callbacks import Callback

    text = (DOCS / "callbacks.md").read_text()
    for name in vars(Callback):
        if name.startswith("on_") and name != "on_recorded":
            assert f"`{name}(" in text, name
