"""Inference on PyGeNN: every class gives the results of the CPU engine."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from backend_comparison import compare, run, spike_count
from contract.registered import classes, example
from contract.test_every_class_runs import (
    EXAMPLES,
    IMAGE,
    STEPS,
    inputs,
    network,
    network_around,
)

from ml_genn import Connection, Network, Population
from ml_genn.callbacks import Callback, SpikeRecorder, VarRecorder
from ml_genn.compilers import FewSpikeCompiler, InferenceCompiler
from ml_genn.connectivity import AvgPool2D, Conv2D, Dense, FixedProbability
from ml_genn.initializers import Normal, Uniform
from ml_genn.model.plan import Sensitivity
from ml_genn.neurons import (
    CodeNeuron,
    IntegrateFireInput,
    LeakyIntegrate,
    LeakyIntegrateFire,
    PoissonInput,
    SpikeInput,
)
from ml_genn.neurons.few_spike.digits import FewSpike

pytestmark = pytest.mark.usefixtures("pygenn")


def inference(net: Network, **settings: Any) -> Any:
    """Returns a function that compiles a network for a backend."""
    options = {"batch_size": EXAMPLES, "num_threads": 1, **settings}

    def compile_for(backend: str) -> Any:
        if isinstance(net.populations[0].neuron, FewSpike):
            return FewSpikeCompiler(backend=backend, **options).compile(net)
        return InferenceCompiler(STEPS, backend=backend, **options).compile(net)

    return compile_for


def every(kind: str, without: Sequence[str] = ()) -> Any:
    """Parametrises a test over the classes of a registry."""
    chosen = [c for c in classes(kind) if c.__name__ not in without]
    return pytest.mark.parametrize("cls", chosen, ids=[c.__name__ for c in chosen])


def check(net: Network, **settings: Any) -> None:
    """Compares the backends, and asserts that neurons spike and outputs differ."""
    _, result = compare(inference(net, **settings), inputs(net))
    assert spike_count(result, "hidden") > 20
    (output,) = result.outputs.values()
    assert np.ptp(output) > 0


@every("neurons", without=["PoissonInput"])
def test_neurons(cls: type) -> None:
    if cls is LeakyIntegrate:
        check(network(output=example(cls, readout="sum_var")))
    else:
        check(network_around(example(cls)))


@every("synapses")
def test_synapses(cls: type) -> None:
    check(network(synapse=example(cls)))


@every("connectivity", without=["MaxPool2D"])  # needs neurons of its own
def test_connectivity(cls: type) -> None:
    sensitive = LeakyIntegrateFire(v_thresh=0.05)
    check(network(connectivity=example(cls), hidden=sensitive))


@every("readouts")
def test_readouts(cls: Any) -> None:
    voltage = cls.PLAN.sensitivity is Sensitivity.VARIABLE
    neuron = LeakyIntegrate if voltage else LeakyIntegrateFire
    check(network(output=neuron(readout=example(cls))))


SENSITIVE = LeakyIntegrateFire(v_thresh=0.05)
WEIGHT = Normal(0.2, 0.1)
KERNEL_DELAYS = np.arange(12).reshape(2, 2, 1, 3) % 5  #: of each weight of a kernel


@pytest.mark.parametrize(
    "connectivity",
    [
        Dense(WEIGHT, delay=3),
        Dense(WEIGHT, delay=np.arange(64).reshape(16, 4) % 5),
        FixedProbability(0.5, WEIGHT, delay=Uniform(0.0, 6.0)),
        Conv2D(WEIGHT, 3, 2, delay=2),
        Conv2D(WEIGHT, 3, 2, delay=KERNEL_DELAYS),
        Conv2D(WEIGHT, 3, 2, conv_strides=2, delay=KERNEL_DELAYS),
        Conv2D(WEIGHT, 3, 2, conv_padding="same"),
        Conv2D(WEIGHT, 3, 2, conv_strides=2),
        AvgPool2D(2, pool_strides=2),
    ],
    ids=[
        "delay",
        "delays",
        "sparse delays",
        "conv",
        "conv delays",
        "stride delays",
        "same",
        "strides",
        "pool",
    ],
)
def test_delays_and_kernels(connectivity: Any) -> None:
    with Network() as net:
        first = Population("spike_input", IMAGE)
        middle = Population(SENSITIVE, name="hidden")
        last = Population(LeakyIntegrate(readout="sum_var"), 4)
        if isinstance(connectivity, Dense | FixedProbability):
            middle.shape = (4,)
        Connection(first, middle, connectivity, max_delay_steps=6)
        Connection(middle, last, Dense(Normal(0.3, 0.3)))
    check(net)


def test_convolutions_without_stride_are_toeplitz(pygenn: ModuleType) -> None:
    matrix_types = []
    for options in ({}, {"conv_strides": 2}):
        net = network(connectivity=Conv2D(WEIGHT, 3, 2, **options), hidden=SENSITIVE)
        model = inference(net)("pygenn").genn_model
        matrix_types.append(model.synapse_populations["Conn_Pop0_hidden"].matrix)
    assert matrix_types == ["TOEPLITZ", "SPARSE"]


def test_parameters_of_each_neuron() -> None:
    neuron = LeakyIntegrateFire(
        tau_mem=Uniform(10.0, 30.0), v_thresh=[0.5, 0.6, 0.7, 0.8]
    )
    check(network(hidden=neuron))


def test_frames_of_analog_input() -> None:
    neuron = IntegrateFireInput(input_frames=3, input_frame_timesteps=4)
    net = network(neuron)
    x = np.random.default_rng(0).uniform(0, 1, (EXAMPLES, 3, *IMAGE))
    _, result = compare(inference(net), x)
    assert spike_count(result, "hidden") > 20


def test_negative_spikes() -> None:
    net = network(example(type_of("BinarySpikeInput"), signed_spikes=True))
    x = np.random.default_rng(0).normal(0, 1, (EXAMPLES, *IMAGE))
    _, result = compare(inference(net), x)
    assert spike_count(result, "Pop0 (negative)") > 20
    assert spike_count(result, "hidden") > 20


def type_of(name: str) -> type:
    """Returns a class of neurons by its name."""
    return next(c for c in classes("neurons") if c.__name__ == name)


def test_poisson_inputs_have_their_rate() -> None:
    """PyGeNN draws other random numbers, so that single spikes differ."""
    net = network(PoissonInput())
    x = np.full((EXAMPLES, *IMAGE), 0.3)
    result = run(inference(net)("pygenn"), x)
    draws = EXAMPLES * STEPS * np.prod(IMAGE)
    rate = spike_count(result, "Pop0") / draws
    assert abs(rate - (1 - np.exp(-0.3))) < 5 * np.sqrt(0.25 / draws)


def test_code_strings() -> None:
    """Operators that GeNN's language lacks are translated."""
    neuron = CodeNeuron(
        {
            "var_name_types": [("V", "scalar"), ("Count", "int")],
            "param_names": ["Tau"],
            "sim_code": "$(V) += ($(Isyn) - $(V)) / $(Tau);\nV /= 1.0f;\nCount += 1;",
            "threshold_condition_code": "V >= 0.2 && Count > 2",
            "reset_code": "V = 0.0; Count = 0;",
        },
        param_vals={"Tau": 5.0},
        var_vals={"V": 0.0, "Count": 0},
    )
    check(network(hidden=neuron))


class StateReader(Callback):
    """Reads a state variable after each step."""

    def __init__(self, population: Population) -> None:
        self.population = population
        self.states: list[np.ndarray] = []

    def set_params(self, compiled_network: Any, **_: Any) -> None:
        self.compiled = compiled_network

    def on_timestep_end(self, timestep: int) -> None:
        self.states.append(self.compiled.state(self.population, "v").copy())


def test_recordings_steps_and_partial_batches() -> None:
    """Seven examples in batches of three: the last batch is not full."""
    with Network() as net:
        first = Population(SpikeInput(), IMAGE, record_spikes=True)
        hidden = Population(SENSITIVE, 40, name="hidden", record_spikes=True)
        last = Population(LeakyIntegrate(readout="var"), 4)
        Connection(first, hidden, Dense(Normal(0.0, 0.2)))
        Connection(hidden, last, Dense(Normal(0.0, 0.3)))
    x = np.random.default_rng(1).random((7, STEPS, *IMAGE)) < 0.2
    runs = []
    for backend in ("cpu", "pygenn"):
        reader = StateReader(hidden)
        recorders = [SpikeRecorder(p, key=p.name) for p in (first, hidden)]
        compiled = inference(net, batch_size=3)(backend)
        whole = compiled.predict(x, callbacks=[*recorders, VarRecorder(last, "v")])
        stepped = compiled.predict(x, callbacks=[reader])
        np.testing.assert_array_equal(whole[0][last], stepped[0][last])
        runs.append((*whole, np.concatenate(reader.states)))
    (expected, expected_records, expected_states), (received, records, states) = runs
    np.testing.assert_allclose(received[last], expected[last], atol=1e-5)
    np.testing.assert_allclose(states, expected_states, atol=1e-5)
    assert set(records) == set(expected_records)
    for key, (times, ids) in list(expected_records.items())[:2]:
        for b in range(7):
            order = np.lexsort((ids[b], times[b]))
            np.testing.assert_array_equal(records[key][0][b], times[b][order])
            np.testing.assert_array_equal(records[key][1][b], ids[b][order])


def test_batches_reset_or_continue_the_state() -> None:
    """Delayed spikes at the end of a batch are dropped, or arrive in the next batch."""
    delayed = Dense(WEIGHT, delay=np.arange(64).reshape(16, 4) % 5)
    for connectivity in (Dense(WEIGHT, delay=4), delayed):
        net = network(connectivity=connectivity, hidden=SENSITIVE)
        for reset in (True, False):
            options = {"reset_vars_between_batches": reset, "batch_size": 2}
            runs = [
                inference(net, **options)(backend).predict(inputs(net), callbacks=[])
                for backend in ("cpu", "pygenn")
            ]
            (expected,), (received,) = (p.values() for p, _ in runs)
            np.testing.assert_allclose(received, expected, rtol=1e-4, atol=1e-5)


def test_weights_may_be_replaced() -> None:
    for connectivity in (Dense(WEIGHT), Conv2D(WEIGHT, 3, 2, conv_strides=2)):
        net = network(connectivity=connectivity, hidden=SENSITIVE)
        connection = net.connections[0]
        networks = [inference(net)(backend) for backend in ("cpu", "pygenn")]
        for compiled in networks:
            compiled.predict(inputs(net), callbacks=[])
            compiled.set_weights(connection, 1.5 * compiled.weights(connection))
        np.testing.assert_array_equal(*(n.weights(connection) for n in networks))
        expected, received = (run(compiled, inputs(net)) for compiled in networks)
        for name, values in expected.outputs.items():
            np.testing.assert_allclose(received.outputs[name], values, rtol=1e-4)
