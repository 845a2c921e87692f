"""Omitted arguments: defaults of the network and choices of the compiler."""

from __future__ import annotations

from typing import Any

import pytest

from ml_genn import Connection, Network, Population, SequentialNetwork
from ml_genn.compilers import EventPropCompiler, InferenceCompiler
from ml_genn.compilers.event_prop_compiler import default_params
from ml_genn.connectivity import Dense
from ml_genn.errors import UnknownNameError, ValidationError
from ml_genn.neurons import (
    AdaptiveLeakyIntegrateFire,
    IntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
    SpikeInput,
)
from ml_genn.synapses import Delta, Exponential
from ml_genn.utils.choices import Decision, decisions_of, resolved

DEFAULTED: list[tuple[type, str, Any]] = [
    (AdaptiveLeakyIntegrateFire, "beta", 0.5),
    (IntegrateFire, "v_thresh", 3.0),
    (LeakyIntegrate, "tau_mem", 7.0),
    (LeakyIntegrateFire, "v_reset", -1.0),
    (SpikeInput, "max_spikes", 10),
    (Exponential, "tau", 2.5),
]


@pytest.mark.parametrize(("cls", "name", "value"), DEFAULTED)
def test_a_network_fills_omitted_arguments(cls: type, name: str, value: Any) -> None:
    with Network({cls: {name: value}}):
        assert getattr(cls(), name) == value
        assert getattr(cls(**{name: 77}), name) == 77
    assert getattr(cls(), name) != value


def test_explicit_arguments_win_by_position_too() -> None:
    with Network({LeakyIntegrateFire: {"v_thresh": 5.0, "tau_mem": 3.0}}):
        neuron = LeakyIntegrateFire(2.0)
    assert (neuron.v_thresh, neuron.tau_mem) == (2.0, 3.0)


def test_an_explicit_none_wins() -> None:
    with Network({Exponential: {"scale_i": True}}):
        assert Exponential().scale_i is True
        assert Exponential(scale_i=None).scale_i is None


def test_subclasses_do_not_inherit_defaults() -> None:
    class Special(LeakyIntegrateFire):
        pass

    with Network({LeakyIntegrateFire: {"v_thresh": 5.0}}):
        assert Special().v_thresh == 1.0
        assert AdaptiveLeakyIntegrateFire().v_thresh == 1.0
    with Network({Special: {"v_thresh": 4.0}}):
        assert Special().v_thresh == 4.0
        assert LeakyIntegrateFire().v_thresh == 1.0


def test_names_of_neurons_use_the_defaults_too() -> None:
    with SequentialNetwork({LeakyIntegrateFire: {"v_thresh": 5.0}}):
        assert Population("leaky_integrate_fire", 2).neuron.v_thresh == 5.0


def test_defaults_are_those_of_the_innermost_network() -> None:
    with Network({Exponential: {"tau": 2.0}}):
        with Network():
            assert Exponential().tau == 5.0
        assert Exponential().tau == 2.0
    assert Network.get_default_params(Exponential) == {}


def test_networks_do_not_share_their_defaults() -> None:
    params = {Exponential: {"tau": 2.0}}
    network = Network(params)
    network.default_params[Delta] = {}
    assert params == {Exponential: {"tau": 2.0}}
    assert Network().default_params == {}


def test_the_table_of_a_compiler_is_accepted() -> None:
    with Network(default_params):
        assert LeakyIntegrateFire().relative_reset is False
        assert LeakyIntegrate().scale_i is True
        assert Exponential(scale_i=False).scale_i is False


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ([1], r"default_params is \{class: \{argument: value\}\}. Received \[1\]"),
        ({"lif": {"tau_mem": 1.0}}, "Received 'lif'"),
        ({LeakyIntegrate: 3}, "Received <class"),
        ({Dense: {"weight": 1.0}}, "Dense does not look at them"),
    ],
)
def test_defaults_without_effect_are_refused(params: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Network(params)


def test_a_misspelt_argument_gets_a_suggestion() -> None:
    with pytest.raises(
        UnknownNameError, match=r"argument 'taumem'. Did you mean 'tau_"
    ):
        Network({LeakyIntegrate: {"taumem": 3.0}})


# ---------------------------------------------------------------- choices
def test_open_choices_are_those_left_at_none() -> None:
    assert LeakyIntegrateFire().open_choices() == (
        "relative_reset",
        "integrate_during_refrac",
        "scale_i",
    )
    assert LeakyIntegrateFire(scale_i=False).open_choices() == (
        "relative_reset",
        "integrate_during_refrac",
    )
    assert Exponential(scale_i=True).open_choices() == ()


def test_choices_are_made_on_a_copy() -> None:
    neuron = LeakyIntegrateFire(relative_reset=True, v_thresh=3.0)
    copy = resolved(neuron, decisions_of("", neuron, {}, default_params, "Rule"))
    assert (copy.relative_reset, copy.scale_i, copy.v_thresh) == (True, True, 3.0)
    assert neuron.scale_i is None
    usual = resolved(neuron, decisions_of("", neuron, {}, {}, "Rule"))
    assert (usual.scale_i, usual.integrate_during_refrac) == (False, True)


def test_objects_without_open_choices_are_not_copied() -> None:
    synapse = Exponential(scale_i=True)
    assert resolved(synapse, {"scale_i": Decision(True, "")}) is synapse


def _network() -> tuple[Network, Connection]:
    with Network() as network:
        source = Population("spike_input", (2, 2), name="in")
        hidden = Population(LeakyIntegrateFire(scale_i=False), 1200, name="hidden")
        output = Population(LeakyIntegrate(readout="avg_var"), 3, name="out")
        Connection(source, hidden, Dense(1.0), Exponential(5.0), name="first")
        connection = Connection(
            hidden, output, Dense(1.0), Exponential(scale_i=False), name="second"
        )
    return network, connection


def _text(what: Any) -> str:
    lines: list[str] = []
    what.summary(lines.append)
    assert len(lines) == 1
    return lines[0]


def _cells(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_the_summary_of_a_network_lists_open_choices() -> None:
    network, _ = _network()
    text = _text(network)
    lines, cells = text.splitlines(), _cells(text)
    assert lines[0] == "Network"
    assert ["in", "SpikeInput", "(2,", "2)", "-"] in cells
    assert ["hidden", "LeakyIntegrateFire", "(1200,)", "-"] in cells
    assert ["out", "LeakyIntegrate", "(3,)", "AvgVar"] in cells
    first = ["first", "in", "->", "hidden", "Dense", "Exponential", "4,800", "4,800"]
    assert first in cells
    assert "Weights: 8,400" in lines
    assert lines[lines.index("Left to the compiler:") + 1 :] == [
        "  hidden (LeakyIntegrateFire): relative_reset, integrate_during_refrac",
        "  out (LeakyIntegrate): scale_i",
        "  first (Exponential): scale_i",
    ]


def test_the_summary_is_printed_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    network, _ = _network()
    network.summary()
    assert capsys.readouterr().out == f"{_text(network)}\n"


def test_columns_of_the_summary_are_aligned() -> None:
    lines = _text(_network()[0]).splitlines()
    head = next(k for k, line in enumerate(lines) if line.startswith("Connection"))
    column = lines[head].index("Connectivity")
    assert all(line[column:].startswith("Dense") for line in lines[head + 2 : head + 4])


def test_the_summary_shows_shapes_that_are_not_known_yet() -> None:
    with Network() as network:
        a = Population("spike_input", name="in")
        b = Population("leaky_integrate", 2, name="out")
        Connection(a, b, Dense(1.0))
    text = _text(network)
    assert "not known yet" in text
    assert "Weights: 0" in text


def test_the_summary_lists_no_choices_if_none_is_open() -> None:
    with Network() as network:
        Population("spike_input", 2)
    assert "compiler" not in _text(network)


def test_event_prop_shows_its_choices() -> None:
    network, _ = _network()
    compiled = EventPropCompiler(
        20, "sparse_categorical_crossentropy", batch_size=8, dt=0.5
    ).compile(network)
    lines = _text(compiled).splitlines()
    assert lines[0] == "CompiledTrainingNetwork"
    assert "Time steps: 20 of 0.5 ms. Batch size: 8." in lines
    assert lines[lines.index("Chosen by EventPropCompiler:") + 1 :] == [
        "  hidden (LeakyIntegrateFire): relative_reset=False, "
        "integrate_during_refrac=False",
        "  out (LeakyIntegrate): scale_i=True",
        "  first (Exponential): scale_i=True",
    ]


def test_inference_uses_the_defaults_of_the_choices() -> None:
    network, _ = _network()
    lines = _text(InferenceCompiler(20).compile(network)).splitlines()
    assert lines[0] == "CompiledInferenceNetwork"
    assert lines[lines.index("Chosen by InferenceCompiler:") + 1 :] == [
        "  hidden (LeakyIntegrateFire): relative_reset=True, "
        "integrate_during_refrac=True",
        "  out (LeakyIntegrate): scale_i=False",
        "  first (Exponential): scale_i=False",
    ]


def test_compiling_does_not_change_neurons_and_synapses() -> None:
    network, connection = _network()
    models = [p.neuron for p in network.populations]
    EventPropCompiler(20, "sparse_categorical_crossentropy").compile(network)
    assert [p.neuron for p in network.populations] == models
    assert connection.synapse.scale_i is False
    assert network.populations[2].neuron.scale_i is None
