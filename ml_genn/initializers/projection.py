"""Numbers of a connection by which initializers scale its weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple


class SpikeResponse(NamedTuple):
    """Response of a resting neuron to one spike over a synapse of weight 1.

    Attributes:
        energy: integral of the squared change of its membrane potential [ms].
        threshold: change of the membrane potential that reaches the threshold; 1 for
            neurons that do not spike.
    """

    energy: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Projection:
    """Numbers of a connection by which initializers scale its weights.

    Args:
        name: name of the connection, for error messages.
        fan_in: mean number of synapses onto a target neuron, at least 1. Where pooling
            precedes the weights, a pooled patch counts as one.
        fan_out: mean number of synapses from a source neuron, at least 1.
        num_inputs: number of connections onto the target population.
        response: function that returns the response of a target neuron; None where it
            has no equations, or does not respond.
    """

    name: str
    fan_in: float
    fan_out: float
    num_inputs: int
    response: Callable[[], SpikeResponse | None]
