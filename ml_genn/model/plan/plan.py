"""The plan of a network."""

from __future__ import annotations

from dataclasses import dataclass

from ml_genn.model.plan.neurons import NeuronGroup
from ml_genn.model.plan.synapses import SynapseGroup
from ml_genn.model.plan.text import record_text
from ml_genn.model.plan.updates import Learned, LearnedKind, OptimiserUpdate


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a backend runs of a network.

    Args:
        neurons: neuron groups.
        synapses: synapse groups.
        updates: optimiser steps, run after the backward pass of each batch.
        online: True if gradients are computed while the network runs, with eligibility
            traces, so that memory does not grow with the number of steps.
        learning_rule: derivative of spikes under the learning rule, for readers; empty
            for inference.
    """

    neurons: tuple[NeuronGroup, ...]
    synapses: tuple[SynapseGroup, ...]
    updates: tuple[OptimiserUpdate, ...] = ()
    online: bool = False
    learning_rule: str = ""

    @property
    def trains(self) -> bool:
        """True if it has a backward pass."""
        return any(group.adjoint for group in self.neurons)

    def neuron(self, name: str) -> NeuronGroup:
        """Returns the neuron group with a name."""
        return next(group for group in self.neurons if group.name == name)

    def synapse(self, name: str) -> SynapseGroup:
        """Returns the synapse group with a name."""
        return next(group for group in self.synapses if group.name == name)

    def incoming(self, name: str) -> tuple[SynapseGroup, ...]:
        """Returns the synapse groups that lead to a neuron group."""
        return tuple(group for group in self.synapses if group.target == name)

    def outgoing(self, name: str) -> tuple[SynapseGroup, ...]:
        """Returns the synapse groups that start at a neuron group."""
        return tuple(group for group in self.synapses if group.source == name)

    @property
    def learned(self) -> tuple[Learned, ...]:
        """Arrays whose gradient is computed, in order weights, delays, parameters."""
        kinds = LearnedKind
        stored = [s for s in self.synapses if not s.negates]
        return (
            *(Learned(kinds.WEIGHT, s.name) for s in stored if s.learn),
            *(Learned(kinds.DELAY, s.name) for s in stored if s.learn_delay),
            *(
                Learned(kinds.PARAMETER, g.name, p.name)
                for g in self.neurons
                for p in g.learned
            ),
        )

    def __str__(self) -> str:
        return record_text(self)
