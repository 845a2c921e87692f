"""EventProp's gradients of delays against differences of exact simulations.

The engine's gradients are per time step of delay, those of the reference per ms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from gradients.nets import T_END, Case, differences, make_case, some, steepness
from gradients.test_event_prop import (
    COARSE,
    CROSS_ENTROPY,
    FINE,
    FLATTEST,
    TOLERANCE,
    check,
    trajectory,
)
from reference import exact

from ml_genn import Connection, Network, Population
from ml_genn.compilers import EventPropCompiler
from ml_genn.connectivity import Dense, Sparse
from ml_genn.initializers import Uniform
from ml_genn.neurons import LeakyIntegrate
from ml_genn.optimisers import Adam
from ml_genn.synapses import Exponential

#: Networks that need smaller steps for the same accuracy.
SLOW = ("all", "two_hidden_layers", "trajectory", "max_var", "var")
FINER = 0.005  # [ms]
Loss = Callable[[exact.Result], float]


def delayed(seed: int, learned: Sequence[int], **options: Any) -> Case:
    """A random case whose listed connections have a delay of each synapse."""
    case = make_case(seed, **options)
    rng = np.random.default_rng(1000 + seed)
    for k in learned:
        shape = case.connections[k].weight.shape
        case = case.with_delays(k, np.round(rng.uniform(0.5, 4.0, shape), 1))
    return case


def by_readout(readout: str) -> Loss:
    return lambda r: float(exact.readout_loss(r, "out", readout, 1))


def compare(
    case: Case,
    learned: Sequence[int],
    loss: Loss,
    compiled: Callable[[float], Any],
    weights: bool = False,
    fine: float = FINE,
) -> None:
    """Gradients of delays, and of the weights beside them, for both time steps."""
    assert steepness(case) > FLATTEST
    expected = {}
    for k in learned:
        c = case.connections[k]
        expected[k, "delay"] = differences(
            lambda d, k=k: loss(case.with_delays(k, d).simulate()), np.asarray(c.delay)
        )
        if weights:
            expected[k, "weight"] = differences(
                lambda w, k=k: loss(case.with_weight(k, w).simulate()), c.weight
            )
    results = {}
    for dt in (COARSE, fine):
        network, connections, target = compiled(dt)
        gradients = network.gradients(case.data(dt), target)
        results[dt] = 0.0
        for (k, kind), e in expected.items():
            c = connections[f"c{k}"]
            g = gradients[c] if kind == "weight" else gradients[c, "delay"] / dt
            error = np.linalg.norm(g.flat[some(g.shape)] - e) / np.linalg.norm(e)
            results[dt] = max(results[dt], float(error))
    check({COARSE: results[COARSE], FINE: results[fine]})


#: name: (seed, connections whose delays are learned, network)
NETWORKS: dict[str, tuple[int, Sequence[int], dict[str, Any]]] = {
    "feedforward": (7, [0, 1], {}),
    "recurrent": (4, [1], {"recurrent": True}),
    "all": (62, [0, 1, 2], {"recurrent": True}),
    "beside_constant_delays": (4, [1], {"recurrent": True, "delay": 2.0}),
    "beside_fixed_delays": (2, [1, 2], {"recurrent": True, "delay": "matrix"}),
    "several_onto_one": (23, [0, 2], {"recurrent": True, "two_time_constants": True}),
    "two_hidden_layers": (8, [1], {"layers": 2}),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name: str) -> None:
    """Networks in which no spike comes within a step of an arrival at its neuron.

    Where one does, a step cannot tell which came first, and the slope at the crossing
    depends on that.
    """
    seed, learned, options = NETWORKS[name]
    case = delayed(seed, learned, **options)

    def compiled(dt: float) -> Any:
        compiled_case = case.compile(dt, "avg_var", CROSS_ENTROPY, delays=learned)
        return *compiled_case[:2], [case.label]

    fine = FINER if name in SLOW else FINE
    compare(case, learned, by_readout("avg_var"), compiled, weights=True, fine=fine)


def voltage(readout: str, seed: int, **options: Any) -> tuple[Case, Loss, Any]:
    """A cross-entropy of the outputs' voltage."""
    case = delayed(seed, [0, 1], **options)

    def compiled(dt: float) -> Any:
        outputs = case.compile(dt, readout, CROSS_ENTROPY, delays=[0, 1])
        return *outputs[:2], [case.label]

    return case, by_readout(readout), compiled


def per_step() -> tuple[Case, Loss, Any]:
    """Cross-entropy in each time step."""
    case = delayed(7, [0, 1])

    def compiled(dt: float) -> Any:
        actual = case.compile(
            dt, "avg_var", CROSS_ENTROPY, delays=[0, 1], per_timestep_loss=True
        )
        return *actual[:2], [case.label]

    return case, lambda r: exact.per_timestep_cross_entropy(r, "out", 1), compiled


def followed() -> tuple[Case, Loss, Any]:
    """Mean square error of a trajectory."""
    case = delayed(7, [0, 1])

    def compiled(dt: float) -> Any:
        times = dt * (1 + np.arange(round(T_END / dt)))
        actual = case.compile(dt, "var", "mean_square_error", delays=[0, 1])
        return *actual[:2], trajectory(times)[None]

    return case, lambda r: exact.mean_square_error(r, "out", trajectory), compiled


def first_spikes() -> tuple[Case, Loss, Any]:
    """Cross-entropy of the outputs' first spikes."""
    case = delayed(7, [0, 1], out="lif")

    def loss(r: exact.Result) -> float:
        times = r.first_spike_times("out")
        return float(exact.first_spike_loss(times, case.label, T_END, 0.5, 0.1))

    def compiled(dt: float) -> Any:
        actual = case.compile(
            dt,
            "first_spike_time",
            CROSS_ENTROPY,
            delays=[0, 1],
            softmax_temperature=0.5,
            ttfs_alpha=0.1,
        )
        return *actual[:2], [case.label]

    return case, loss, compiled


READOUTS: dict[str, Callable[[], tuple[Case, Loss, Any]]] = {
    "avg_var_exp_weight": lambda: voltage("avg_var_exp_weight", 7),
    "max_var": lambda: voltage("max_var", 7),
    "var": lambda: voltage("var", 7),
    "per_step": per_step,
    "trajectory": followed,
    "first_spike_time": first_spikes,
}


@pytest.mark.parametrize("readout", READOUTS)
def test_readouts(readout: str) -> None:
    case, loss, compiled = READOUTS[readout]()
    compare(case, [0, 1], loss, compiled, fine=FINER if readout in SLOW else FINE)


def test_a_largest_voltage_at_an_arrival() -> None:
    weight = np.array([[2.0, 1.0], [-6.0, 0.0]])
    case = Case(
        {"in": exact.Population(2, "input"), "out": exact.Population(2, "li")},
        (exact.Connection("in", "out", weight, 5.0, np.array([[1, 1], [3, 1]])),),
        [np.array([2.0]), np.array([3.0])],
        label=0,
    )

    def loss(delay: np.ndarray) -> float:
        result = case.with_delays(0, delay).simulate()
        return float(exact.readout_loss(result, "out", "max_var", 0))

    expected = exact.finite_difference(loss, case.connections[0].delay)
    network, connections, _ = case.compile(FINE, "max_var", CROSS_ENTROPY, delays=[0])
    grads = network.gradients(case.data(FINE), [0])[connections["c0"], "delay"] / FINE
    error = np.linalg.norm(grads - expected) / np.linalg.norm(expected)
    assert error < TOLERANCE


# ---------------------------------------------------------------- training
STEPS, MAX_DELAY = 30, 4
DELAYS = np.array([[0.5, 1.49], [2.51, 3.0], [0.0, 4.0]])
FIXED = np.array([[1, 2], [3, 0], [4, 1]])


def compile_small(
    connectivity: Any, optimisers: Any = None, **kwargs: Any
) -> tuple[Any, Connection, Connection]:
    """Three inputs onto two outputs, twice; delays of the first are learned."""
    with Network() as network:
        inputs = Population("spike_input", 3)
        outputs = Population(LeakyIntegrate(readout="avg_var"), 2)
        delays = {"synapse": Exponential(5.0), "max_delay_steps": MAX_DELAY}
        first = Connection(inputs, outputs, connectivity, **delays)
        second = Connection(inputs, outputs, Dense(0.3, FIXED), **delays)
    if optimisers == "first":
        optimisers = {first: {"delay": Adam(0.1)}}
    else:
        kwargs["delay_learn_conns"] = [first]
    compiler = EventPropCompiler(STEPS, CROSS_ENTROPY, num_threads=1, **kwargs)
    return compiler.compile(network, optimisers=optimisers), first, second


def small_data() -> tuple[np.ndarray, list[int]]:
    return np.random.default_rng(0).random((4, STEPS, 3)) < 0.2, [0, 1, 1, 0]


def test_spikes_take_learned_delays_rounded() -> None:
    """Outputs, loss and gradients are those of floor(d + 0.5), at each d."""
    x, y = small_data()
    weight = np.arange(1.0, 7.0).reshape(3, 2)
    real, first, _ = compile_small(Dense(weight, DELAYS))
    rounded, other, _ = compile_small(Dense(weight, np.floor(DELAYS + 0.5)))
    np.testing.assert_array_equal(real.delays(first), DELAYS.astype(np.float32))
    assert real.loss(x, y) == rounded.loss(x, y)
    for key in (first, (first, "delay")):
        twin = other if key is first else (other, "delay")
        np.testing.assert_array_equal(
            real.gradients(x, y)[key], rounded.gradients(x, y)[twin]
        )
    halves = DELAYS.astype(int)
    assert rounded.loss(x, y) != compile_small(Dense(weight, halves))[0].loss(x, y)


def test_a_rounded_delay_follows_the_real_one_through_training() -> None:
    """After training, the network runs as a fresh one with the delays it reports."""
    x, y = small_data()
    kwargs = {"optimiser": Adam(0.01), "delay_optimiser": Adam(0.9), "batch_size": 2}
    for sparse in (False, True):
        connectivity: Any = Sparse([0, 1, 2], [0, 1, 1], 1.0, [0.4, 2.0, 3.3])
        connectivity = connectivity if sparse else Dense(1.0, DELAYS)
        compiled, first, second = compile_small(connectivity, **kwargs)
        before = compiled.delays(first)
        compiled.train(x, y, num_epochs=3, callbacks=[])
        delays, w = compiled.delays(first), compiled.weights(first)
        assert np.any(np.floor(delays + 0.5) != np.floor(before + 0.5))
        connectivity = (
            Sparse([0, 1, 2], [0, 1, 1], w, delays) if sparse else Dense(w, delays)
        )
        fresh, _, other = compile_small(connectivity)
        fresh.set_weights(other, compiled.weights(second))
        assert compiled.loss(x, y) == pytest.approx(fresh.loss(x, y), rel=1e-6)


def test_delays_stay_between_zero_and_the_longest() -> None:
    x, y = small_data()
    compiled, first, _ = compile_small(Dense(1.0, DELAYS), delay_optimiser=Adam(50.0))
    for _ in range(4):
        compiled.train(x, y, callbacks=[])
        delays = compiled.delays(first)
        assert delays.min() == 0.0
        assert delays.max() == MAX_DELAY
        assert np.isfinite(compiled.loss(x, y))


def test_each_kind_has_its_own_optimiser() -> None:
    """The first step of Adam has the size of its learning rate."""
    x, y = small_data()
    kwargs = {"optimiser": Adam(0.01), "delay_optimiser": Adam(0.125), "batch_size": 4}
    start = np.full((3, 2), 2.0)
    compiled, first, second = compile_small(Dense(1.0, start), **kwargs)
    compiled.train(x, y, callbacks=[])
    np.testing.assert_allclose(np.abs(compiled.delays(first) - 2.0), 0.125, rtol=1e-3)
    np.testing.assert_allclose(np.abs(compiled.weights(first) - 1.0), 0.01, rtol=1e-3)
    np.testing.assert_array_equal(compiled.delays(second), FIXED)


def test_the_optimiser_is_that_of_weights_where_none_is_given() -> None:
    x, y = small_data()
    start = np.full((3, 2), 2.0)
    compiled, first, _ = compile_small(
        Dense(1.0, start), optimiser=Adam(0.25), batch_size=4
    )
    compiled.train(x, y, callbacks=[])
    np.testing.assert_allclose(np.abs(compiled.delays(first) - 2.0), 0.25, rtol=1e-3)


def test_what_is_not_listed_stays() -> None:
    """Only delays are listed, so weights stay, and so do other delays."""
    x, y = small_data()
    compiled, first, second = compile_small(Dense(1.0, DELAYS), optimisers="first")
    assert set(compiled.gradients(x, y)) == {(first, "delay")}
    compiled.train(x, y, num_epochs=2, callbacks=[])
    assert np.all(compiled.delays(first)[1] != DELAYS[1])
    np.testing.assert_array_equal(compiled.weights(first), 1.0)
    np.testing.assert_array_equal(compiled.delays(second), FIXED)


def test_drawn_delays_that_are_learned_lie_in_the_range() -> None:
    compiled, first, _ = compile_small(Dense(1.0, Uniform(-3.0, 9.0)))
    delays = compiled.delays(first)
    assert delays.shape == (3, 2)
    assert delays.min() >= 0.0
    assert delays.max() <= MAX_DELAY


def test_fixed_delays_are_rounded_as_learned_ones() -> None:
    """So that a network run with the delays that another learned does the same."""
    halves = np.array([[0.5, 1.5], [2.5, 3.5], [0.0, 1.0]])
    learned, first, _ = compile_small(Dense(1.0, halves))
    with Network() as network:
        inputs = Population("spike_input", 3)
        outputs = Population(LeakyIntegrate(readout="avg_var"), 2)
        fixed = Connection(inputs, outputs, Dense(1.0, learned.delays(first)))
        Connection(inputs, outputs, Dense(0.3, FIXED))
    compiled = EventPropCompiler(STEPS, CROSS_ENTROPY, num_threads=1).compile(network)
    np.testing.assert_array_equal(compiled.delays(fixed), np.floor(halves + 0.5))
