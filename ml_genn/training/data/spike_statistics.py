"""Spikes of a call: those outside examples, times in other units, numbers as spikes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ml_genn.data import PreprocessedSpikes
from ml_genn.data.events import check_groups, latest_allowed
from ml_genn.data.ranges import DataWarnings
from ml_genn.utils.checks import real_array

#: Part of an example that has all its spikes if their times are seconds: 1 / 1000, with
#: room for examples that are shorter than the recording.
SECONDS = 1.5e-3
#: Distinct times within that part that are no coincidence.
LEAST_TIMES = 10
#: Entries of arrays that are all spikes by intention in small networks only.
LEAST_ENTRIES = 1000

#: Examples from which their number of spikes is no matter of a small trial.
LEAST_EXAMPLES = 32
#: Highest part of neurons that spike in a time step; dense codes are below it.
HIGHEST_ACTIVITY = 0.6


@dataclass(slots=True)
class SpikeStatistics:
    """Counts of the spikes of all examples of a call.

    Args:
        duration: end of an example [ms].
        spikes: number of spikes.
        late: number of spikes after the end.
        last: latest time [ms].
        is_fine: True if an example has many times within the first part of a step.
        entries, active: number of entries of arrays, and of those that are spikes.
        only_ones: True if all entries of all arrays are 1.
        fractions: lowest and highest number of arrays with fractions; None if there are
            none.
        examples, neurons, steps: number of examples, and sizes of each.
        events: number of spikes within the examples.
    """

    duration: float
    spikes: int = 0
    late: int = 0
    last: float = -math.inf
    is_fine: bool = False
    entries: int = 0
    active: int = 0
    only_ones: bool = True
    fractions: tuple[float, float] | None = None
    examples: int = 0
    neurons: int = 1
    steps: int = 1
    events: int = 0

    def add_events(self, counts: list[int], neurons: int, steps: int) -> None:
        """Adds examples as the network receives them.

        Args:
            counts: number of spikes of each example.
            neurons: neurons of the input.
            steps: time steps of an example.
        """
        self.examples += len(counts)
        self.neurons, self.steps = neurons, steps
        self.events += sum(counts)

    def add(self, times: np.ndarray) -> None:
        """Adds the spikes of an example.

        Args:
            times: all its times [ms].
        """
        if not times.size:
            return
        last = float(times.max())
        self.spikes += times.size
        self.last = max(self.last, last)
        if last <= SECONDS * self.duration and not self.is_fine:
            self.is_fine = np.unique(times).size >= LEAST_TIMES

    def add_raster(self, counts: np.ndarray, active: int) -> None:
        """Adds an array of numbers of spikes.

        Args:
            counts: (examples, steps, neurons).
            active: number of entries that are not zero.
        """
        self.entries += counts.size
        self.active += active
        if active < counts.size or np.any(counts != 1):
            self.only_ones = False
        if counts.dtype.kind == "f" and np.any(counts != np.floor(counts)):
            self.fractions = float(counts.min()), float(counts.max())

    def without_late(
        self, spikes: PreprocessedSpikes, num_neurons: int, where: str
    ) -> PreprocessedSpikes:
        """Returns the spikes until the end of an example.

        Spikes are returned as they are if all come after the end, or a time is
        negative or no number.

        Args:
            spikes: spikes of an example.
            num_neurons: number of neurons of the input.
            where: start of error messages.

        Raises:
            ValidationError: if the spikes do not fit the number of neurons.
        """
        if not isinstance(spikes, PreprocessedSpikes):
            return spikes
        ends = real_array(f"{where}: end_spikes", spikes.end_spikes)
        times = real_array(f"{where}: spike_times", spikes.spike_times)
        check_groups(ends, times, num_neurons, where)
        if not isinstance(spikes.spike_times, np.ndarray):
            self.add(times)
        late = times > latest_allowed(self.duration)
        is_invalid = not np.all(np.isfinite(times) & (times >= 0))
        if is_invalid or late.all() or not late.any():
            return spikes
        self.late += int(late.sum())
        inside = np.concatenate([[0], np.cumsum(~late)])
        return PreprocessedSpikes(inside[ends.astype(np.intp)], times[~late])

    def check(self, where: str, issued: DataWarnings) -> None:
        """Warns if spikes are outside examples, or all at their very beginning.

        Args:
            where: start of the warning; names the input.
            issued: warnings of this call so far.
        """
        if self.late:
            issued.warn(
                where,
                "late",
                f"{where}: {self.late} of {self.spikes} spikes come after the end of "
                f"their example, {self.duration:g} ms, the latest at {self.last:g} ms, "
                "and are left out. Lengthen the example (example_timesteps), or "
                "convert the times to ms.",
            )
        elif self.is_fine and self.last <= SECONDS * self.duration:
            issued.warn(
                where,
                "seconds",
                f"{where}: all {self.spikes} spikes come within the first "
                f"{self.last:g} ms of examples of {self.duration:g} ms. Times are in "
                "ms; multiply seconds by 1000.",
            )
        self._check_activity(where, issued)
        rule = "an entry that is not 0 is a spike"
        remedy = "For numbers of other kinds use PoissonInput or IntegrateFireInput."
        if self.fractions:
            least, most = self.fractions
            issued.warn(
                where,
                "fractions",
                f"{where}: {rule}, whatever its number. Received numbers with "
                f"fractions, from {least:g} to {most:g}. {remedy}",
            )
        elif self.active == self.entries >= LEAST_ENTRIES and not self.only_ones:
            issued.warn(
                where,
                "all",
                f"{where}: {rule}. Received none that is 0: all neurons spike in every "
                f"step. {remedy}",
            )

    def _check_activity(self, where: str, issued: DataWarnings) -> None:
        """Warns if no neuron of many examples spikes, or all spike nearly always."""
        if self.examples < LEAST_EXAMPLES:
            return
        possible = self.examples * self.neurons * self.steps
        fraction = self.events / possible
        if not self.events:
            issued.warn(
                where,
                "silent",
                f"{where}: none of {self.examples} examples has a spike. Check the "
                "encoding of the data, for example its threshold, and their times.",
            )
        elif HIGHEST_ACTIVITY < fraction < 1.0:
            issued.warn(
                where,
                "saturated",
                f"{where}: {fraction:.0%} of all neurons spike in each time step. "
                "Spikes are events, so this is no plausible rate. Check the encoding "
                "of the data, and the time step dt.",
            )
