"""All-reduce of gradients in buckets, while later buckets are still computed."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from engine.helpers import random_input
from parallel.trained_net import weights

from ml_genn import Connection, Network, Population
from ml_genn.communicators import Communicator
from ml_genn.compilers import BPTTCompiler, EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate
from ml_genn.synapses import Delta, Exponential
from ml_genn_eprop import EPropCompiler

INPUTS, HIDDEN, OUTPUTS = 300, 512, 4
STEPS = 300  # more than one window of steps, whose gradients are summed at once
EXAMPLES, BATCH = 14, 7
PAD = 16  # rows are padded to so many numbers
SIZES = [INPUTS * HIDDEN, HIDDEN * HIDDEN, HIDDEN * PAD + 1]  # and the last flag
RULES: dict[str, Callable[..., Any]] = {
    "EventProp": EventPropCompiler,
    "EventProp, regularised": lambda *a, **k: EventPropCompiler(
        *a, reg_lambda_upper=1e-4, reg_nu_upper=3, **k
    ),
    "BPTT": BPTTCompiler,
    "BPTT, sparse": lambda *a, **k: BPTTCompiler(*a, backward_threshold=0.5, **k),
    "e-prop": EPropCompiler,
    "e-prop, online": lambda *a, **k: EPropCompiler(*a, mode="online", **k),
}


class Alone(Communicator):
    """One process, to which its own numbers come back only when it waits for them."""

    rank, num_ranks = 0, 1

    def __init__(self) -> None:
        self.sent: list[int] = []
        self.under_way = 0

    def barrier(self) -> None:
        """Nobody else is there."""

    def broadcast(self, data: Any, root: int) -> None:
        """Nobody else is there."""

    def reduce_sum(self, value: Any) -> Any:
        return value

    def begin_sum(self, values: np.ndarray) -> Callable[[], None]:
        self.inspect(values)
        self.sent.append(values.size)
        self.under_way += 1
        numbers = values.copy()
        values[...] = np.nan

        def wait() -> None:
            assert np.isnan(values).all()
            values[...] = numbers
            self.under_way -= 1

        return wait

    def inspect(self, values: np.ndarray) -> None:
        """Receives the numbers of a bucket before they are sent."""


class SecondBucket(Alone):
    """Compares the second bucket when it is sent with its state when the first was."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: np.ndarray | None = None
        self.same: list[bool] = []

    def inspect(self, values: np.ndarray) -> None:
        if values.size == SIZES[0]:
            behind = ctypes.c_float * SIZES[1]
            place = values.ctypes.data + values.nbytes
            self.seen = np.array(behind.from_address(place))
        elif values.size == SIZES[1]:
            self.same.append(np.array_equal(self.seen, values))


def compiled(rule: str, threads: int, communicator: Communicator | None) -> Any:
    synapse = Delta() if "e-prop" in rule else Exponential(5.0)
    with Network() as network:
        source = Population("spike_input", INPUTS)
        middle = Population("leaky_integrate_fire", HIDDEN)
        output = Population(LeakyIntegrate(readout="avg_var"), OUTPUTS)
        Connection(source, middle, Dense(Normal(0.05, 0.02)), synapse)
        Connection(middle, middle, Dense(Normal(0.0, 0.02)), synapse)
        Connection(middle, output, Dense(Normal(0.0, 0.1)), synapse)
    return RULES[rule](
        STEPS,
        "sparse_categorical_crossentropy",
        batch_size=BATCH,
        num_threads=threads,
        rng_seed=4,
        communicator=communicator,
    ).compile(network)


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    x = random_input(rng, INPUTS, 0.02, examples=EXAMPLES, steps=STEPS)
    return x, np.arange(EXAMPLES) % OUTPUTS


def trained(rule: str, threads: int, communicator: Communicator | None) -> Any:
    """The weights after two batches, and a second epoch's loss."""
    network = compiled(rule, threads, communicator)
    for _ in range(2):
        metrics, _ = network.train(*data(), shuffle=False, callbacks=[])
    return list(weights(network).values()), metrics.loss


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("rule", RULES)
def test_weights_are_those_of_gradients_that_stayed(rule: str, threads: int) -> None:
    expected, loss = trained(rule, threads, None)
    alone = Alone()
    actual, same_loss = trained(rule, threads, alone)
    for one, other in zip(expected, actual, strict=True):
        np.testing.assert_array_equal(one, other)
    assert same_loss == loss
    assert alone.under_way == 0
    buckets = [size for size in alone.sent if size != HIDDEN]  # rates are sums, too
    biases = PAD if "e-prop" in rule else 0
    assert buckets == [*SIZES[:2], SIZES[2] + biases] * 4


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("rule", ["EventProp", "BPTT"])
def test_a_bucket_is_sent_before_the_next_is_complete(rule: str, threads: int) -> None:
    communicator = SecondBucket()
    trained(rule, threads, communicator)
    assert communicator.same == [False] * 4


class Broken(Alone):
    """Fails once, when the sum of a bucket is begun or waited for."""

    def __init__(self, which: int, begun: bool) -> None:
        super().__init__()
        self.which, self.begun, self.whole = which, begun, False

    def begin_sum(self, values: np.ndarray) -> Callable[[], None]:
        last = not self.whole and values.size == SIZES[self.which]
        if last and self.begun:
            self.fail()
        wait = super().begin_sum(values)

        def fail_later() -> None:
            wait()
            self.fail()

        return fail_later if last else wait

    def fail(self) -> None:
        self.whole = True
        raise ConnectionError("the cable was pulled out")


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_sum_that_fails_changes_nothing(which: int, begun: bool) -> None:
    """Others write into what was begun, so it is waited for; then training goes on."""
    expected, loss = trained("EventProp", 2, None)
    broken = Broken(which, begun)
    network = compiled("EventProp", 2, broken)
    before = list(weights(network).values())
    with pytest.raises(ConnectionError, match="cable"):
        network.train(*data(), shuffle=False, callbacks=[])
    assert broken.under_way == 0
    for one, other in zip(before, weights(network).values(), strict=True):
        np.testing.assert_array_equal(one, other)
    for _ in range(2):
        metrics, _ = network.train(*data(), shuffle=False, callbacks=[])
    assert metrics.loss == loss
    for one, other in zip(expected, weights(network).values(), strict=True):
        np.testing.assert_array_equal(other, one)
