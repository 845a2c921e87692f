"""Deep-R in training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from training.callbacks.callback_runs import LOG_NAMES

from ml_genn import Connection, Network, Population
from ml_genn.callbacks import Callback, EarlyStopping, RewiringRecorder
from ml_genn.compilers import BPTTCompiler, EventPropCompiler, InferenceCompiler
from ml_genn.connectivity import Dense, FixedProbability, Sparse
from ml_genn.errors import MlGennError
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from ml_genn.optimisers import Adam
from ml_genn.synapses import Delta, Exponential
from ml_genn_eprop import EPropCompiler

SIZES, STEPS, BATCHES, BATCH = (9, 12, 3), 20, 4, 3
CROSS_ENTROPY = "sparse_categorical_crossentropy"


RULES: dict[str, Callable[..., Any]] = {
    "event_prop": EventPropCompiler,
    "bptt": BPTTCompiler,
    "e_prop": EPropCompiler,
}


@dataclass(frozen=True, eq=False)
class Learner:
    """Compiled recurrent network with its connections and its output."""

    compiled: Any
    first: Connection
    recurrent: Connection
    last: Connection
    output: Population

    def train(self, epochs: int = 1, **kwargs: Any) -> dict[Any, Any]:
        """Trains without shuffling and returns data of callbacks."""
        x, y = data()
        callback_data: dict[Any, Any] = self.compiled.train(
            x, y, num_epochs=epochs, shuffle=False, **{"callbacks": [], **kwargs}
        )[1]
        return callback_data

    def pairs(self, connection: Connection) -> set[tuple[int, int]]:
        """Returns (source, target) of all synapses."""
        pre, post = self.compiled.indices(connection)
        return set(zip(pre.tolist(), post.tolist(), strict=True))


def data() -> tuple[np.ndarray, np.ndarray]:
    """Returns random spikes and labels."""
    x = np.random.default_rng(0).random((BATCH * BATCHES, STEPS, SIZES[0])) < 0.3
    return x, np.arange(BATCH * BATCHES) % SIZES[2]


def learner(
    rule: str = "event_prop",
    rewired: tuple[str, ...] = ("first", "recurrent"),
    **kw: Any,
) -> Learner:
    """Returns a recurrent network whose weights soon change their sign."""
    synapse = Delta() if rule == "e_prop" else Exponential(5.0)
    scale = 0.2 if rule == "e_prop" else 1.0
    with Network() as network:
        source = Population(SpikeInput(), SIZES[0])
        hidden = Population(LeakyIntegrateFire(), SIZES[1])
        output = Population(LeakyIntegrate(readout="avg_var"), SIZES[2])
        connectivity = {
            "first": (source, hidden, FixedProbability(0.4, Normal(scale, scale))),
            "recurrent": (hidden, hidden, FixedProbability(0.3, Normal(0.0, scale))),
            "last": (hidden, output, Dense(Normal(0.0, 0.5))),
        }
        connections = {
            name: Connection(a, b, c, synapse, name=name)
            for name, (a, b, c) in connectivity.items()
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


class RecordPairs(Callback):
    """Records the connected pairs of neurons after each batch."""

    def __init__(self, owner: Learner, connection: Connection) -> None:
        self.owner, self.connection = owner, connection
        self.pairs = [owner.pairs(connection)]

    def on_batch_end(self, *_: Any) -> None:
        self.pairs.append(self.owner.pairs(self.connection))


@pytest.mark.parametrize("rule", RULES)
def test_training_replaces_synapses(rule: str) -> None:
    """The number of synapses is constant, and records count the replaced ones.

    A removed pair may be drawn again, so there are at most as many new pairs.
    """
    net = learner(rule, record=("first", "recurrent"))
    connections = {"first": net.first, "recurrent": net.recurrent}
    spies = {name: RecordPairs(net, c) for name, c in connections.items()}
    callback_data = net.train(epochs=3, callbacks=list(spies.values()))
    for name, spy in spies.items():
        records = callback_data[name]
        assert len(records) == 3 * BATCHES == len(spy.pairs) - 1
        total = 0
        for (replaced, _), a, b in zip(records, spy.pairs, spy.pairs[1:], strict=False):
            assert len(a) == len(b)
            assert len(b - a) <= replaced
            total += len(b - a)
        assert total > 5
        assert total >= 0.3 * sum(r for r, _ in records)
        assert len(net.compiled.weights(connections[name])) == len(spy.pairs[0])
    assert all(pre != post for pre, post in net.pairs(net.recurrent))
    assert np.isfinite(net.compiled.loss(*data()))


@pytest.mark.parametrize("rule", RULES)
def test_weights_keep_their_sign(rule: str) -> None:
    """Each pair of neurons has one sign; new synapses grow as well."""
    net = learner(rule, deep_r_l1_strength=1e-4)
    sign_of: dict[tuple[int, int], float] = {}

    class CheckSigns(Callback):
        def on_batch_end(self, *_: Any) -> None:
            pairs = zip(*net.compiled.indices(net.first), strict=True)
            for pair, w in zip(pairs, net.compiled.weights(net.first), strict=True):
                if w:
                    assert sign_of.setdefault(pair, np.sign(w)) == np.sign(w)

    CheckSigns().on_batch_end()
    start = len(sign_of)
    net.train(epochs=3, callbacks=[CheckSigns()])
    assert len(sign_of) > start


def test_rewired_networks_equal_fresh_ones() -> None:
    """Predictions are those of a network made from the current synapses."""
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
            connectivity = (
                Dense(w) if c is net.last else Sparse(*net.compiled.indices(c), w)
            )
            Connection(a, b, connectivity, Exponential(5.0))
    fresh = EventPropCompiler(
        STEPS, CROSS_ENTROPY, batch_size=BATCH, num_threads=1
    ).compile(network)
    x, y = data()
    predictions = net.compiled.predict(x, callbacks=[])[0][net.output]
    expected = fresh.predict(x, callbacks=[])[0][output]
    np.testing.assert_allclose(predictions, expected, rtol=1e-5, atol=1e-6)
    accuracy = net.compiled.evaluate(x, y, callbacks=[])[0][net.output].result
    assert accuracy == fresh.evaluate(x, y, callbacks=[])[0][output].result
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


def test_set_weights_defines_the_signs_of_synapses() -> None:
    """Synapses whose sign it changes are not replaced."""
    net = learner(record=("first",), optimiser=Adam(0.0))
    net.train()
    net.compiled.set_weights(net.first, -1.5 * net.compiled.weights(net.first))
    expected = net.compiled.weights(net.first)
    callback_data = net.train()
    assert callback_data["first"] == [(0, 0)] * BATCHES
    np.testing.assert_array_equal(net.compiled.weights(net.first), expected)


def test_synapses_depend_on_the_seed_only() -> None:
    """Not on the number of threads."""
    pairs = []
    for seed, threads in ((0, 1), (0, 2), (1, 1)):
        net = learner(rng_seed=seed, num_threads=threads)
        net.train(epochs=2)
        pairs.append(net.pairs(net.first))
    assert pairs[0] == pairs[1]
    assert pairs[0] != pairs[2]


def test_l1_term_shrinks_weights() -> None:
    """Without spikes it is the only gradient, with which Adam's step is alpha."""
    changes = []
    for strength in (0.0, 0.05):
        net = learner(optimiser=Adam(1e-3), deep_r_l1_strength=strength)
        before = np.abs(net.compiled.weights(net.first))
        x, y = data()
        net.compiled.train(np.zeros_like(x), y, shuffle=False, callbacks=[])
        change = np.abs(net.compiled.weights(net.first)) - before
        changes.append(change[before > 0.1])
    np.testing.assert_array_equal(changes[0], 0.0)
    np.testing.assert_allclose(changes[1], -1e-3 * BATCHES, rtol=1e-2)


def test_other_sparse_connections_are_not_rewired() -> None:
    net = learner(rewired=("first",))
    before = net.pairs(net.recurrent)
    weights = net.compiled.weights(net.recurrent)
    net.train(epochs=2)
    assert net.pairs(net.recurrent) == before
    after = net.compiled.weights(net.recurrent)
    assert np.any(weights * after < 0)


def test_rewiring_recorders_of_users() -> None:
    """They work beside those of the compiler; the default key is their index."""
    net = learner(record=("first",))
    recorders = [RewiringRecorder(net.first), RewiringRecorder(net.recurrent, "mine")]
    callback_data = net.train(callbacks=recorders)
    assert set(callback_data) == {"first", "mine", 0}
    assert callback_data[0] == callback_data["first"]
    again = net.train(callbacks=recorders)
    assert len(again["mine"]) == len(callback_data["mine"]) == BATCHES


@pytest.mark.parametrize("how", ["evaluate", "predict", "validation"])
def test_rewiring_recorders_without_training(how: str) -> None:
    """They record nothing, or an error names the connection."""
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


def refused(
    message: str, connectivity: Any = None, optimisers: bool = False, **arguments: Any
) -> None:
    """Checks that compilation fails with a message.

    Arguments of the compiler name the connections "own", "aside" and "foreign".
    """
    own_connectivity = (
        Sparse([0, 1], [1, 0], 1.0) if connectivity is None else connectivity
    )
    with Network() as network:
        source = Population(SpikeInput(), 2)
        output = Population(LeakyIntegrate(readout="avg_var"), 2)
        lone = Population(LeakyIntegrateFire(), 2)
        own = Connection(
            source, output, own_connectivity, name="own", max_delay_steps=4
        )
        aside = Connection(source, lone, Sparse([0], [1], 1.0), name="aside")
    with Network() as elsewhere:
        ends = Population(SpikeInput(), 2), Population(LeakyIntegrate(), 2)
        foreign = Connection(*ends, Sparse([0], [1], 1.0), name="foreign")
    assert foreign in elsewhere.connections
    named = {"own": own, "aside": aside, "foreign": foreign}
    options: dict[str, Any] = {
        key: [named[n] for n in names]
        for key, names in arguments.items()
        if key != "deep_r_record_rewirings"
    }
    if "deep_r_record_rewirings" in arguments:
        names = arguments["deep_r_record_rewirings"]
        options["deep_r_record_rewirings"] = {named[n]: n for n in names}
    selected = {aside: {"weight": "adam"}} if optimisers else None
    with pytest.raises(MlGennError, match=message):
        EventPropCompiler(5, CROSS_ENTROPY, **options).compile(
            network, optimisers=selected
        )


def test_invalid_connections_are_refused() -> None:
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


def test_early_stopping_restores_synapses_of_the_best_epoch() -> None:
    """With weights, signs and the state of Adam; training continues from there."""
    net = learner()
    x, y = data()
    stop = EarlyStopping("loss", patience=3, restore_best_weights=True)
    stop.set_params(compiled_network=net.compiled, log_names=LOG_NAMES)
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
    _, callback_data = net.compiled.train(x, y, start_epoch=4, callbacks=[recorder])
    assert sum(moved for moved, _ in callback_data["moved"]) > 0


def test_recorders_of_other_connections_are_refused() -> None:
    net = learner(rewired=("first",))
    x, y = data()
    with pytest.raises(MlGennError, match="'recurrent' is not rewired"):
        net.compiled.train(x, y, callbacks=[RewiringRecorder(net.recurrent)])
    inference = InferenceCompiler(STEPS, num_threads=1).compile(net.compiled.network)
    with pytest.raises(MlGennError, match="'first' is not rewired"):
        inference.predict(x, callbacks=[RewiringRecorder(net.first)])
