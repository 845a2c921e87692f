"""The plan: all that a backend needs to know of a network, as frozen records.

A plan holds structure only. Numbers (weights, parameters, initial values, the time
step, the batch) travel beside it in `Values`, so that a user who tunes one does not
cause a new build. Code is C text over plain names; backends add loads and stores.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np

from ml_genn.model.kernel import Kernel


@dataclass(frozen=True, slots=True)
class Code:
    """Statements in the C family's common subset, over the names of one neuron.

    Args:
        lines: source lines.
        reads: names of variables and constants that the lines read.
        writes: names of variables that the lines assign.
        calls: functions called that are not C mathematics (random numbers).
    """

    lines: tuple[str, ...] = ()
    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.lines)


@dataclass(frozen=True, slots=True)
class StateVariable:
    """One number per neuron and example.

    Args:
        name: its name.
        type: its C type: float, int32_t, uint32_t or bool, stored in four bytes.
    """

    name: str
    type: str = "float"


@dataclass(frozen=True, slots=True)
class Constant:
    """A number per group, or per neuron, that an expression of parameters gives.

    Args:
        name: how code mentions it.
        expression: expression over the group's parameters and ``dt``.
        per_neuron: whether neurons have values of their own.
    """

    name: str
    expression: str
    per_neuron: bool = False


@dataclass(frozen=True, slots=True)
class Port:
    """Where spikes enter a neuron group: they add their weight to ``variable``."""

    name: str
    variable: str


@dataclass(frozen=True, slots=True)
class PortAdjoint:
    """What a synapse into a port sees of its target in the backward pass.

    Args:
        weight: dL/dw of a spike that arrives now.
        back: weight * ``back`` is what flows back to the source: under EventProp dL/dt
            of the arrival, with surrogate gradients dL/ds of the spike. It may read
            ``look_``, what the loss adds to the output's adjoint one step sooner.
        reads: names in both.
    """

    weight: str
    back: str
    reads: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Active:
    """Where a spike is given a slope: a neuron near its threshold is active.

    Args:
        condition: whether a neuron is active in a step, before its reset.
        record: run where it is active, before the reset; assigns ``records``, or
            buffers.
        records: numbers kept with each active entry.
        reset: adds to ``dL_ds_``, the derivative of the loss by the spike, what the
            reset that comes with it does.
        jump: adjoint before the spike from ``dL_ds_`` and ``records``.
    """

    condition: str
    record: Code
    records: tuple[str, ...]
    reset: Code
    jump: Code

    @property
    def everywhere(self) -> bool:
        """Whether all neurons are active in each step."""
        return self.condition == "true"


@dataclass(frozen=True, slots=True)
class Adjoint:
    """The backward pass of a neuron group, in reverse time.

    Args:
        variables: adjoint variables, ``lambda_<x> = dL/dx``.
        tape: state variables whose value at the start of each step is recorded.
        step: adjoint before a step from the adjoint after it.
        record: run at forward spikes before the reset; assigns ``records``.
        records: numbers kept with each spike.
        jump: adjoint before a spike from the adjoint after it, from ``records`` and
            ``dL_dt_``, the derivative of the loss by the time of the spike.
        ports: one for each port of the group.
        push: assigns to the adjoint variables the effect of ``amount_`` on the
            threshold crossing (regularisation).
        active: for rules with a surrogate gradient.
        eligible: adjoint variables through which the past acts on later spikes and
            losses; empty where gradients are exact.
        decay: how much of the only eligible variable is left after a step, as an
            expression over parameters and ``dt``; empty where there are several, or
            spikes, or where it depends on the state.
    """

    variables: tuple[str, ...]
    tape: tuple[str, ...]
    step: Code
    record: Code
    records: tuple[str, ...]
    jump: Code
    ports: tuple[PortAdjoint, ...]
    push: Code
    active: Active | None = None
    eligible: tuple[str, ...] = ()
    decay: str = ""


@dataclass(frozen=True, slots=True)
class Derived:
    """What follows from a system of equations; see `NeuronGroup` for the parts."""

    variables: tuple[StateVariable, ...]
    constants: tuple[Constant, ...]
    ports: tuple[Port, ...]
    step: Code
    threshold: str | None
    reset: Code
    adjoint: Adjoint | None


class Sensitivity(Enum):
    """What a readout depends on."""

    VARIABLE = "variable"  #: the output variable in each step
    SPIKE_TIME = "spike_time"  #: the time of the first spike
    SPIKES = "spikes"  #: the number of spikes


@dataclass(frozen=True, slots=True)
class Readout:
    """How a number per output neuron is made from what it does in time.

    Names in its code: ``output`` (the output variable), ``step`` (index of the time
    step), ``num_steps``, ``dt``, and its own variables.

    Args:
        variables: (name, initial value) of its state.
        update: run in every step after integration, before the reset.
        on_spike: run when the neuron spikes.
        result: expression of the value at the end.
        sensitivity: what it depends on.
        weight: for VARIABLE: derivative of the result by ``output`` in a step.
    """

    variables: tuple[tuple[str, float], ...]
    update: Code
    on_spike: Code
    result: str
    sensitivity: Sensitivity
    weight: str


class LossKind(Enum):
    """Losses that a backend offers."""

    CROSS_ENTROPY = "cross_entropy"  #: softmax cross-entropy against a label
    SOFT_CROSS_ENTROPY = "soft_cross_entropy"  #: the same against shares of classes
    SQUARED_ERROR = "squared_error"  #: mean square error against values
    ABSOLUTE_ERROR = "absolute_error"  #: mean absolute error against values
    RELATIVE_SQUARED_ERROR = "relative_squared_error"  #: of times, against a label

    @property
    def of_labels(self) -> bool:
        """Whether targets are labels, one for each example."""
        return self in (LossKind.CROSS_ENTROPY, LossKind.RELATIVE_SQUARED_ERROR)

    @property
    def of_errors(self) -> bool:
        """Whether targets are values of what is compared, number by number."""
        return self in (LossKind.SQUARED_ERROR, LossKind.ABSOLUTE_ERROR)


@dataclass(frozen=True, slots=True)
class Loss:
    """What the result of a readout is compared with.

    Args:
        kind: which loss.
        per_step: whether it compares the output variable in every step.
        mean_over_steps: with ``per_step``, whether steps are averaged, else summed.
        first_spike: whether results are negative first spike times.
    """

    kind: LossKind
    per_step: bool = False
    mean_over_steps: bool = True
    first_spike: bool = False


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
        kept: locals of the step that code at spikes reads.
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
    step: Code = Code()
    threshold: str | None = None
    reset: Code = Code()
    kept: tuple[str, ...] = ()
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


class Delay(Enum):
    """How spikes of a synapse group are delayed."""

    NONE = "none"
    CONSTANT = "constant"  #: the same number of steps for all synapses
    PER_SYNAPSE = "per_synapse"  #: a number of steps for each


class Format(Enum):
    """How the synapses of a group are stored."""

    DENSE = "dense"  #: one for each pair of neurons
    SPARSE = "sparse"  #: a list for each neuron of the source
    KERNEL = "kernel"  #: weights that the patches of an image share


@dataclass(frozen=True, slots=True)
class SynapseGroup:
    """Synapses of one connection.

    Args:
        name: name of the connection.
        source, target: names of neuron groups.
        port: index into the target's ports.
        delivers: whether spikes go through it; feedback weights only carry the loss.
        format: how they are stored.
        delay: kind of delay.
        learn: whether the gradient by its weights is taken.
        learn_delay: whether the gradient by its delays is taken.
        feed_back: whether the loss flows back through it to the source.
        rewired: whether weights that change sign are replaced by synapses between
            other neurons (Deep-R).
        self_connections: whether rewiring may connect a neuron to itself.
        kernel: which neurons share weights, where its format is KERNEL.
        negates: name of the group whose weights it delivers with the opposite sign; it
            has none of its own.
    """

    name: str
    source: str
    target: str
    port: int
    delivers: bool = True
    format: Format = Format.DENSE
    delay: Delay = Delay.NONE
    learn: bool = False
    learn_delay: bool = False
    feed_back: bool = False
    rewired: bool = False
    self_connections: bool = True
    kernel: Kernel | None = None
    negates: str | None = None

    @property
    def stored(self) -> str:
        """Name of the group that has its weights, delays and indices."""
        return self.negates or self.name

    @property
    def trained(self) -> bool:
        """Whether the backward pass visits it."""
        return self.learn or self.reads_back

    @property
    def reads_back(self) -> bool:
        """Whether it asks its target what flows back over it."""
        return self.feed_back or self.learn_delay


class LearnedKind(Enum):
    """What a learned array holds."""

    WEIGHT = "weight"  #: weights of a synapse group
    DELAY = "delay"  #: delays of a synapse group, in time steps
    PARAMETER = "parameter"  #: a parameter of a neuron group


@dataclass(frozen=True, slots=True)
class Learned:
    """An array whose gradient is taken.

    Args:
        kind: what it holds.
        owner: name of a synapse group or of a neuron group.
        name: name of the parameter.
    """

    kind: LearnedKind
    owner: str
    name: str = ""

    def __str__(self) -> str:
        if self.kind is LearnedKind.WEIGHT:
            return self.owner
        return f"{self.owner}.{self.name or self.kind.value}"


SIGN = "sign"  #: slot of weights that are rewired: +1 or -1, which they keep
GRADIENT_NORM = "gradient_norm"  #: length of the gradient of the array
GLOBAL_NORM = "global_norm"  #: length of the gradients of all arrays together


@dataclass(frozen=True, slots=True)
class OptimiserUpdate:
    """One step of an optimiser on one array.

    Args:
        target: the array.
        slots: names of the numbers it keeps for each weight.
        scalars: names of the numbers it is given each step.
        code: assigns ``x``, the slots and ``gradient`` from ``x``, the slots,
            ``gradient`` and the scalars; it may read the norms.
    """

    target: Learned
    slots: tuple[str, ...]
    scalars: tuple[str, ...]
    code: Code

    @property
    def norms(self) -> bool:
        """Whether it reads a norm."""
        return not self.code.reads.isdisjoint({GRADIENT_NORM, GLOBAL_NORM})


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
        from ml_genn.model.plan_text import plan_text

        return plan_text(self)


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
