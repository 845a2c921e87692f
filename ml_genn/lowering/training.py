"""Parts of a network that a learning rule trains, and its optimisers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ml_genn.connection import Connection
from ml_genn.model.equations import NeuronEquations
from ml_genn.model.plan import Loss
from ml_genn.model.rate_regularisation import RateRegularisation
from ml_genn.model.spike_gradients import SpikeGradient
from ml_genn.optimisers import Optimiser
from ml_genn.population import Population


def _unchanged(equations: NeuronEquations) -> NeuronEquations:
    return equations


@dataclass(frozen=True, eq=False)
class Feedback:
    """Feedback weights, through which an output's error reaches a hidden population.

    Args:
        hidden: the population that learns.
        output: the population with the loss.
        optimiser: changes feedback weights by the gradient of weights from hidden to
            output; None (default) leaves them fixed.
        decay: fraction that they lose with each update, 0 by default.
    """

    hidden: Population
    output: Population
    optimiser: Optimiser | None = None
    decay: float = 0.0

    @property
    def name(self) -> str:
        """Name of their synapse group."""
        return f"Feedback_{self.output.name}_{self.hidden.name}"


class LossScalars(NamedTuple):
    """Numbers of an output's loss that may change without a build.

    Attributes:
        formula: number that the loss's formula reads, such as a temperature.
        late_spike_penalty: strength of the penalty on late first spikes.
    """

    formula: float
    late_spike_penalty: float


@dataclass(frozen=True, eq=False)
class Training:
    """Training of a network under a learning rule; by default nothing is trained.

    Args:
        losses: {output: loss}.
        populations: populations with an adjoint: those from which an output is reached.
        weights: {connection with learned weights: optimiser}.
        delays: {connection with learned delays: optimiser}.
        parameters: {(population, learned parameter): optimiser}.
        per_neuron: (population, parameter) pairs that each neuron learns for itself,
            although one value is given for all.
        rewired: {connection that Deep-R rewires: strength of its L1 regularisation}.
        weight_decay: {connection: fraction that its weights lose with each update}.
        backprop_connections: connections that pass the gradient back to their source.
        feedback: feedback weights from outputs to hidden populations.
        spike_gradient: derivative of spikes; None if nothing is trained.
        rule_parameters: values of the parameters in the rule's expressions.
        rate_regularisation: {population: strengths and target}.
        loss_scalars: {output: numbers of its loss}.
        online: True if gradients are computed while the network runs.
        extended_equations: adds variables of the rule to a trained neuron's equations.
    """

    losses: Mapping[Population, Loss] = field(default_factory=dict)
    populations: frozenset[Population] = frozenset()
    weights: Mapping[Connection, Optimiser] = field(default_factory=dict)
    delays: Mapping[Connection, Optimiser] = field(default_factory=dict)
    parameters: Mapping[tuple[Population, str], Optimiser] = field(default_factory=dict)
    per_neuron: frozenset[tuple[Population, str]] = frozenset()
    rewired: Mapping[Connection, float] = field(default_factory=dict)
    weight_decay: Mapping[Connection, float] = field(default_factory=dict)
    backprop_connections: frozenset[Connection] = frozenset()
    feedback: tuple[Feedback, ...] = ()
    spike_gradient: SpikeGradient | None = None
    rule_parameters: Mapping[str, float] = field(default_factory=dict)
    rate_regularisation: Mapping[Population, RateRegularisation] = field(
        default_factory=dict
    )
    loss_scalars: Mapping[Population, LossScalars] = field(default_factory=dict)
    online: bool = False
    extended_equations: Callable[[NeuronEquations], NeuronEquations] = _unchanged

    def parameters_of(self, population: Population) -> tuple[str, ...]:
        """Returns the names of a population's learned parameters."""
        return tuple(name for p, name in self.parameters if p is population)


INFERENCE = Training()
