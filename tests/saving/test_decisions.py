"""Choices are decided once: by the first compiler, for all later ones and in files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from saving.saved_nets import KINDS, LOSS, STEPS, data, make, train

import ml_genn
from ml_genn import Connection, Network, Population
from ml_genn.compilers import (
    BPTTCompiler,
    EPropCompiler,
    EventPropCompiler,
    InferenceCompiler,
)
from ml_genn.connectivity import Dense
from ml_genn.dynamics.arguments import choice, output_readout
from ml_genn.dynamics.model import model_class
from ml_genn.errors import (
    CheckpointError,
    TrainingWarning,
    UnsupportedError,
    ValidationError,
)
from ml_genn.model.equations import NeuronEquations, Variable
from ml_genn.neurons import (
    AdaptiveLeakyIntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
    Neuron,
)
from ml_genn.nir import export
from ml_genn.serialisers import Numpy, Safetensors
from ml_genn.synapses import Exponential
from ml_genn.utils.choices import Choices, Decision

#: choices of the exact step (EventProp, BPTT), and those of e-prop and of inference
EXACT = {"relative_reset": False, "integrate_during_refrac": False, "scale_i": True}
PLAIN = {"relative_reset": True, "integrate_during_refrac": True, "scale_i": False}


def small(
    hidden: Any = None, synapse: Any = None, output: Any = None
) -> tuple[Network, Population, Connection]:
    """Returns a network with open choices, its hidden population and first synapses."""
    with Network() as network:
        inputs = Population("spike_input", 4, name="in")
        fire = Population(hidden or LeakyIntegrateFire(), 3, name="hidden")
        read = Population(output or LeakyIntegrate(readout="avg_var"), 2, name="out")
        first = Connection(
            inputs, fire, Dense(1.5), synapse or Exponential(4.0), name="first"
        )
        Connection(fire, read, Dense(1.0), synapse or Exponential(4.0), name="second")
    return network, fire, first


def values(owner: Population | Connection) -> dict[str, bool]:
    """Returns {argument: value} that a network keeps."""
    return {name: decision.value for name, decision in owner.decisions.items()}


def text(what: Any) -> list[str]:
    """Returns the lines of a summary."""
    lines: list[str] = []
    what.summary(lines.append)
    return lines[0].splitlines()


# ---------------------------------------------------------------- the same numbers
def same_network(kind: str, trained: Any, compiled: Any, folder: Path) -> Network:
    compiled.save((1,), Numpy(folder))
    trained.network.load((1,), Numpy(folder))
    return trained.network


def fresh_network(kind: str, trained: Any, compiled: Any, folder: Path) -> Network:
    compiled.save((1,), Safetensors(folder))
    network = make(kind).network
    network.load((1,), Safetensors(folder))
    return network


def network_file(kind: str, trained: Any, compiled: Any, folder: Path) -> Network:
    network = same_network(kind, trained, compiled, folder)
    ml_genn.save_model(network, folder / "network.safetensors")
    loaded: Network = ml_genn.load_model(folder / "network.safetensors")
    return loaded


@pytest.mark.parametrize("kind", KINDS)
def test_inference_has_the_outputs_of_training(kind: str, tmp_path: Path) -> None:
    """After any rule, by any way from the training compiler to the other."""
    trained = make(kind)
    compiled = trained.compile()
    train(compiled, 1)
    x, _ = data()
    expected = _predictions(compiled, x)
    assert np.ptp(expected) > 0.0
    ways: tuple[Callable[..., Network], ...] = (
        same_network,
        fresh_network,
        network_file,
    )
    for way in ways:
        network = way(kind, trained, compiled, tmp_path)
        inference = InferenceCompiler(STEPS, batch_size=8, num_threads=1)
        np.testing.assert_allclose(
            _predictions(inference.compile(network), x), expected, 1e-4, 1e-6, str(way)
        )


@pytest.mark.parametrize("kind", ["plain", "deep_r", "bptt"])
def test_a_checkpoint_loads_into_a_network_compiled_for_inference(
    kind: str, tmp_path: Path
) -> None:
    """Of the same network, and of the network in a model file."""
    compiled = make(kind).compile()
    train(compiled, 1)
    compiled.save_model(tmp_path / "x.safetensors")  # random state of inputs too
    x, _ = data()
    expected = _predictions(compiled, x)
    loaded = ml_genn.load_model(tmp_path / "x.safetensors")
    for network in (compiled.network, loaded.network):
        inference = InferenceCompiler(STEPS, batch_size=8).compile(network)
        inference.restore(loaded.snapshot())
        np.testing.assert_allclose(_predictions(inference, x), expected, 1e-4, 1e-6)


def _predictions(compiled: Any, x: np.ndarray) -> np.ndarray:
    predictions, _ = compiled.predict(x, callbacks=[])
    (result,) = predictions.values()
    return np.asarray(result)


# ---------------------------------------------------------------- the first compiler
@pytest.mark.parametrize(
    ("rule", "expected"),
    [(EventPropCompiler, EXACT), (BPTTCompiler, EXACT), (EPropCompiler, PLAIN)],
)
def test_rules_decide_as_before_on_a_fresh_network(
    rule: Any, expected: dict[str, bool]
) -> None:
    network, hidden, first = small(synapse="delta" if rule is EPropCompiler else None)
    rule(20, LOSS).compile(network)
    assert values(hidden) == expected
    assert {d.compiler for d in hidden.decisions.values()} == {rule.__name__}
    assert hidden.neuron.scale_i is None
    if rule is not EPropCompiler:
        assert values(first) == {"scale_i": True}
    lowered = InferenceCompiler(20).compile(network).lowered
    assert lowered.neurons[hidden].choices() == expected


@model_class
class OwnNeuron(Neuron):
    """Integrator of a user, with a choice of its own."""

    doubled: bool | None = choice("input counts twice", default=None, otherwise=False)
    readout: Any = output_readout(default=None)

    def equations(self) -> NeuronEquations:
        """Returns the equations of the model."""
        gain = "2" if self.choices()["doubled"] else "1"
        return NeuronEquations((Variable("v", f"-v / 9 + {gain} * Isyn"),), output="v")


class OwnCompiler(BPTTCompiler):
    """BPTT with a preference for the choice of `OwnNeuron`."""

    CHOICES: ClassVar[Choices] = {OwnNeuron: {"doubled": np.True_}}


def test_choices_and_compilers_of_users_are_kept_as_well(tmp_path: Path) -> None:
    network, *_ = small(hidden=LeakyIntegrateFire(), output=OwnNeuron(readout="var"))
    compiled = OwnCompiler(STEPS, LOSS).compile(network)
    compiled.save_model(tmp_path / "x.safetensors")
    own = {"OwnNeuron": OwnNeuron, "OwnCompiler": OwnCompiler}
    loaded = ml_genn.load_model(tmp_path / "x.safetensors", own)
    output = loaded.network.populations[2]
    assert output.decisions == {"doubled": Decision(True, "OwnCompiler")}
    x = np.random.default_rng(1).random((4, STEPS, 4)) < 0.5
    inference = InferenceCompiler(STEPS).compile(loaded.network)
    np.testing.assert_allclose(
        _predictions(inference, x), _predictions(compiled, x), 1e-5
    )
    fresh, *_ = small(output=OwnNeuron(readout="var"))
    half = _predictions(InferenceCompiler(STEPS).compile(fresh), x)
    assert not np.allclose(half, _predictions(compiled, x), 1e-2)


def test_a_later_rule_uses_the_decisions_and_warns_where_it_would_differ() -> None:
    network, hidden, _ = small(synapse="delta")
    InferenceCompiler(20).compile(network)
    with pytest.warns(
        TrainingWarning,
        match="EventPropCompiler: this network keeps choices of InferenceCompiler.*"
        "hidden: relative_reset=True.*reset_choices",
    ):
        compiled = EventPropCompiler(20, LOSS).compile(network)
    assert compiled.lowered.neurons[hidden].choices() == PLAIN
    EPropCompiler(20, LOSS).compile(network)  # it has the same preferences
    network.reset_choices()
    EventPropCompiler(20, LOSS).compile(network)
    assert values(hidden) == EXACT


def test_a_compilation_that_fails_decides_nothing() -> None:
    network, hidden, _ = small(hidden=LeakyIntegrateFire(tau_refrac=3.0))
    with pytest.raises(NotImplementedError):
        EPropCompiler(20, LOSS).compile(network)  # has exponential synapses
    assert hidden.decisions == {}
    BPTTCompiler(20, LOSS).compile(network)
    assert values(hidden) == EXACT


def test_a_population_that_is_added_later_is_decided_by_the_next_compiler() -> None:
    network, hidden, _ = small()
    EventPropCompiler(20, LOSS).compile(network)
    with network:
        added = Population(AdaptiveLeakyIntegrateFire(), 2, name="added")
        Connection(hidden, added, Dense(1.0))
    InferenceCompiler(20).compile(network)
    assert (values(hidden), values(added)) == (EXACT, PLAIN)


def test_an_argument_that_contradicts_the_first_compiler_is_refused() -> None:
    network, hidden, first = small()
    EventPropCompiler(20, LOSS).compile(network)
    hidden.neuron = LeakyIntegrateFire(scale_i=False)
    with pytest.raises(
        ValidationError,
        match=r"Population 'hidden': its LeakyIntegrateFire has scale_i=False, but "
        r"scale_i=True was chosen by EventPropCompiler",
    ):
        InferenceCompiler(20).compile(network)
    hidden.neuron = LeakyIntegrateFire(scale_i=True)  # agrees
    first.synapse = Exponential(4.0, scale_i=False)
    with pytest.raises(ValidationError, match=r"Connection 'first': its Exponential"):
        InferenceCompiler(20).compile(network)


def test_arguments_of_the_user_may_be_rewritten() -> None:
    """The last value that was written holds where the argument is left out later."""
    network, hidden, _ = small(hidden=LeakyIntegrateFire(scale_i=True))
    InferenceCompiler(20).compile(network)
    hidden.neuron = LeakyIntegrateFire()
    lowered = InferenceCompiler(20).compile(network).lowered
    assert lowered.neurons[hidden].scale_i is True
    hidden.neuron = LeakyIntegrateFire(scale_i=False)
    lowered = InferenceCompiler(20).compile(network).lowered
    assert lowered.neurons[hidden].scale_i is False


def test_summaries_show_who_decided(tmp_path: Path) -> None:
    network, *_ = small(hidden=LeakyIntegrateFire(scale_i=False))
    compiled = EventPropCompiler(20, LOSS, dt=0.5).compile(network)
    notes = [
        "Chosen by EventPropCompiler:",
        "  hidden (LeakyIntegrateFire): relative_reset=False, "
        "integrate_during_refrac=False",
        "  out (LeakyIntegrate): scale_i=True",
        "  first (Exponential): scale_i=True",
        "  second (Exponential): scale_i=True",
    ]
    assert text(compiled)[-5:] == notes
    last = "Time step of its training: 0.5 ms (EventPropCompiler)."
    assert text(network)[-6:] == [*notes, last]
    compiled.save((0,), Numpy(tmp_path))
    fresh, *_ = small()
    fresh.load((0,), Numpy(tmp_path))
    lines = text(fresh)
    assert f"Chosen by the network that was saved ({Numpy(tmp_path)!r}, '0'):" in lines
    assert f"Chosen by EventPropCompiler ({Numpy(tmp_path)!r}, '0'):" in lines
    assert "  hidden (LeakyIntegrateFire): scale_i=False" in lines


# ---------------------------------------------------------------- files
def _saved(folder: Path, dt: float = 1.0) -> Any:
    """Returns a serialiser with an EventProp network under the key 0."""
    network, *_ = small()
    EventPropCompiler(20, LOSS, dt=dt).compile(network).save((0,), Numpy(folder))
    return Numpy(folder)


def test_an_argument_that_contradicts_the_checkpoint_is_refused(tmp_path: Path) -> None:
    files = _saved(tmp_path)
    network, hidden, first = small(
        output=LeakyIntegrate(readout="avg_var", scale_i=False)
    )
    with pytest.raises(
        CheckpointError,
        match=r"Population 'out': its LeakyIntegrate has scale_i=False, but "
        r"scale_i=True was chosen by EventPropCompiler \(Numpy.*'0'\)",
    ):
        network.load((0,), files)
    assert hidden.decisions == {} == first.decisions


def test_the_decisions_of_a_checkpoint_replace_those_of_a_compiler(
    tmp_path: Path,
) -> None:
    """Its weights replace the others too."""
    files = _saved(tmp_path)
    network, hidden, _ = small()
    InferenceCompiler(20).compile(network)
    network.load((0,), files)
    assert values(hidden) == EXACT
    hidden.neuron = AdaptiveLeakyIntegrateFire()  # has the same choices
    lowered = InferenceCompiler(20).compile(network).lowered
    assert lowered.neurons[hidden].choices() == EXACT


def test_a_compiled_network_refuses_weights_of_other_choices(tmp_path: Path) -> None:
    files = _saved(tmp_path)
    network, *_ = small()
    compiled = InferenceCompiler(20).compile(network)
    before = compiled.snapshot().arrays
    with pytest.raises(
        CheckpointError,
        match=r"this network is compiled with \w+=\w+ \(chosen by InferenceCompiler\)"
        r".*chosen by EventPropCompiler.*Network.load before",
    ):
        compiled.load((0,), files)
    for key, array in compiled.snapshot().arrays.items():
        np.testing.assert_array_equal(array, before[key])


def test_checkpoints_of_earlier_versions_decide_nothing(tmp_path: Path) -> None:
    """They have no decisions; loading them is as before."""
    network, hidden, _ = small()
    compiled = EventPropCompiler(20, LOSS).compile(network)
    snapshot = compiled.snapshot()
    del snapshot.info["decisions"]  # type: ignore[attr-defined]
    Numpy(tmp_path).save((0,), snapshot)
    fresh, hidden, _ = small()
    fresh.load((0,), Numpy(tmp_path))
    assert hidden.decisions == {}
    InferenceCompiler(20).compile(fresh).load((0,), Numpy(tmp_path))


@pytest.mark.parametrize(
    "decisions",
    [
        [],
        {"populations": []},
        {"populations": {"hidden": {"scale_i": True}}, "connections": {}},
        {"populations": {"hidden": {"scale_i": [1, "X"]}}, "connections": {}},
        {"populations": {"hidden": {"scale_i": [True, "a b"]}}, "connections": {}},
        {"populations": {"hidden": {"scale_i": [True, 3]}}, "connections": {}},
        {"populations": {}, "connections": {}, "time_step": [True, "X"]},
        {"populations": {}, "connections": {}, "time_step": [-1.0, "X"]},
        {"populations": {}, "connections": {}, "time_step": [float("inf"), "X"]},
    ],
)
def test_malformed_decisions_are_refused(decisions: Any) -> None:
    network, *_ = small()
    config = {**network.to_config(), "decisions": decisions}
    with pytest.raises(CheckpointError, match=r"(decisions|numbers) are"):
        Network.from_config(config)


# ---------------------------------------------------------------- NIR
def test_the_export_of_a_network_has_the_choices_of_its_training(
    tmp_path: Path,
) -> None:
    pytest.importorskip("nir")
    network, *_ = small()
    compiled = EventPropCompiler(20, LOSS, dt=0.5).compile(network)
    compiled.save((0,), Numpy(tmp_path))
    network.load((0,), Numpy(tmp_path))
    graph, expected = export(network), export(compiled)
    assert graph.metadata["dt"] == 0.5
    assert graph.nodes.keys() == expected.nodes.keys()
    for name, node in expected.nodes.items():
        for field, value in vars(node).items():
            np.testing.assert_equal(getattr(graph.nodes[name], field), value)


def test_an_export_decides_nothing() -> None:
    """Also if it is refused, for neurons that NIR does not have."""
    pytest.importorskip("nir")
    network, hidden, _ = small()
    with pytest.raises(UnsupportedError, match="relative_reset=False"):
        export(network)
    assert hidden.decisions == {}


# ---------------------------------------------------------------- time step
def test_another_time_step_than_that_of_training_warns(tmp_path: Path) -> None:
    files = _saved(tmp_path, dt=0.5)
    network, *_ = small()
    network.load((0,), files)
    with pytest.warns(
        TrainingWarning,
        match=r"InferenceCompiler: dt=1 ms, but the weights.*dt=0.5 ms of "
        r"EventPropCompiler.*pass dt=0.5",
    ):
        InferenceCompiler(20).compile(network)
    InferenceCompiler(20, dt=0.5).compile(network)


def test_inference_alone_fixes_no_time_step() -> None:
    network, *_ = small()
    InferenceCompiler(20).compile(network)
    assert InferenceCompiler(20, dt=0.1).compile(network).dt == 0.1
