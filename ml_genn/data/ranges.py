"""Ranges of numbers: warnings about data that an input cannot represent."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ml_genn.errors import DataWarning, stacklevel_of_user

#: Relative excess over the highest number that is taken for rounding.
RANGE_TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True)
class DataWarnings:
    """Warnings about the data of one call; each input is named once for each reason.

    Args:
        issued: (input, reason) of the warnings so far; filled.
    """

    issued: set[tuple[str, str]] = field(default_factory=set)

    def warn(self, name: str, reason: str, message: str) -> None:
        """Issues a warning, unless there was one of that input for that reason.

        Args:
            name: name of the input.
            reason: kind of the warning.
            message: text of the warning.
        """
        if (name, reason) not in self.issued:
            self.issued.add((name, reason))
            warnings.warn(message, DataWarning, stacklevel=stacklevel_of_user())


def check_range(
    where: str, neuron: Any, values: np.ndarray, dt: float, issued: DataWarnings
) -> None:
    """Warns if numbers are outside the range that an input neuron represents.

    Args:
        where: start of the warning; names the input.
        neuron: the neuron, an `InputBase`.
        values: the numbers, at least one.
        dt: time step [ms].
        issued: warnings of this call so far.
    """
    lowest, highest = neuron.data_range(dt)
    if not np.isfinite([lowest, highest]).any():
        return
    margin = RANGE_TOLERANCE * abs(highest) if np.isfinite(highest) else 0.0
    least, most = float(values.min()), float(values.max())
    kind = type(neuron).__name__
    received = f"Received numbers from {least:g} to {most:g}"
    if least < lowest - (margin if lowest else 0.0):
        below = float(np.mean(values < lowest))
        issued.warn(
            where,
            "below",
            f"{where}: a {kind} represents no numbers below {lowest:g}. {received}, "
            f"{below:.2%} of them below, which are cut off. Shift the numbers, or use "
            "an input with a sign (signed_spikes or signed_input).",
        )
    if most > highest + margin:
        above = float(np.mean(values > highest + margin))
        issued.warn(
            where,
            "above",
            f"{where}: a {kind} represents numbers up to {highest:.4g}; those above "
            f"are sent alike. {received}, {above:.2%} of them above. Scale the "
            "numbers, for example images of 0 to 255 to the range of 0 to 1.",
        )
