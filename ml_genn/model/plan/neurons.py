"""Neuron groups."""

from __future__ import annotations

from dataclasses import dataclass

from ml_genn.model.plan.adjoint import Adjoint
from ml_genn.model.plan.code import NO_CODE, Code, Constant, StateVariable
from ml_genn.model.plan.outputs import Loss, Readout


@dataclass(frozen=True, slots=True)
class Port:
    """Entry of spikes into a neuron group.

    Args:
        name: its name.
        variable: state variable that a spike adds its weight to.
    """

    name: str
    variable: str


@dataclass(frozen=True, slots=True)
class Derivation:
    """Parts of a neuron group that are derived from equations; see `NeuronGroup`."""

    variables: tuple[StateVariable, ...]
    constants: tuple[Constant, ...]
    ports: tuple[Port, ...]
    step: Code
    threshold: str | None
    reset: Code
    adjoint: Adjoint | None


@dataclass(frozen=True, slots=True)
class LearnedParameter:
    """Parameter of a neuron group that is learned.

    Args:
        name: its name.
        shared: True if all neurons have the same value.
    """

    name: str
    shared: bool


@dataclass(frozen=True, slots=True)
class NeuronGroup:
    """Neurons with the same model.

    Args:
        name: name of the population.
        size: number of neurons.
        variables: state variables, in the order of the state block.
        constants: constants that code reads.
        buffers: names of buffers with a number per step, neuron and example; code
            reads and writes the entry of its step, in both passes.
        ports: entries of spikes.
        output: variable that readouts read; None if there is none.
        step: code of a time step, which updates the variables.
        threshold: condition of a spike, after the step; None for neurons that do not
            spike.
        reset: run when the neuron spikes.
        saved_locals: locals of the step that code at spikes reads.
        events: True if its spikes are input data.
        data: population whose data (a number per neuron and step) are added to the
            first port; None if there are none.
        readout: its readout, if it is an output.
        loss: its loss, if it is an output with a target.
        adjoint: its backward pass; None if gradients do not pass through it.
        regularised: True if its firing rate is regularised.
        learned: parameters that are learned.
        window: True if it is active in some steps only, see `PlanValues.windows`.
        integers_wrap: True if sums and products of integers may be larger than their
            type, in users' code; they wrap around.
    """

    name: str
    size: int
    variables: tuple[StateVariable, ...] = ()
    constants: tuple[Constant, ...] = ()
    buffers: tuple[str, ...] = ()
    ports: tuple[Port, ...] = ()
    output: str | None = None
    step: Code = NO_CODE
    threshold: str | None = None
    reset: Code = NO_CODE
    saved_locals: tuple[str, ...] = ()
    events: bool = False
    data: str | None = None
    readout: Readout | None = None
    loss: Loss | None = None
    adjoint: Adjoint | None = None
    regularised: bool = False
    learned: tuple[LearnedParameter, ...] = ()
    window: bool = False
    integers_wrap: bool = False

    def learned_parameter(self, name: str) -> LearnedParameter:
        """Returns the learned parameter with a name."""
        return next(p for p in self.learned if p.name == name)

    @property
    def spikes(self) -> bool:
        """True if its neurons spike."""
        return self.events or self.threshold is not None
