"""Small networks that several tests use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from engine.helpers import Bool, random_input
from numpy.typing import NDArray

from ml_genn import Connection, Network, Population
from ml_genn.compilers import (
    CompiledNetwork,
    CompiledTrainingNetwork,
    EventPropCompiler,
    InferenceCompiler,
)
from ml_genn.connectivity import Dense
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from ml_genn.synapses import Exponential

STEPS = 30


class Chain:
    """Input, LIF and leaky output, with the weights of a seed."""

    def __init__(self, seed: int = 0, size: int = 11) -> None:
        rng = np.random.default_rng(seed)
        with Network() as self.network:
            self.source = Population(SpikeInput(), 6, name="input")
            self.fire = Population(
                LeakyIntegrateFire(), size, name="fire", record_spikes=True
            )
            neuron = LeakyIntegrate(readout="sum_var")
            self.output = Population(neuron, 2, name="output")
            weight = rng.normal(0.2, 0.2, (6, size))
            Connection(self.source, self.fire, Dense(weight), Exponential(3.0))
            Connection(self.fire, self.output, Dense(rng.normal(0.0, 0.5, (size, 2))))
        self.x = random_input(rng, 6, examples=4, steps=STEPS)

    def compile(self, **options: Any) -> CompiledNetwork:
        settings = {"batch_size": 4, **options}
        return InferenceCompiler(STEPS, **settings).compile(self.network)

    def predict(self, compiled: CompiledNetwork) -> np.ndarray:
        return compiled.predict(self.x, callbacks=[])[0][self.output]


@dataclass(frozen=True, eq=False)
class Trained:
    """A network that learns, with data for it.

    Attributes:
        network, source, hidden, output: it and its populations.
        x, y: input spikes (examples, steps, neurons) and labels.
    """

    network: Network
    source: Population
    hidden: Population
    output: Population
    x: Bool
    y: NDArray[np.int64]

    def compile(self, **options: Any) -> CompiledTrainingNetwork:
        """Compiled for EventProp; options are the compiler's."""
        settings = {"batch_size": 4, "num_threads": 1, **options}
        loss = "sparse_categorical_crossentropy"
        compiler = EventPropCompiler(self.x.shape[1], loss, **settings)
        return compiler.compile(self.network)

    def weights(self, compiled: CompiledTrainingNetwork) -> list[NDArray[Any]]:
        """The weights of all connections."""
        return [compiled.weights(c) for c in self.network.connections]


def trained(
    *, examples: int = 10, steps: int = 20, recurrent: bool = True, seed: int = 0
) -> Trained:
    """A small network of hidden LIF neurons, and random examples of three classes."""
    rng = np.random.default_rng(seed)
    with Network() as network:
        source = Population(SpikeInput(), 6, name="input", record_spikes=True)
        hidden = Population(
            LeakyIntegrateFire(), (2, 5), name="hidden", record_spikes=True
        )
        output = Population(LeakyIntegrate(readout="avg_var"), 3, name="output")
        Connection(source, hidden, Dense(rng.normal(2.0, 1.0, (6, 10))), Exponential(5))
        if recurrent:
            weight = rng.normal(0.0, 0.4, (10, 10))
            Connection(hidden, hidden, Dense(weight), Exponential(5))
        Connection(hidden, output, Dense(rng.normal(0.0, 1.0, (10, 3))), Exponential(5))
    x = random_input(rng, 6, 0.2, examples=examples, steps=steps)
    return Trained(network, source, hidden, output, x, rng.integers(0, 3, examples))
