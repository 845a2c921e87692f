"""Delays, recurrence, several synapses and inputs, shapes and sizes, step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from engine.helpers import (
    EXAMPLES,
    STEPS,
    Case,
    assert_readout,
    assert_same,
    engine_run,
    flat,
    random_input,
    reference_run,
    without_ties,
)

from ml_genn import Connection, Network, Population
from ml_genn.compilers import InferenceCompiler
from ml_genn.connectivity import Dense
from ml_genn.errors import ValidationError
from ml_genn.initializers import Normal, Uniform, Wrapper
from ml_genn.neurons import (
    AdaptiveLeakyIntegrateFire,
    IntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
    SpikeInput,
)
from ml_genn.synapses import Delta, Exponential

Make = Callable[[np.random.Generator], Case]

INPUTS, HIDDEN, OUTPUTS = 10, 37, 3


def check(make: Make, dt: float = 1.0, least: int = 100) -> None:
    """One batch on one thread and smaller batches on two do what the reference does."""
    (network, inputs), result = without_ties(make, dt)
    recorded = [p.name for p in network.populations if p.record_spikes]
    assert all(result.spikes[name].sum() >= least for name in recorded)
    for batch_size, num_threads in ((EXAMPLES, 1), (3, 2)):
        run = engine_run(network, inputs, dt, batch_size, num_threads)
        assert_same(run, result)
        for population in network.populations:
            if population.neuron.readout is not None:
                assert_readout(run, result, population.name, "sum_var")


def recurrent(
    rng: np.random.Generator, back: Any, forward: Any = 0, into_output: Any = 0
) -> Case:
    """Input, recurrent LIF, leaky output; delays as given."""
    with Network() as network:
        source = Population(SpikeInput(), INPUTS, name="input")
        hidden = Population(
            LeakyIntegrateFire(tau_mem=10.0),
            HIDDEN,
            name="hidden",
            record_spikes=True,
        )
        output = Population(LeakyIntegrate(readout="sum_var"), OUTPUTS, name="output")
        weight = rng.normal(0.1, 0.1, (INPUTS, HIDDEN))
        Connection(source, hidden, Dense(weight, forward), Exponential(3.0))
        weight = rng.normal(0.0, 0.15, (HIDDEN, HIDDEN))
        Connection(hidden, hidden, Dense(weight, back), Exponential(3.0))
        weight = rng.normal(0.0, 0.2, (HIDDEN, OUTPUTS))
        Connection(hidden, output, Dense(weight, into_output))
    return network, {source: random_input(rng, INPUTS)}


def test_recurrent() -> None:
    check(lambda rng: recurrent(rng, 0))


@pytest.mark.parametrize(("back", "forward"), [(1, 1), (7, 2), (2, 7)])
def test_delays_of_connections(back: int, forward: int) -> None:
    check(lambda rng: recurrent(rng, back, forward, 5))


@pytest.mark.parametrize("delay", [STEPS - 1, STEPS, 10 * STEPS])
def test_delays_as_long_as_the_example(delay: int) -> None:
    """And longer: nothing arrives."""
    check(lambda rng: recurrent(rng, 2, delay, 5), least=0)


def delay_matrices(rng: np.random.Generator, longest: int) -> list[np.ndarray]:
    shapes = [(HIDDEN, HIDDEN), (INPUTS, HIDDEN), (HIDDEN, OUTPUTS)]
    return [rng.integers(0, longest + 1, shape) for shape in shapes]


@pytest.mark.parametrize("longest", [0, 1, 6, 3 * STEPS])
def test_delays_of_synapses(longest: int) -> None:
    check(lambda rng: recurrent(rng, *delay_matrices(rng, longest)), least=20)


def test_a_spike_arrives_one_step_after_it_is_emitted() -> None:
    """And d steps later with a delay of d, whatever kind of delay that is."""
    delays = {"none": 0, "constant": 2, "synapses'": np.array([[0, 1, 5]])}
    with Network() as network:
        source = Population(SpikeInput(), 1)
        for name, delay in delays.items():
            target = Population(LeakyIntegrate(), 3, name=name)
            Connection(source, target, Dense(np.ones((1, 3)), delay))
    raster = np.zeros((1, 20, 1), dtype=bool)
    raster[0, 3] = True
    run = engine_run(network, {source: raster}, batch_size=1)
    for name, delay in delays.items():
        first = np.argmax(run.v[name][0] > 0.0, axis=0)
        np.testing.assert_array_equal(first, 4 + np.broadcast_to(delay, (1, 3))[0])


def drawn_delays(seen: dict[str, np.ndarray]) -> Wrapper:
    """Delays from 0 to 5, which are put down in ``seen`` by their shape."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        seen[str(shape)] = rng.integers(0, 6, shape).astype(float)
        return seen[str(shape)]

    return Wrapper(draw)


def with_drawn_delays(rng: np.random.Generator, initializer: Any) -> Case:
    with Network() as network:
        source = Population(SpikeInput(), INPUTS, name="input")
        target = Population(LeakyIntegrate(readout="sum_var"), OUTPUTS, name="output")
        weight = rng.normal(0.0, 0.5, (INPUTS, OUTPUTS))
        connectivity = Dense(weight, initializer)
        Connection(source, target, connectivity, name="drawn", max_delay_steps=5)
    return network, {source: random_input(rng, INPUTS)}


def test_delays_from_an_initializer() -> None:
    seen: dict[str, np.ndarray] = {}
    network, inputs = with_drawn_delays(np.random.default_rng(0), drawn_delays(seen))
    run = engine_run(network, inputs)
    (delays,) = seen.values()
    assert delays.shape == (INPUTS, OUTPUTS)
    assert len(np.unique(delays)) > 2
    assert_same(run, reference_run(network, inputs, delays={"drawn": delays}))


def test_drawn_delays_belong_to_the_seed() -> None:
    network, inputs = with_drawn_delays(np.random.default_rng(0), Uniform(0.0, 5.0))

    def sums(seed: int) -> np.ndarray:
        compiler = InferenceCompiler(STEPS, batch_size=EXAMPLES, rng_seed=seed)
        predictions, _ = compiler.compile(network).predict(inputs, callbacks=[])
        return predictions[network.populations[1]]

    np.testing.assert_array_equal(sums(3), sums(3))
    assert not np.allclose(sums(3), sums(4))


def test_drawn_delays_are_cut_at_the_longest() -> None:
    """Those below 0 and above max_delay_steps are 0 and max_delay_steps."""
    seen = np.array([[-3.0, 0.4, 0.6], [2.0, 5.4, 99.0]])
    wrapper = Wrapper(lambda rng, shape: np.resize(seen, shape))
    network, inputs = with_drawn_delays(np.random.default_rng(0), wrapper)
    expected = np.resize([[0, 0, 1], [2, 5, 5]], (INPUTS, OUTPUTS))
    result = reference_run(network, inputs, delays={"drawn": expected})
    assert_same(engine_run(network, inputs), result)


@pytest.mark.parametrize("delay", [3, np.full((2, 2), 3)])
def test_longer_delays_than_allowed_are_refused(delay: Any) -> None:
    with Network() as network:
        source = Population(SpikeInput(), 2)
        target = Population(LeakyIntegrate(), 2)
        Connection(source, target, Dense(0.1, delay), max_delay_steps=2)
    with pytest.raises(ValidationError, match="longer than max_delay_steps=2"):
        InferenceCompiler(5).compile(network)


def test_drawn_delays_need_their_longest() -> None:
    with Network() as network:
        source = Population(SpikeInput(), 2)
        target = Population(LeakyIntegrate(), 2)
        Connection(source, target, Dense(0.1, Uniform(0.0, 3.0)))
    with pytest.raises(ValidationError, match="max_delay_steps"):
        InferenceCompiler(5).compile(network)


def several_synapses(rng: np.random.Generator) -> Case:
    """Two inputs, five connections of four kinds of synapse onto one population."""
    with Network() as network:
        first = Population(SpikeInput(), 6, name="first", record_spikes=True)
        second = Population(SpikeInput(), 9, name="second", record_spikes=True)
        target = Population(
            LeakyIntegrateFire(tau_mem=8.0), HIDDEN, name="target", record_spikes=True
        )

        def connect(source: Population, synapse: Any, delay: int, mean: float) -> None:
            weight = rng.normal(mean, 0.15, (source.size, HIDDEN))
            Connection(source, target, Dense(weight, delay), synapse)

        connect(first, Exponential(2.0), 0, 0.1)
        connect(second, Exponential(9.0), 0, 0.02)
        connect(second, Exponential(2.0, scale_i=True), 2, 0.1)
        connect(first, Delta(), 0, 0.1)
        connect(second, Exponential(2.0), 4, 0.05)
        connect(first, Exponential(2.0), 0, 0.05)
        connect(second, Delta(), 1, 0.05)
        connect(target, Exponential(2.0), 0, -0.02)
    return network, {
        first: random_input(rng, 6),
        second: random_input(rng, 9, 0.08),
    }


def test_several_synapses_and_inputs() -> None:
    check(several_synapses)


def test_equal_synapses_onto_a_population_share_their_state() -> None:
    """Four kinds, so the state has four currents, of which two are deltas' sums."""
    network, _ = several_synapses(np.random.default_rng(0))
    (target,) = (p for p in network.populations if p.name == "target")
    compiled = InferenceCompiler(STEPS).compile(network)
    known = [f"i_syn{k}" for k in (0, 1, 2)] + ["in_syn3"]
    for name in known:
        assert compiled.variable(target, name) == name
    with pytest.raises(ValidationError, match="i_syn4"):
        compiled.variable(target, "i_syn4")


def values_of_neurons(rng: np.random.Generator) -> Case:
    """Every parameter and initial value an array, shapes of several dimensions."""
    shape = (3, 2, 5)

    def spread(low: float, high: float) -> np.ndarray:
        return rng.uniform(low, high, shape)

    with Network() as network:
        source = Population(SpikeInput(), (2, 5), name="input")
        lif = LeakyIntegrateFire(
            v_thresh=spread(0.8, 1.2),
            v_reset=spread(-0.2, 0.1),
            v=spread(-0.5, 0.7),
            tau_mem=spread(5.0, 30.0),
            tau_refrac=spread(1.0, 6.0),
            relative_reset=False,
        )
        alif = AdaptiveLeakyIntegrateFire(
            v_thresh=spread(0.8, 1.2),
            v_reset=spread(-0.2, 0.1),
            v=spread(-0.5, 0.7),
            a=spread(0.0, 1.0),
            beta=spread(0.1, 0.4),
            tau_mem=spread(5.0, 30.0),
            tau_adapt=spread(20.0, 60.0),
        )
        fire = IntegrateFire(spread(0.8, 1.2), spread(-0.2, 0.1), spread(-0.5, 0.7))
        silent = LeakyIntegrate(
            v=spread(-0.5, 0.7),
            bias=spread(-0.1, 0.1),
            tau_mem=spread(5.0, 30.0),
            readout="sum_var",
        )
        neurons = {"LIF": lif, "ALIF": alif, "IF": fire, "LI": silent}
        for name, neuron in neurons.items():
            spikes = neuron is not silent
            target = Population(neuron, shape, name=name, record_spikes=spikes)
            weight = rng.normal(0.08, 0.1, (10, 30))
            tau = spread(2.0, 6.0)
            Connection(source, target, Dense(weight), Exponential(tau))
    return network, {source: random_input(rng, (2, 5))}


def test_values_of_neurons() -> None:
    check(values_of_neurons)


def test_shapes_come_back() -> None:
    network, inputs = values_of_neurons(np.random.default_rng(0))
    output = network.populations[-1]
    compiled = InferenceCompiler(STEPS, batch_size=EXAMPLES).compile(network)
    outputs = compiled.predict(inputs, callbacks=[])[0][output]
    assert outputs.shape == (EXAMPLES, 3, 2, 5)
    result = reference_run(network, inputs).readouts["LI"]["sum_var"]
    np.testing.assert_allclose(
        flat(outputs[:, None])[:, 0], result, rtol=1e-4, atol=1e-4
    )


SIZES = (1, 2, 15, 16, 17, 33, 250, 257)


def many_sizes(rng: np.random.Generator) -> Case:
    """A chain of populations whose sizes are and are not multiples of a vector's."""
    with Network() as network:
        source = Population(SpikeInput(), 40, name="input")
        for size in SIZES:
            target = Population(
                LeakyIntegrateFire(tau_mem=10.0),
                size,
                name=f"size {size}",
                record_spikes=True,
            )
            weight = rng.normal(0.08, 0.1, (40, size))
            Connection(source, target, Dense(weight), Exponential(2.0))
            weight = rng.normal(0.0, 0.5 / np.sqrt(size), (size, size))
            Connection(target, target, Dense(weight))
    return network, {source: random_input(rng, 40)}


def test_sizes() -> None:
    check(many_sizes, least=20)


def loop(rng: np.random.Generator) -> Case:
    """Populations listed in an order that is not that of the spikes, in a loop."""
    with Network() as network:
        last = Population(
            LeakyIntegrateFire(readout="sum_var"), 5, name="last", record_spikes=True
        )
        middle = Population(LeakyIntegrateFire(), 20, name="mid", record_spikes=True)
        source = Population(SpikeInput(), INPUTS, name="input")
        Connection(last, middle, Dense(rng.normal(0.1, 0.3, (5, 20))))
        Connection(middle, last, Dense(rng.normal(0.1, 0.2, (20, 5)), 1))
        Connection(source, middle, Dense(rng.normal(0.2, 0.2, (INPUTS, 20))))
    return network, {source: random_input(rng, INPUTS)}


def test_loop_of_populations() -> None:
    check(loop)


def test_all_neurons_in_all_steps() -> None:
    """As many spikes as there can be, and inputs that never rest."""
    with Network() as network:
        source = Population(SpikeInput(), 20, name="input", record_spikes=True)
        target = Population(IntegrateFire(), 40, name="target", record_spikes=True)
        Connection(source, target, Dense(1.5))
    raster = np.ones((3, 300, 20), dtype=bool)
    run = engine_run(network, {source: raster}, num_threads=2)
    assert_same(run, reference_run(network, {source: raster}))
    assert run.spikes["target"][:, 1:].all()
    assert not run.spikes["target"][:, 0].any()


def large(rng: np.random.Generator, size: int) -> Case:
    """A large population, with few different weights, between input and output."""
    with Network() as network:
        source = Population(SpikeInput(), size, name="input", record_spikes=True)
        ticks = Population(SpikeInput(), 1, name="ticks")
        middle = Population(
            LeakyIntegrateFire(), size, name="large", record_spikes=True
        )
        output = Population(LeakyIntegrate(), 2, name="output")
        levels = rng.uniform(-1.0, 2.0, 20)[rng.integers(0, 20, (1, size))]
        Connection(ticks, middle, Dense(levels), Exponential(3.0))
        Connection(source, output, Dense(rng.normal(0.0, 0.5, (size, 2))))
        Connection(middle, output, Dense(rng.normal(0.0, 1e-3, (size, 2))))
    spikes = np.zeros((2, 12, size), dtype=bool)
    spikes[0, 2, [0, 4321, size - 1]] = True
    spikes[1, 5, [1, 65535]] = True
    clock = np.zeros((2, 12, 1), dtype=bool)
    clock[:, 1::3] = True
    return network, {source: spikes, ticks: clock}


@pytest.mark.parametrize("size", [65536, 65537])
def test_more_neurons_than_16_bits_count(size: int) -> None:
    """The last neuron's spikes come from the data, go to an output and are recorded."""
    (network, inputs), result = without_ties(lambda rng: large(rng, size))
    assert result.spikes["large"][:, :, -100:].any()
    assert_same(engine_run(network, inputs, batch_size=2, num_threads=2), result)


def test_weights_from_initializers_belong_to_the_seed() -> None:
    with Network() as network:
        source = Population(SpikeInput(), 50)
        target = Population(LeakyIntegrate(), 40)
        connection = Connection(source, target, Dense(Normal(0.3, 0.1)))

    def weights(seed: int) -> np.ndarray:
        compiled = InferenceCompiler(STEPS, rng_seed=seed).compile(network)
        return compiled.weights(connection)

    np.testing.assert_array_equal(weights(3), weights(3))
    assert not np.any(weights(3) == weights(4))
    assert abs(weights(3).mean() - 0.3) < 0.1 / np.sqrt(2000) * 4
    assert abs(weights(3).std() - 0.1) < 0.01


def test_weights_that_are_set_are_used() -> None:
    network, inputs = with_drawn_delays(np.random.default_rng(0), 0)
    (connection,), output = network.connections, network.populations[1]
    compiled = InferenceCompiler(STEPS, batch_size=EXAMPLES).compile(network)
    before = compiled.predict(inputs, callbacks=[])[0][output]
    compiled.set_weights(connection, 2.0 * compiled.weights(connection))
    after = compiled.predict(inputs, callbacks=[])[0][output]
    np.testing.assert_allclose(after, 2.0 * before, rtol=1e-6)
    assert np.abs(before).max() > 0.1
    with pytest.raises(ValidationError, match="weights of shape"):
        compiled.set_weights(connection, np.zeros((2, 2)))
