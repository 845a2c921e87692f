"""Networks side by side, their threads and memory, and runs that repeat exactly."""

from __future__ import annotations

import gc
import os
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine.helpers import raster_of
from engine.processes import finish, start
from engine.small_networks import Chain, Trained, trained

from ml_genn import Connection, Network, Population
from ml_genn.callbacks import SpikeRecorder, VarRecorder
from ml_genn.compilers import InferenceCompiler
from ml_genn.connectivity import Dense
from ml_genn.errors import ValidationError
from ml_genn.neurons import LeakyIntegrate, SpikeInput

needs_tasks = pytest.mark.skipif(
    not Path("/proc/self/task").is_dir(), reason="needs /proc/self/task (Linux)"
)


def test_several_networks_live_at_once() -> None:
    """Of the same structure and of others, used in turns."""
    chains = [Chain(0), Chain(1), Chain(2, size=5)]
    alone = [chain.predict(chain.compile()) for chain in chains]
    together = [chain.compile(num_threads=k + 1) for k, chain in enumerate(chains)]
    for _ in range(2):
        for chain, compiled, expected in zip(chains, together, alone, strict=True):
            np.testing.assert_array_equal(chain.predict(compiled), expected)
    assert not np.allclose(alone[0], alone[1])


def test_a_network_is_compiled_as_often_as_one_likes() -> None:
    """Each compiled network has weights of its own."""
    chain = Chain()
    first, second = chain.compile(), chain.compile()
    before = chain.predict(first)
    (into, _) = chain.network.connections
    second.set_weights(into, np.zeros((6, 11)))
    assert not chain.predict(second).any()
    np.testing.assert_array_equal(chain.predict(first), before)


def test_with_block_is_not_needed() -> None:
    chain = Chain()
    plain = chain.predict(chain.compile())
    with chain.compile() as compiled:
        inside = chain.predict(compiled)
    after = chain.predict(compiled)
    with compiled:
        again = chain.predict(compiled)
    for actual in (inside, after, again):
        np.testing.assert_array_equal(actual, plain)


def test_building_leaves_the_network_as_it_was() -> None:
    chain = Chain()
    weights = [np.array(c.connectivity.weight) for c in chain.network.connections]
    neurons = [p.neuron for p in chain.network.populations]
    chain.predict(chain.compile())
    for connection, weight in zip(chain.network.connections, weights, strict=True):
        np.testing.assert_array_equal(connection.connectivity.weight, weight)
    assert [p.neuron for p in chain.network.populations] == neurons


def count_threads() -> int:
    return len(os.listdir("/proc/self/task"))


def threads_are(expected: int) -> bool:
    """True if the count is reached soon: a thread is listed a moment after its end."""
    for _ in range(200):
        if count_threads() == expected:
            return True
        time.sleep(0.01)
    return False


@needs_tasks
def test_threads_end_with_their_network() -> None:
    gc.collect()
    before = count_threads()
    chain = Chain()
    first, second = chain.compile(num_threads=3), chain.compile(num_threads=2)
    assert count_threads() == before, "nothing is built before it is used"
    chain.predict(first)
    assert count_threads() == before + 2
    chain.predict(second)
    assert count_threads() == before + 3
    gc.disable()  # it is not needed
    try:
        del first
        assert threads_are(before + 1)
        del second
        assert threads_are(before)
    finally:
        gc.enable()


@needs_tasks
def test_threads_end_where_training_failed() -> None:
    gc.collect()
    before = count_threads()
    chain = Chain()
    compiled = chain.compile(num_threads=4)
    with pytest.raises(ValidationError):
        compiled.predict(chain.x[:, :5], callbacks=[])
    chain.predict(compiled)
    del compiled
    gc.collect()
    assert threads_are(before)


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@needs_tasks
def test_memory_ends_with_its_network() -> None:
    """Twelve networks in turn, with 6 MiB of state on each of their two threads."""
    with Network() as network:
        source = Population(SpikeInput(), 1)
        target = Population(LeakyIntegrate(readout="sum_var"), 1 << 19)
        Connection(source, target, Dense(1.0))
    x = np.ones((4, 3, 1), dtype=bool)

    def use() -> None:
        compiled = InferenceCompiler(3, batch_size=4, num_threads=2).compile(network)
        recorder = VarRecorder(target, "v", neuron_filter=0)
        compiled.predict(x, callbacks=[recorder])

    use()
    gc.collect()
    before = resident_bytes()
    for _ in range(12):
        use()
    gc.collect()
    assert resident_bytes() - before < 100 * 2**20


def test_a_closed_model_says_so() -> None:
    """Rather than taking the process with it."""
    script = """
from engine.small_networks import Chain
from ml_genn.errors import MlGennError
chain = Chain()
compiled = chain.compile()
before = chain.predict(compiled)
compiled.model.close()
compiled.model.close()
try:
    assert (chain.predict(compiled) == before).all()
except MlGennError as error:
    assert "closed" in str(error)
print("alive")
"""
    assert finish(start(script)) == "alive"


def test_threads_are_as_many_as_the_process_may_use() -> None:
    cores = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0)
    default: Any = Chain().compile().model
    several: Any = Chain().compile(num_threads=5).model
    assert default.num_threads == len(cores)
    assert several.num_threads == 5


@pytest.mark.parametrize("num_threads", [0, -1, 1.5, True, "2"])
def test_number_of_threads_is_checked(num_threads: Any) -> None:
    with pytest.raises(ValidationError, match="num_threads is a whole number"):
        Chain().compile(num_threads=num_threads)


@cache
def learner() -> Trained:
    return trained(examples=20)


@pytest.mark.parametrize("num_threads", [1, 2, 3])
def test_training_twice_is_the_same_to_the_last_bit(num_threads: int) -> None:
    """Fifty batches in random order, the same random order both times."""
    net, runs = learner(), []
    for _ in range(2):
        compiled = net.compile(num_threads=num_threads)
        metrics, _ = compiled.train(
            {net.source: net.x}, {net.output: net.y}, num_epochs=10, callbacks=[]
        )
        runs.append((metrics.loss, net.weights(compiled)))
    assert runs[0][0] == runs[1][0]
    for first, second in zip(runs[0][1], runs[1][1], strict=True):
        np.testing.assert_array_equal(first, second)


@cache
def sizes_of_terms() -> list[np.ndarray]:
    """For each connection the sum of the absolute gradients of the examples."""
    net = learner()
    compiled = net.compile(num_threads=1)
    each = [
        compiled.gradients(
            {net.source: net.x[k : k + 1]}, {net.output: net.y[k : k + 1]}
        )
        for k in range(len(net.x))
    ]
    return [
        sum(np.abs(gradients[c]) for gradients in each) / len(each)
        for c in net.network.connections
    ]


@pytest.mark.parametrize("num_threads", [2, 3])
def test_threads_change_only_the_order_of_a_sum(num_threads: int) -> None:
    """Spikes are identical, gradients equal to 1e-6 of the terms that they sum."""
    net, results = learner(), []
    for threads in (1, num_threads):
        compiled = net.compile(num_threads=threads, batch_size=20)
        gradients = compiled.gradients({net.source: net.x}, {net.output: net.y})
        recorder = SpikeRecorder(net.hidden)
        _, data = compiled.evaluate(
            {net.source: net.x}, {net.output: net.y}, callbacks=[recorder]
        )
        results.append((gradients, raster_of(data[0], 20, 10)))
    (one, spikes), (several, others) = results
    assert spikes.sum() > 100
    np.testing.assert_array_equal(others, spikes)
    for connection, size in zip(net.network.connections, sizes_of_terms(), strict=True):
        assert size.max() > 1e-4
        difference = np.abs(several[connection] - one[connection])
        assert np.all(difference <= 1e-6 * size)
