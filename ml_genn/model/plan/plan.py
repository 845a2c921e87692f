"""The plan of a network."""

from __future__ import annotations

from dataclasses import dataclass

from ml_genn.model.plan.neurons import NeuronGroup
from ml_genn.model.plan.synapses import SynapseGroup
from ml_genn.model.plan.updates import Learned, LearnedKind, OptimiserUpdate


@dataclass(frozen=True, slots=True)
class Plan:
    """A network, lowered.

    Args:
        neurons: neuron groups.
        synapses: synapse groups.
        updates: optimiser steps, run after the backward pass of each batch.
        online: whether gradients are taken while the network runs, with traces of the
            past, so that memory does not grow with the number of steps.
    """

    neurons: tuple[NeuronGroup, ...]
    synapses: tuple[SynapseGroup, ...]
    updates: tuple[OptimiserUpdate, ...] = ()
    online: bool = False

    @property
    def trains(self) -> bool:
        """Whether it has a backward pass."""
        return any(group.adjoint for group in self.neurons)

    def neuron(self, name: str) -> NeuronGroup:
        """The neuron group of that name."""
        return next(group for group in self.neurons if group.name == name)

    def synapse(self, name: str) -> SynapseGroup:
        """The synapse group of that name."""
        return next(group for group in self.synapses if group.name == name)

    def incoming(self, name: str) -> tuple[SynapseGroup, ...]:
        """Synapse groups onto a neuron group."""
        return tuple(group for group in self.synapses if group.target == name)

    def outgoing(self, name: str) -> tuple[SynapseGroup, ...]:
        """Synapse groups out of a neuron group."""
        return tuple(group for group in self.synapses if group.source == name)

    @property
    def learned(self) -> tuple[Learned, ...]:
        """Arrays whose gradient is taken (weights, delays, parameters)."""
        kinds = LearnedKind
        own = [s for s in self.synapses if not s.negates]
        return (
            *(Learned(kinds.WEIGHT, s.name) for s in own if s.learn),
            *(Learned(kinds.DELAY, s.name) for s in own if s.learn_delay),
            *(
                Learned(kinds.PARAMETER, g.name, p.name)
                for g in self.neurons
                for p in g.learned
            ),
        )

    def __str__(self) -> str:
        from ml_genn.model.plan.text import plan_text

        return plan_text(self)
