"""Weights scaled until populations fire at a wanted rate for the data at hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ml_genn.callbacks import Callback
from ml_genn.communicators import Communicator
from ml_genn.compiled.network import CompiledNetwork
from ml_genn.connection import Connection
from ml_genn.errors import ValidationError
from ml_genn.graph.graph import get_underlying_pop
from ml_genn.graph.traversal import get_network_dag, incoming
from ml_genn.metrics.metric import summed
from ml_genn.model.batch import RunResult
from ml_genn.population import Population
from ml_genn.utils.checks import positive, shown
from ml_genn.utils.time_steps import MS_PER_SECOND

#: Relative error of a rate that is close enough, since training changes it anyway.
TOLERANCE = 0.1
#: Largest factor of weights in either direction; a rate that it does not reach depends
#: on something else.
LARGEST_FACTOR = 1e4
#: Runs of the network that bisection takes at most for a population: they divide the
#: range of factors by a million.
LARGEST_RUNS = 20


class _RateMeter(Callback):
    """Mean rate of a population over all examples.

    Args:
        population: the population.
    """

    def __init__(self, population: Population) -> None:
        self._population = population
        self._spikes = 0
        self._examples = 0

    def recorded_spikes(self) -> tuple[str, ...]:
        """Returns the name of the population."""
        return (self._population.name,)

    def on_recorded(self, batch: int, result: RunResult) -> None:
        """Adds the spikes of a batch."""
        examples = result.spikes[self._population.name]
        self._examples += len(examples)
        self._spikes += sum(len(ids) for _, ids in examples)

    def rate(self, duration: float, communicator: Communicator | None) -> float:
        """Returns the mean rate [Hz] over the examples of all processes.

        Args:
            duration: duration of an example [ms].
            communicator: sums over processes; None for one process.
        """
        spikes, examples = summed(communicator, self._spikes, self._examples)
        return spikes * MS_PER_SECOND / (examples * duration * self._population.size)


def scale_weights_to_rate(
    compiled: CompiledNetwork,
    x: Any,
    rate: float | Mapping[Any, float] = 10.0,
) -> dict[str, float]:
    """Scales weights until populations fire at a wanted rate, and returns their rates.

    Populations are visited from the inputs to the outputs. The weights of all learnable
    connections onto one are multiplied by a common factor, which is found by bisection:
    the network runs about ten times for each population, so a few hundred examples are
    enough. The idea is that of D. Mishkin and J. Matas, All you need is a good init,
    ICLR 2016, with rates in place of variances.

    Args:
        compiled: a compiled network; its weights are changed.
        x: examples, as for `predict`.
        rate: wanted mean rate [Hz] of all populations that spike, inputs excepted, 10
            by default; or {population: rate} for some.

    Returns:
        The rates [Hz] that populations have now, by name, each within a tenth of the
        wanted one.

    Raises:
        ValidationError: if a rate is not above 0 or not below one spike per time step,
            or cannot be reached because the population receives no spikes or has no
            weights that can be changed.
    """
    targets = _target_rates(compiled, rate)
    duration = compiled.num_steps * compiled.dt
    return {
        population.name: _reach(_Search(compiled, x, population, duration), target)
        for population, target in targets.items()
    }


def _target_rates(
    compiled: CompiledNetwork, rate: float | Mapping[Any, float]
) -> dict[Population, float]:
    """Returns {population: wanted rate} in the order of connections.

    Raises:
        ValidationError: if a rate is out of range, or a population never spikes.
    """
    network = compiled.network
    spiking = list(compiled.spiking)
    rates: dict[Population, Any] = dict.fromkeys(spiking, rate)
    if isinstance(rate, Mapping):
        rates = {get_underlying_pop(key): value for key, value in rate.items()}
    highest = MS_PER_SECOND / compiled.dt
    for population, value in rates.items():
        where = f"scale_weights_to_rate: rate of '{population.name}'"
        compiled.check_spikes(population.name)
        if positive(where, value) >= highest:
            raise ValidationError(
                f"{where} is below {highest:g} Hz, one spike in each time step. "
                f"Received {shown(value)}."
            )
    inputs = [p for p in network.populations if not incoming(p)]
    order = get_network_dag(inputs, network.populations)
    return {p: float(rates[p]) for p in order if p in rates}


class _Search:
    """Rates of a population for factors of the weights onto it.

    Args:
        compiled: the compiled network.
        x: examples.
        population: the population.
        duration: duration of an example [ms].

    Raises:
        ValidationError: if no weights onto the population can be changed.
    """

    def __init__(
        self, compiled: CompiledNetwork, x: Any, population: Population, duration: float
    ) -> None:
        self.population = population
        self._compiled, self._x, self._duration = compiled, x, duration
        self._weights: dict[Connection, np.ndarray] = {
            c: compiled.weights(c).copy()
            for c in incoming(population)
            if c.connectivity.trainable
        }
        if not self._weights:
            raise ValidationError(
                f"scale_weights_to_rate: no weights onto '{population.name}' can be "
                "changed. Give {population: rate} of the others."
            )

    def rate(self, factor: float) -> float:
        """Returns the rate [Hz] with the original weights times a factor."""
        for connection, weights in self._weights.items():
            self._compiled.set_weights(connection, factor * weights)
        meter = _RateMeter(self.population)
        self._compiled.predict(self._x, callbacks=[meter])
        return meter.rate(self._duration, self._compiled.communicator)


def _reach(search: _Search, target: float) -> float:
    """Finds the factor of a wanted rate by bisection, and returns the rate it gives.

    Raises:
        ValidationError: if it cannot be reached; the weights are then as before.
    """
    low, high, factor = 0.0, np.inf, 1.0
    for _ in range(LARGEST_RUNS):
        reached = search.rate(factor)
        if abs(reached - target) <= TOLERANCE * target:
            return reached
        low, high = (factor, high) if reached < target else (low, factor)
        if low > LARGEST_FACTOR or high < 1 / LARGEST_FACTOR:
            break
        if not low:
            factor = high / 2.0
        else:
            factor = 2.0 * low if high == np.inf else float(np.sqrt(low * high))
    search.rate(1.0)
    raise ValidationError(
        f"scale_weights_to_rate: '{search.population.name}' does not reach {target:g} "
        f"Hz; with weights times {factor:.3g} it fires at {reached:.3g} Hz. Check that "
        "it receives spikes and that some weights are positive, or give another rate."
    )
