"""Training with inputs that receive numbers instead of spikes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ml_genn import Connection, Network, Population
from ml_genn.compilers import BPTTCompiler, EPropCompiler, EventPropCompiler
from ml_genn.connectivity import Dense, Sparse
from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.neurons import (
    BinarySpikeInput,
    IntegrateFireInput,
    LeakyIntegrate,
    LeakyIntegrateFire,
    LeakyIntegrateFireInput,
    Neuron,
    PoissonInput,
)
from ml_genn.optimisers import Adam
from ml_genn.synapses import Delta, Exponential

STEPS, SIZE, CLASSES = 20, 6, 3
LOSS = "sparse_categorical_crossentropy"


INPUTS = {
    "integrate_fire": IntegrateFireInput(0.8),
    "leaky_integrate_fire": LeakyIntegrateFireInput(0.7, tau_mem=[9.0] * SIZE),
    "poisson": PoissonInput(),
    "poisson-signed": PoissonInput(True, 2, 9),
    "binary-signed": BinarySpikeInput(True, 2, 9),
}


COMPILERS: dict[str, Any] = {
    "event_prop": EventPropCompiler,
    "bptt": BPTTCompiler,
    "eprop": EPropCompiler,
    "eprop-online": lambda *a, **k: EPropCompiler(*a, mode="online", **k),
}


def two_layers(neuron: Neuron, synapse: Any) -> tuple[Network, list[Any]]:
    """Returns a network with a spiking hidden layer, its input and first connection."""
    rng = np.random.default_rng(0)
    with Network() as network:
        source = Population(neuron, SIZE)
        hidden = Population(LeakyIntegrateFire(), 8)
        output = Population(LeakyIntegrate(readout="avg_var"), CLASSES)
        first = Connection(
            source, hidden, Dense(rng.normal(0.3, 0.4, (SIZE, 8))), synapse
        )
        Connection(hidden, output, Dense(rng.normal(0, 0.4, (8, CLASSES))), synapse)
    return network, [source, first]


def examples(neuron: Any, count: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Returns examples in which two neurons of each class receive larger numbers."""
    rng = np.random.default_rng(1)
    y = np.arange(count) % CLASSES
    x = rng.uniform(-0.5, 0.3, (count, neuron.input_frames, SIZE))
    for k in range(2):
        x[np.arange(count), :, 2 * y + k] += 0.6
    return (x if neuron.input_frames > 1 else x[:, 0]), y


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("rule", COMPILERS)
def test_every_rule_learns_from_every_input(rule: str, kind: str) -> None:
    neuron = INPUTS[kind]
    synapse = Delta() if "eprop" in rule else Exponential(4.0)
    network, _ = two_layers(neuron, synapse)
    arguments = {"optimiser": Adam(0.02), "batch_size": 8, "num_threads": 1}
    compiler = COMPILERS[rule](STEPS, LOSS, **arguments)
    if rule == "eprop-online" and "signed" in kind:
        with pytest.raises(UnsupportedError, match="no negative spikes"):
            compiler.compile(network)
        return
    compiled = compiler.compile(network)
    x, y = examples(neuron)
    before, _ = compiled.train(x, y, num_epochs=1, callbacks=[])
    start = before.loss
    after, _ = compiled.train(x, y, num_epochs=30, callbacks=[])
    assert after.loss < 0.8 * start


CONNECTIONS = {
    "dense": lambda w: Dense(w),
    "delayed": lambda w: Dense(w, 2),
    "delays": lambda w: Dense(w, np.arange(w.size).reshape(w.shape) % 4),
    "sparse": lambda w: Sparse(*np.nonzero(w > -0.2), w[w > -0.2]),
}


@pytest.mark.parametrize("compiler", [EventPropCompiler, BPTTCompiler])
@pytest.mark.parametrize("kind", CONNECTIONS)
def test_gradients_of_negative_spikes(compiler: Any, kind: str) -> None:
    """They equal central differences of the loss, which is smooth in these weights."""
    neuron = BinarySpikeInput(True, 2, 9)
    weight = np.random.default_rng(4).normal(0, 0.3, (SIZE, CLASSES))
    with Network() as network:
        source = Population(neuron, SIZE)
        output = Population(LeakyIntegrate(readout="avg_var"), CLASSES)
        connection = Connection(
            source, output, CONNECTIONS[kind](weight), Exponential(4.0)
        )
    compiled = compiler(STEPS, LOSS, batch_size=6, num_threads=1).compile(network)
    x, y = examples(neuron, 6)
    gradient = compiled.gradients(x, y)[connection]
    current, step = compiled.weights(connection).astype(np.float64), 0.02
    expected = np.zeros(current.shape)
    for index in np.ndindex(*current.shape):
        losses = []
        for sign in (1, -1):
            changed = current.copy()
            changed[index] += sign * step
            compiled.set_weights(connection, changed)
            losses.append(compiled.loss(x, y))
        expected[index] = (losses[0] - losses[1]) / (2 * step)
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(gradient, expected, atol=2e-4)


def test_delay_gradients_of_negative_spikes() -> None:
    """Negated data with negated weights have the same gradients."""
    weight = np.random.default_rng(4).normal(0, 0.3, (SIZE, CLASSES))
    gradients = []
    x, y = examples(BinarySpikeInput(True, 2, 9), 6)
    for sign in (1, -1):
        with Network() as network:
            source = Population(BinarySpikeInput(True, 2, 9), SIZE)
            output = Population(LeakyIntegrate(readout="avg_var"), CLASSES)
            connection = Connection(
                source,
                output,
                Dense(sign * weight, 3),
                Exponential(),
                max_delay_steps=9,
            )
        compiled = EventPropCompiler(
            STEPS, LOSS, batch_size=6, num_threads=1, delay_learn_conns=[connection]
        ).compile(network)
        gradients.append(compiled.gradients(sign * x, y)[connection, "delay"])
    assert np.abs(gradients[0]).max() > 1e-3
    np.testing.assert_allclose(gradients[0], gradients[1], rtol=1e-4, atol=1e-6)


def test_evaluation_does_not_change_training() -> None:
    """Training and evaluation have random numbers of their own."""
    weights = []
    for with_evaluation in (False, True):
        network, (_, first) = two_layers(PoissonInput(), Exponential())
        compiled = EventPropCompiler(STEPS, LOSS, batch_size=8, num_threads=1).compile(
            network
        )
        x, y = examples(PoissonInput())
        for _ in range(2):
            compiled.train(x, y, shuffle=False, callbacks=[])
            if with_evaluation:
                compiled.evaluate(x, y, callbacks=[])
        weights.append(compiled.weights(first))
    np.testing.assert_array_equal(*weights)


def test_parameters_of_an_input_are_not_learned() -> None:
    network, (source, _) = two_layers(LeakyIntegrateFireInput(), Exponential())
    compiler = EventPropCompiler(STEPS, LOSS)
    with pytest.raises(ValidationError, match=r"'tau_mem'.*no gradient.*is an input"):
        compiler.compile(network, optimisers={source: {"tau_mem": "adam"}})
