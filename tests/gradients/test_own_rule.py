"""A learning rule defined in this file alone compiles and trains networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from ml_genn import Connection, Network, Population
from ml_genn.compilers import TrainingCompiler
from ml_genn.compilers.neuron_defaults import EXACT_STEP
from ml_genn.compilers.outputs import SupportedOutputs
from ml_genn.connectivity import Dense
from ml_genn.model.derivation.adjoint_step import adjoint_symbol
from ml_genn.model.derivation.c_code import Constants, assignments
from ml_genn.model.derivation.records import SpikeJump
from ml_genn.model.derivation.symbolic_system import SymbolicSystem, symbol
from ml_genn.model.plan import Sensitivity
from ml_genn.model.plan.adjoint import SPIKE_TIME_GRAD
from ml_genn.model.spike_gradients import SpikeGradient
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from ml_genn.optimisers import Adam

STEPS, INPUTS, HIDDEN, OUTPUTS = 40, 6, 5, 2
TAU = 20.0
DECAY = float(np.exp(-1.0 / TAU))


@dataclass(frozen=True)
class StraightThrough(SpikeGradient):
    """Spikes have the derivative ``gain`` by the threshold expression where they occur.

    It is zero where none occurs. The gradient does not follow the reset of v to a
    constant.
    """

    gain: float

    def spike_jump(self, system: SymbolicSystem, constants: Constants) -> SpikeJump:
        """Returns the adjoint before a spike; the reset of v passes none on."""
        if system.threshold is None:
            return SpikeJump()
        spike_grad = sympy.Float(self.gain) * symbol(SPIKE_TIME_GRAD)
        targets = [
            (adjoint_symbol(x).name, spike_grad * sympy.diff(system.threshold, x))
            for x in system.neuron
        ]
        return SpikeJump(jump=assignments(targets, constants))

    def backprop(self, system: SymbolicSystem, port: int) -> Any:
        """Returns dL/ds of a spike over a weight of one."""
        return adjoint_symbol(system.entry[port])


class StraightThroughCompiler(TrainingCompiler):
    """Compiler of networks that learn by `StraightThrough`."""

    CHOICES = EXACT_STEP
    OUTPUTS = SupportedOutputs(frozenset({Sensitivity.VARIABLE}))

    def spike_gradient(self) -> SpikeGradient:
        """Returns the derivative of spikes."""
        return StraightThrough(0.5)


def network(rng: np.random.Generator) -> Network:
    """Returns a network of one hidden layer."""
    with Network() as net:
        source = Population(SpikeInput(), INPUTS, name="in")
        hidden = Population(LeakyIntegrateFire(tau_mem=TAU), HIDDEN, name="hidden")
        output = Population(LeakyIntegrate(tau_mem=TAU, readout="avg_var"), OUTPUTS)
        Connection(source, hidden, Dense(rng.normal(8.0, 3.0, (INPUTS, HIDDEN))))
        Connection(hidden, output, Dense(rng.normal(0.0, 2.0, (HIDDEN, OUTPUTS))))
    return net


def reference_gradients(
    raster: np.ndarray, label: int, first: np.ndarray, second: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the gradients by both weights, of one example, in NumPy.

    Args:
        raster: input spikes (steps, inputs).
        label: the class.
        first, second: weights to and from the hidden neurons.
    """
    v, u = np.zeros(HIDDEN), np.zeros(OUTPUTS)
    spikes = np.zeros((STEPS + 1, HIDDEN))
    arriving = np.concatenate([np.zeros((1, INPUTS)), raster])
    mean = np.zeros(OUTPUTS)
    for n in range(STEPS):
        u = DECAY * u + (1 - DECAY) * (spikes[n] @ second)
        v = DECAY * v + (1 - DECAY) * (arriving[n] @ first)
        spikes[n + 1] = v >= 1.0
        v = np.where(spikes[n + 1], 0.0, v)
        mean += u / STEPS
    by_mean = np.exp(mean) / np.exp(mean).sum() - np.eye(OUTPUTS)[label]
    by_first, by_second = np.zeros_like(first), np.zeros_like(second)
    lambda_v, lambda_u = np.zeros(HIDDEN), np.zeros(OUTPUTS)
    from_targets = np.zeros(HIDDEN)  # dL/ds of spikes, which arrive a step later
    for n in reversed(range(STEPS)):
        lambda_v = np.where(spikes[n + 1], 0.5 * from_targets, lambda_v)
        lambda_u = lambda_u + by_mean / STEPS
        by_first += np.outer(arriving[n], (1 - DECAY) * lambda_v)
        by_second += np.outer(spikes[n], (1 - DECAY) * lambda_u)
        from_targets = second @ ((1 - DECAY) * lambda_u)
        lambda_v, lambda_u = DECAY * lambda_v, DECAY * lambda_u
    return by_first, by_second


def test_gradients_are_those_of_the_rule() -> None:
    rng = np.random.default_rng(1)
    net = network(rng)
    compiled = StraightThroughCompiler(
        STEPS, "sparse_categorical_crossentropy"
    ).compile(net)
    raster = rng.random((STEPS, INPUTS)) < 0.3
    gradients = compiled.gradients({net.populations[0]: raster[None]}, np.array([1]))
    first, second = net.connections
    expected = reference_gradients(
        raster.astype(float),
        1,
        np.asarray(first.connectivity.weight, dtype=float),
        np.asarray(second.connectivity.weight, dtype=float),
    )
    assert np.abs(expected[0]).min(axis=0).max() > 0.0
    for connection, values in zip(net.connections, expected, strict=True):
        np.testing.assert_allclose(gradients[connection], values, rtol=1e-4, atol=1e-6)


def test_the_rule_trains_a_network() -> None:
    rng = np.random.default_rng(2)
    net = network(rng)
    compiler = StraightThroughCompiler(
        STEPS, "sparse_categorical_crossentropy", Adam(0.1), batch_size=8
    )
    compiled = compiler.compile(net)
    rates = np.where(np.arange(8)[:, None, None] % 2, [0.4] * 3 + [0.1] * 3, [0.2] * 6)
    x = {net.populations[0]: rng.random((8, STEPS, INPUTS)) < rates}
    y = np.arange(8) % 2
    compiled.train(x, y, num_epochs=60)
    losses = list(compiled.history["loss"])
    assert losses[-1] < 0.5 * losses[0]
    assert "learning_rule: StraightThrough(gain=0.5)" in str(compiled.model.plan)
