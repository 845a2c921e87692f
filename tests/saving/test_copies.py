"""Copies and pickles of networks, their parts, results, callbacks and compilers."""

from __future__ import annotations

import copy
import gc
import multiprocessing
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from saving.saved_nets import LOSS, STEPS, arrays_of, data, make, train

from ml_genn import Connection, Network, Population, SequentialNetwork
from ml_genn.callbacks import EarlyStopping, SpikeRecorder
from ml_genn.compilers import (
    CompiledNetwork,
    EPropCompiler,
    EventPropCompiler,
    FewSpikeCompiler,
    InferenceCompiler,
)
from ml_genn.connectivity import Dense
from ml_genn.errors import (
    TrainingWarning,
    UnknownNameError,
    UnsupportedError,
    ValidationError,
)
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire
from ml_genn.optimisers import Adam


def pickled(obj: Any) -> Any:
    return pickle.loads(pickle.dumps(obj))


independent = pytest.mark.parametrize("copied", [copy.deepcopy, pickled])
Copy = Callable[[Any], Any]


def recurrent() -> Network:
    """Returns a network with a loop and two inputs of one population."""
    with Network({LeakyIntegrate: {"tau_mem": 15.0}}) as network:
        inputs = Population("spike_input", 4, name="in", record_spikes=True)
        hidden = Population(LeakyIntegrateFire(), 3, name="hidden", record_spikes=True)
        output = Population(LeakyIntegrate(readout="avg_var"), 2, name="out")
        Connection(inputs, hidden, Dense(Normal(1.0, 1.0)))
        Connection(hidden, hidden, Dense(Normal(0.0, 0.3), 2), name="loop")
        Connection(hidden, output, Dense(Normal(0.0, 1.0)))
    return network


def spikes(examples: int = 6) -> np.ndarray:
    return np.random.default_rng(2).random((examples, STEPS, 4)) < 0.3


# ---------------------------------------------------------------- networks
@independent
@pytest.mark.parametrize("make_network", [recurrent, lambda: make("deep_r").network])
def test_copies_of_networks_are_independent(copied: Copy, make_network: Any) -> None:
    network = make_network()
    EventPropCompiler(STEPS, LOSS).compile(network)  # which decides choices
    config = network.to_config()
    other = copied(network)
    assert type(other) is type(network)
    assert other.to_config() == config
    parts = {*network.populations, *network.connections}
    for connection in other.connections:
        source, target = connection.ends()
        assert source in other.populations
        assert target in other.populations
        assert connection in [r() for r in source.outgoing_connections]
        assert connection in [r() for r in target.incoming_connections]
        assert not parts & {source, target, connection}
    for old, new in zip(network.populations, other.populations, strict=True):
        names = [r().name for r in old.incoming_connections]  # type: ignore[union-attr]
        assert [r().name for r in new.incoming_connections] == names
    with other:
        Population("spike_input", 2)
    other.populations[0].name = "renamed"
    assert network.to_config() == config


@independent
def test_copies_of_sequential_networks_have_layers_of_their_own(copied: Copy) -> None:
    network = make("plain").network
    other = copied(network)
    assert isinstance(other, SequentialNetwork)
    del network
    gc.collect()
    for layer, population in zip(other.layers, other.populations, strict=True):
        assert layer.population() is population
    assert other.layers[1].connection() is other.connections[0]


@independent
def test_copies_of_networks_train_to_the_same_numbers(copied: Copy) -> None:
    """Also after training of the original, whose weights they do not have."""
    network = recurrent()
    other = copied(network)
    first, second = (
        EventPropCompiler(STEPS, LOSS, batch_size=3, num_threads=1).compile(n)
        for n in (network, other)
    )
    for compiled in (first, second):
        compiled.train(spikes(), [0, 1] * 3, 2, shuffle=False, callbacks=[])
    arrays = arrays_of(second)
    assert arrays.keys() == arrays_of(first).keys()
    for key, array in arrays_of(first).items():
        np.testing.assert_array_equal(array, arrays[key])


def test_a_shallow_copy_has_the_same_parts_in_lists_of_its_own() -> None:
    network = recurrent()
    other = copy.copy(network)
    assert other.populations == network.populations
    assert other.connections == network.connections
    assert len(network.populations[1].incoming_connections) == 2
    with other:
        Population("spike_input", 2)
    assert len(other.populations) == len(network.populations) + 1


# ---------------------------------------------------------------- parts
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickled])
def test_a_copied_population_is_connected_to_nothing(copied: Copy) -> None:
    population = recurrent().populations[1]
    other = copied(population)
    assert repr(other) == repr(population)
    assert other.incoming_connections == other.outgoing_connections == []
    assert other.record_spikes is True
    assert other not in recurrent().populations


@independent
def test_a_copied_connection_has_populations_of_its_own(copied: Copy) -> None:
    network = recurrent()
    other = copied(network.connections[0])
    gc.collect()
    source, target = other.ends()
    assert (source.name, target.name) == ("in", "hidden")
    assert not {source, target} & {*network.populations}
    assert other.connectivity.weight == network.connections[0].connectivity.weight


@independent
def test_a_copied_layer_has_a_population_of_its_own(copied: Copy) -> None:
    layer = make("plain").network.layers[1]  # its network is gone
    with pytest.raises(ValidationError, match="network is gone"):
        copied(layer)
    network = make("plain").network
    other = copied(network.layers[1])
    gc.collect()
    assert other.population().name == "hidden"
    assert other.connection().ends()[1] is other.population()
    assert other.population() not in network.populations


# ---------------------------------------------------------------- results
def test_a_copied_result_is_found_by_the_same_populations() -> None:
    trained = make("plain")
    compiled = trained.compile()
    metrics, _ = train(compiled, 2)
    output = trained.layers[2]
    for other in (copy.copy(metrics), copy.deepcopy(metrics)):
        assert other[output].result == metrics[output].result
        assert other[output.population()] is other[output]
        assert other.loss == metrics.loss
        assert other.history == metrics.history
    other = copy.deepcopy(metrics)
    assert other[output] is not metrics[output]
    assert other.history is not metrics.history
    network, predictions = copy.deepcopy(
        (trained.network, compiled.predict(data()[0], callbacks=[])[0])
    )
    assert predictions[network.layers[2]].shape == (20, 3)


def test_a_pickled_result_is_found_by_name_or_by_its_network() -> None:
    trained = make("plain")
    compiled = trained.compile()
    metrics, recorded = train(compiled, 2)
    predictions, _ = compiled.predict(data()[0], callbacks=[])
    output = trained.layers[2]
    other = pickled(metrics)
    assert other[str(output)].result == metrics[output].result
    assert other.history["loss"] == metrics.history["loss"]
    assert other.history.epoch == [0, 1]
    assert pickled(recorded) == recorded
    np.testing.assert_array_equal(
        pickled(predictions)[str(output)], predictions[output]
    )
    with pytest.raises(UnknownNameError, match=r"name finds that entry: \['Pop2'\]"):
        other[output]
    with pytest.raises(UnknownNameError, match="unknown loss, metric or output"):
        metrics["output"]
    network, both = pickled((trained.network, metrics))
    assert both[network.layers[2]].result == metrics[output].result


@independent
def test_several_metrics_of_several_outputs_are_copied(copied: Copy) -> None:
    with recurrent() as network:
        second = Population(LeakyIntegrate(readout="avg_var"), 2, name="second")
        Connection(network.populations[1], second, Dense(1.0))
    compiled = InferenceCompiler(STEPS, batch_size=3).compile(network)
    targets = dict.fromkeys((network.populations[2], second), [0, 1] * 3)
    names = ["sparse_categorical_accuracy", "confusion_matrix"]
    metrics, _ = compiled.evaluate(spikes(), targets, metrics=names, callbacks=[])
    other = copied(metrics)
    for name in ("out", "second"):
        one, two = metrics[name].named(), other[name].named()
        assert one.keys() == two.keys()
        for key, metric in one.items():
            np.testing.assert_array_equal(two[key].result, metric.result)
            assert two[key] is not metric


# ---------------------------------------------------------------- callbacks, compilers
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copied_recorder_records_the_same_population(copied: Copy) -> None:
    """Also if it was used before, by a compiled network that has no copy."""
    network = recurrent()
    compiled = InferenceCompiler(STEPS).compile(network)
    recorder = SpikeRecorder(network.populations[1], key="spikes")
    _, first = compiled.predict(spikes(), callbacks=[recorder])
    _, second = compiled.predict(spikes(), callbacks=[copied(recorder)])
    assert sum(map(len, first["spikes"][0])) > 0
    for one, two in zip(first["spikes"][0], second["spikes"][0], strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickled])
def test_used_callbacks_are_copied_without_the_compiled_network(copied: Copy) -> None:
    stopping = EarlyStopping("loss", patience=1)
    train(make("plain").compile(), 1, callbacks=[stopping])
    other = copied(stopping)
    train(make("plain").compile(), 1, callbacks=[other])
    assert repr(other) == repr(stopping)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copied_compiler_compiles_the_same_network(copied: Copy) -> None:
    network = recurrent()
    compiler = EventPropCompiler(
        STEPS,
        {network.populations[2]: LOSS},
        Adam(0.5),
        delay_learn_conns=[],
        reg_lambda_upper={network.populations[1]: 0.1},
        dt=0.5,
    )
    other = copied(compiler)
    assert (other.optimiser is compiler.optimiser) is (copied is copy.copy)
    assert other.optimiser.alpha == 0.5
    assert other.compile(network).lowered.plan == compiler.compile(network).lowered.plan


@pytest.mark.parametrize(
    "compiler",
    [InferenceCompiler(7, dt=0.5), EPropCompiler(7, LOSS), FewSpikeCompiler(4)],
)
def test_compilers_are_pickled(compiler: Any) -> None:
    other = pickled(compiler)
    assert vars(other).keys() == vars(compiler).keys()
    assert other.dt == compiler.dt
    assert type(other.backend) is type(compiler.backend)
    network, both = pickled((recurrent(), InferenceCompiler(STEPS)))
    assert isinstance(both.compile(network), CompiledNetwork)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickled])
def test_compiled_networks_and_their_parts_are_refused(copied: Copy) -> None:
    """A shallow copy of the engine would free its memory a second time."""
    trained = make("plain")
    compiled = trained.compile()
    x, y = data()
    for part in (
        compiled,
        compiled.model,
        compiled.neuron_populations[trained.layers[1]],
        compiled.neuron_populations[trained.layers[1]].vars["V"],
        compiled.connection_populations[trained.layers[1]],
        InferenceCompiler(STEPS).compile(trained.network),
    ):
        name = type(part).__name__
        with pytest.raises(UnsupportedError, match=rf"^{name}: .*save_model\(path\)"):
            copied(part)
    gc.collect()
    assert np.isfinite(compiled.loss(x, y))


# ---------------------------------------------------------------- processes
def _train(network: Network, compiler: EventPropCompiler, results: Any) -> None:
    """Trains in a child process, and sends metrics and arrays to the parent."""
    compiled = compiler.compile(network)
    metrics, _ = compiled.train(spikes(), [0, 1] * 3, 2, shuffle=False, callbacks=[])
    results.send((metrics, arrays_of(compiled)))


def test_a_network_trains_in_a_spawned_process_to_the_same_numbers() -> None:
    network = recurrent()
    compiler = EventPropCompiler(
        STEPS, {network.populations[2]: LOSS}, batch_size=3, num_threads=1
    )
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_train, args=(network, compiler, sender))
    process.start()
    assert receiver.poll(120)
    metrics, arrays = receiver.recv()
    process.join()
    compiled = compiler.compile(network)
    expected, _ = compiled.train(spikes(), [0, 1] * 3, 2, shuffle=False, callbacks=[])
    assert metrics["out"].result == expected["out"].result
    assert metrics.history == expected.history
    for key, array in arrays_of(compiled).items():
        np.testing.assert_array_equal(array, arrays[key])


# ---------------------------------------------------------------- with blocks
def test_a_second_block_after_training_goes_on_and_warns() -> None:
    trained = make("plain")
    compiled = trained.compile()
    with compiled:
        pass
    with compiled:  # nothing was learned yet
        train(compiled, 1)
    learned = compiled.weights(trained.layers[2])
    with (
        pytest.warns(TrainingWarning, match=r"entered again.*Compile again to start"),
        compiled,
    ):
        np.testing.assert_array_equal(compiled.weights(trained.layers[2]), learned)
    with trained.compile() as again:
        assert not np.array_equal(again.weights(trained.layers[2]), learned)
