"""Interleaved, lazily evaluated adjoints against rows that are stepped every time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from engine.helpers import random_input

from ml_genn import Connection, Network, Population
from ml_genn.callbacks import Callback, VarRecorder
from ml_genn.codegen.layout import Layout
from ml_genn.compilers import EventPropCompiler
from ml_genn.connectivity import Dense, Sparse
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from ml_genn.synapses import Exponential

SIZES = (9, 21, 4)  #: none of them a multiple of a vector
STEPS = 70  #: more than it takes until adjoints are written out, several times
EXAMPLES = 5
DENSITY = 0.4

#: Time constants of membranes and synapses in steps: both last; the inverse of some
#: steps is large, for either; synapses are over within a step, which has no inverse.
TAUS = ((20.0, 5.0), (20.0, 0.3), (1.0, 200.0), (2.0, 200.0), (20.0, 0.004))


@dataclass(frozen=True, eq=False)
class Net:
    """A network, with the synapses of some of its connections listed.

    Args:
        listed: whether the input's and the recurrent synapses are; others are among
            zeros.
        tau_syn: of all synapses.
        tau_mem: of hidden neurons, of all of them or of each.
        hidden: how many there are.
    """

    listed: tuple[bool, bool]
    tau_syn: float = 5.0
    tau_mem: Any = 20.0
    hidden: int = SIZES[1]

    def compile(self, **options: Any) -> tuple[Any, list[Connection], Population]:
        """The compiled network, its connections and its hidden neurons."""
        rng = np.random.default_rng(3)
        strength = 0.35 / self.tau_syn * max(float(np.mean(self.tau_mem)), 2.0)
        if self.tau_syn > STEPS:
            strength *= 5.0
        with Network() as network:
            source = Population(SpikeInput(), SIZES[0])
            hidden = Population(
                LeakyIntegrateFire(tau_mem=self.tau_mem, v_thresh=0.8), self.hidden
            )
            output = Population(LeakyIntegrate(readout="avg_var"), SIZES[2])
            connections = []
            ends = ((source, hidden), (hidden, hidden), (hidden, output))
            for k, (pre, post) in enumerate(ends):
                shape = pre.shape[0], post.shape[0]
                weight = rng.normal(strength * (k == 0), strength, shape)
                present = rng.random(shape) < DENSITY
                if k < 2 and self.listed[k]:
                    at = np.nonzero(present)
                    arguments: Any = Sparse(*at, weight[at])
                else:
                    arguments = Dense(np.where(present, weight, 0.0))
                synapse = Exponential(self.tau_syn)
                connections.append(Connection(pre, post, arguments, synapse))
        options = {"batch_size": EXAMPLES, **options}
        compiler = EventPropCompiler(
            STEPS, "sparse_categorical_crossentropy", **options
        )
        return compiler.compile(network), connections, hidden


def data() -> tuple[np.ndarray, np.ndarray]:
    x = random_input(
        np.random.default_rng(5), SIZES[0], 0.2, examples=EXAMPLES, steps=STEPS
    )
    return x, np.arange(EXAMPLES) % SIZES[2]


def num_interleaved(compiled: Any) -> int:
    """Number of groups with interleaved adjoints."""
    return len(Layout(compiled.model.plan).interleaved_adjoints)


def gradients(net: Net, **options: Any) -> tuple[list[Any], int]:
    """Gradients and indices of each connection; number of interleaved groups."""
    compiled, connections, _ = net.compile(**options)
    grads = compiled.gradients(*data())
    result = []
    for c in connections:
        gradient = np.asarray(grads[c])
        at = np.indices(gradient.shape) if gradient.ndim > 1 else compiled.indices(c)
        result.append((gradient, tuple(at)))
    return result, num_interleaved(compiled)


def near(actual: np.ndarray, expected: np.ndarray) -> None:
    """Equal to 1e-5 of the largest."""
    largest = float(np.abs(expected).max())
    assert largest > 0.0
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5 * largest)


def same(actual: list[Any], expected: list[Any]) -> None:
    """The gradients of listed synapses are those of whole connections."""
    for (some, at), (whole, _) in zip(actual, expected, strict=True):
        near(some, whole[at])


@pytest.mark.parametrize(("tau_mem", "tau_syn"), TAUS)
@pytest.mark.parametrize("listed", [(True, True), (False, True), (True, False)])
def test_gradients_are_those_of_rows(
    listed: tuple[bool, bool], tau_mem: float, tau_syn: float
) -> None:
    """A dense recurrent connection reads rows, so no adjoints are interleaved then."""
    expected, none = gradients(Net((False, False), tau_syn, tau_mem))
    actual, some = gradients(Net(listed, tau_syn, tau_mem))
    assert (none, some) == (0, int(listed[1]))
    same(actual, expected)


@pytest.mark.parametrize(
    "options",
    [
        {"num_threads": 2},
        {"num_threads": 2, "batch_size": 1},
        {"reg_lambda_upper": 0.1, "reg_lambda_lower": 0.1, "reg_nu_upper": 2},
    ],
)
@pytest.mark.parametrize("hidden", [SIZES[1], 1030])
def test_threads_and_regularisation(hidden: int, options: dict[str, Any]) -> None:
    """Threads share an example of the larger network if there are fewer of them."""
    expected, _ = gradients(Net((False, False), hidden=hidden), **options)
    actual, some = gradients(Net((True, True), hidden=hidden), **options)
    assert some == 1
    same(actual, expected)


def test_neurons_of_their_own_kind_have_rows() -> None:
    """Time constants of single neurons exclude one propagator for all of them."""
    taus = np.random.default_rng(1).uniform(10.0, 30.0, SIZES[1])
    actual, some = gradients(Net((True, True), tau_mem=taus))
    expected, none = gradients(Net((False, False), tau_mem=taus))
    assert (some, none) == (0, 0)
    same(actual, expected)


@pytest.mark.parametrize("name", ["lambda_v", "lambda_i_syn0"])
def test_what_is_recorded_is_what_adjoints_are(name: str) -> None:
    """Not what is stored of them."""
    results = []
    for listed in (False, True):
        compiled, _, hidden = Net((listed, listed)).compile()
        recorder = VarRecorder(hidden, genn_var=name, key="adjoint")
        _, recorded = compiled.train(*data(), shuffle=False, callbacks=[recorder])
        results.append(np.asarray(recorded["adjoint"]))
    assert results[0].shape == (EXAMPLES, STEPS, SIZES[1])
    near(results[1], results[0])


class State(Callback):
    """Reads the adjoints at the end of a batch, and replaces one of them."""

    def __init__(self, hidden: Population) -> None:
        self.hidden = hidden
        self.found: list[np.ndarray] = []

    def set_params(self, **params: Any) -> None:
        self.compiled_network = params["compiled_network"]

    def on_batch_end(self, batch: int, metrics: Any) -> None:
        del batch, metrics
        net, names = self.compiled_network, ("lambda_v", "lambda_i_syn0")
        self.found += [net.state(self.hidden, name) for name in names]
        net.set_state(self.hidden, names[1], 2.0 * self.found[1])
        self.found += [net.state(self.hidden, name) for name in names]


def test_the_state_of_a_batch_is_what_adjoints_are() -> None:
    """At its end; and replacing one of the two leaves the other."""
    results = []
    for listed in (False, True):
        compiled, _, hidden = Net((listed, listed)).compile()
        callback = State(hidden)
        compiled.train(*data(), shuffle=False, callbacks=[callback])
        results.append(callback.found)
    for one, other in zip(*results, strict=True):
        near(other, one)
    v, current, same_v, twice = results[1]
    np.testing.assert_array_equal(v, same_v)
    np.testing.assert_array_equal(2.0 * current, twice)
