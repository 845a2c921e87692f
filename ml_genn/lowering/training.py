"""What a learning rule adds to a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ml_genn.connection import Connection
from ml_genn.model.equations import NeuronEquations
from ml_genn.model.plan import Loss
from ml_genn.model.spike_gradients import SpikeGradient
from ml_genn.optimisers import Optimiser
from ml_genn.population import Population


def _unchanged(equations: NeuronEquations) -> NeuronEquations:
    return equations


@dataclass(frozen=True, eq=False)
class Feedback:
    """Weights of their own through which the loss reaches a hidden population.

    Args:
        hidden, output: the populations.
        optimiser: how they learn, as weights from hidden to output would; None: not.
        decay: share that they lose with each update, 0 by default.
    """

    hidden: Population
    output: Population
    optimiser: Optimiser | None = None
    decay: float = 0.0

    @property
    def name(self) -> str:
        """Name of their synapse group."""
        return f"Feedback_{self.output.name}_{self.hidden.name}"


@dataclass(frozen=True, eq=False)
class Training:
    """What a learning rule adds to a network.

    Args:
        losses: {output: loss}.
        adjoint: populations that the loss flows through.
        learn: {connection whose weights change: how}.
        delays: {connection whose delays change: how}.
        rewired: {connection that Deep-R rewires: strength of its L1 regularisation}.
        parameters: {(population, parameter that changes): how}.
        backprop_connections: connections that pass the loss's gradient back to their
            source.
        feedback: feedback weights from an output to a hidden population.
        decay: share that weights lose with each update, {connection: share}.
        rule: how the backward pass treats spikes.
        rule_parameters: numbers that the rule's expressions mention.
        regularised: {population: (lower, upper strength, target spikes)}.
        loss_scalars: {output: (number of its loss's formula, pull on first spikes)}.
        spread: {(population, parameter)} that are learned for each neuron, although
            one value is given.
        online: whether gradients are taken while the network runs.
        equations: adds to the equations of a trained neuron what the rule needs.
    """

    losses: Mapping[Population, Loss]
    adjoint: frozenset[Population]
    learn: Mapping[Connection, Optimiser]
    backprop_connections: frozenset[Connection]
    rule: SpikeGradient
    feedback: tuple[Feedback, ...] = ()
    decay: Mapping[Connection, float] = field(default_factory=dict)
    delays: Mapping[Connection, Optimiser] = field(default_factory=dict)
    rewired: Mapping[Connection, float] = field(default_factory=dict)
    parameters: Mapping[tuple[Population, str], Optimiser] = field(default_factory=dict)
    rule_parameters: Mapping[str, float] = field(default_factory=dict)
    regularised: Mapping[Population, tuple[float, float, float]] = field(
        default_factory=dict
    )
    loss_scalars: Mapping[Population, tuple[float, float]] = field(default_factory=dict)
    spread: frozenset[tuple[Population, str]] = frozenset()
    online: bool = False
    equations: Callable[[NeuronEquations], NeuronEquations] = _unchanged

    def parameters_of(self, population: Population) -> tuple[str, ...]:
        """Parameters of a population that are learned."""
        return tuple(name for p, name in self.parameters if p is population)
