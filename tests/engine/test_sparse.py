"""Sparse connections against dense ones with zeros where no synapse is."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine.helpers import random_input
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_genn import Connection, Network, Population, load_model
from ml_genn.compilers import BPTTCompiler, EventPropCompiler, InferenceCompiler
from ml_genn.config.codec import Encoder
from ml_genn.connectivity import (
    Connectivity,
    Dense,
    FixedProbability,
    OneToOne,
    Sparse,
)
from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.initializers import Normal, Uniform
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from ml_genn.synapses import Delta, Exponential
from ml_genn_eprop import EPropCompiler

SIZES = (7, 19, 5)  #: none of them a multiple of a vector
ENDS = ((0, 1), (1, 1), (1, 2))
STEPS = 25
CROSS_ENTROPY = "sparse_categorical_crossentropy"

RULES: dict[str, Callable[..., Any]] = {
    "event_prop": EventPropCompiler,
    "bptt": BPTTCompiler,
    "bptt_threshold": lambda *a, **k: BPTTCompiler(*a, backward_threshold=0.5, **k),
    "e_prop": EPropCompiler,
}
#: kinds of delay of the input, recurrent and output connection
DELAYS = {
    "none_constant_each": ("none", "constant", "each"),
    "each_none_constant": ("each", "none", "constant"),
}


@dataclass(frozen=True, eq=False)
class Net:
    """Numbers of a network: which synapses there are, weights and delays.

    Args:
        present, weights, delays: of each of `ENDS`; delays are numbers or arrays.
    """

    present: list[np.ndarray]
    weights: list[np.ndarray]
    delays: list[Any]

    def connectivity(self, k: int, sparse: bool) -> Connectivity:
        """The same synapses listed, or among zeros."""
        present, weight, delay = self.present[k], self.weights[k], self.delays[k]
        if not sparse:
            return Dense(np.where(present, weight, 0.0), delay)
        pre, post = np.nonzero(present)
        order = np.random.default_rng(k).permutation(len(pre))
        pre, post = pre[order], post[order]
        delays = delay[pre, post] if np.ndim(delay) else delay
        return Sparse(pre, post, weight[pre, post], delays)

    def network(
        self, sparse: bool, synapse: Any
    ) -> tuple[Network, list[Population], list[Connection]]:
        """The network with listed synapses, or with zeros."""
        with Network() as network:
            populations = [
                Population(SpikeInput(), SIZES[0]),
                Population(LeakyIntegrateFire(), SIZES[1], record_spikes=True),
                Population(LeakyIntegrate(readout="avg_var"), SIZES[2]),
            ]
            connections = [
                Connection(
                    populations[i],
                    populations[j],
                    self.connectivity(k, sparse),
                    synapse,
                    max_delay_steps=6,
                )
                for k, (i, j) in enumerate(ENDS)
            ]
        return network, populations, connections


def make_net(seed: int, density: float, kinds: tuple[str, ...], scale: float) -> Net:
    """Random numbers; a density of zero is a single synapse, and rows may be empty."""
    rng = np.random.default_rng(seed)
    shapes = [(SIZES[i], SIZES[j]) for i, j in ENDS]
    present = [rng.random(shape) < density for shape in shapes]
    for mask in present:
        mask[rng.integers(mask.shape[0]), rng.integers(mask.shape[1])] = True
    means = (scale, 0.0, 0.0)
    weights = [rng.normal(m, scale, s) for m, s in zip(means, shapes, strict=True)]
    delay_kinds: dict[str, Callable[[tuple[int, int]], Any]] = {
        "none": lambda shape: 0,
        "constant": lambda shape: 3,
        "each": lambda shape: rng.integers(0, 6, shape).astype(float),
    }
    delays = [delay_kinds[kind](s) for kind, s in zip(kinds, shapes, strict=True)]
    return Net(present, weights, delays)


def near(actual: np.ndarray, expected: np.ndarray) -> None:
    """Equal to 1e-5 of the largest."""
    largest = float(np.abs(expected).max(initial=0.0))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5 * max(largest, 1e-6))


@dataclass(frozen=True, eq=False)
class Trained:
    """A compiled network with its connections and output."""

    compiled: Any
    connections: list[Connection]
    output: Population

    @classmethod
    def of(cls, net: Net, sparse: bool, rule: str, **options: Any) -> Trained:
        """Delays of each synapse are learned where the rule has a gradient for them."""
        synapse = Delta() if rule == "e_prop" else Exponential(5.0)
        network, populations, connections = net.network(sparse, synapse)
        if rule != "e_prop":
            pairs = zip(connections, net.delays, strict=True)
            options["delay_learn_conns"] = [c for c, delay in pairs if np.ndim(delay)]
        compiled = RULES[rule](STEPS, CROSS_ENTROPY, **options).compile(network)
        return cls(compiled, connections, populations[2])

    def learned(self) -> dict[tuple[int, str], np.ndarray]:
        """Learned weights and delays of each connection."""
        results = {}
        for k, c in enumerate(self.connections):
            results[k, "weight"] = self.compiled.weights(c)
            delays = self.compiled.delays(c)
            if delays.ndim:
                results[k, "delay"] = delays
        return results

    def gradients(self, x: Any, y: Any) -> dict[tuple[int, str], np.ndarray]:
        """Gradients, by the same keys."""
        grads = self.compiled.gradients(x, y)
        keys = [(k, c) for k, c in enumerate(self.connections)]
        return {
            **{(k, "weight"): grads[c] for k, c in keys},
            **{
                (k, "delay"): grads[c, "delay"]
                for k, c in keys
                if (c, "delay") in grads
            },
        }

    def predict(self, x: Any) -> np.ndarray:
        """The output."""
        outputs: np.ndarray = self.compiled.predict(x, callbacks=[])[0][self.output]
        return outputs


@pytest.mark.parametrize("delays", DELAYS)
@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=6, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 1000),
    density=st.sampled_from([0.0, 0.1, 0.4, 1.0]),
    batch=st.sampled_from([1, 3, 7]),
    threads=st.sampled_from([1, 2]),
)
def test_sparse_is_dense_with_zeros(
    rule: str, delays: str, seed: int, density: float, batch: int, threads: int
) -> None:
    """Outputs, losses, gradients at the synapses, and what is learned in training.

    Zeros of the dense network are put back after each batch, since it learns them.
    """
    net = make_net(seed, density, DELAYS[delays], 0.5 if rule == "e_prop" else 2.0)
    rng = np.random.default_rng(seed)
    x = random_input(rng, SIZES[0], 0.3, examples=7, steps=STEPS)
    y = np.arange(7) % SIZES[2]
    options = {"batch_size": batch, "num_threads": threads}
    dense, listed = (
        Trained.of(net, sparse, rule, **options) for sparse in (False, True)
    )
    at = [np.nonzero(mask) for mask in net.present]
    for k, c in enumerate(listed.connections):
        np.testing.assert_array_equal(listed.compiled.indices(c), at[k])
    near(listed.predict(x), dense.predict(x))
    loss = dense.compiled.loss(x, y)
    assert listed.compiled.loss(x, y) == pytest.approx(loss, rel=1e-5)
    expected = dense.gradients(x, y)
    for key, gradient in listed.gradients(x, y).items():
        near(gradient, expected[key][at[key[0]]])
    for _ in range(5):
        for twin in (dense, listed):
            twin.compiled.train(x[:batch], y[:batch], shuffle=False, callbacks=[])
        for mask, c in zip(net.present, dense.connections, strict=True):
            dense.compiled.set_weights(c, np.where(mask, dense.compiled.weights(c), 0))
    expected = dense.learned()
    for key, values in listed.learned().items():
        exact = expected[key][at[key[0]]]
        np.testing.assert_allclose(values, exact, rtol=0, atol=2e-5)


@pytest.mark.parametrize("delays", DELAYS)
def test_state_continues_over_batches(delays: str) -> None:
    """Two batches that carry on from each other are those of the dense network."""
    net = make_net(3, 0.3, DELAYS[delays], 2.0)
    x = random_input(np.random.default_rng(0), SIZES[0], 0.3, examples=6, steps=STEPS)
    results = {}
    for sparse in (False, True):
        network, populations, _ = net.network(sparse, Exponential(5.0))
        for keep in (False, True):
            compiler = InferenceCompiler(
                STEPS, batch_size=3, num_threads=1, reset_vars_between_batches=not keep
            )
            predicted = compiler.compile(network).predict(x, callbacks=[])[0]
            results[sparse, keep] = predicted[populations[2]]
    for keep in (False, True):
        near(results[True, keep], results[False, keep])
    assert np.abs(results[True, True][3:] - results[True, False][3:]).max() > 1e-3
    near(results[True, True][:3], results[True, False][:3])


@pytest.mark.parametrize("delay", [0, 2, [3, 1, 2]], ids=["none", "constant", "each"])
def test_neurons_beyond_16_bits(delay: Any) -> None:
    """Spikes of a large population reach the right neuron of another, and back."""
    size = (1 << 16) + 5
    with Network() as network:
        source = Population(SpikeInput(), 3)
        large = Population(LeakyIntegrate(readout="var", tau_mem=20.0), size)
        Connection(source, large, Sparse([2, 0, 1], [size - 1, 1 << 16, 0], 1.0, delay))
    x = np.zeros((1, 6, 3), dtype=bool)
    x[0, 1] = True
    compiled = InferenceCompiler(6, num_threads=1).compile(network)
    v = compiled.predict(x, callbacks=[])[0][large][0]
    np.testing.assert_array_equal(np.flatnonzero(v), [0, 1 << 16, size - 1])
    waits = dict(zip([2, 0, 1], np.broadcast_to(delay, 3), strict=True))
    decay = np.exp(-1.0 / 20.0)
    for pre, post in ((0, 1 << 16), (1, 0), (2, size - 1)):
        alone = v[post] / decay ** (3 - waits[pre])
        assert alone == pytest.approx(v[0] / decay ** (3 - waits[1]), rel=1e-5)


def test_spikes_of_neurons_beyond_16_bits() -> None:
    size = (1 << 16) + 5
    with Network() as network:
        source = Population(SpikeInput(), size)
        out = Population(LeakyIntegrate(readout="max_var"), 2)
        Connection(source, out, Sparse([size - 1, 3], [0, 1], [1.0, 2.0]))
    x = np.zeros((1, 4, size), dtype=bool)
    x[0, 0, size - 1] = True
    compiled = InferenceCompiler(4, num_threads=1).compile(network)
    v = compiled.predict(x, callbacks=[])[0][out][0]
    assert v[0] > 0.0
    assert v[1] == 0.0


# ---------------------------------------------------------------- which synapses
def drawn(
    connectivity: Connectivity,
    sizes: tuple[int, int] = (60, 50),
    recurrent: bool = False,
    seed: int = 0,
    name: str = "c",
) -> tuple[np.ndarray, np.ndarray]:
    """The synapses that are drawn, by a compiler with a seed."""
    with Network() as network:
        source = Population(SpikeInput(), sizes[0])
        target = Population(LeakyIntegrateFire(), sizes[1])
        Connection(source, target, Dense(1.0), name="input")
        ends = (target, target) if recurrent else (source, target)
        connection = Connection(*ends, connectivity, name=name)
    compiled = InferenceCompiler(2, rng_seed=seed, num_threads=1).compile(network)
    return compiled.indices(connection)


@pytest.mark.parametrize("p", [0.01, 0.3, 0.97, 1.0])
def test_fixed_probability_connects_as_many_as_it_says(p: float) -> None:
    """Within five standard deviations, in total and for each neuron."""
    pre, post = drawn(FixedProbability(p, 1.0))
    assert abs(pre.size - 3000 * p) <= 5.0 * np.sqrt(3000 * p * (1 - p))
    assert len(set(zip(pre.tolist(), post.tolist(), strict=True))) == pre.size
    assert np.all(np.diff(pre * 50 + post) > 0)
    for ids, size, n in ((pre, 60, 50), (post, 50, 60)):
        counts = np.bincount(ids, minlength=size)
        assert np.abs(counts - n * p).max() <= 1 + 5.0 * np.sqrt(n * p * (1 - p))


def test_fixed_probability_follows_the_seed_and_the_connection() -> None:
    first = drawn(FixedProbability(0.2, 1.0))
    for same in (drawn(FixedProbability(0.2, 7.0)), first):
        np.testing.assert_array_equal(same, first)
    for other in (
        drawn(FixedProbability(0.2, 1.0), seed=1),
        drawn(FixedProbability(0.2, 1.0), name="d"),
    ):
        assert other[0].size != first[0].size or np.any(other[0] != first[0])


@pytest.mark.parametrize("p", [0.0, 5e-324, 1e-300, 1e-30, 1e-18])
def test_very_small_probabilities_connect_nothing(p: float) -> None:
    """Gaps that no integer holds do not wrap around; p = 0 needs no draw."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        assert drawn(FixedProbability(p, 1.0))[0].size == 0


def test_no_synapse_by_chance_is_told() -> None:
    with pytest.warns(UserWarning, match=r"p=1e-15 no neuron of .* was connected"):
        drawn(FixedProbability(1e-15, 1.0))


@pytest.mark.parametrize("p", [1e-17, 1e-16, 2e-15])
def test_fixed_probability_is_exact_among_any_number_of_pairs(p: float) -> None:
    """Numbers and places of synapses between 2^31 - 1 neurons each."""
    largest = 2**31 - 1
    with Network():
        ends = [Population(SpikeInput(), largest) for _ in range(2)]
    expected, totals, places = largest**2 * p, [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        pre, post = FixedProbability(p, 1.0).indices(*ends, rng)
        totals.append(pre.size)
        places += [*(pre / largest), *(post / largest)]
    error = 5.0 * np.sqrt(expected / len(totals))
    assert abs(np.mean(totals) - expected) < error
    assert abs(np.mean(places) - 0.5) < 5.0 * np.sqrt(1 / 12 / len(places))
    assert max(places) <= 1.0


@pytest.mark.parametrize("p", [0.02, 0.1, 0.4])
def test_numbers_of_synapses_are_binomial(p: float) -> None:
    """Mean and variance over 400 seeds."""
    with Network():
        ends = [Population(SpikeInput(), n) for n in (30, 20)]
    totals = [
        FixedProbability(p, 1.0).indices(*ends, np.random.default_rng(seed))[0].size
        for seed in range(400)
    ]
    variance = 600 * p * (1 - p)
    assert abs(np.mean(totals) - 600 * p) < 4.0 * np.sqrt(variance / 400)
    assert 0.7 < np.var(totals) / variance < 1.4


@pytest.mark.parametrize("rule", ["event_prop", "bptt"])
def test_networks_without_a_synapse_learn_and_are_saved(
    rule: str, tmp_path: Path
) -> None:
    with Network() as network:
        source = Population(SpikeInput(), 4)
        hidden = Population(LeakyIntegrateFire(v_thresh=0.2), 5)
        output = Population(LeakyIntegrate(readout="avg_var"), 2)
        Connection(source, hidden, Dense(0.5))
        empty = Connection(hidden, hidden, FixedProbability(0.0, 1.0))
        Connection(hidden, output, Dense(0.5))
    make = {"event_prop": EventPropCompiler, "bptt": BPTTCompiler}[rule]
    compiler = make(5, "sparse_categorical_crossentropy", num_threads=1)
    compiled = compiler.compile(network)
    compiled.train(np.ones((2, 5, 4), bool), [0, 1], callbacks=[])
    assert compiled.weights(empty).shape == (0,)
    compiled.save_model(tmp_path / "x")
    loaded = load_model(tmp_path / "x")
    assert loaded.weights(loaded.network.connections[1]).shape == (0,)


def listed(pre_ind: Any, post_ind: Any = None, weight: Any = 1.0) -> FixedProbability:
    """Returns connectivity whose synapses a user lists."""
    connectivity = FixedProbability(0.5, 1.0)
    connectivity.pre_ind, connectivity.post_ind = pre_ind, post_ind
    connectivity.weight = weight
    return connectivity


def test_listed_synapses_are_connected_instead() -> None:
    pre, post = drawn(listed([3, 0, 3], [1, 2, 0]))
    assert pre.tolist() == [0, 3, 3] and post.tolist() == [2, 0, 1]
    with Network():
        ends = [Population(SpikeInput(), 9) for _ in range(2)]
        connection = Connection(*ends, listed([0, 3, 3], [2, 0, 1]))
    assert connection.connectivity.expected(*ends) == 3
    with pytest.raises(UnsupportedError, match=r"cannot be saved\. Use Sparse"):
        Encoder().encode(connection.connectivity, "connectivity")


@pytest.mark.parametrize("allowed", [False, True])
def test_self_connections(allowed: bool) -> None:
    connectivity = FixedProbability(1.0, 1.0, allow_self_connections=allowed)
    pre, post = drawn(connectivity, (6, 5), recurrent=True)
    assert pre.size == (25 if allowed else 20)
    assert np.any(pre == post) == allowed
    assert drawn(connectivity, (5, 5))[0].size == 25


def test_drawn_weights_and_delays() -> None:
    """One of each for each synapse; delays are clipped to the longest."""
    with Network() as network:
        source = Population(SpikeInput(), 40)
        target = Population(LeakyIntegrate(readout="var"), 30)
        connection = Connection(
            source,
            target,
            FixedProbability(0.5, Normal(2.0, 0.5), delay=Uniform(0.0, 9.0)),
            max_delay_steps=5,
        )
    compiled = InferenceCompiler(2, num_threads=1).compile(network)
    weights, delays = compiled.weights(connection), compiled.delays(connection)
    assert weights.shape == delays.shape == compiled.indices(connection)[0].shape
    assert abs(weights.mean() - 2.0) < 0.2
    assert abs(weights.std() - 0.5) < 0.1
    assert (delays.min(), delays.max()) == (0, 5)


def test_lists_are_sorted_with_their_weights_and_delays() -> None:
    pre, post = [3, 0, 3, 1, 0], [1, 2, 0, 1, 0]
    connectivity = Sparse(pre, post, np.arange(5.0), [4, 3, 2, 1, 0])
    with Network() as network:
        source = Population(SpikeInput(), 4)
        target = Population(LeakyIntegrate(readout="var"), 3)
        connection = Connection(source, target, connectivity)
    compiled = InferenceCompiler(2, num_threads=1).compile(network)
    expected = sorted(zip(pre, post, range(5), [4, 3, 2, 1, 0], strict=True))
    actual = (
        *compiled.indices(connection),
        compiled.weights(connection),
        compiled.delays(connection),
    )
    np.testing.assert_array_equal(np.transpose(actual), expected)


def test_summaries_count_synapses() -> None:
    with Network() as network:
        source = Population(SpikeInput(), 7)
        target = Population(LeakyIntegrate(readout="var"), 8)
        Connection(source, target, Sparse([0, 1, 2], [4, 3, 7], 1.0))
    lines: list[str] = []
    InferenceCompiler(3, num_threads=1).compile(network).summary(lines.append)
    assert "Weights: 3\n" in lines[0]


# ---------------------------------------------------------------- bad input
BAD: dict[str, tuple[Callable[[], Any], str]] = {
    "duplicate": (lambda: Sparse([0, 1, 0], [2, 1, 2], 1.0), "0 to neuron 2 more than"),
    "lengths": (lambda: Sparse([0, 1], [2], 1.0), "2 and 1"),
    "empty": (lambda: Sparse([], [], 1.0), "at least one synapse"),
    "fraction": (lambda: Sparse([0.5], [1], 1.0), "pre_ind is a list of indices"),
    "negative": (lambda: Sparse([0], [-1], 1.0), "post_ind is a list of indices"),
    "nan": (lambda: Sparse([np.nan], [1], 1.0), "pre_ind is a list of indices"),
    "matrix": (lambda: Sparse([[0]], [[1]], 1.0), "pre_ind is a list of indices"),
    "text": (lambda: Sparse("ab", [0, 1], 1.0), "pre_ind"),
    "weights": (lambda: Sparse([0, 1], [0, 1], [1.0]), "weight has one .* 2 synapses"),
    "delays": (lambda: Sparse([0, 1], [0, 1], 1.0, [1]), "delay has one .* 2 synapses"),
    "delay": (lambda: Sparse([0], [0], 1.0, -1), "delays are not negative"),
    "p_negative": (lambda: FixedProbability(-1e-9, 1.0), "p is from 0 to 1"),
    "p_large": (lambda: FixedProbability(1.5, 1.0), "p is from 0 to 1"),
    "p_nan": (lambda: FixedProbability(float("nan"), 1.0), "p is a finite number"),
    "array": (lambda: FixedProbability(0.5, [1.0, 2.0]), "Sparse.* takes arrays"),
    "array_delay": (lambda: FixedProbability(0.5, 1.0, delay=[1, 2]), "takes arrays"),
    "out_of_range": (lambda: drawn(Sparse([60], [0], 1.0)), "60 neurons, but .* 60 is"),
    "half of a list": (
        lambda: drawn(listed(pre_ind=[0])),
        "pre_ind and post_ind are set together",
    ),
    "listed twice": (
        lambda: drawn(listed(pre_ind=[1, 1], post_ind=[2, 2])),
        "neuron 1 to neuron 2 more than once",
    ),
    "listed beyond the end": (
        lambda: drawn(listed(pre_ind=[60], post_ind=[0])),
        "60 neurons, but .* 60 is",
    ),
    "unsorted with arrays": (
        lambda: drawn(listed(pre_ind=[1, 0], post_ind=[0, 0], weight=np.ones(2))),
        "sorted by source, then target. Sparse",
    ),
    "one_to_one": (
        lambda: setattr(OneToOne(1.0), "pre_ind", [0]),
        "pre_ind follows from the populations. For other pairs use Sparse",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name: str) -> None:
    make, message = BAD[name]
    with pytest.raises(ValidationError, match=message):
        make()


@pytest.mark.parametrize("index", [2**63, 1e30, float("inf")])
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_indices_beyond_64_bits(index: float) -> None:
    with pytest.raises(ValidationError):
        drawn(Sparse([0], np.asarray([index]), 1.0))


def test_shapes_given_late_are_checked() -> None:
    with Network() as network:
        source = Population("spike_input", name="source")
        target = Population(LeakyIntegrate(readout="var"), 3)
        Connection(source, target, Sparse([0, 4], [0, 1], 1.0))
        source.shape = (2,)
    with pytest.raises(ValidationError, match="'source' has 2 neurons, but neuron 4"):
        InferenceCompiler(3, num_threads=1).compile(network)


def test_indices_of_a_dense_connection_are_refused() -> None:
    network, _, connections = make_net(
        0, 1.0, DELAYS["none_constant_each"], 1.0
    ).network(False, Exponential(5.0))
    compiled = InferenceCompiler(3, num_threads=1).compile(network)
    with pytest.raises(ValidationError, match="indexed by both"):
        compiled.indices(connections[0])
