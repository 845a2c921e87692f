"""Numbers that go with a plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """The numbers that go with a plan.

    Args:
        parameters: {neuron group: {parameter: number or array (size,)}}.
        initial: {neuron group: {variable: number or array (size,)}}.
        weights: {synapse group: array (source size, target size), (synapses,) where
            they are sparse, or of the shape of its kernel}.
        indices: {sparse synapse group: (source, target) neurons of its synapses,
            sorted}.
        delays: {synapse group: steps, or an array of steps, shaped as its weights}.
        max_delays: {synapse group: the longest delay [steps]}.
        frames: {group that is given data: (frames, time steps that each lasts)}.
        windows: {group that acts in some steps only: (first step, the one after the
            last)}.
        dt: time step [ms].
        loss: scalars of losses and regularisers: {name: number}.
    """

    dt: float
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict)
    initial: dict[str, dict[str, Any]] = field(default_factory=dict)
    weights: dict[str, np.ndarray] = field(default_factory=dict)
    indices: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    delays: dict[str, Any] = field(default_factory=dict)
    max_delays: dict[str, int] = field(default_factory=dict)
    frames: dict[str, tuple[int, int]] = field(default_factory=dict)
    windows: dict[str, tuple[int, int]] = field(default_factory=dict)
    loss: dict[str, Any] = field(default_factory=dict)
