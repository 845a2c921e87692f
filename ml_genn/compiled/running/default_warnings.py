"""Warnings of every training: silent or saturated neurons, batches of one example."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from ml_genn.callbacks import Callback
from ml_genn.compiled.configuration import RuntimeConfig
from ml_genn.errors import TrainingWarning, stacklevel_of_user
from ml_genn.model.batch import RunResult
from ml_genn.training.data.batches import InMemoryData
from ml_genn.training.data.streams import StreamedData

#: Examples of which rates are measured. Trainings with fewer are trials of a program.
SAMPLE = 100
#: Part of all time steps in which saturated neurons spike on average: every second one.
SATURATED = 0.5
#: Examples from which batches of one, which were not asked for, waste time.
MANY_EXAMPLES = 1000


class ActivityCheck(Callback):
    """Warns of populations that are silent or saturated in the first epoch.

    A population is silent if none of its neurons spikes in the whole epoch, which costs
    no memory to record; it is saturated if its neurons spike in every second time step
    of the first `SAMPLE` examples, after which no spikes are recorded.
    """

    first_process_only = True

    def set_params(self, **kwargs: Any) -> None:
        """Resets the counts."""
        network = kwargs["compiled_network"]
        self._steps = network.num_steps
        self._sizes = {p.name: p.size for p in network.spiking}
        self._counts = dict.fromkeys(self._sizes, 0)
        self._examples = 0
        self._activity: dict[str, tuple[float, int]] = {}

    def recorded_spikes(self) -> tuple[str, ...]:
        """Returns the populations whose activity is not known yet."""
        return tuple(self._counts)

    def on_recorded(self, batch: int, result: RunResult) -> None:
        """Counts spikes; stops to record populations with normal activity."""
        if not self._counts:
            return
        self._examples += len(result.losses)
        for name in self._counts:
            spikes = sum(len(ids) for _, ids in result.spikes[name])
            self._counts[name] += spikes
        if self._examples < SAMPLE:
            return
        for name, spikes in list(self._counts.items()):
            if spikes:
                possible = self._examples * self._sizes[name] * self._steps
                self._activity[name] = spikes / possible, self._examples
                del self._counts[name]

    def on_epoch_end(self, epoch: int, metrics: Mapping[Any, Any]) -> None:
        """Warns after the first epoch."""
        for name, (fraction, examples) in self._activity.items():
            if fraction >= SATURATED:
                _warn(
                    f"Population '{name}': its neurons spike in {fraction:.0%} of the "
                    f"time steps of the first {examples} examples. Such neurons carry "
                    "little information. Scale the weights onto it down "
                    "(ml_genn.scale_weights_to_rate does so), or raise v_thresh."
                )
        for name in self._counts if self._examples >= SAMPLE else ():
            _warn(
                f"Population '{name}': none of its {self._sizes[name]} neurons spiked "
                f"in the first epoch ({self._examples} examples), so what follows it "
                "receives nothing. Check that the input spikes; scale the weights onto "
                "it up (ml_genn.scale_weights_to_rate does so), or leave them out, as "
                "in Dense(): the default makes neurons spike."
            )
        self._counts.clear()
        self._activity.clear()


def activity_checks(
    data: InMemoryData | StreamedData, epochs: range
) -> tuple[ActivityCheck, ...]:
    """Returns the check of activity, or nothing where it could not warn.

    Args:
        data: data to train on; the check needs `SAMPLE` examples.
        epochs: numbers of the epochs; only a training from the start is checked.
    """
    too_few = isinstance(data, InMemoryData) and data.size < SAMPLE
    return () if too_few or epochs.start > 0 else (ActivityCheck(),)


def warn_of_batch_size(
    data: InMemoryData | StreamedData, config: RuntimeConfig
) -> None:
    """Warns of many batches of one example, if the user set no batch size.

    Args:
        data: data to train on; batches of an iterable are the user's own.
        config: with the arguments of the compiler.
    """
    compilation = config.compile_config
    if (
        isinstance(data, InMemoryData)
        and data.size >= MANY_EXAMPLES
        and config.full_batch_size == 1
        and compilation is not None
        and "batch_size" not in compilation.arguments
    ):
        name = compilation.compiler.__name__
        _warn(
            f"train: {data.size} examples in batches of 1, the default of {name}: an "
            "optimiser step follows each example, and threads have nothing to share. "
            f"Give {name}(..., batch_size=32), or batch_size=1 if that is meant."
        )


def _warn(message: str) -> None:
    warnings.warn(message, TrainingWarning, stacklevel=stacklevel_of_user())
