"""Direct access to groups and variables, as scripts written for mlGeNN use it."""

from __future__ import annotations

from math import isnan
from typing import Any

import numpy as np
import pytest
from training.small_nets import (
    CLASSES,
    HIDDEN,
    INPUTS,
    STEPS,
    Small,
    labels,
    small,
    spikes,
)

from ml_genn import Connection, Layer, Network, Population
from ml_genn.callbacks import Callback, VarRecorder
from ml_genn.compilers import EventPropCompiler, InferenceCompiler
from ml_genn.connectivity import Conv2D, Dense, FixedProbability
from ml_genn.errors import MlGennError, UnknownNameError, ValidationError
from ml_genn.initializers import Normal, Uniform
from ml_genn.neurons import CodeNeuron, LeakyIntegrate, LeakyIntegrateFire
from ml_genn.synapses import Exponential


@pytest.fixture(scope="module")
def net() -> Small:
    return small()


def test_weights_are_edited_in_place(net: Small) -> None:
    """As scripts do it: the view of a dense connection is flat and may be reshaped."""
    compiled = net.compile_inference()
    before = compiled.weights(net.hidden)
    with compiled:
        group = compiled.connection_populations[net.hidden.connection()]
        assert group is compiled.connection_populations[net.hidden]
        group.vars["g"].pull_from_device()
        view = group.vars["g"].view.reshape((INPUTS, HIDDEN))
        view[:, [0, 2]] += 0.25
        np.testing.assert_array_equal(compiled.weights(net.hidden), before)
        group.vars["g"].push_to_device()
    before[:, [0, 2]] += 0.25
    np.testing.assert_array_equal(compiled.weights(net.hidden), before)
    np.testing.assert_array_equal(group.vars["weight"].values, before.reshape(-1))
    group.vars["g"].values = np.zeros(INPUTS * HIDDEN)
    group.vars["g"].push_to_device()
    assert not compiled.weights(net.hidden).any()
    compiled.set_weights(net.hidden, before)
    assert not group.vars["g"].current_view.any()
    group.vars["g"].pull_from_device()
    np.testing.assert_array_equal(group.vars["g"].current_values, before.reshape(-1))
    group.vars["g"].view[3] = np.nan
    with pytest.raises(ValidationError, match=r"Weights of 'Conn_Pop0_Pop1'.*finite"):
        group.vars["g"].push_to_device()
    np.testing.assert_array_equal(compiled.weights(net.hidden), before)


def test_names_that_there_are_not(net: Small) -> None:
    compiled, other = net.compile_inference(), small()
    group = compiled.connection_populations[net.hidden]
    with pytest.raises(UnknownNameError, match="'Conn_Pop0_Pop1': unknown variable"):
        group.vars["d"]
    with pytest.raises(UnknownNameError, match="Did you mean 'v'"):
        compiled.neuron_populations[net.hidden].vars["vv"]
    for groups, key in (
        (compiled.connection_populations, other.hidden),
        (compiled.neuron_populations, other.hidden),
    ):
        with pytest.raises(UnknownNameError, match="There is no entry for"):
            groups[key]


def sparse_and_kernel() -> tuple[Network, Layer | Any, Any, Any]:
    with Network() as network:
        source = Population("spike_input", (3, 3, 1))
        hidden = Population(LeakyIntegrateFire(), (2, 2, 2))
        output = Population(LeakyIntegrate(readout="avg_var"), 2)
        conv = Connection(source, hidden, Conv2D(Normal(0.5), 2, 2), Exponential())
        random = FixedProbability(0.5, Normal(0.1, 0.2), delay=Uniform(0, 4))
        sparse = Connection(hidden, output, random, Exponential(), max_delay_steps=5)
    return network, conv, sparse, output


def test_sparse_synapses_delays_kernels_and_parameters() -> None:
    network, conv, sparse, output = sparse_and_kernel()
    compiler = EventPropCompiler(
        STEPS, "sparse_categorical_crossentropy", delay_learn_conns=[sparse]
    )
    adam = {"all_connections": {"weight": "adam"}, output: {"bias": "adam"}}
    compiled = compiler.compile(network, optimisers=adam)
    kernel = compiled.connection_populations[conv].vars["g"]
    kernel.view[:] = np.arange(8)
    kernel.push_to_device()
    np.testing.assert_array_equal(compiled.weights(conv).reshape(-1), np.arange(8))

    group = compiled.connection_populations[sparse]
    group.pull_connectivity_from_device()
    places = group.get_sparse_pre_inds(), group.get_sparse_post_inds()
    np.testing.assert_array_equal(places, compiled.indices(sparse))
    assert group.vars["g"].view.shape == group.vars["d"].view.shape == places[0].shape
    group.vars["g"].view[places[1] == 1] = 7.0
    group.vars["g"].push_to_device()
    assert np.all((compiled.weights(sparse) == 7.0) == (places[1] == 1))
    group.vars["d"].view[:] = 3.25
    group.vars["d"].push_to_device()
    np.testing.assert_array_equal(compiled.delays(sparse), 3.25)
    group.vars["d"].view[0] = 9
    with pytest.raises(ValidationError, match="are from 0 to 5 steps"):
        group.vars["d"].push_to_device()
    np.testing.assert_array_equal(compiled.delays(sparse), 3.25)

    bias = compiled.neuron_populations[output].vars["Bias"]
    bias.view[:] = 0.5
    bias.push_to_device()
    prediction, _ = compiled.predict(np.zeros((1, STEPS, 3, 3, 1)), callbacks=[])
    assert np.all(prediction[output] > 0.5)


class StateRecorder(Callback):
    """Records the state at the end of batches and, if asked to, of time steps."""

    def __init__(self, population: Any, steps: bool) -> None:
        self.population = population
        self.steps: list[np.ndarray] = []
        self.ends: list[np.ndarray] = []
        self.times: list[tuple[int, float]] = []
        if steps:
            self.on_timestep_end = self._step_end  # type: ignore[method-assign]

    def set_params(self, **kwargs: Any) -> None:
        self.network = kwargs["compiled_network"]

    def _state(self) -> np.ndarray:
        variable = self.network.neuron_populations[self.population].vars["V"]
        variable.pull_from_device()
        return variable.values

    def _step_end(self, timestep: int) -> None:
        self.steps.append(self._state())
        model = self.network.genn_model
        self.times.append((model.timestep, model.t))

    def on_batch_end(self, batch: int, metrics: Any) -> None:
        self.ends.append(self._state())


@pytest.mark.parametrize("steps", [True, False])
@pytest.mark.parametrize("trains", [True, False])
def test_state_in_hooks(net: Small, steps: bool, trains: bool) -> None:
    """In each step, and at the end of batches, the last one smaller."""
    compiled = net.compile_training(dt=0.5) if trains else net.compile_inference(dt=0.5)
    recorder = StateRecorder(net.hidden, steps)
    callbacks = [recorder, VarRecorder(net.hidden, genn_var="V", key="v")]
    x, y = spikes(6), labels(6)
    for k in range(6):
        x[k] = x[k]._replace(spike_times=x[k].spike_times / 2)
    run = compiled.train if trains else compiled.evaluate
    options = {"shuffle": False} if trains else {}
    data = run(x, y, callbacks=callbacks, **options)[-1]
    recorded = np.stack(data["v"])
    expected = [recorded[:4, -1], recorded[4:, -1]]
    assert [v.shape for v in recorder.ends] == [(4, HIDDEN), (2, HIDDEN)]
    for actual, end in zip(recorder.ends, expected, strict=True):
        np.testing.assert_array_equal(actual, end)
    if steps:
        np.testing.assert_array_equal(recorder.steps[3], recorded[:4, 3])
        assert recorder.times[:STEPS] == [(n, 0.5 * n) for n in range(1, STEPS + 1)]
    assert compiled.genn_model.timestep == STEPS


def test_state_of_a_batch_of_one_is_a_row(net: Small) -> None:
    """It is kept from the first use on; before that there is no state."""
    compiled = net.compile_inference(batch_size=1)
    compiled.predict(spikes(1), callbacks=[])
    with pytest.raises(MlGennError, match="use neuron_populations once before"):
        compiled.state(net.hidden, "v")
    variable = compiled.neuron_populations[net.output].vars["V"]
    prediction, data = compiled.predict(
        spikes(1), callbacks=[VarRecorder(net.output, "v", key="v")]
    )
    assert variable.view.shape == (CLASSES,)
    np.testing.assert_array_equal(variable.view, data["v"][0][-1])
    average = compiled.neuron_populations[net.output].vars["VAvg"].view
    np.testing.assert_array_equal(average, prediction[net.output][0])


class Sets(Callback):
    """Sets a variable before a step."""

    def __init__(self, population: Any, name: str, value: Any) -> None:
        self.given = population, name, value

    def set_params(self, **kwargs: Any) -> None:
        self.network = kwargs["compiled_network"]

    def on_timestep_begin(self, timestep: int) -> None:
        population, name, value = self.given
        if timestep == 2:
            variable = self.network.neuron_populations[population].vars[name]
            variable.view[:] = value
            variable.push_to_device()


def test_state_is_set_in_hooks() -> None:
    """Numbers of any type, of the example that is meant."""
    model = {
        "var_name_types": [("n", "int"), ("on", "bool"), ("V", "scalar")],
        "sim_code": "n += 1; if (on) V += n;",
    }
    with Network() as network:
        source = Population("spike_input", 1)
        neuron = CodeNeuron(model, "V", readout="var")
        output = Population(neuron, 2)
        Connection(source, output, Dense(0.0))
    compiled = InferenceCompiler(4, batch_size=3, num_threads=2).compile(network)
    sets = [
        Sets(output, "n", 10),
        Sets(output, "on", True),
        Sets(output, "V", np.array([[0.5, 1.5], [2.5, 3.5]])),
    ]
    outputs, _ = compiled.predict(np.zeros((2, 4, 1)), callbacks=sets)
    np.testing.assert_array_equal(outputs[output], [[23.5, 24.5], [25.5, 26.5]])
    with pytest.raises(ValidationError, match=r"set_state: V of 'Pop1'.*finite"):
        compiled.predict(np.zeros((1, 4, 1)), callbacks=[Sets(output, "V", np.inf)])


class SetsTooFew(Callback):
    """Sets numbers of too few neurons."""

    def set_params(self, **kwargs: Any) -> None:
        self.network = kwargs["compiled_network"]

    def on_timestep_begin(self, timestep: int) -> None:
        (output,) = self.network.outputs
        self.network.set_state(output, "v", [1.0, 2.0])


def test_state_of_another_shape_is_refused(net: Small) -> None:
    with pytest.raises(ValidationError, match=r"of shape \(4, 3\)\. Received \(2,\)"):
        net.compile_inference().predict(spikes(4), callbacks=[SetsTooFew()])


def test_the_model_has_no_times_of_kernels(net: Small) -> None:
    model = net.compile_inference(dt=0.1).genn_model
    names = ("neuron", "presynaptic", "postsynaptic")
    times = [getattr(model, f"{name}_update_time") for name in names]
    times += [model.synapse_dynamics_time, model.init_time]
    assert all(isnan(time) for time in times)
    assert isnan(model.get_custom_update_time("GradientLearn"))
    assert (model.dt, model.batch_size, model.timestep, model.t) == (0.1, 4, 0, 0.0)
    with pytest.raises(UnknownNameError, match="custom update"):
        model.custom_update("GradientLearn")


# ---------------------------------------------------------------- by hand
def test_a_batch_by_hand(net: Small) -> None:
    """Steps, state between them and readouts are those of `predict`."""
    compiled = net.compile_inference()
    x = spikes(6)
    expected, data = compiled.predict(
        x, callbacks=[VarRecorder(net.hidden, "v", key="v")]
    )
    for batch in (slice(0, 4), slice(4, 6)):
        compiled.set_input({net.inputs: x[batch]})
        for n in range(STEPS):
            compiled.step_time()
            assert compiled.genn_model.timestep == n + 1
            v = compiled.state(net.hidden, "v")
            np.testing.assert_array_equal(v, np.stack(data["v"])[batch, n])
        with pytest.raises(ValidationError, match="20 time steps of the batch are ov"):
            compiled.step_time()
        outputs = compiled.get_readout(net.output)
        np.testing.assert_array_equal(outputs, expected[net.output][batch])
    compiled.reset_time()
    assert compiled.genn_model.t == 0.0
    for _ in range(STEPS):
        compiled.step_time()
    (again,) = compiled.get_readout([net.output])
    np.testing.assert_array_equal(again, outputs)


class Reads(Callback):
    """Notes readouts at the end of batches."""

    def __init__(self, population: Any) -> None:
        self.population = population
        self.found: list[np.ndarray] = []

    def set_params(self, **kwargs: Any) -> None:
        self.network = kwargs["compiled_network"]

    def on_batch_end(self, batch: int, metrics: Any) -> None:
        self.found.append(self.network.get_readout(self.population))


def test_readouts_at_the_end_of_batches(net: Small) -> None:
    reads = Reads(net.output)
    compiled = net.compile_inference()
    expected, _ = compiled.predict(spikes(6), callbacks=[reads])
    assert [len(part) for part in reads.found] == [4, 2]
    np.testing.assert_array_equal(np.concatenate(reads.found), expected[net.output])
    np.testing.assert_array_equal(compiled.get_readout(net.output), reads.found[-1])


def test_a_batch_by_hand_needs_data(net: Small) -> None:
    compiled = net.compile_inference()
    with pytest.raises(ValidationError, match="Call set_input first"):
        compiled.step_time()
    with pytest.raises(ValidationError, match="no batch has run"):
        compiled.get_readout(net.output)
    with pytest.raises(ValidationError, match=r"up to 4 examples\. Received 5"):
        compiled.set_input(spikes(5))
