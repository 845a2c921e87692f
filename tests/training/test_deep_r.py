"""Deep-R: which synapses are replaced, by itself and while networks learn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_genn import Connection, Network, Population
from ml_genn.backends.host.deep_r import Rewiring
from ml_genn.callbacks import Callback, EarlyStopping, RewiringRecorder
from ml_genn.compilers import BPTTCompiler, EventPropCompiler, InferenceCompiler
from ml_genn.connectivity import Dense, FixedProbability, Sparse
from ml_genn.errors import MlGennError
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from ml_genn.optimisers import Adam
from ml_genn.synapses import Delta, Exponential
from ml_genn_eprop import EPropCompiler

PADDING = 3  #: numbers behind the last synapse, which nothing may touch


@dataclass(frozen=True, eq=False)
class State:
    """What belongs to each pair of connected neurons."""

    keys: np.ndarray
    weight: np.ndarray
    sign: np.ndarray
    numbers: np.ndarray

    @classmethod
    def of(cls, rewiring: Rewiring) -> State:
        """A copy of the present state."""
        n = rewiring.count
        return cls(
            rewiring.keys().copy(),
            rewiring.weight[:n].copy(),
            rewiring.sign[:n].copy(),
            np.stack([k[:n] for k in rewiring.numbers]),
        )


def make(
    rng: np.random.Generator, shape: tuple[int, int], free: int, loops: bool
) -> Rewiring:
    """Synapses between random neurons, all but ``free`` of those that there may be."""
    pairs = np.arange(shape[0] * shape[1])
    if not loops:
        pairs = pairs[pairs // shape[1] != pairs % shape[1]]
    count = max(len(pairs) - free, 1)
    keys = np.sort(rng.choice(pairs, count, replace=False))
    offset = np.full(shape[0] + 1 + PADDING, 77, dtype=np.int64)
    offset[: shape[0] + 1] = np.searchsorted(keys // shape[1], np.arange(shape[0] + 1))
    arrays = [np.full(count + PADDING, 77, dtype=np.float32) for _ in range(4)]
    target = np.full(count + PADDING, 77, dtype=np.uint16)
    target[:count] = keys % shape[1]
    for array in arrays:
        array[:count] = rng.normal(size=count)
    weight, sign, m, v = arrays
    rewiring = Rewiring(
        shape=shape,
        self_connections=loops,
        offset=offset,
        target=target,
        weight=weight,
        sign=sign,
        numbers=(m, v),
        seed=int(rng.integers(100)),
        rng=rng,
    )
    rewiring.begin()
    return rewiring


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(1, 9),
    columns=st.integers(1, 9),
    free=st.one_of(st.integers(0, 3), st.integers(0, 80)),
    flipped=st.sampled_from([0.0, 0.2, 0.8, 1.0]),
    loops=st.booleans(),
)
def test_what_rewiring_keeps(
    seed: int, rows: int, columns: int, free: int, flipped: float, loops: bool
) -> None:
    """Full matrices and single synapses among them; several times in a row."""
    loops = loops or rows * columns < 4 or rows != columns
    rng = np.random.default_rng(seed)
    rewiring = make(rng, (rows, columns), free, loops)
    signs = dict(zip(rewiring.keys(), State.of(rewiring).sign, strict=True))
    assert np.all(rewiring.weight[: rewiring.count] * list(signs.values()) >= 0)
    for _ in range(3):
        flips = rng.random(rewiring.count) < flipped
        rewiring.weight[: rewiring.count][flips] *= -1
        before = State.of(rewiring)
        wrong = before.weight * before.sign < 0
        replaced, failed = rewiring.rewire()
        after = State.of(rewiring)
        assert replaced == wrong.sum()
        assert failed >= 0
        assert len(after.keys) == len(before.keys)
        assert np.all(np.diff(after.keys) > 0)
        assert rewiring.offset[0] == 0
        assert np.all(np.diff(rewiring.offset[: rows + 1]) >= 0)
        assert rewiring.target[: rewiring.count].max() < columns
        if not loops:
            assert np.all(after.keys // columns != after.keys % columns)
        kept = np.searchsorted(after.keys, before.keys[~wrong])
        np.testing.assert_array_equal(after.keys[kept], before.keys[~wrong])
        np.testing.assert_array_equal(after.weight[kept], before.weight[~wrong])
        np.testing.assert_array_equal(after.sign[kept], before.sign[~wrong])
        np.testing.assert_array_equal(after.numbers[:, kept], before.numbers[:, ~wrong])
        fresh = np.setdiff1d(np.arange(len(after.keys)), kept)
        assert not after.weight[fresh].any()
        assert not after.numbers[:, fresh].any()
        assert np.all(np.abs(after.sign) == 1.0)
        for key, sign in zip(after.keys, after.sign, strict=True):
            assert signs.setdefault(key, sign) == sign
    for array in (rewiring.weight, rewiring.sign, rewiring.target, *rewiring.numbers):
        np.testing.assert_array_equal(array[rewiring.count :], 77)


def test_new_synapses_are_drawn_evenly() -> None:
    """Each free pair as often as another, within five standard deviations."""
    rng = np.random.default_rng(0)
    counts = np.zeros(5 * 6)
    for _ in range(800):
        rewiring = make(np.random.default_rng(1), (5, 6), 20, True)
        kept = rewiring.keys()[4:]
        rewiring.weight[:4] = -rewiring.sign[:4]
        fresh = Rewiring(
            **{
                name: getattr(rewiring, name)
                for name in Rewiring.__dataclass_fields__
                if name != "rng"
            },
            rng=rng,
        )
        assert fresh.rewire()[0] == 4
        counts[np.setdiff1d(fresh.keys(), kept)] += 1
    assert not counts[kept].any()
    free = np.setdiff1d(np.arange(30), kept)
    p = 4 / len(free)
    deviation = np.sqrt(800 * p * (1 - p))
    assert np.abs(counts[free] - 800 * p).max() < 5 * deviation


# ---------------------------------------------------------------- training
SIZES, STEPS, BATCHES, BATCH = (9, 12, 3), 20, 4, 3
CROSS_ENTROPY = "sparse_categorical_crossentropy"
RULES: dict[str, Callable[..., Any]] = {
    "event_prop": EventPropCompiler,
    "bptt": BPTTCompiler,
    "e_prop": EPropCompiler,
}


@dataclass(frozen=True, eq=False)
class Learner:
    """A compiled network, its connections, and its output."""

    compiled: Any
    first: Connection
    recurrent: Connection
    last: Connection
    output: Population

    def train(self, epochs: int = 1, **kwargs: Any) -> dict[Any, Any]:
        """What callbacks collected."""
        x, y = data()
        collected: dict[Any, Any] = self.compiled.train(
            x, y, num_epochs=epochs, shuffle=False, **{"callbacks": [], **kwargs}
        )[1]
        return collected

    def pairs(self, connection: Connection) -> set[tuple[int, int]]:
        """Which neurons are connected."""
        pre, post = self.compiled.indices(connection)
        return set(zip(pre.tolist(), post.tolist(), strict=True))


def data() -> tuple[np.ndarray, np.ndarray]:
    """Random spikes and labels."""
    x = np.random.default_rng(0).random((BATCH * BATCHES, STEPS, SIZES[0])) < 0.3
    return x, np.arange(BATCH * BATCHES) % SIZES[2]


def learner(
    rule: str = "event_prop",
    rewired: tuple[str, ...] = ("first", "recurrent"),
    **kw: Any,
) -> Learner:
    """A recurrent network whose weights are soon on the other side of zero."""
    synapse = Delta() if rule == "e_prop" else Exponential(5.0)
    scale = 0.2 if rule == "e_prop" else 1.0
    with Network() as network:
        source = Population(SpikeInput(), SIZES[0])
        hidden = Population(LeakyIntegrateFire(), SIZES[1])
        output = Population(LeakyIntegrate(readout="avg_var"), SIZES[2])
        given = {
            "first": (source, hidden, FixedProbability(0.4, Normal(scale, scale))),
            "recurrent": (hidden, hidden, FixedProbability(0.3, Normal(0.0, scale))),
            "last": (hidden, output, Dense(Normal(0.0, 0.5))),
        }
        connections = {
            name: Connection(a, b, c, synapse, name=name)
            for name, (a, b, c) in given.items()
        }
    options = {"optimiser": Adam(0.1), "batch_size": BATCH, "num_threads": 1, **kw}
    record = options.pop("record", ())
    compiler = RULES[rule](
        STEPS,
        CROSS_ENTROPY,
        deep_r_conns=[connections[name] for name in rewired],
        deep_r_record_rewirings={connections[name]: name for name in record},
        **options,
    )
    return Learner(compiler.compile(network), **connections, output=output)


class Wiring(Callback):
    """Notes which neurons are connected after each batch."""

    def __init__(self, owner: Learner, connection: Connection) -> None:
        self.owner, self.connection = owner, connection
        self.found = [owner.pairs(connection)]

    def on_batch_end(self, *_: Any) -> None:
        self.found.append(self.owner.pairs(self.connection))


@pytest.mark.parametrize("rule", RULES)
def test_training_replaces_synapses(rule: str) -> None:
    """As many as before, none twice; records say how many were replaced.

    A pair may be drawn that has just been removed, so what is new is at most that.
    """
    net = learner(rule, record=("first", "recurrent"))
    watched = {"first": net.first, "recurrent": net.recurrent}
    spies = {name: Wiring(net, c) for name, c in watched.items()}
    collected = net.train(epochs=3, callbacks=list(spies.values()))
    for name, spy in spies.items():
        records = collected[name]
        assert len(records) == 3 * BATCHES == len(spy.found) - 1
        total = 0
        for (replaced, _), a, b in zip(records, spy.found, spy.found[1:], strict=False):
            assert len(a) == len(b)
            assert len(b - a) <= replaced
            total += len(b - a)
        assert total > 5
        assert total >= 0.3 * sum(r for r, _ in records)
        assert len(net.compiled.weights(watched[name])) == len(spy.found[0])
    assert all(pre != post for pre, post in net.pairs(net.recurrent))
    assert np.isfinite(net.compiled.loss(*data()))


@pytest.mark.parametrize("rule", RULES)
def test_weights_keep_their_sign(rule: str) -> None:
    """Each pair has its own, whenever it is connected; new synapses grow as well."""
    net = learner(rule, deep_r_l1_strength=1e-4)
    known: dict[tuple[int, int], float] = {}

    class Signs(Callback):
        def on_batch_end(self, *_: Any) -> None:
            pairs = zip(*net.compiled.indices(net.first), strict=True)
            for pair, w in zip(pairs, net.compiled.weights(net.first), strict=True):
                if w:
                    assert known.setdefault(pair, np.sign(w)) == np.sign(w)

    Signs().on_batch_end()
    start = len(known)
    net.train(epochs=3, callbacks=[Signs()])
    assert len(known) > start


def test_what_runs_afterwards_has_the_new_synapses() -> None:
    """Prediction is that of a fresh network with the reported synapses and weights."""
    net = learner()
    before = net.pairs(net.first)
    net.train(epochs=2)
    assert net.pairs(net.first) != before
    with Network() as network:
        source = Population(SpikeInput(), SIZES[0])
        hidden = Population(LeakyIntegrateFire(), SIZES[1])
        output = Population(LeakyIntegrate(readout="avg_var"), SIZES[2])
        ends = [(source, hidden), (hidden, hidden), (hidden, output)]
        for (a, b), c in zip(ends, (net.first, net.recurrent, net.last), strict=True):
            w = net.compiled.weights(c)
            made = Dense(w) if c is net.last else Sparse(*net.compiled.indices(c), w)
            Connection(a, b, made, Exponential(5.0))
    fresh = EventPropCompiler(
        STEPS, CROSS_ENTROPY, batch_size=BATCH, num_threads=1
    ).compile(network)
    x, y = data()
    found = net.compiled.predict(x, callbacks=[])[0][net.output]
    expected = fresh.predict(x, callbacks=[])[0][output]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    score = net.compiled.evaluate(x, y, callbacks=[])[0][net.output].result
    assert score == fresh.evaluate(x, y, callbacks=[])[0][output].result
    for c, other in zip((net.first, net.recurrent), network.connections, strict=False):
        gradient = net.compiled.gradients(x, y)[c]
        np.testing.assert_allclose(
            gradient, fresh.gradients(x, y)[other], rtol=1e-4, atol=1e-6
        )


def test_only_training_rewires() -> None:
    net = learner()
    x, y = data()
    net.compiled.set_weights(net.first, net.compiled.weights(net.first) * -1)
    before = net.pairs(net.first)
    net.compiled.evaluate(x, y, callbacks=[])
    net.compiled.predict(x, callbacks=[])
    net.compiled.gradients(x, y)
    assert net.pairs(net.first) == before


def test_weights_that_are_set_give_synapses_their_sign() -> None:
    """So nothing is replaced for the other sign alone."""
    net = learner(record=("first",), optimiser=Adam(0.0))
    net.train()
    net.compiled.set_weights(net.first, -1.5 * net.compiled.weights(net.first))
    expected = net.compiled.weights(net.first)
    collected = net.train()
    assert collected["first"] == [(0, 0)] * BATCHES
    np.testing.assert_array_equal(net.compiled.weights(net.first), expected)


def test_seeds() -> None:
    """The same seed, the same synapses, whatever the threads; another one, others."""
    found = []
    for seed, threads in ((0, 1), (0, 2), (1, 1)):
        net = learner(rng_seed=seed, num_threads=threads)
        net.train(epochs=2)
        found.append(net.pairs(net.first))
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_l1_shrinks_weights() -> None:
    """Silence leaves nothing but the L1 term, whose step in Adam is alpha."""
    sizes = []
    for strength in (0.0, 0.05):
        net = learner(optimiser=Adam(1e-3), deep_r_l1_strength=strength)
        before = np.abs(net.compiled.weights(net.first))
        x, y = data()
        net.compiled.train(np.zeros_like(x), y, shuffle=False, callbacks=[])
        change = np.abs(net.compiled.weights(net.first)) - before
        sizes.append(change[before > 0.1])
    np.testing.assert_array_equal(sizes[0], 0.0)
    np.testing.assert_allclose(sizes[1], -1e-3 * BATCHES, rtol=1e-2)


def test_what_is_not_rewired_stays_in_place() -> None:
    net = learner(rewired=("first",))
    before = net.pairs(net.recurrent)
    weights = net.compiled.weights(net.recurrent)
    net.train(epochs=2)
    assert net.pairs(net.recurrent) == before
    after = net.compiled.weights(net.recurrent)
    assert np.any(weights * after < 0)


def test_recorders_of_ones_own() -> None:
    """Beside those of the compiler, keyed by their place in the list."""
    net = learner(record=("first",))
    own = [RewiringRecorder(net.first), RewiringRecorder(net.recurrent, "mine")]
    collected = net.train(callbacks=own)
    assert set(collected) == {"first", "mine", 0}
    assert collected[0] == collected["first"]
    again = net.train(callbacks=own)
    assert len(again["mine"]) == len(collected["mine"]) == BATCHES


@pytest.mark.parametrize("how", ["evaluate", "predict", "validation"])
def test_recorders_where_nothing_is_trained(how: str) -> None:
    """A record of nothing, or an error that says what is wrong."""
    net = learner()
    x, y = data()
    recorder = RewiringRecorder(net.first, "mine")
    runs: dict[str, Callable[[], Any]] = {
        "evaluate": lambda: net.compiled.evaluate(x, y, callbacks=[recorder]),
        "predict": lambda: net.compiled.predict(x, callbacks=[recorder]),
        "validation": lambda: net.compiled.train(
            x,
            y,
            callbacks=[],
            validation_callbacks=[recorder],
            validation_x=x,
            validation_y=y,
        ),
    }
    try:
        runs[how]()
    except MlGennError as error:
        assert "first" in str(error)


# ---------------------------------------------------------------- refusals
def refused(
    message: str, connectivity: Any = None, optimisers: bool = False, **given: Any
) -> None:
    """Compiling is refused with a message."""
    listed = Sparse([0, 1], [1, 0], 1.0) if connectivity is None else connectivity
    with Network() as network:
        source = Population(SpikeInput(), 2)
        output = Population(LeakyIntegrate(readout="avg_var"), 2)
        lone = Population(LeakyIntegrateFire(), 2)
        own = Connection(source, output, listed, name="own", max_delay_steps=4)
        aside = Connection(source, lone, Sparse([0], [1], 1.0), name="aside")
    with Network() as elsewhere:
        ends = Population(SpikeInput(), 2), Population(LeakyIntegrate(), 2)
        foreign = Connection(*ends, Sparse([0], [1], 1.0), name="foreign")
    assert foreign in elsewhere.connections
    named = {"own": own, "aside": aside, "foreign": foreign}
    options: dict[str, Any] = {
        key: [named[n] for n in names]
        for key, names in given.items()
        if key != "deep_r_record_rewirings"
    }
    if "deep_r_record_rewirings" in given:
        names = given["deep_r_record_rewirings"]
        options["deep_r_record_rewirings"] = {named[n]: n for n in names}
    chosen = {aside: {"weight": "adam"}} if optimisers else None
    with pytest.raises(MlGennError, match=message):
        EventPropCompiler(5, CROSS_ENTROPY, **options).compile(
            network, optimisers=chosen
        )


def test_refusals() -> None:
    own = {"deep_r_conns": ["own"]}
    refused("'own'.*FixedProbability or Sparse", Dense(1.0), **own)
    refused("'own'.*same delay", Sparse([0, 1], [1, 0], 1.0, [1, 2]), **own)
    refused("'own'.*same delay", delay_learn_conns=["own"], **own)
    refused("'own'.*needs its weights to be learned", optimisers=True, **own)
    refused("'foreign' is not part of this network", deep_r_conns=["foreign"])
    refused("'aside' leads to no output", deep_r_conns=["aside"])
    refused("'own' is not in deep_r_conns", deep_r_record_rewirings=["own"])
    with pytest.raises(MlGennError, match="deep_r_l1_strength is not negative"):
        EventPropCompiler(5, CROSS_ENTROPY, deep_r_l1_strength=-1.0)


def test_synapses_go_back_to_the_best_epoch() -> None:
    """With weights, signs and what Adam keeps; and learning goes on from there."""
    net = learner()
    x, y = data()
    stop = EarlyStopping("loss", patience=3, restore_best_weights=True)
    stop.set_params(compiled_network=net.compiled)
    net.compiled.train(x, y, callbacks=[])
    stop.on_epoch_logs(0, {"loss": 1.0})
    best = net.compiled.snapshot().arrays
    net.compiled.train(x, y, num_epochs=3, start_epoch=1, callbacks=[])
    after = net.compiled.snapshot()
    assert np.any(after.arrays["first", "pre_ind"] != best["first", "pre_ind"])
    stop.on_epoch_logs(3, {"loss": 2.0})
    stop.on_train_end({})
    again = net.compiled.snapshot()
    assert again.info == after.info
    assert again.arrays.keys() == best.keys()
    for key, array in again.arrays.items():
        np.testing.assert_array_equal(array, best[key], err_msg=str(key))
    recorder = RewiringRecorder(net.first, "moved")
    _, collected = net.compiled.train(x, y, start_epoch=4, callbacks=[recorder])
    assert sum(moved for moved, _ in collected["moved"]) > 0


def test_recording_what_is_not_rewired_is_refused() -> None:
    net = learner(rewired=("first",))
    x, y = data()
    with pytest.raises(MlGennError, match="'recurrent' is not rewired"):
        net.compiled.train(x, y, callbacks=[RewiringRecorder(net.recurrent)])
    inference = InferenceCompiler(STEPS, num_threads=1).compile(net.compiled.network)
    with pytest.raises(MlGennError, match="'first' is not rewired"):
        inference.predict(x, callbacks=[RewiringRecorder(net.first)])
