"""Losses with their formulas in NumPy, and networks to test them with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from training.small_nets import CLASSES, INPUTS, STEPS, spikes

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.callbacks import VarRecorder
from ml_genn.compilers import BPTTCompiler, EPropCompiler, EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.losses import (
    CategoricalCrossentropy,
    MeanAbsoluteError,
)
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire
from ml_genn.synapses import Delta, Exponential

RULES = {"event_prop": EventPropCompiler, "bptt": BPTTCompiler, "eprop": EPropCompiler}
SIZE = 5
WEIGHTS = np.random.default_rng(8).normal(0.0, 0.4, (INPUTS, CLASSES))


def one_hot(y: np.ndarray) -> np.ndarray:
    """Returns labels as probabilities of classes."""
    return np.eye(CLASSES)[y]


def probabilities() -> np.ndarray:
    """Returns probabilities of classes, none of them zero."""
    drawn = np.random.default_rng(2).uniform(0.1, 1.0, (SIZE, CLASSES))
    return drawn / drawn.sum(axis=1, keepdims=True)


def softmax(y: np.ndarray) -> np.ndarray:
    """Returns the softmax over the last axis."""
    raised = np.exp(y - y.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def cross_entropy(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Returns the cross-entropy over the last axis."""
    return -np.sum(p * np.log(softmax(y)), axis=-1)


def non_spiking(rule: str, loss: Any, readout: str, **kwargs: Any) -> Any:
    """Returns a compiled network with a non-spiking output, and its connection."""
    synapse = Delta() if rule == "eprop" else Exponential(5.0)
    with SequentialNetwork() as network:
        InputLayer("spike_input", INPUTS)
        Layer(Dense(WEIGHTS), LeakyIntegrate(readout=readout), CLASSES, synapse)
    options = {"batch_size": SIZE, "num_threads": 1, **kwargs}
    compiled = RULES[rule](STEPS, loss, **options).compile(network)
    return compiled, network.connections[0]


def trajectory(compiled: Any) -> np.ndarray:
    """Returns the output variable, (examples, steps, neurons)."""
    output = compiled.outputs[0]
    recorder = VarRecorder(output, "v", key="v")
    return np.stack(compiled.predict(spikes(SIZE), callbacks=[recorder])[1]["v"])


def readout(compiled: Any) -> np.ndarray:
    """Returns the readout, (examples, neurons)."""
    readouts, _ = compiled.predict(spikes(SIZE), callbacks=[])
    return readouts[compiled.outputs[0]]


TARGETS = np.random.default_rng(4).normal(size=(SIZE, CLASSES))
TRAJECTORIES = np.random.default_rng(5).normal(size=(SIZE, STEPS, CLASSES))
#: function of a compiled network that returns the loss of each example
LossFunction = Callable[[Any], np.ndarray]


def of_readout(f: Callable[[np.ndarray], np.ndarray]) -> LossFunction:
    """Returns the loss as a function of the readout."""
    return lambda compiled: f(readout(compiled).astype(np.float64))


def of_trajectory(f: Callable[[np.ndarray], np.ndarray]) -> LossFunction:
    """Returns the loss as a function of the output variable in all time steps."""
    return lambda compiled: f(trajectory(compiled).astype(np.float64))


#: {name: (loss, readout, arguments of the compiler, targets, the loss in NumPy)}
CASES: dict[str, tuple[Any, str, dict[str, Any], Any, LossFunction]] = {
    **{
        f"probabilities of {name}": (
            CategoricalCrossentropy(),
            name,
            {},
            probabilities(),
            of_readout(lambda y: cross_entropy(y, probabilities())),
        )
        for name in ("avg_var", "avg_var_exp_weight", "sum_var", "max_var", "var")
    },
    "probabilities in each step": (
        "categorical_crossentropy",
        "avg_var",
        {"per_timestep_loss": True},
        probabilities(),
        of_trajectory(
            lambda v: cross_entropy(v, probabilities()[:, None]).mean(axis=1)
        ),
    ),
    "probabilities summed over steps": (
        "categorical_crossentropy",
        "sum_var",
        {"per_timestep_loss": True},
        probabilities(),
        of_trajectory(lambda v: cross_entropy(v, probabilities()[:, None]).sum(axis=1)),
    ),
    "temperature": (
        CategoricalCrossentropy(),
        "sum_var",
        {"softmax_temperature": 3.0},
        probabilities(),
        of_readout(lambda y: cross_entropy(y / 3.0, probabilities())),
    ),
    **{
        f"squares of {name}": (
            "mean_square_error",
            name,
            {},
            TARGETS,
            of_readout(lambda y: np.mean((y - TARGETS) ** 2, axis=1)),
        )
        for name in ("avg_var", "avg_var_exp_weight", "sum_var", "max_var")
    },
    "squares of a trajectory": (
        "mean_square_error",
        "var",
        {},
        TRAJECTORIES,
        of_trajectory(lambda v: np.mean((v - TRAJECTORIES) ** 2, axis=(1, 2))),
    ),
    "squares in each step": (
        "mean_square_error",
        "avg_var",
        {"per_timestep_loss": True},
        TRAJECTORIES,
        of_trajectory(lambda v: np.mean((v - TRAJECTORIES) ** 2, axis=(1, 2))),
    ),
    "absolute errors": (
        "mean_absolute_error",
        "sum_var",
        {},
        TARGETS,
        of_readout(lambda y: np.mean(np.abs(y - TARGETS), axis=1)),
    ),
    "absolute errors of a trajectory": (
        MeanAbsoluteError(),
        "var",
        {},
        TRAJECTORIES,
        of_trajectory(lambda v: np.mean(np.abs(v - TRAJECTORIES), axis=(1, 2))),
    ),
}


#: {name: (loss, targets, the loss in NumPy)} for e-prop
EPROP_CASES = {
    "probabilities": (
        CategoricalCrossentropy(),
        probabilities(),
        of_trajectory(lambda v: cross_entropy(v, probabilities()[:, None]).sum(axis=1)),
    ),
    "absolute errors": (
        MeanAbsoluteError(),
        TRAJECTORIES,
        of_trajectory(lambda v: np.mean(np.abs(v - TRAJECTORIES), axis=(1, 2))),
    ),
}


def check_loss_and_gradient(
    compiled: Any,
    connection: Any,
    y: Any,
    loss_in_numpy: LossFunction,
    weights: Any = None,
) -> None:
    """Compares the loss with NumPy, and its gradient with finite differences.

    The tolerance, 5e-3, allows for single precision and a step of 2e-4.
    """
    example_weights = np.ones(SIZE) if weights is None else weights

    def mean_loss() -> float:
        return float(np.mean(loss_in_numpy(compiled) * example_weights))

    assert compiled.loss(spikes(SIZE), y, weights) == pytest.approx(
        mean_loss(), rel=1e-5
    )
    gradient = compiled.gradients(spikes(SIZE), y, weights)[connection]
    expected = np.zeros_like(gradient)
    step = 2e-4
    for index in np.ndindex(gradient.shape):
        losses = []
        for sign in (1.0, -1.0):
            changed = WEIGHTS.copy()
            changed[index] += sign * step
            compiled.set_weights(connection, changed)
            losses.append(mean_loss())
        expected[index] = (losses[0] - losses[1]) / (2.0 * step)
    compiled.set_weights(connection, WEIGHTS)
    error = np.linalg.norm(gradient - expected) / np.linalg.norm(expected)
    assert error < 5e-3
    assert np.linalg.norm(gradient) > 0


def spiking(loss: Any, readout: str, rule: str = "bptt", **kwargs: Any) -> Any:
    """Returns a compiled network with a spiking output."""
    with SequentialNetwork() as network:
        InputLayer("spike_input", INPUTS)
        neuron = LeakyIntegrateFire(readout=readout)
        Layer(Dense(3.0 * np.abs(WEIGHTS)), neuron, CLASSES, Exponential(5.0))
    options = {"batch_size": SIZE, "num_threads": 1, **kwargs}
    return RULES[rule](STEPS, loss, **options).compile(network)
