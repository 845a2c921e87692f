"""Types of networks, populations, connections and layers in a user's script."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from architecture.modules import ROOT

SCRIPT = """
from typing import assert_type
from weakref import ReferenceType

import numpy as np

from ml_genn import (
    Connection, InputLayer, Layer, Network, Population, SequentialNetwork
)
from ml_genn.compilers import EventPropCompiler
from ml_genn.connectivity import Connectivity, Dense
from ml_genn.graph.traversal import get_network_dag, get_underlying_pop
from ml_genn.neurons import LeakyIntegrateFire, Neuron
from ml_genn.synapses import Synapse
from ml_genn.training.history import History
from ml_genn.training.metrics import Metrics
from ml_genn.training.results import (
    EvaluationResult, Predictions, ValidatedTrainingResult
)

x, y = np.zeros((2, 10, 4)), np.zeros((2, 2))

with Network() as network:
    assert_type(network, Network)
    first = Population("spike_input", 4)
    second = Population(LeakyIntegrateFire(tau_mem=20.0), 2, record_spikes=True)
    connection = Connection(first, second, Dense(0.5))

assert_type(network.populations, list[Population])
assert_type(network.connections, list[Connection])
assert_type(first.shape, tuple[int, ...] | None)
assert_type(first.size, int)
assert_type(first.neuron, Neuron)
assert_type(second.incoming_connections, list[ReferenceType[Connection]])
assert_type(first.outgoing_connections[0](), Connection | None)
assert_type(connection.source(), Population | None)
assert_type(connection.target, ReferenceType[Population])
assert_type(connection.ends(), tuple[Population, Population])
assert_type(connection.connectivity, Connectivity)
assert_type(connection.synapse, Synapse)
assert_type(Network.current(), Network)
assert_type(Network.from_config(network.to_config()), Network)

with SequentialNetwork() as chain:
    assert_type(chain, SequentialNetwork)
    inputs = InputLayer("spike_input", 4)
    hidden = Layer(Dense(0.5), "leaky_integrate_fire", 2)

assert_type(chain.layers, list[InputLayer | Layer])
assert_type(hidden.population(), Population | None)
assert_type(hidden.connection(), Connection | None)
assert_type(get_underlying_pop(hidden), Population)
assert_type(get_network_dag(inputs, hidden), list[Population])
Connection(inputs, hidden, Dense(0.5), add_to_model=False)

compiled = EventPropCompiler(10, "mean_square_error").compile(chain)
metrics, data = compiled.train(x, y, num_epochs=2, callbacks=[], verbose=0)
assert_type(metrics, Metrics)
train, validation, _, _ = compiled.train(x, y, validation_split=0.5, epochs=2)
assert_type(validation, Metrics)
assert_type(compiled.train(x, y, validation_data=(x, y)), ValidatedTrainingResult)
assert_type(compiled.train(x, y).history, History)
assert_type(compiled.fit(x, y, epochs=2).loss, float | None)
assert_type(compiled.evaluate(x, y), EvaluationResult)
predictions, _ = compiled.predict(x)
assert_type(predictions, Predictions)
Connection(1, hidden, Dense(0.5))  # not a population
"""


def typed(script: Path) -> str:
    """Returns mypy's strict report about a script."""
    mypy = pytest.importorskip("mypy.api")
    report, errors, _ = mypy.run(
        [
            "--strict",
            f"--config-file={ROOT / 'pyproject.toml'}",
            f"--cache-dir={ROOT / '.mypy_cache'}",
            str(script),
        ]
    )
    assert errors == ""
    return str(report)


@pytest.mark.slow
def test_objects_of_a_users_script_are_typed(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    report = typed(script)
    last_line = len(SCRIPT.splitlines())
    assert report.count("error:") == 1
    assert f'script.py:{last_line}: error: Argument 1 to "Connection"' in report


#: Lines of a script, and the error that a type checker has about each.
WRONG = {
    "ml_genn.optimizers": "has no attribute",
    "Adam(learning_rate=0.1)": "Unexpected keyword argument",
    "Network().compile()": "has no attribute",
    'EPropCompiler(9, "mean_square_error", num_threads="2")': "num_threads",
    "InferenceCompiler(9, backend=3)": "backend",
    'load_model("file").predict([])': 'has no attribute "predict"',
}
RIGHT = """
from typing import assert_type
import ml_genn
from ml_genn import Network, load_model
from ml_genn.compilers import CompiledNetwork, EPropCompiler, InferenceCompiler
from ml_genn.optimisers import Adam

compiler = EPropCompiler(9, "mean_square_error", num_threads=2, backend="cpu")
assert_type(compiler, EPropCompiler)
assert_type(load_model("file"), Network | CompiledNetwork)
assert_type(load_model("file", expect=CompiledNetwork), CompiledNetwork)
"""


@pytest.mark.slow
def test_words_of_other_libraries_are_errors_of_type_checkers(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(RIGHT + "\n".join(WRONG) + "\n")
    errors = [line for line in typed(script).splitlines() if ": error:" in line]
    assert len(errors) == len(WRONG), errors
    for error, expected in zip(errors, WRONG.values(), strict=True):
        assert expected in error


@pytest.mark.slow
def test_the_readme_is_typed(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    assert len(blocks) == 3
    for k, block in enumerate(blocks):
        script = tmp_path / f"block{k}.py"
        script.write_text(block)
        assert "Success" in typed(script)


@pytest.mark.slow
def test_the_examples_are_typed() -> None:
    assert "Success" in typed(ROOT / "examples")
