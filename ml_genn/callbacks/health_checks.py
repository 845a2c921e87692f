"""Callbacks that detect problems of training: losses that diverge, silent neurons."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ml_genn.callbacks.callback import Callback
from ml_genn.errors import TrainingWarning, ValidationError
from ml_genn.graph.graph import get_underlying_pop
from ml_genn.model.batch import RunResult
from ml_genn.population import Population
from ml_genn.utils.checks import number, positive, shown, whole
from ml_genn.utils.time_steps import MS_PER_SECOND


class TerminateOnNaN(Callback):
    """Ends training with a warning instead of an error if a number is not finite.

    These are the loss, the states of neurons at the end of examples, gradients, and the
    weights and moments that the optimiser's step would store. Such a batch updates
    nothing and is no measurement: loss and metrics are those of the other batches, and
    an epoch without other batches has none (nan in the history).

    Args:
        patience: number of such batches in a row that are skipped before training
            ends, 0 by default.
    """

    for_training_only = True

    def __init__(self, patience: int = 0) -> None:
        self._patience = whole("TerminateOnNaN: patience", patience, least=0)

    def set_params(self, **kwargs: Any) -> None:
        """Resets the count."""
        self._network = kwargs["compiled_network"]
        self._count = 0

    def on_batch_end(self, batch: int, metrics: Mapping[Any, Any]) -> None:
        """Resets the count, as all numbers of the batch are finite."""
        self._count = 0

    def on_diverged(self, epoch: int, batch: int) -> None:
        """Warns, and ends training after more than ``patience`` batches."""
        self._count += 1
        ends = self._count > self._patience
        what = "training ends" if ends else "it is left out"
        warnings.warn(
            f"TerminateOnNaN: {self._network.divergence} in epoch {epoch + 1}, "
            f"batch {batch + 1}; {what}. The weights are those before this batch.",
            TrainingWarning,
            stacklevel=2,
        )
        self._network.stop_training = self._network.stop_training or ends

    def __repr__(self) -> str:
        return f"TerminateOnNaN({self._patience})"


class SpikeRateMonitor(Callback):
    """Warns of populations with many silent neurons or with a high spike rate.

    Its data are {name of population: list with an array of rates [Hz], one for each
    neuron, per epoch}. The backend records the spikes.

    Args:
        populations: populations or layers; None (default) for all that spike, except
            inputs.
        dead: smallest fraction of neurons without a spike in an epoch that is reported,
            0.9 by default.
        saturated: smallest mean rate [Hz] that is reported, 250 by default.
        key: key of its data; None (default) for its index in the list of callbacks.

    Raises:
        ValidationError: if ``populations`` is no list, or a number is out of range.
    """

    def __init__(
        self,
        populations: Sequence[Any] | None = None,
        dead: float = 0.9,
        saturated: float = 250.0,
        key: Any = None,
    ) -> None:
        if populations is not None and not isinstance(populations, Sequence):
            raise ValidationError(
                "SpikeRateMonitor: populations is a list. "
                f"Received {shown(populations)}."
            )
        self._argument = populations
        self._populations = [get_underlying_pop(p) for p in populations or ()]
        self._dead = number("SpikeRateMonitor: dead", dead)
        self._saturated = positive("SpikeRateMonitor: saturated", saturated)
        self.key = key
        self._rates: dict[str, list[np.ndarray]] = {}

    def set_params(self, **kwargs: Any) -> None:
        """Clears the data.

        Raises:
            ValidationError: if a population never spikes.
        """
        network = kwargs["compiled_network"]
        populations: Sequence[Population] = (
            network.spiking if self._argument is None else self._populations
        )
        self._sizes = {p.name: p.size for p in populations}
        for name in self._sizes:
            network.check_spikes(name)
        self._seconds = network.num_steps * network.dt / MS_PER_SECOND
        self._rates = {name: [] for name in self._sizes}
        self._clear()

    def _clear(self) -> None:
        self._counts = {n: np.zeros(size) for n, size in self._sizes.items()}
        self._examples = 0

    def recorded_spikes(self) -> tuple[str, ...]:
        """Returns names of the monitored populations."""
        return tuple(self._sizes)

    def on_epoch_begin(self, epoch: int) -> None:
        """Resets the counts."""
        self._clear()

    def on_recorded(self, batch: int, result: RunResult) -> None:
        """Adds the spikes of a batch to the counts."""
        self._examples += len(result.losses)
        for name, size in self._sizes.items():
            for _, ids in result.spikes[name]:
                self._counts[name] += np.bincount(ids, minlength=size)

    def on_epoch_end(self, epoch: int, metrics: Mapping[Any, Any]) -> None:
        """Stores the rates, and warns."""
        self._report(f"epoch {epoch + 1}")

    def on_test_end(self, metrics: Mapping[Any, Any]) -> None:
        """Stores the rates, and warns, after prediction, which has no epochs."""
        if self._examples:
            self._report("evaluation")

    def _report(self, period: str) -> None:
        for name, counts in self._counts.items():
            rates = counts / (max(self._examples, 1) * self._seconds)
            self._rates[name].append(rates)
            dead, mean = float(np.mean(counts == 0)), float(np.mean(rates))
            if dead >= self._dead:
                self._warn(name, f"{dead:.0%} of its neurons are silent", period, "up")
            if mean >= self._saturated:
                problem = f"its neurons spike at {mean:.0f} Hz on average"
                self._warn(name, problem, period, "down")
        self._clear()

    @staticmethod
    def _warn(name: str, problem: str, period: str, direction: str) -> None:
        warnings.warn(
            f"Population '{name}': {problem} ({period}). Scale the weights onto it "
            f"{direction}, "
            "or regularise its rate.",
            TrainingWarning,
            stacklevel=4,
        )

    def get_data(self) -> tuple[Any, Any]:
        """Returns (key, rates)."""
        return self.key, self._rates

    def __repr__(self) -> str:
        return (
            f"SpikeRateMonitor({self._argument!r}, {self._dead!r}, "
            f"{self._saturated!r}, {self.key!r})"
        )
