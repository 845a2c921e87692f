"""Numbers of a network, which travel beside its plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ml_genn.model.plan.neurons import NeuronGroup
from ml_genn.model.plan.outputs import WINDOW_CONSTANTS
from ml_genn.model.rate_regularisation import RateRegularisation


@dataclass(frozen=True, slots=True, eq=False)
class PlanValues:
    """Numbers of a plan's groups; changing one needs no build.

    Args:
        dt: time step [ms].
        parameters: {neuron group: {parameter: number or array (size,)}}.
        initial: {neuron group: {variable: number or array (size,)}}, the initial state.
        weights: {synapse group: array (source size, target size), (synapses,) where
            they are sparse, or of the shape of its kernel}.
        indices: {sparse synapse group: (source, target) neurons of its synapses,
            sorted}.
        delays: {synapse group: delay [steps], or an array of delays shaped as its
            weights}.
        max_delays: {synapse group: longest delay [steps]}.
        frames: {neuron group with data: (frames, time steps of each)}.
        windows: {neuron group that is active in some steps only: (first step, the step
            after the last)}.
        loss_scalars: {output group: (number of the loss's formula, strength of the
            penalty on late first spikes)}.
        rate_regularisation: {regularised group: strengths and target}.
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
    loss_scalars: dict[str, tuple[float, float]] = field(default_factory=dict)
    rate_regularisation: dict[str, RateRegularisation] = field(default_factory=dict)

    def readout_steps(self, group: NeuronGroup, num_steps: int) -> range:
        """Returns the time steps that a group's readout sees.

        Args:
            group: an output group.
            num_steps: time steps of an example.
        """
        if group.readout is None or not group.readout.window:
            return range(num_steps)
        first, end = (self.parameters[group.name][name] for name in WINDOW_CONSTANTS)
        return range(int(first), int(end))
