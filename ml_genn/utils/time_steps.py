"""Conversion of times to whole numbers of time steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

#: Fraction of a time step by which a time may exceed a multiple of the step and still
#: count as that multiple. Times in single precision are off by less, up to 16,000
#: steps; those in double precision always.
STEP_TOLERANCE = 1e-3


MS_PER_SECOND = 1000.0  #: times are in ms, rates in Hz


def whole_steps(times: npt.ArrayLike, dt: float) -> npt.NDArray[Any]:
    """Returns times as numbers of time steps, rounded up.

    The division is rounded once, so ``n * dt`` is n steps for each n and dt although
    neither needs to be exact in binary. A period thus lasts at least as long as it
    says, and an event happens at the first step that does not precede it.

    Args:
        times: finite times [ms].
        dt: duration of a time step [ms].
    """
    steps = np.ceil(np.asarray(times, dtype=np.float64) / dt - STEP_TOLERANCE)
    return np.asarray(np.maximum(steps, 0.0))
