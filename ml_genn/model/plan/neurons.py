"""Neuron groups."""

from __future__ import annotations

from dataclasses import dataclass

from ml_genn.model.plan.adjoint import Adjoint
from ml_genn.model.plan.code import NO_CODE, Code, Constant, StateVariable
from ml_genn.model.plan.outputs import Loss, Readout


@dataclass(frozen=True, slots=True)
class Port:
    """Where spikes enter a neuron group: they add their weight to ``variable``."""

    name: str
    variable: str


@dataclass(frozen=True, slots=True)
class Derivation:
    """What follows from a system of equations; see `NeuronGroup` for the parts."""

    variables: tuple[StateVariable, ...]
    constants: tuple[Constant, ...]
    ports: tuple[Port, ...]
    step: Code
    threshold: str | None
    reset: Code
    adjoint: Adjoint | None


@dataclass(frozen=True, slots=True)
class LearnedParameter:
    """A parameter of a neuron group that is learned.

    Args:
        name: its name.
        shared: whether all neurons have the same value.
    """

    name: str
    shared: bool


@dataclass(frozen=True, slots=True)
class NeuronGroup:
    """Neurons that share a model.

    Args:
        name: name of the population.
        size: number of neurons.
        variables: state, in the order of the state block.
        constants: numbers that code reads.
        buffers: numbers with an entry for each step of an example; code reads and
            writes that of its step, forwards and back.
        ports: where spikes enter.
        output: variable that readouts look at.
        step: one time step; ends with the variables up to date.
        threshold: condition, after the step, under which the neuron spikes.
        reset: run when the neuron spikes.
        saved_locals: locals of the step that code at spikes reads.
        events: whether its spikes come with the data.
        data: population whose data are added to its first port, a number per neuron in
            each step; None if there are none.
        readout: how its result is made, if it is an output.
        loss: what the result is compared with, if it is trained against something.
        adjoint: its backward pass, if one flows through it.
        regularised: whether its firing rate is regularised.
        learned: parameters that are learned.
        window: whether it acts in some steps only, which come with the numbers.
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

    def learned_parameter(self, name: str) -> LearnedParameter:
        """The learned parameter of that name."""
        return next(p for p in self.learned if p.name == name)

    @property
    def spikes(self) -> bool:
        """Whether its neurons emit spikes."""
        return self.events or self.threshold is not None
