"""Synapse groups."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ml_genn.model.plan.formats import DENSE, SynapseFormat


class Delay(Enum):
    """Kind of the delays of a synapse group."""

    NONE = "none"
    CONSTANT = "constant"  #: the same number of steps for all synapses
    PER_SYNAPSE = "per_synapse"  #: a number of steps for each synapse


@dataclass(frozen=True, slots=True)
class SynapseGroup:
    """Synapses of one connection.

    Args:
        name: name of the connection.
        source, target: names of neuron groups.
        port: index into the target's ports.
        delivers: True (default) if spikes pass through it; False for feedback weights,
            which pass gradients only.
        format: storage format, dense by default.
        delay: kind of delays.
        learn: True if the gradient by its weights is computed.
        learn_delay: True if the gradient by its delays is computed.
        backpropagates: True if the loss's gradient is passed back through it to the
            source.
        rewired: True if synapses whose weight changes sign are replaced by synapses
            between other neurons (Deep-R).
        self_connections: True (default) if rewiring may connect a neuron to itself.
        negates: name of the group whose weights it delivers with the opposite sign; it
            has none of its own. None for other groups.
    """

    name: str
    source: str
    target: str
    port: int
    delivers: bool = True
    format: SynapseFormat = DENSE
    delay: Delay = Delay.NONE
    learn: bool = False
    learn_delay: bool = False
    backpropagates: bool = False
    rewired: bool = False
    self_connections: bool = True
    negates: str | None = None

    @property
    def stored(self) -> str:
        """Name of the group that stores its weights, delays and indices."""
        return self.negates or self.name

    @property
    def trained(self) -> bool:
        """True if the backward pass visits it."""
        return self.learn or self.reads_backprop

    @property
    def reads_backprop(self) -> bool:
        """True if it reads the target's `PortAdjoint.backprop`."""
        return self.backpropagates or self.learn_delay
