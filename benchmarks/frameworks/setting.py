"""What is measured: sizes, spikes and weights that all frameworks are given."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

NUM_INPUT, NUM_OUTPUT = 700, 20
TAU_MEM, TAU_SYN = 20.0, 5.0  # ms
USUAL_SPIKES = 8000.0  #: per second, which the weights are scaled for
RATE = 1e-8  #: of Adam: steps cost what they cost, and the network fires as before


class Subject(Protocol):
    """A network and its batch, in some framework."""

    def step(self) -> float:
        """Milliseconds of a step."""

    def rate(self) -> float:
        """Hidden spikes per neuron and second."""


@dataclass(frozen=True)
class Setting:
    """Sizes of the network, the data and the machine.

    Args:
        steps: time steps of an example, T.
        batch: examples in a batch.
        hidden: recurrent neurons.
        spikes: input spikes per second.
        duration: of an example [ms].
        threads: threads.
        training: whether a step trains, or only infers.
        device: "cpu" or "gpu"; frameworks that cannot choose take what they find.
        input_density, recurrent_density: part of the synapses that exist (ours only).
    """

    steps: int = 500
    batch: int = 32
    hidden: int = 256
    spikes: float = USUAL_SPIKES
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
        """What is left of a voltage after a time step."""
        return math.exp(-self.dt / TAU_MEM)

    @property
    def beta(self) -> float:
        """What is left of a current after a time step."""
        return math.exp(-self.dt / TAU_SYN)

    @property
    def delta(self) -> float:
        """Weight of a delta synapse over that of an exponential one of equal charge."""
        return (1 - self.alpha) * TAU_SYN / self.dt

    @property
    def current(self) -> float:
        """Weight of a current that decays by ``beta`` a step and enters v scaled by
        ``1 - alpha``, over that of one whose mean over the step enters."""
        return TAU_SYN / self.dt * (1 - self.beta)

    @property
    def densities(self) -> tuple[float, float, float]:
        """Part of the input, recurrent and output synapses that exist."""
        return (self.input_density, self.recurrent_density, 1.0)

    @property
    def moments(self) -> tuple[tuple[float, float], ...]:
        """Mean and deviation of input, recurrent and output weights.

        Their mean is zero, as that of what frameworks draw if left to themselves; with
        their deviation, hidden neurons fire at about 12 Hz.
        """
        first = 0.45 * math.sqrt(USUAL_SPIKES / self.spikes)
        return (
            (0.0, first / math.sqrt(self.input_density)),
            (0.0, 0.5 / math.sqrt(self.hidden * self.recurrent_density)),
            (0.0, 1.0 / math.sqrt(self.hidden)),
        )

    @property
    def labels(self) -> np.ndarray:
        """Classes of the examples."""
        return np.arange(self.batch) % NUM_OUTPUT

    def rasters(self) -> Iterator[np.ndarray]:
        """Where spikes are in each example: (steps, inputs)."""
        chance = 1e-3 * self.spikes * self.dt / NUM_INPUT
        rng = np.random.default_rng(0)
        for _ in range(self.batch):
            yield rng.random((self.steps, NUM_INPUT), dtype=np.float32) < chance

    def dense(self) -> np.ndarray:
        """The spikes as an array: (steps, batch, inputs)."""
        result = np.empty((self.steps, self.batch, NUM_INPUT), np.float32)
        for b, raster in enumerate(self.rasters()):
            result[:, b] = raster
        return result

    def weights(self, k: int) -> np.ndarray:
        """Input, recurrent or output weights."""
        ends = (NUM_INPUT, self.hidden), (self.hidden,) * 2, (self.hidden, NUM_OUTPUT)
        shape = ends[k]
        drawn = np.random.default_rng(k + 1).standard_normal(shape, np.float32)
        mean, sd = self.moments[k]
        return np.float32(mean) + np.float32(sd) * drawn

    def all_weights(self) -> list[np.ndarray]:
        """Input, recurrent and output weights."""
        return [self.weights(k) for k in range(3)]

    def hertz(self, spikes: float) -> float:
        """Rate of a hidden neuron, from the number of hidden spikes of the batch."""
        return 1e3 * spikes / (self.batch * self.hidden * self.duration)


def clocked(run: Callable[[], Any]) -> float:
    """Milliseconds that a call takes."""
    start = time.perf_counter()
    run()
    return 1e3 * (time.perf_counter() - start)
