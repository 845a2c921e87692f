"""Pairs of adjoints that are not stepped neuron by neuron, against rows that are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from engine.helpers import random_input

from ml_genn import Connection, Network, Population
from ml_genn.callbacks import VarRecorder
from ml_genn.codegen.layout import Layout
from ml_genn.compilers import EventPropCompiler
from ml_genn.connectivity import Dense, Sparse
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from ml_genn.synapses import Exponential

SIZES = (9, 21, 4)  #: none of them a multiple of a vector
STEPS = 70  #: more than it takes until adjoints are written out, several times
EXAMPLES = 5
DENSITY = 0.4
TAU_MEM = 20.0

#: Synaptic time constants in steps: one that lasts, one with which the inverse of some
#: steps is too large, and one that is over within a step, which then has no inverse.
TAUS = (5.0, 0.3, 0.004)


@dataclass(frozen=True, eq=False)
class Net:
    """A network, with the synapses of some of its connections listed.

    Args:
        listed: whether the input's and the recurrent synapses are; others are among
            zeros.
        tau_syn: of all synapses.
        tau_mem: of hidden neurons, of all of them or of each.
    """

    listed: tuple[bool, bool]
    tau_syn: float = TAUS[0]
    tau_mem: Any = TAU_MEM

    def compile(self, **options: Any) -> tuple[Any, list[Connection], Population]:
        """The compiled network, its connections and its hidden neurons."""
        rng = np.random.default_rng(3)
        strength = 7.0 / self.tau_syn
        with Network() as network:
            source = Population(SpikeInput(), SIZES[0])
            hidden = Population(
                LeakyIntegrateFire(tau_mem=self.tau_mem, v_thresh=0.8), SIZES[1]
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
                    given: Any = Sparse(*at, weight[at])
                else:
                    given = Dense(np.where(present, weight, 0.0))
                synapse = Exponential(self.tau_syn)
                connections.append(Connection(pre, post, given, synapse))
        compiler = EventPropCompiler(
            STEPS, "sparse_categorical_crossentropy", batch_size=EXAMPLES, **options
        )
        return compiler.compile(network), connections, hidden


def data() -> tuple[np.ndarray, np.ndarray]:
    x = random_input(
        np.random.default_rng(5), SIZES[0], 0.2, examples=EXAMPLES, steps=STEPS
    )
    return x, np.arange(EXAMPLES) % SIZES[2]


def pairs(compiled: Any) -> int:
    """How many groups have adjoints that lie in pairs."""
    return len(Layout(compiled.model.plan).pairs)


def gradients(net: Net, **options: Any) -> tuple[list[np.ndarray], int]:
    """Of all synapses among zeros, and how many groups have pairs."""
    compiled, connections, _ = net.compile(**options)
    found = compiled.gradients(*data())
    result = []
    for c in connections:
        gradient = np.asarray(found[c])
        if gradient.ndim == 1:
            whole = np.zeros((c.source().shape[0], c.target().shape[0]))
            whole[compiled.indices(c)] = gradient
            gradient = whole
        result.append(gradient)
    return result, pairs(compiled)


def near(found: np.ndarray, expected: np.ndarray) -> None:
    """Equal to 1e-5 of the largest, where there are synapses."""
    largest = float(np.abs(expected).max())
    assert largest > 0.0
    at = found != 0.0
    np.testing.assert_allclose(found[at], expected[at], rtol=0, atol=1e-5 * largest)


@pytest.mark.parametrize("tau_syn", TAUS)
@pytest.mark.parametrize("listed", [(True, True), (False, True), (True, False)])
def test_gradients_are_those_of_rows(listed: tuple[bool, bool], tau_syn: float) -> None:
    """A dense recurrent connection looks at rows itself, so there are no pairs then."""
    expected, none = gradients(Net((False, False), tau_syn))
    found, some = gradients(Net(listed, tau_syn))
    assert (none, some) == (0, int(listed[1]))
    for one, other in zip(found, expected, strict=True):
        near(one, other)


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_find_the_same(threads: int) -> None:
    net = Net((True, True))
    for one, other in zip(
        gradients(net, num_threads=threads)[0], gradients(net)[0], strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6 * np.abs(other).max())


def test_neurons_of_their_own_kind_have_rows() -> None:
    """Where each neuron has a time constant of its own, no matrix steps all of them."""
    taus = np.random.default_rng(1).uniform(10.0, 30.0, SIZES[1])
    found, some = gradients(Net((True, True), tau_mem=taus))
    expected, none = gradients(Net((False, False), tau_mem=taus))
    assert (some, none) == (0, 0)
    for one, other in zip(found, expected, strict=True):
        near(one, other)


@pytest.mark.parametrize("name", ["lambda_v", "lambda_i_syn0"])
def test_what_is_recorded_is_what_adjoints_are(name: str) -> None:
    """Not what is stored of them."""
    found = []
    for listed in (False, True):
        compiled, _, hidden = Net((listed, listed)).compile()
        recorder = VarRecorder(hidden, genn_var=name, key="adjoint")
        _, recorded = compiled.train(*data(), shuffle=False, callbacks=[recorder])
        found.append(np.asarray(recorded["adjoint"]))
    assert found[0].shape == (EXAMPLES, STEPS, SIZES[1])
    near(found[1], found[0])
