"""Neurons given as dictionaries of code strings in PyGeNN's syntax."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from engine.helpers import (
    STEPS,
    TIE,
    Bool,
    random_input,
    reference_run,
    run_one,
    traces,
)

from ml_genn import (
    Connection,
    InputLayer,
    Layer,
    Network,
    Population,
    SequentialNetwork,
)
from ml_genn.compilers import EventPropCompiler, InferenceCompiler
from ml_genn.connectivity import Dense
from ml_genn.errors import (
    EquationError,
    UnknownNameError,
    UnsupportedError,
    ValidationError,
)
from ml_genn.neurons import (
    CodeNeuron,
    IntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
    Neuron,
    SpikeInput,
)
from ml_genn.synapses import Exponential

Model = dict[str, Any]

INPUTS, SIZE = 8, 5
FIRE: Model = {
    "var_name_types": [("V", "scalar")],
    "sim_code": "$(V) += $(Isyn);",
    "threshold_condition_code": "$(V) >= 1.0",
    "reset_code": "$(V) = 0.0;",
    "is_auto_refractory_required": False,
}


GAINS, OFFSETS = np.array([1.0, -2.0, 3.0]), np.array([0.0, 0.1, 0.2])
STARTS = np.array([5.0, 6.0, 7.0])
SINE: Model = {
    "vars": [("V", "scalar"), ("count", "int"), ("C", "scalar")],
    "sim_code": "V = sin(0.7 * t); C = count;",
    "threshold_condition_code": "V > 0.3",
    "reset_code": "count += 1;",
}
GALLERY: dict[str, tuple[Model, dict[str, Any], dict[str, Any]]] = {
    "values": (
        {
            "vars": [("V", "scalar"), ("w", "scalar")],
            "params": ["gain"],
            "sim_code": "V += gain * Isyn + w;",
        },
        {"gain": GAINS},
        {"V": STARTS, "w": OFFSETS},
    ),
    "integers": (
        {
            "vars": [
                ("n", "int"),
                ("bits", "uint32_t"),
                ("V", "scalar"),
                ("W", "float"),
            ],
            "sim_code": """
                n++;
                bits = (bits << 1) ^ (n & 3);
                V = (n % 3) + min(n, 2) + abs(-n);
                W = bits;
                """,
            "threshold_condition_code": "n % 3 == 0",
            "reset_code": "bits = bits | 8;",
        },
        {},
        {},
    ),
    "every step": ({**SINE, "auto_refractory_required": False}, {}, {}),
    "rising edge": ({**SINE, "auto_refractory_required": True}, {}, {}),
    "reset ends it": (
        {**FIRE, "sim_code": "$(V) += 2.0;", "is_auto_refractory_required": True},
        {},
        {},
    ),
    "provided": (
        {
            "vars": [(name, "scalar") for name in "abcdefg"],
            "sim_code": """
                a = t; b = dt; c = id; d = batch; e = num_batch;
                f = Isyn; g = id % 2 == 0 ? 1.5 : -1.5;
                """,
        },
        {},
        {},
    ),
    "locals": (
        {
            "vars": [("V", "scalar")],
            "sim_code": "const scalar twice = 2 * Isyn; V += twice;",
            "threshold_condition_code": "V + twice >= 3.0",
            "reset_code": "V = -3.0 * Isyn;",
        },
        {},
        {},
    ),
}
GALLERY_STEPS = 40


@cache
def gallery() -> tuple[dict[str, Bool], dict[tuple[str, str], np.ndarray]]:
    """All of them in one network, 3 neurons each, for 2 examples with dt = 0.5 ms."""
    with Network() as network:
        ticks = Population(SpikeInput(), 1)
        variables = {}
        for name, (model, params, start) in GALLERY.items():
            neuron = CodeNeuron(model, param_vals=params, var_vals=start)
            spiking = "threshold_condition_code" in model
            target = Population(neuron, 3, name=name, record_spikes=spiking)
            Connection(ticks, target, Dense(0.4))
            variables[target] = [
                v.name for v in neuron.code.variables if v.type in ("float", "scalar")
            ]
    raster = np.ones((2, GALLERY_STEPS, 1), dtype=bool)
    return traces(network, {ticks: raster}, variables, dt=0.5, batch_size=2)


def test_dictionary_as_population_is_integrate_and_fire() -> None:
    rng = np.random.default_rng(0)
    weight = rng.normal(0.2, 0.3, (INPUTS, SIZE))
    with Network() as network:
        source = Population(SpikeInput(), INPUTS)
        code = Population(FIRE, SIZE, name="code", record_spikes=True)
        built_in = Population(
            IntegrateFire(), SIZE, name="built in", record_spikes=True
        )
        for target in (code, built_in):
            Connection(source, target, Dense(weight), Exponential(3.0))
    raster = random_input(rng, INPUTS)
    variables = {code: ("V",), built_in: ("v",)}
    spikes, recordings = traces(network, {source: raster}, variables, batch_size=3)
    assert spikes["code"].sum() > 100
    np.testing.assert_array_equal(spikes["code"], spikes["built in"])
    np.testing.assert_array_equal(recordings["code", "V"], recordings["built in", "v"])


def test_dictionary_as_layer_is_integrate_and_fire() -> None:
    """A network of such layers does what one of IntegrateFire does in the reference."""
    rng = np.random.default_rng(1)
    weights = [
        rng.normal(0.15, 0.2, (INPUTS, 20)),
        rng.normal(0.1, 0.2, (20, SIZE)),
    ]
    networks = []
    for neuron in (FIRE, IntegrateFire()):
        network = SequentialNetwork()
        with network:
            InputLayer("spike_input", INPUTS, name="input")
            for k, weight in enumerate(weights):
                Layer(Dense(weight), neuron, record_spikes=True, name=f"layer {k}")
            Layer(Dense(0.1), LeakyIntegrate(readout="var"), 2, name="output")
        networks.append(network)
    raster = random_input(rng, INPUTS)
    expected = reference_run(networks[1], {networks[1].populations[0]: raster})
    source, *layers = networks[0].populations
    spikes, recordings = traces(networks[0], {source: raster}, {layers[2]: ("v",)})
    assert expected.spikes["layer 1"].sum() > 100
    for name in ("layer 0", "layer 1"):
        np.testing.assert_array_equal(spikes[name], expected.spikes[name])
    np.testing.assert_allclose(
        recordings["output", "v"], expected.v_after_step["output"], rtol=1e-5, atol=1e-5
    )


def test_newer_spelling_with_parameters_is_the_built_in_neuron() -> None:
    """LIF with a refractory period, per-neuron values, and derived parameters."""
    rng = np.random.default_rng(2)
    start, weight = rng.uniform(-0.3, 0.6, SIZE), rng.normal(0.2, 0.2, (INPUTS, SIZE))
    model: Model = {
        "vars": [("V", "scalar"), ("RefracTime", "scalar")],
        "params": [("Vthresh", "scalar"), "Vreset", ("TauM", "scalar"), "TauRefrac"],
        "derived_params": [
            ("Alpha", lambda pars, dt: np.exp(-dt / pars["TauM"])),
            ("AlsoAlpha", lambda pars, dt: np.exp(-dt / pars[2])),
        ],
        "sim_code": """
            V = (RefracTime > 0.0) ? (0.5 * (Alpha + AlsoAlpha) * V) + Isyn
                                   : (Alpha * V) + Isyn; // both integrate
            if (RefracTime > 0.0) {
                RefracTime -= dt;
            }
            """,
        "threshold_condition_code": "RefracTime <= 0.0 && V >= Vthresh",
        "reset_code": """
            V -= (Vthresh - Vreset);
            RefracTime = TauRefrac;
            """,
    }
    values = {"Vthresh": 0.9, "Vreset": -0.1, "TauM": 12.0, "TauRefrac": 3.0}
    with Network() as network:
        source = Population(SpikeInput(), INPUTS)
        neuron = CodeNeuron(model, "V", values, {"V": start})
        code = Population(neuron, SIZE, name="code", record_spikes=True)
        built_in = LeakyIntegrateFire(0.9, -0.1, start, 12.0, 3.0)
        other = Population(built_in, SIZE, name="built in", record_spikes=True)
        for target in (code, other):
            Connection(source, target, Dense(weight))
    raster = random_input(rng, INPUTS)
    variables = {code: ("V", "RefracTime"), other: ("v", "refrac_steps")}
    spikes, recordings = traces(network, {source: raster}, variables, dt=0.5)
    assert spikes["code"].sum() > 100
    np.testing.assert_array_equal(spikes["code"], spikes["built in"])
    np.testing.assert_allclose(
        recordings["code", "V"], recordings["built in", "v"], rtol=1e-5, atol=1e-5
    )
    steps = np.maximum(recordings["built in", "refrac_steps"], 0.0)
    np.testing.assert_array_equal(recordings["code", "RefracTime"], 0.5 * steps)


def test_values_per_neuron() -> None:
    k = np.arange(GALLERY_STEPS)[:, None]
    expected = STARTS + 0.4 * GAINS * k + OFFSETS * (k + 1)
    recordings = gallery()[1]["values", "V"]
    np.testing.assert_allclose(
        recordings, np.stack([expected] * 2), rtol=1e-5, atol=1e-5
    )


def test_variables_are_recorded_whatever_their_type() -> None:
    """Integers too come back as the numbers that they are."""
    model = {
        "vars": [("n", "int"), ("u", "unsigned int"), ("half", "int"), ("V", "scalar")],
        "sim_code": "n -= 3; u += 2; half = n / 2; V = half;",
    }
    _, recordings = run_one(model, ("n", "u", "half", "V"), start={"n": 1, "u": 5})
    k = np.arange(1, 9)
    n = 1 - 3 * k
    np.testing.assert_array_equal(recordings["V"][0, :, 0], np.trunc(n / 2))
    np.testing.assert_array_equal(recordings["n"][0, :, 0], n)
    np.testing.assert_array_equal(recordings["u"][0, :, 0], 5 + 2 * k)
    np.testing.assert_array_equal(recordings["half"][0, :, 0], np.trunc(n / 2))


def test_integer_arithmetic() -> None:
    """Remainders, bits and counters, as in C; every third step is a spike."""
    bits, expected = 0, []
    for n in range(1, 13):
        bits = (bits << 1) ^ (n & 3)
        expected.append((n % 3 + min(n, 2) + n, bits))
        bits = bits | 8 if n % 3 == 0 else bits
    spikes, recordings = gallery()
    assert np.flatnonzero(spikes["integers"][0, :12, 0]).tolist() == [2, 5, 8, 11]
    for column, name in enumerate(("V", "W")):
        values = recordings["integers", name][0, :12, 1]
        np.testing.assert_array_equal(values, [e[column] for e in expected])


def test_truth_values_are_0_or_1() -> None:
    """Whatever is assigned to a bool, and from the start."""
    model = {
        "vars": [("flag", "bool"), ("V", "scalar")],
        "sim_code": "V = 10 * flag; flag = (id == 0) ? 5 : 0; V += flag;",
    }
    _, recordings = run_one(model, ("V", "flag"), start={"flag": 3})
    np.testing.assert_array_equal(recordings["V"][0, :, 0], [11.0] * 8)
    np.testing.assert_array_equal(recordings["V"][0, :, 1], [10.0] + [0.0] * 7)
    np.testing.assert_array_equal(recordings["flag"][0, :, 0], [1.0] * 8)


@pytest.mark.parametrize("kind", ["uint8_t", "short", "int64_t", "unsigned long"])
def test_types_that_are_not_stored_are_refused(kind: str) -> None:
    """So that nothing is wrapped or cut in another way than the type says."""
    model = {"vars": [("n", kind)], "sim_code": "n += 100;"}
    with pytest.raises(ValidationError, match=r"'n' has type u?int"):
        CodeNeuron(model)


@pytest.mark.parametrize("name", ["every step", "rising edge"])
def test_auto_refractory(name: str) -> None:
    """With it a neuron spikes where its condition becomes true, not where it stays."""
    above = np.sin(0.7 * 0.5 * np.arange(GALLERY_STEPS)) > 0.3
    before = np.concatenate([[False], above[:-1]])
    expected = above & ~before if name == "rising edge" else above
    spikes, recordings = gallery()
    np.testing.assert_array_equal(spikes[name][0, :, 0], expected)
    counted = np.cumsum(expected) - expected
    np.testing.assert_array_equal(recordings[name, "C"][0, :, 0], counted)


def test_auto_refractory_looks_at_the_reset_variable() -> None:
    """A reset that ends the condition lets the next step spike."""
    assert gallery()[0]["reset ends it"].all()


def test_provided_names() -> None:
    k, recordings = np.arange(GALLERY_STEPS), gallery()[1]
    for example in (0, 1):
        for neuron in (0, 1, 2):
            values = {
                v: recordings["provided", v][example, :, neuron] for v in "abcdefg"
            }
            np.testing.assert_allclose(values["a"], 0.5 * k)
            assert set(values["b"]) == {0.5}
            assert set(values["c"]) == {neuron}
            assert set(values["d"]) == {example}
            assert set(values["e"]) == {2}
            np.testing.assert_allclose(values["f"], np.where(k > 0, 0.4, 0), rtol=1e-6)
            assert set(values["g"]) == {1.5 if neuron % 2 == 0 else -1.5}


CONDITIONS = {
    "num_neurons": "id + 1 == num_neurons",
    "num_batch": "id == num_batch + 1",
    "t": "t >= 4.0 && id > 1",
    "Isyn": "Isyn > 0.2 && id > 1",
}


@cache
def spikes_of_conditions() -> dict[str, Bool]:
    with Network() as network:
        ticks = Population(SpikeInput(), 1)
        for name, condition in CONDITIONS.items():
            model = {
                "vars": [("V", "scalar")],
                "sim_code": "V += 1;",
                "threshold_condition_code": condition,
            }
            target = Population(model, 3, name=name, record_spikes=True)
            Connection(ticks, target, Dense(0.4))
    return traces(network, {ticks: np.ones((1, 8, 1), dtype=bool)}, {}, batch_size=1)[0]


@pytest.mark.parametrize("name", CONDITIONS)
def test_provided_names_in_a_condition(name: str) -> None:
    """Each holds for the last of three neurons, from some step on."""
    first = {"t": 4, "Isyn": 1}.get(name, 0)
    expected = np.zeros((8, 3), dtype=bool)
    expected[first:, 2] = True
    np.testing.assert_array_equal(spikes_of_conditions()[name][0], expected)


def test_input_in_a_rising_condition() -> None:
    """GeNN tests such a condition before sim_code too, with the step's input."""
    model = {
        "vars": [("V", "scalar")],
        "sim_code": "V += Isyn;",
        "threshold_condition_code": "V > 1.0 && Isyn > 0.2",
        "auto_refractory_required": True,
    }
    spikes, _ = run_one(model, ())
    assert np.flatnonzero(spikes[0, :, 0]).tolist() == [3]


def test_locals_of_sim_code() -> None:
    """Those declared at its top level are known to the condition."""
    v, expected = 0.0, []
    for n in range(GALLERY_STEPS):
        twice = 0.8 if n else 0.0
        v += twice
        fires = v + twice >= 3.0
        v = -1.5 * twice if fires else v
        expected.append((fires, v))
    spikes, recordings = gallery()
    np.testing.assert_array_equal(spikes["locals"][0, :, 0], [e[0] for e in expected])
    np.testing.assert_allclose(
        recordings["locals", "V"][0, :, 0],
        [e[1] for e in expected],
        rtol=1e-5,
        atol=1e-5,
    )


def test_locals_of_sim_code_are_refused_in_the_reset() -> None:
    """The reset runs in a loop of its own; the error says what to do."""
    model = {
        "vars": [("V", "scalar")],
        "sim_code": "const scalar twice = 2 * Isyn; V += twice;",
        "threshold_condition_code": "V >= 3.0",
        "reset_code": "V = -twice;",
    }
    with pytest.raises(EquationError, match=r"reset_code, line 1.*'twice'") as caught:
        CodeNeuron(model)
    assert "variable" in str(caught.value)


def test_additional_inputs() -> None:
    """One that nothing is connected to keeps its initial value in every step."""
    model = {
        "vars": [("V", "scalar")],
        "additional_input_vars": [("Ibackground", "scalar", 0.25)],
        "sim_code": "V += Isyn + 2 * Ibackground;",
    }
    _, recordings = run_one(model, ("V",))
    k = np.arange(8)
    np.testing.assert_allclose(
        recordings["V"][0, :, 0], 0.4 * k + 0.5 * (k + 1), rtol=1e-6
    )


def test_derived_parameters_of_values_per_neuron() -> None:
    model = {
        "vars": [("V", "scalar")],
        "params": ["tau"],
        "derived_params": [("decay", lambda pars, dt: np.exp(-dt / pars["tau"]))],
        "sim_code": "V *= decay;",
    }
    tau = np.array([1.0, 2.0, 5.0])
    _, recordings = run_one(model, ("V",), params={"tau": tau}, start={"V": 1.0})
    expected = np.exp(-np.arange(1, 9)[:, None] / tau)
    np.testing.assert_allclose(recordings["V"][0], expected, rtol=1e-5)


@pytest.mark.parametrize("name", ["step", "output", "v_avg", "c_", "j_"])
def test_names_of_the_engine_are_free_or_refused(name: str) -> None:
    """A variable may have any name that is not refused with a reason beforehand."""
    model = {"vars": [(name, "scalar")], "sim_code": f"{name} += Isyn;"}
    with Network() as network:
        source = Population(SpikeInput(), 1)
        try:
            target = Population(CodeNeuron(model, readout="avg_var_exp_weight"), 2)
            Connection(source, target, Dense(0.5))
            compiled = InferenceCompiler(6).compile(network)
        except EquationError as error:
            assert name in str(error)
            return
    x, k = np.ones((1, 6, 1), dtype=bool), np.arange(6)
    outputs, _ = compiled.predict(x, callbacks=[])
    expected = np.sum(0.5 * k * np.exp(-k / 6.0) / 6.0)
    np.testing.assert_allclose(outputs[target], [[expected, expected]], rtol=1e-5)


@pytest.mark.parametrize("name", ["output", "v_last", "step"])
def test_names_of_locals_are_free_or_refused(name: str) -> None:
    """Those of the engine's own variables too."""
    model = {
        "vars": [("V", "scalar")],
        "sim_code": f"scalar {name} = 3; V += {name};",
    }
    with Network() as network:
        source = Population(SpikeInput(), 1)
        try:
            target = Population(CodeNeuron(model, readout="var"), 2)
        except EquationError as error:
            assert name in str(error)
            return
        Connection(source, target, Dense(1.0))
    compiled = InferenceCompiler(4).compile(network)
    outputs, _ = compiled.predict(np.zeros((1, 4, 1), dtype=bool), callbacks=[])
    assert outputs[target].tolist() == [[12.0, 12.0]]


def test_readouts_look_at_the_chosen_variable() -> None:
    model = {
        "vars": [("V", "scalar"), ("n", "int")],
        "sim_code": "V += Isyn; n += 2;",
        "threshold_condition_code": "n == 6",
        "reset_code": "V = -1.0;",
    }
    with Network() as network:
        source = Population(SpikeInput(), 1)
        outputs = {
            (variable, readout): Population(
                CodeNeuron(model, variable, readout=readout), 2
            )
            for variable in ("V", "n", None)
            for readout in ("var", "sum_var", "first_spike_time")
        }
        for target in outputs.values():
            Connection(source, target, Dense(0.5))
    compiled = InferenceCompiler(5).compile(network)
    results, _ = compiled.predict(np.ones((1, 5, 1), dtype=bool), callbacks=[])
    values = {key: results[target].tolist() for key, target in outputs.items()}
    for variable in ("V", None):
        assert values[variable, "var"] == [[0.0, 0.0]]
        assert values[variable, "sum_var"] == [[1.0, 1.0]]
    assert values["n", "var"] == [[10.0, 10.0]]
    assert values["n", "sum_var"] == [[30.0, 30.0]]
    assert values["V", "first_spike_time"] == [[-2.0, -2.0]]


@pytest.mark.parametrize("hidden", [True, False])
def test_event_prop_says_why_it_refuses(hidden: bool) -> None:
    with Network() as network:
        source = Population(SpikeInput(), 2)
        if hidden:
            middle = Population(CodeNeuron(FIRE), 3)
            output = Population(LeakyIntegrate(readout="avg_var"), 2)
            Connection(source, middle, Dense(1.0), Exponential())
            Connection(middle, output, Dense(1.0), Exponential())
        else:
            silent = {"vars": [("V", "scalar")], "sim_code": "V += Isyn;"}
            output = Population(CodeNeuron(silent, readout="avg_var"), 2)
            Connection(source, output, Dense(1.0), Exponential())
    compiler = EventPropCompiler(STEPS, "sparse_categorical_crossentropy")
    with pytest.raises(UnsupportedError, match="no gradients can be derived") as caught:
        compiler.compile(network)
    assert "UserNeuron" in str(caught.value)


def test_misspelt_names_are_found_before_anything_is_built() -> None:
    model = {**FIRE, "sim_code": "$(V) += $(Isin);"}
    with Network(), pytest.raises(UnknownNameError, match=r"sim_code, line 1.*Isin"):
        Population(model, 3)


def test_code_neurons_beside_others() -> None:
    """A code neuron in a loop with built-in ones, over two synapses and delays."""
    rng = np.random.default_rng(9)
    into, back = (
        rng.normal(0.15, 0.2, (INPUTS, SIZE)),
        rng.normal(0.0, 0.1, (SIZE, SIZE)),
    )
    delays, raster = rng.integers(0, 4, (SIZE, SIZE)), random_input(rng, INPUTS)

    def network_of(neuron: Neuron) -> tuple[Network, Population]:
        with Network() as network:
            source = Population(SpikeInput(), INPUTS)
            fire = Population(neuron, SIZE, name="fire", record_spikes=True)
            leaky = Population(
                LeakyIntegrateFire(), SIZE, name="leaky", record_spikes=True
            )
            Connection(source, fire, Dense(into), Exponential(4.0))
            Connection(fire, leaky, Dense(0.3, 2))
            Connection(leaky, fire, Dense(back, delays))
        return network, source

    network, source = network_of(IntegrateFire())
    expected = reference_run(network, {source: raster})
    assert min(d.min() for d in expected.threshold_distance.values()) > TIE
    network, source = network_of(CodeNeuron(FIRE))
    spikes, _ = traces(network, {source: raster}, {})
    assert spikes["leaky"].sum() > 50
    for name in ("fire", "leaky"):
        np.testing.assert_array_equal(spikes[name], expected.spikes[name])
