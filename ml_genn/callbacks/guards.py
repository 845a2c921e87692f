"""Callbacks that notice when training goes wrong."""

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


class TerminateOnNaN(Callback):
    """Ends training, with a warning instead of an error, if the loss is not finite.

    Weights are those before that batch, which is no step.

    Args:
        patience: how many such batches one after the other are left out before
            training ends, 0 by default.
    """

    def __init__(self, patience: int = 0) -> None:
        self._patience = whole("TerminateOnNaN: patience", patience, least=0)

    def set_params(self, **kwargs: Any) -> None:
        """Starts anew."""
        self._network = kwargs["compiled_network"]
        self._count = 0

    def on_batch_end(self, batch: int, metrics: Mapping[Any, Any]) -> None:
        """A batch was fine."""
        self._count = 0

    def on_diverged(self, epoch: int, batch: int) -> None:
        """Warns, and ends training if it has happened too often."""
        self._count += 1
        ends = self._count > self._patience
        what = "training ends" if ends else "it is left out"
        warnings.warn(
            f"TerminateOnNaN: the loss is not a finite number in epoch {epoch}, batch "
            f"{batch}; {what}. The weights are those before this batch.",
            TrainingWarning,
            stacklevel=2,
        )
        self._network.stop_training = self._network.stop_training or ends

    def __repr__(self) -> str:
        return f"TerminateOnNaN({self._patience})"


class SpikeRateMonitor(Callback):
    """Warns of populations that are nearly silent or that spike nearly all the time.

    Its data are {name of population: list with an array of rates [Hz], one for each
    neuron, per epoch}. Spikes are recorded inside the engine.

    Args:
        populations: populations or layers; None (default) for all that spike, inputs
            left out.
        dead: share of neurons that are silent through an epoch from which there is a
            warning, 0.9 by default.
        saturated: mean rate [Hz] from which there is a warning, 250 by default.
        key: key of its data; None (default) for its place in the list of callbacks.

    Raises:
        ValidationError: if populations are no list, or a number is out of its range.
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
        self._given = populations
        self._chosen = [get_underlying_pop(p) for p in populations or ()]
        self._dead = number("SpikeRateMonitor: dead", dead)
        self._saturated = positive("SpikeRateMonitor: saturated", saturated)
        self.key = key
        self._rates: dict[str, list[np.ndarray]] = {}

    def set_params(self, **kwargs: Any) -> None:
        """Starts with no data; refuses populations that never spike."""
        network = kwargs["compiled_network"]
        found: Sequence[Population] = (
            network.spiking if self._given is None else self._chosen
        )
        self._sizes = {p.name: p.size for p in found}
        for name in self._sizes:
            network.check_spikes(name)
        self._seconds = network.num_steps * network.dt / 1000.0
        self._rates = {name: [] for name in self._sizes}
        self._clear()

    def _clear(self) -> None:
        self._counts = {n: np.zeros(size) for n, size in self._sizes.items()}
        self._examples = 0

    def spikes(self) -> tuple[str, ...]:
        """The populations that it looks at."""
        return tuple(self._sizes)

    def on_epoch_begin(self, epoch: int) -> None:
        """Counts from zero."""
        self._clear()

    def on_recorded(self, batch: int, result: RunResult) -> None:
        """Counts the spikes of a batch."""
        self._examples += len(result.losses)
        for name, size in self._sizes.items():
            for _, ids in result.spikes[name]:
                self._counts[name] += np.bincount(ids, minlength=size)

    def on_epoch_end(self, epoch: int, metrics: Mapping[Any, Any]) -> None:
        """Keeps the rates, and warns."""
        self._judge(f"epoch {epoch}")

    def on_test_end(self, metrics: Mapping[Any, Any]) -> None:
        """As at the end of an epoch, where there are none."""
        if self._examples:
            self._judge("evaluation")

    def _judge(self, when: str) -> None:
        for name, counts in self._counts.items():
            rates = counts / (max(self._examples, 1) * self._seconds)
            self._rates[name].append(rates)
            silent, mean = float(np.mean(counts == 0)), float(np.mean(rates))
            if silent >= self._dead:
                self._warn(name, f"{silent:.0%} of its neurons are silent", when, "up")
            if mean >= self._saturated:
                what = f"its neurons spike at {mean:.0f} Hz on average"
                self._warn(name, what, when, "down")
        self._clear()

    @staticmethod
    def _warn(name: str, what: str, when: str, way: str) -> None:
        warnings.warn(
            f"Population '{name}': {what} ({when}). Scale the weights onto it {way}, "
            "or regularise its rate.",
            TrainingWarning,
            stacklevel=4,
        )

    def get_data(self) -> tuple[Any, Any]:
        """(key, rates)."""
        return self.key, self._rates

    def __repr__(self) -> str:
        return (
            f"SpikeRateMonitor({self._given!r}, {self._dead!r}, {self._saturated!r}, "
            f"{self.key!r})"
        )
