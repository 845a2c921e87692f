"""Recorders, and callbacks of every time step."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from engine.helpers import (
    Bool,
    engine_run,
    random_input,
    raster_of,
)
from engine.small_networks import Trained, trained

from ml_genn import Connection, Network, Population
from ml_genn.callbacks import Callback, SpikeRecorder, VarRecorder
from ml_genn.callbacks.callback_list import CallbackList
from ml_genn.compilers import InferenceCompiler
from ml_genn.connectivity import Dense
from ml_genn.errors import (
    MlGennError,
    TrainingWarning,
    UnknownNameError,
    ValidationError,
)
from ml_genn.neurons import CodeNeuron, LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from ml_genn.synapses import Exponential

EXAMPLES, STEPS, BATCH, SHAPE = 7, 40, 3, (3, 4)


class RecordedNet:
    """A network for inference, with the spikes and voltages of a complete run."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        with Network() as self.network:
            self.source = Population(SpikeInput(), 6, name="input", record_spikes=True)
            self.fire = Population(
                LeakyIntegrateFire(tau_refrac=2.0),
                SHAPE,
                name="fire",
                record_spikes=True,
            )
            neuron = LeakyIntegrate(readout="sum_var")
            self.output = Population(neuron, 2, name="output")
            weight = rng.normal(0.1, 0.2, (6, 12))
            Connection(self.source, self.fire, Dense(weight), Exponential(3.0))
            weight = rng.normal(0.0, 0.5, (12, 2))
            Connection(self.fire, self.output, Dense(weight))
        self.x = random_input(rng, 6, examples=EXAMPLES, steps=STEPS)
        everything = engine_run(self.network, {self.source: self.x})
        self.spikes, self.v = everything.spikes["fire"], everything.v["fire"]

    def compile(self, dt: float = 1.0, **options: Any) -> Any:
        options = {"batch_size": BATCH, "num_threads": 2, **options}
        return InferenceCompiler(STEPS, dt=dt, **options).compile(self.network)

    def predict(
        self, *callbacks: Callback, **options: Any
    ) -> tuple[Any, dict[Any, Any]]:
        predictions, data = self.compile(**options).predict(self.x, callbacks=callbacks)
        return predictions[self.output], data


@cache
def recorded_net() -> RecordedNet:
    net = RecordedNet()
    assert net.spikes.sum() > 100
    return net


EXAMPLE_FILTERS: list[tuple[Any, list[int]]] = [
    (None, list(range(EXAMPLES))),
    (0, [0]),
    (4, [4]),
    ([1, 6], [1, 6]),
    (np.array([3, 2]), [2, 3]),
    ([k % 2 == 0 for k in range(EXAMPLES)], [0, 2, 4, 6]),
    ([], []),
]
FLAGS = np.arange(12).reshape(SHAPE) % 5 == 0
NEURON_FILTERS: list[tuple[Any, list[int]]] = [
    (None, list(range(12))),
    (FLAGS, [0, 5, 10]),
    ((slice(None), 3), [3, 7, 11]),
    ((1, slice(None)), [4, 5, 6, 7]),
    ((2, slice(1, 3)), [9, 10]),
    (([0, 1], [2, 3]), [2, 7]),
]
INPUT_FILTERS: list[tuple[Any, list[int]]] = [
    (1, [1]),
    ([5, 0], [0, 5]),
    (slice(None, None, 2), [0, 2, 4]),
    ([True, False, False, True, False, False], [0, 3]),
    ([], []),
]


@pytest.mark.parametrize(("examples", "selected"), EXAMPLE_FILTERS)
def test_example_filter(examples: Any, selected: list[int]) -> None:
    """Examples are counted over batches, a smaller last one included."""
    fire = recorded_net().fire
    _, data = recorded_net().predict(
        SpikeRecorder(fire, "spikes", example_filter=examples),
        VarRecorder(fire, "v", "v", example_filter=examples),
    )
    assert len(data["spikes"][0]) == len(data["spikes"][1]) == len(selected)
    actual = raster_of(data["spikes"], STEPS, 12)
    np.testing.assert_array_equal(actual, recorded_net().spikes[selected])
    assert len(data["v"]) == len(selected)
    for values, example in zip(data["v"], selected, strict=True):
        np.testing.assert_array_equal(values, recorded_net().v[example])


@pytest.mark.parametrize(("neurons", "selected"), NEURON_FILTERS)
def test_neuron_filter(neurons: Any, selected: list[int]) -> None:
    """Ids stay those in the population; variables and counts are only of those kept."""
    fire = recorded_net().fire
    _, data = recorded_net().predict(
        SpikeRecorder(fire, "spikes", neuron_filter=neurons),
        SpikeRecorder(fire, "counts", neuron_filter=neurons, record_counts=True),
        VarRecorder(fire, "v", "v", neuron_filter=neurons),
    )
    expected = np.zeros_like(recorded_net().spikes)
    expected[:, :, selected] = recorded_net().spikes[:, :, selected]
    np.testing.assert_array_equal(raster_of(data["spikes"], STEPS, 12), expected)
    counts = recorded_net().spikes.sum(axis=1)[:, selected]
    np.testing.assert_array_equal(data["counts"], counts)
    np.testing.assert_array_equal(data["v"], recorded_net().v[:, :, selected])


@pytest.mark.parametrize(("neurons", "selected"), INPUT_FILTERS)
def test_neuron_filter_of_one_dimension(neurons: Any, selected: list[int]) -> None:
    source, x = recorded_net().source, recorded_net().x
    _, data = recorded_net().predict(
        SpikeRecorder(source, "spikes", neuron_filter=neurons),
        SpikeRecorder(source, "counts", neuron_filter=neurons, record_counts=True),
    )
    expected = np.zeros_like(x)
    expected[:, :, selected] = x[:, :, selected]
    np.testing.assert_array_equal(raster_of(data["spikes"], STEPS, 6), expected)
    np.testing.assert_array_equal(data["counts"], x.sum(axis=1)[:, selected])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"example_filter": -1}, "example_filter"),
        ({"example_filter": 0.5}, "example_filter"),
        ({"neuron_filter": 1}, "neuron_filter does not fit"),
        ({"neuron_filter": (3, 0)}, "neuron_filter does not fit"),
        ({"neuron_filter": np.ones(12, dtype=bool)}, "neuron_filter does not fit"),
    ],
)
def test_filters_that_do_not_fit_are_refused(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        recorded_net().predict(SpikeRecorder(recorded_net().fire, **options))


def test_times_are_milliseconds_in_the_order_of_the_spikes() -> None:
    _, data = recorded_net().predict(SpikeRecorder(recorded_net().fire), dt=0.5)
    times, ids = data[0]
    assert sum(map(len, times)) > 50
    for t, i in zip(times, ids, strict=True):
        order = np.lexsort((i, t))
        np.testing.assert_array_equal(order, np.arange(len(t)))
        np.testing.assert_array_equal(t * 2.0, np.rint(t * 2.0))
        assert len(t) == 0 or (t.min() >= 0.0 and t.max() < STEPS * 0.5)


def test_spikes_of_inputs() -> None:
    _, data = recorded_net().predict(SpikeRecorder(recorded_net().source))
    np.testing.assert_array_equal(raster_of(data[0], STEPS, 6), recorded_net().x)


def test_keys() -> None:
    """A recorder without a key is found by its place among the callbacks."""
    fire = recorded_net().fire
    named = VarRecorder(fire, "v", key="named")
    callbacks = (Callback(), SpikeRecorder(fire), named, VarRecorder(fire, "v"))
    _, data = recorded_net().predict(*callbacks)
    assert set(data) == {1, "named", 3}
    np.testing.assert_array_equal(data["named"], data[3])


def test_a_key_is_used_once() -> None:
    recorders = [VarRecorder(recorded_net().fire, "v", key="same") for _ in range(2)]
    with pytest.raises(ValidationError, match="'same' is used twice"):
        recorded_net().predict(*recorders)


def test_variables_inside_the_model() -> None:
    """Currents of synapses and refractory timers have names too."""
    fire = recorded_net().fire
    _, data = recorded_net().predict(
        VarRecorder(fire, genn_var="i_syn0", key="i"),
        VarRecorder(fire, genn_var="refrac_steps", key="timer"),
        VarRecorder(fire, genn_var="v", key="v"),
    )
    np.testing.assert_array_equal(data["v"], recorded_net().v)
    np.testing.assert_array_equal(np.array(data["timer"]) == 2.0, recorded_net().spikes)
    assert np.abs(data["i"]).max() > 0.1


@pytest.mark.parametrize("option", ["var", "genn_var"])
def test_unknown_variables_are_refused_with_a_suggestion(option: str) -> None:
    recorder = VarRecorder(recorded_net().fire, **{option: "refrac_step"})
    with pytest.raises(UnknownNameError) as caught:
        recorded_net().predict(recorder)
    message = str(caught.value)
    assert "Population 'fire'" in message
    assert "Did you mean 'refrac_steps'?" in message
    assert "i_syn0, refrac_steps, v" in message


@pytest.mark.parametrize("names", [{}, {"var": "v", "genn_var": "v"}])
def test_a_variable_recorder_is_given_one_name(names: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="either var or genn_var"):
        VarRecorder(recorded_net().fire, **names)


def test_recording_spikes_has_to_be_asked_for() -> None:
    with pytest.raises(ValidationError, match="record_spikes=True"):
        SpikeRecorder(recorded_net().output)


def test_what_never_spikes_has_no_spikes_to_record() -> None:
    with Network() as network:
        source = Population(SpikeInput(), 1)
        silent = Population(LeakyIntegrate(), 2, name="silent", record_spikes=True)
        Connection(source, silent, Dense(1.0))
    compiled = InferenceCompiler(5).compile(network)
    raster = np.zeros((1, 5, 1), dtype=bool)
    recorder = SpikeRecorder(silent, key="spikes")
    with pytest.warns(TrainingWarning, match="'silent' never spikes"):
        _, recorded = compiled.predict(raster, callbacks=[recorder])
    times, ids = recorded["spikes"]
    assert [len(of_example) for of_example in (*times, *ids)] == [0, 0]


@pytest.mark.parametrize("recorder", [SpikeRecorder, VarRecorder])
def test_populations_of_other_networks_are_refused(recorder: Any) -> None:
    with Network():
        other = Population(LeakyIntegrateFire(), 2, name="other", record_spikes=True)
    options = {"var": "v"} if recorder is VarRecorder else {}
    with pytest.raises(ValidationError, match="other"):
        recorded_net().predict(recorder(other, **options))


class Steps(Callback):
    """Notes which hooks were called, and a variable before and after each step."""

    def __init__(self, population: Population | None = None) -> None:
        self.population = population
        self.calls: list[tuple[str, int]] = []
        self.before: list[Any] = []
        self.after: list[Any] = []

    def set_params(self, **kwargs: Any) -> None:
        self.compiled = kwargs["compiled_network"]

    def on_batch_begin(self, batch: int) -> None:
        self.calls.append(("batch", batch))

    def on_timestep_begin(self, timestep: int) -> None:
        self.calls.append(("begin", timestep))
        if self.population is not None:
            self.before.append(self.compiled.state(self.population, "v"))

    def on_timestep_end(self, timestep: int) -> None:
        self.calls.append(("end", timestep))
        if self.population is not None:
            self.after.append(self.compiled.state(self.population, "v"))


class Begins(Callback):
    """Overrides only one of the two hooks."""

    def __init__(self) -> None:
        self.count = 0

    def on_timestep_begin(self, timestep: int) -> None:
        self.count += 1


@pytest.mark.parametrize("batch_size", [EXAMPLES, BATCH, 1])
@pytest.mark.parametrize("num_threads", [1, 2])
def test_stepping_changes_nothing(batch_size: int, num_threads: int) -> None:
    options = {"batch_size": batch_size, "num_threads": num_threads}
    recorders = (
        SpikeRecorder(recorded_net().fire, "s"),
        VarRecorder(recorded_net().fire, "v", "v"),
    )
    whole, selected = recorded_net().predict(*recorders, **options)
    stepped, data = recorded_net().predict(*recorders, Steps(), **options)
    np.testing.assert_array_equal(stepped, whole)
    np.testing.assert_array_equal(data["v"], selected["v"])
    actual: Bool = raster_of(data["s"], STEPS, 12)
    np.testing.assert_array_equal(actual, recorded_net().spikes)


def test_time_step_hooks_are_called_in_order() -> None:
    steps = Steps()
    recorded_net().predict(steps)
    one = [(hook, n) for n in range(STEPS) for hook in ("begin", "end")]
    assert steps.calls == [("batch", 0), *one, ("batch", 1), *one, ("batch", 2), *one]


def test_one_hook_is_enough_and_none_is_none() -> None:
    begins = Begins()
    recorded_net().predict(begins)
    assert begins.count == 3 * STEPS
    assert CallbackList([Begins()], compiled_network=None).has_step_hooks
    assert not CallbackList([Callback()], compiled_network=None).has_step_hooks


def test_state_inside_hooks() -> None:
    """After step n it is what a recorder keeps of step n; before it, of n - 1."""
    steps = Steps(recorded_net().fire)
    recorded_net().predict(steps)
    sizes = [3, 3, 1]
    assert len(steps.after) == 3 * STEPS
    for batch, size in enumerate(sizes):
        chosen = slice(batch * BATCH, batch * BATCH + size)
        expected = recorded_net().v[chosen].reshape(size, STEPS, *SHAPE)
        after = np.stack(steps.after[batch * STEPS : (batch + 1) * STEPS], axis=1)
        before = np.stack(steps.before[batch * STEPS : (batch + 1) * STEPS], axis=1)
        assert after.shape == (size, STEPS, *SHAPE)
        np.testing.assert_array_equal(after, expected)
        np.testing.assert_array_equal(before[:, 1:], expected[:, :-1])
        assert not before[:, 0].any()


def test_state_outside_hooks_is_refused() -> None:
    compiled = recorded_net().compile()
    compiled.predict(recorded_net().x, callbacks=[Steps()])
    with pytest.raises(MlGennError, match="no batch is being stepped"):
        compiled.state(recorded_net().fire, "v")
    with pytest.raises(UnknownNameError, match="unknown variable 'w'"):
        compiled.state(recorded_net().fire, "w")


def test_random_numbers_and_integers_step_by_step() -> None:
    """Draws belong to steps, whoever counts these; integers are read as such."""
    model = {
        "vars": [("n", "int"), ("v", "scalar")],
        "sim_code": "n += 2; v += gennrand_normal();",
    }
    with Network() as network:
        source = Population(SpikeInput(), 1)
        target = Population(CodeNeuron(model, "v", readout="sum_var"), 3)
        Connection(source, target, Dense(1.0))
    raster = np.zeros((4, 6, 1), dtype=bool)
    numbers: list[Any] = []

    class Counts(Steps):
        def on_timestep_end(self, timestep: int) -> None:
            numbers.append(self.compiled.state(target, "n"))

    results = []
    for callback in (Callback(), Counts()):
        compiled = InferenceCompiler(6, batch_size=4).compile(network)
        results.append(compiled.predict(raster, callbacks=[callback])[0][target])
    np.testing.assert_array_equal(results[0], results[1])
    assert len(np.unique(results[0])) == 12
    for step, actual in enumerate(numbers):
        np.testing.assert_array_equal(actual, np.full((4, 3), 2 * (step + 1)))


@cache
def learner() -> Trained:
    return trained()


OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "two threads": {"num_threads": 2},
    "regularised": {
        "reg_lambda_upper": 1e-3,
        "reg_lambda_lower": 1e-3,
        "reg_nu_upper": 2.0,
    },
}


@pytest.mark.parametrize("name", OPTIONS)
def test_training_step_by_step_changes_nothing(name: str) -> None:
    """The same loss, accuracy and weights after an epoch, to the last bit."""
    net, results = learner(), []
    for callback in (Callback(), Steps(net.hidden)):
        compiled = net.compile(**OPTIONS[name])
        metrics, _ = compiled.train(
            {net.source: net.x},
            {net.output: net.y},
            callbacks=[callback],
            shuffle=False,
        )
        results.append((metrics, net.weights(compiled)))
    (whole, weights), (stepped, others) = results
    assert stepped.loss == whole.loss
    assert stepped[net.output].result == whole[net.output].result
    for one, other in zip(weights, others, strict=True):
        np.testing.assert_array_equal(other, one)
    before = [c.connectivity.weight for c in net.network.connections]
    assert all(np.abs(w - b).max() > 1e-4 for w, b in zip(weights, before, strict=True))


def test_regularisation_changes_what_is_learned() -> None:
    """So that the comparison above would notice if it were left out."""
    net = learner()
    results = []
    for name in ("plain", "regularised"):
        compiled = net.compile(**OPTIONS[name])
        compiled.train(
            {net.source: net.x}, {net.output: net.y}, shuffle=False, callbacks=[]
        )
        results.append(net.weights(compiled)[0])
    assert not np.array_equal(results[0], results[1])


def test_evaluating_step_by_step_changes_nothing() -> None:
    net, compiled = learner(), learner().compile()
    results = [
        compiled.evaluate({net.source: net.x}, {net.output: net.y}, callbacks=callbacks)
        for callbacks in ([], [Steps()])
    ]
    assert results[0][0].loss == results[1][0].loss
    assert results[0][0][net.output].result == results[1][0][net.output].result


def test_adjoint_variables_are_recorded_in_training() -> None:
    """They are there for each step, and come from the loss: the last step's first."""
    net = learner()
    compiled = net.compile(batch_size=10)
    recorders = [
        VarRecorder(net.output, genn_var="lambda_v", key="output"),
        VarRecorder(net.hidden, genn_var="lambda_v", key="hidden"),
        VarRecorder(net.hidden, genn_var="lambda_i_syn0", key="current"),
        VarRecorder(net.hidden, "v", key="v"),
    ]
    _, data = compiled.train(
        {net.source: net.x}, {net.output: net.y}, shuffle=False, callbacks=recorders
    )
    shapes = {key: np.shape(values) for key, values in data.items()}
    assert shapes["output"] == (10, 20, 3)
    assert shapes["hidden"] == shapes["current"] == shapes["v"] == (10, 20, 10)
    adjoint = np.array(data["output"])
    assert np.all(np.isfinite(adjoint))
    assert np.abs(adjoint[:, :-1]).min(axis=(1, 2)).min() > 0.0
    assert np.abs(adjoint[:, 0]).sum() > np.abs(adjoint[:, -1]).sum()
    right = adjoint[np.arange(10), :, net.y]
    assert np.all(right[:, :-1] < 0.0)
    assert np.abs(data["hidden"]).max() > 0.0


def test_adjoint_variables_exist_only_where_gradients_are_taken() -> None:
    with pytest.raises(UnknownNameError, match="lambda_v"):
        recorded_net().predict(VarRecorder(recorded_net().fire, genn_var="lambda_v"))


def test_examples_are_counted_from_the_start_of_each_epoch() -> None:
    net = learner()
    compiled = net.compile()
    recorder = SpikeRecorder(
        net.hidden, "spikes", example_filter=[0, 9], record_counts=True
    )
    _, data = compiled.train(
        {net.source: net.x},
        {net.output: net.y},
        num_epochs=3,
        shuffle=False,
        callbacks=[recorder],
    )
    assert np.shape(data["spikes"]) == (6, 10)
    assert np.sum(data["spikes"]) > 0
