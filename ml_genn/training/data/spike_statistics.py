"""Spikes of a call: those outside examples, times in other units, numbers as spikes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ml_genn.data import PreprocessedSpikes
from ml_genn.data._checks import as_real_array
from ml_genn.data.events import check_groups, latest_allowed
from ml_genn.data.ranges import DataWarnings

#: Part of an example that has all its spikes if their times are seconds: 1 / 1000, with
#: room for examples that are shorter than the recording.
SECONDS = 1.5e-3
#: Distinct times within that part that are no coincidence.
LEAST_TIMES = 10


@dataclass(slots=True)
class SpikeStatistics:
    """Counts of the spikes of all examples of a call.

    Args:
        duration: end of an example [ms].
        spikes: number of spikes.
        early: number of spikes at negative times.
        late: number of spikes after the end.
        first, last: earliest and latest time [ms].
        is_fine: True if an example has many times within the first part of a step.
        entries, active: number of entries of arrays, and of those that are spikes.
        fractions: lowest and highest number of arrays with fractions; None if there are
            none.
    """

    duration: float
    spikes: int = 0
    early: int = 0
    late: int = 0
    first: float = math.inf
    last: float = -math.inf
    is_fine: bool = False
    entries: int = 0
    active: int = 0
    fractions: tuple[float, float] | None = None

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
        if counts.dtype.kind == "f" and np.any(counts != np.floor(counts)):
            self.fractions = float(counts.min()), float(counts.max())

    def cut(
        self, spikes: PreprocessedSpikes, num_neurons: int, where: str
    ) -> PreprocessedSpikes:
        """Returns spikes with those before an example at its start, and none after it.

        If all come after its end, they are returned as they are, and times that are no
        numbers stay.

        Args:
            spikes: spikes of an example.
            num_neurons: number of neurons of the input.
            where: start of error messages.

        Raises:
            ValidationError: if the spikes do not fit the number of neurons.
        """
        if not isinstance(spikes, PreprocessedSpikes):
            return spikes
        ends = as_real_array(spikes.end_spikes, "end_spikes", where)
        times = as_real_array(spikes.spike_times, "spike_times", where)
        check_groups(ends, times, num_neurons, where)
        if not isinstance(spikes.spike_times, np.ndarray):
            self.add(times)
        if not times.size or not np.all(np.isfinite(times)):
            return spikes
        early, late = times < 0, times > latest_allowed(self.duration)
        if late.all() or not (early.any() or late.any()):
            return spikes
        self.early += int(early.sum())
        self.late += int(late.sum())
        self.first = min(self.first, float(times.min()))
        inside = np.concatenate([[0], np.cumsum(~late)])
        return PreprocessedSpikes(
            inside[ends.astype(np.intp)], np.maximum(times, 0)[~late]
        )

    def check(self, where: str, issued: DataWarnings) -> None:
        """Warns if spikes are outside examples, or all at their very beginning.

        Args:
            where: start of the warning; names the input.
            issued: warnings of this call so far.
        """
        if self.early or self.late:
            first = min(self.first, 0.0)
            issued.warn(
                where,
                "outside",
                f"{where}: {self.late} of {self.spikes} spikes come after the end of "
                f"their example, {self.duration:g} ms, and are left out; {self.early} "
                "come before its start and are emitted at once. Received times from "
                f"{first:g} to {self.last:g}. Times are in ms. Lengthen the example "
                "(example_timesteps), or convert the times.",
            )
        elif self.is_fine and self.last <= SECONDS * self.duration:
            issued.warn(
                where,
                "seconds",
                f"{where}: all {self.spikes} spikes come within the first "
                f"{self.last:g} ms of examples of {self.duration:g} ms. Times are in "
                "ms; multiply seconds by 1000.",
            )
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
        elif self.entries and self.active == self.entries:
            issued.warn(
                where,
                "all",
                f"{where}: {rule}. Received none that is 0: all neurons spike in every "
                f"step. {remedy}",
            )
