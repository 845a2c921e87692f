"""The network that is measured: sizes, weights and input spikes of all frameworks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

NUM_INPUT, NUM_OUTPUT = 700, 20
TAU_MEM, TAU_SYN = 20.0, 5.0  # ms
#: Input spikes per second for which the weights are scaled.
REFERENCE_SPIKES = 8000.0
#: Learning rate of Adam: so small that firing rates stay, at the full cost of a step.
LEARNING_RATE = 1e-8


class BenchmarkNetwork(Protocol):
    """A network with its batch, in some framework."""

    def step(self) -> float:
        """Returns the milliseconds of a step, of training or of inference."""

    def rate(self) -> float:
        """Returns the spikes per hidden neuron and second."""


@dataclass(frozen=True)
class Setting:
    """Sizes of the network, its data and the machine.

    Args:
        steps: time steps of an example, T.
        batch: examples in a batch.
        hidden: number of recurrent neurons.
        spikes: input spikes per second.
        duration: of an example [ms].
        threads: number of threads.
        training: True if a step trains, False if it only infers.
        device: "cpu" or "gpu"; frameworks without a choice run on their default device.
        input_density, recurrent_density: fraction of the synapses that exist (ml_genn
            only).
    """

    steps: int = 500
    batch: int = 32
    hidden: int = 256
    spikes: float = REFERENCE_SPIKES
    duration: float = 1000.0
    threads: int = 2
    training: bool = True
    device: str = "cpu"
    input_density: float = 1.0
    recurrent_density: float = 1.0

    @property
    def dt(self) -> float:
        """Time step [ms]."""
        return self.duration / self.steps

    @property
    def alpha(self) -> float:
        """Decay factor of a voltage in a time step."""
        return math.exp(-self.dt / TAU_MEM)

    @property
    def beta(self) -> float:
        """Decay factor of a synaptic current in a time step."""
        return math.exp(-self.dt / TAU_SYN)

    @property
    def delta_scale(self) -> float:
        """Weight of a delta synapse over that of an exponential one of equal charge."""
        return (1 - self.alpha) * TAU_SYN / self.dt

    @property
    def current_scale(self) -> float:
        """Weight scale for frameworks that integrate the current at the step's end.

        ml_genn integrates the mean of the current over the step,
        ``TAU_SYN / dt * (1 - beta)`` times its value at the start.
        """
        return TAU_SYN / self.dt * (1 - self.beta)

    @property
    def densities(self) -> tuple[float, float, float]:
        """Fractions of the input, recurrent and output synapses that exist."""
        return (self.input_density, self.recurrent_density, 1.0)

    @property
    def moments(self) -> tuple[tuple[float, float], ...]:
        """Mean and standard deviation of input, recurrent and output weights.

        The mean is 0, as in the default initialisation of the frameworks; with these
        standard deviations hidden neurons fire at about 12 Hz.
        """
        first = 0.45 * math.sqrt(REFERENCE_SPIKES / self.spikes)
        return (
            (0.0, first / math.sqrt(self.input_density)),
            (0.0, 0.5 / math.sqrt(self.hidden * self.recurrent_density)),
            (0.0, 1.0 / math.sqrt(self.hidden)),
        )

    @property
    def labels(self) -> np.ndarray:
        """Class labels of the examples."""
        return np.arange(self.batch) % NUM_OUTPUT

    def rasters(self) -> Iterator[np.ndarray]:
        """Yields the input spikes of each example as flags (steps, inputs)."""
        probability = 1e-3 * self.spikes * self.dt / NUM_INPUT
        rng = np.random.default_rng(0)
        for _ in range(self.batch):
            yield rng.random((self.steps, NUM_INPUT), dtype=np.float32) < probability

    def dense_spikes(self) -> np.ndarray:
        """Returns the input spikes as numbers 0 and 1, (steps, batch, inputs)."""
        result = np.empty((self.steps, self.batch, NUM_INPUT), np.float32)
        for example, raster in enumerate(self.rasters()):
            result[:, example] = raster
        return result

    def weights(self, layer: int) -> np.ndarray:
        """Returns input (0), recurrent (1) or output weights (2), (source, target)."""
        sizes = (NUM_INPUT, self.hidden), (self.hidden,) * 2, (self.hidden, NUM_OUTPUT)
        rng = np.random.default_rng(layer + 1)
        drawn = rng.standard_normal(sizes[layer], np.float32)
        mean, sd = self.moments[layer]
        return np.float32(mean) + np.float32(sd) * drawn

    def all_weights(self) -> list[np.ndarray]:
        """Returns input, recurrent and output weights."""
        return [self.weights(layer) for layer in range(3)]

    def hertz(self, spikes: float) -> float:
        """Returns the rate of a hidden neuron.

        Args:
            spikes: number of hidden spikes in the batch.
        """
        return 1e3 * spikes / (self.batch * self.hidden * self.duration)
