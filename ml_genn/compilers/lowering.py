"""From a network to a plan and its numbers, as a list of passes.

resolve    make the choices that the user left open
ports      merge synapses onto a population that behave the same
neurons    derive each population's group from its equations
synapses   one group per connection
values     weights, delays, parameters, initial states
verify     every name is known, every reference leads somewhere
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ml_genn.compilers.derivations import derived
from ml_genn.connection import Connection
from ml_genn.errors import ValidationError, unknown_name
from ml_genn.initializers import Initializer
from ml_genn.model.code_strings import CodeBlock, NeuronCode
from ml_genn.model.equations import NeuronEquations, SynapseEquations
from ml_genn.model.expression import names
from ml_genn.model.plan import (
    Code,
    Constant,
    Delay,
    Derived,
    Learned,
    LearnedParameter,
    Loss,
    NeuronGroup,
    OptimiserUpdate,
    Plan,
    Readout,
    Sensitivity,
    StateVariable,
    SynapseGroup,
    Values,
)
from ml_genn.model.rules import SpikeRule
from ml_genn.model.system import System, port_name, system_of
from ml_genn.model.verify import verify
from ml_genn.network import Network
from ml_genn.neurons import CodeNeuron, Input, Neuron
from ml_genn.optimisers import Optimiser
from ml_genn.population import Population
from ml_genn.synapses import Synapse
from ml_genn.utils.choices import Choices, resolved
from ml_genn.utils.value import drawn, generator


def _unchanged(equations: NeuronEquations) -> NeuronEquations:
    return equations


@dataclass(frozen=True, eq=False)
class Training:
    """What a learning rule adds to a network.

    Args:
        losses: {output: loss}.
        adjoint: populations that the loss flows through.
        learn: {connection whose weights change: how}.
        parameters: {(population, parameter that changes): how}.
        feed_back: connections through which the loss flows back to the source.
        rule: how the backward pass treats spikes.
        rule_parameters: numbers that the rule's expressions mention.
        regularised: {population: (lower, upper strength, target spikes)}.
        loss_scalars: {output: (temperature, alpha)}.
        spread: {(population, parameter)} that are learned for each neuron, although
            one value is given.
        equations: adds to the equations of a trained neuron what the rule needs.
    """

    losses: Mapping[Population, Loss]
    adjoint: frozenset[Population]
    learn: Mapping[Connection, Optimiser]
    feed_back: frozenset[Connection]
    rule: SpikeRule
    parameters: Mapping[tuple[Population, str], Optimiser] = field(default_factory=dict)
    rule_parameters: Mapping[str, float] = field(default_factory=dict)
    regularised: Mapping[Population, tuple[float, float, float]] = field(
        default_factory=dict
    )
    loss_scalars: Mapping[Population, tuple[float, float]] = field(default_factory=dict)
    spread: frozenset[tuple[Population, str]] = frozenset()
    equations: Callable[[NeuronEquations], NeuronEquations] = _unchanged


@dataclass(frozen=True, slots=True, eq=False)
class Lowered:
    """A network as a backend takes it.

    Args:
        plan: structure.
        values: numbers.
        neurons: {population: neuron with every choice made}.
        synapses: {connection: synapse with every choice made}.
        optimisers: how each of the plan's updates is done.
    """

    plan: Plan
    values: Values
    neurons: Mapping[Population, Neuron]
    synapses: Mapping[Connection, Synapse]
    optimisers: tuple[Optimiser, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Ports:
    """Ports of a population: one per kind of synapse."""

    synapses: tuple[Synapse, ...]
    of: Mapping[Connection, int]


def lower(
    network: Network,
    *,
    dt: float,
    seed: int,
    choices: Choices,
    training: Training | None = None,
) -> Lowered:
    """Lowers a network.

    Args:
        network: the network; it is not changed.
        dt: time step [ms].
        seed: seed of what is drawn from initializers.
        choices: the compiler's choices for arguments that the user left open.
        training: what is learned and how; None for inference.
    """
    check_network(network)
    neurons = {p: resolved(p.neuron, choices) for p in network.populations}
    synapses = {c: resolved(c.synapse, choices) for c in network.connections}
    ports = {p: _ports(p, synapses) for p in network.populations}
    draw = _Draw(seed, dt)
    groups = tuple(
        _group(p, neurons[p], ports[p], draw, training) for p in network.populations
    )
    connections = tuple(
        _synapses(c, ports, draw, training) for c in network.connections
    )
    updates = _updates(connections, training) if training else []
    values = draw.values()
    if training:
        values.loss["outputs"] = {p.name: s for p, s in training.loss_scalars.items()}
        values.loss["regularised"] = {
            p.name: s for p, s in training.regularised.items()
        }
    plan = verify(Plan(groups, connections, tuple(u for u, _ in updates)))
    return Lowered(plan, values, neurons, synapses, tuple(o for _, o in updates))


def check_network(network: Network) -> None:
    """Refuses a network that cannot be run.

    Raises:
        ValidationError: if it is empty, a population has no shape or no input.
    """
    if not isinstance(network, Network):
        raise ValidationError(f"compile: expected a Network. Received {network!r}.")
    if not network.populations:
        raise ValidationError("compile: the network has no populations.")
    for population in network.populations:
        if population.shape is None:
            raise ValidationError(
                f"Population '{population.name}' has no shape. Give one, or connect it "
                "with connectivity that determines it, such as Dense with an array."
            )
        is_input = isinstance(population.neuron, Input)
        if not is_input and not population.incoming_connections:
            raise ValidationError(
                f"Population '{population.name}' has no input. Connect something to "
                "it, or make it an input such as SpikeInput."
            )
        if is_input and population.incoming_connections:
            raise ValidationError(
                f"Population '{population.name}' is an input: nothing can be connected "
                "to it."
            )


class _Draw:
    """Collects numbers while groups are made."""

    def __init__(self, seed: int, dt: float) -> None:
        self.seed = seed
        self.dt = dt
        self.parameters: dict[str, dict[str, Any]] = {}
        self.initial: dict[str, dict[str, Any]] = {}
        self.weights: dict[str, np.ndarray] = {}
        self.delays: dict[str, Any] = {}
        self.max_delays: dict[str, int] = {}

    def value(self, owner: str, name: str, value: Any, shape: tuple[int, ...]) -> Any:
        """A number, or a flat array with one per element of ``shape``."""
        rng = generator(self.seed, owner, name)
        found = drawn(f"'{owner}': {name}", value, shape, rng)
        return found if isinstance(found, float) else found.reshape(-1)

    def values(self) -> Values:
        """All numbers."""
        return Values(
            dt=self.dt,
            parameters=self.parameters,
            initial=self.initial,
            weights=self.weights,
            delays=self.delays,
            max_delays=self.max_delays,
        )


def _ports(population: Population, synapses: Mapping[Connection, Synapse]) -> _Ports:
    """Merges synapses with equal equations and parameters: their sum behaves so."""
    kinds: dict[Any, int] = {}
    chosen: list[Synapse] = []
    of: dict[Connection, int] = {}
    for reference in population.incoming_connections:
        connection = reference()
        if connection is None or connection not in synapses:
            continue
        synapse = synapses[connection]
        key = _kind(synapse) or connection
        if key not in kinds:
            kinds[key] = len(chosen)
            chosen.append(synapse)
        of[connection] = kinds[key]
    return _Ports(tuple(chosen), of)


def _kind(synapse: Synapse) -> Any:
    """What synapses that may be merged have in common; None if it may not be."""
    numbers = {
        **synapse.parameters(),
        **{f"_{k}": v for k, v in synapse.initial().items()},
    }
    drawn_anew = any(isinstance(v, Initializer | str) for v in numbers.values())
    if drawn_anew or not synapse.ADDITIVE:
        return None
    fixed = tuple((k, np.asarray(v).tobytes()) for k, v in sorted(numbers.items()))
    return synapse.equations(), fixed


def _group(
    population: Population,
    neuron: Neuron,
    ports: _Ports,
    draw: _Draw,
    training: Training | None,
) -> NeuronGroup:
    if isinstance(neuron, Input):
        return NeuronGroup(population.name, population.size, events=True)
    where = f"Population '{population.name}' ({type(neuron).__name__})"
    adjoint = training is not None and population in training.adjoint
    equations = tuple(s.equations() for s in ports.synapses)
    if isinstance(neuron, CodeNeuron):
        if adjoint:
            neuron.equations()
        group = _code_group(population, neuron, equations, where)
    else:
        rule = training.rule if training and adjoint else None
        learned = _learned_names(population, training) if rule else ()
        neuron_equations = neuron.equations()
        if training and adjoint:
            neuron_equations = training.equations(neuron_equations)
        system = system_of(neuron_equations, equations)
        _check_learned(system, learned, where)
        found = derived(system, where, rule, learned)
        group = _equation_group(population, neuron_equations, found)
    if neuron.readout is not None:
        group = replace(group, readout=_readout(neuron, group, where))
    extra: Mapping[str, Any] = {}
    if training and adjoint:
        extra = {**training.rule_parameters, **_spread(population, neuron, training)}
    arrays = _neuron_values(population, neuron, ports, draw, extra)
    if training:
        group = replace(
            group,
            loss=training.losses.get(population),
            regularised=population in training.regularised,
            learned=tuple(
                LearnedParameter(n, shared=n not in arrays)
                for n in _learned_names(population, training)
            ),
        )
    return replace(
        group,
        constants=tuple(
            replace(c, per_neuron=bool(names(c.expression) & arrays))
            for c in group.constants
        ),
    )


def _neuron_values(
    population: Population,
    neuron: Neuron,
    ports: _Ports,
    draw: _Draw,
    extra: Mapping[str, Any],
) -> frozenset[str]:
    """Draws parameters and initial states; returns parameters that are arrays."""
    shape, name = population.shape or (), population.name
    parameters = {**neuron.parameters(), **extra}
    initial = dict(neuron.initial())
    for k, synapse in enumerate(ports.synapses):
        for target, given in (
            (parameters, synapse.parameters()),
            (initial, synapse.initial()),
        ):
            target.update({port_name(n, k): v for n, v in given.items()})
    drawn_parameters = {n: draw.value(name, n, v, shape) for n, v in parameters.items()}
    if isinstance(neuron, CodeNeuron):
        drawn_parameters.update(_derived_parameters(neuron, drawn_parameters, draw.dt))
    draw.parameters[name] = drawn_parameters
    draw.initial[name] = {n: draw.value(name, n, v, shape) for n, v in initial.items()}
    return frozenset(
        n for n, v in drawn_parameters.items() if isinstance(v, np.ndarray) and v.ndim
    )


def _derived_parameters(
    neuron: CodeNeuron, values: Mapping[str, Any], dt: float
) -> dict[str, Any]:
    if not neuron.code.derived:
        return {}
    given = np.broadcast_arrays(*(values[name] for name in neuron.code.parameters))
    if not given or given[0].ndim == 0:
        numbers = [float(value) for value in given]
        return {name: make(numbers, dt) for name, make in neuron.code.derived}
    return {
        name: np.array([make(numbers, dt) for numbers in zip(*given, strict=True)])
        for name, make in neuron.code.derived
    }


def _equation_group(
    population: Population, equations: NeuronEquations, found: Derived
) -> NeuronGroup:
    at_spikes = found.reset.reads
    if found.adjoint:
        at_spikes |= found.adjoint.record.reads
        if found.adjoint.active:
            at_spikes |= found.adjoint.active.record.reads
    return NeuronGroup(
        name=population.name,
        size=population.size,
        variables=found.variables,
        constants=found.constants,
        ports=found.ports,
        output=equations.output,
        step=found.step,
        threshold=found.threshold,
        reset=found.reset,
        kept=("Isyn",) if "Isyn" in at_spikes else (),
        adjoint=found.adjoint,
    )


def _code_group(
    population: Population,
    neuron: CodeNeuron,
    synapses: tuple[SynapseEquations, ...],
    where: str,
) -> NeuronGroup:
    """A group whose step is the synapses' equations, then the user's code."""
    ports = derived(system_of(NeuronEquations(()), synapses), where, None)
    code: NeuronCode = neuron.code
    fixed = (*code.parameters, *(name for name, _ in code.derived))
    threshold = code.threshold or CodeBlock("", *[frozenset()] * 3)
    edge = code.auto_refractory and bool(threshold.text)
    before = (f"const bool was_above_ = {threshold.text};",) if edge else ()
    step = Code(
        ports.step.lines + before + tuple(code.sim.text.splitlines()),
        ports.step.reads | code.sim.reads | threshold.reads,
        ports.step.writes | code.sim.writes,
        _random(code.sim.calls | threshold.calls),
    )
    reset = Code(
        tuple(code.reset.text.splitlines()),
        code.reset.reads,
        code.reset.writes,
        _random(code.reset.calls),
    )
    return NeuronGroup(
        name=population.name,
        size=population.size,
        variables=(
            *(StateVariable(v.name, _TYPES[v.type]) for v in code.variables),
            *ports.variables,
        ),
        constants=(
            *ports.constants,
            *(Constant(name, name) for name in fixed),
            *(Constant(name, repr(value)) for name, _, value in code.extra_inputs),
        ),
        ports=ports.ports,
        output=neuron.output_var_name,
        step=step,
        threshold=(
            f"({threshold.text}) && !was_above_" if edge else threshold.text or None
        ),
        reset=reset,
        kept=("Isyn",) if "Isyn" in reset.reads else (),
    )


def _random(calls: frozenset[str]) -> frozenset[str]:
    """Functions that draw random numbers."""
    return frozenset(name for name in calls if name.startswith("gennrand"))


#: {C type of a variable in code: type that the engine knows it by}
_TYPES = {
    "float": "float",
    "double": "float",
    "bool": "bool",
    "int": "int32_t",
    "int32_t": "int32_t",
    "unsigned int": "uint32_t",
    "uint32_t": "uint32_t",
}


def _readout(neuron: Neuron, group: NeuronGroup, where: str) -> Readout:
    plan: Readout = neuron.readout.PLAN
    name = type(neuron.readout).__name__
    if plan.sensitivity is Sensitivity.VARIABLE:
        if group.output is None:
            raise ValidationError(
                f"{where}: readout {name} needs an output variable, which the neuron "
                "does not have."
            )
    elif group.threshold is None:
        raise ValidationError(
            f"{where}: readout {name} counts spikes, but this neuron never spikes. Use "
            "a readout of its variable, such as avg_var."
        )
    return plan


def _synapses(
    connection: Connection,
    ports: Mapping[Population, _Ports],
    draw: _Draw,
    training: Training | None,
) -> SynapseGroup:
    source, target = connection.ends()
    shape = (source.size, target.size)
    name = connection.name
    weight = draw.value(name, "weight", connection.connectivity.weight, shape)
    draw.weights[name] = np.broadcast_to(
        np.asarray(weight, dtype=np.float64).reshape(shape if np.ndim(weight) else ()),
        shape,
    )
    learn = training is not None and connection in training.learn
    flows = training is not None and connection in training.feed_back
    return SynapseGroup(
        name=name,
        source=source.name,
        target=target.name,
        port=ports[target].of[connection],
        delay=_delay(connection, shape, draw),
        learn=learn,
        feed_back=flows,
    )


def _delay(connection: Connection, shape: tuple[int, int], draw: _Draw) -> Delay:
    """Draws delays, in whole steps; the kind of delay."""
    name, longest = connection.name, connection.max_delay_steps
    given = connection.connectivity.delay
    if isinstance(given, Initializer) and longest is None:
        raise ValidationError(
            f"Connection '{name}': delays drawn from an initializer need "
            "max_delay_steps, the longest delay in time steps."
        )
    steps = np.rint(np.asarray(draw.value(name, "delay", given, shape)))
    if isinstance(given, Initializer):
        steps = np.clip(steps, 0, longest)
    most = int(steps.max())
    if longest is not None and most > longest:
        raise ValidationError(
            f"Connection '{name}': a delay of {most} steps is longer than "
            f"max_delay_steps={longest}."
        )
    if steps.ndim == 0:
        if steps != np.asarray(given):
            raise ValidationError(
                f"Connection '{name}': a delay is a whole number of time steps. "
                f"Received {given!r}."
            )
        draw.delays[name], draw.max_delays[name] = int(steps), most
        return Delay.CONSTANT if most else Delay.NONE
    draw.delays[name] = steps.reshape(shape).astype(np.int32)
    draw.max_delays[name] = most
    return Delay.PER_SYNAPSE


def _spread(
    population: Population, neuron: Neuron, training: Training
) -> dict[str, np.ndarray]:
    """Parameters that get a value for each neuron, so that each learns its own."""
    given = neuron.parameters()
    return {
        name: np.broadcast_to(np.asarray(given[name], dtype=float), population.size)
        for p, name in training.spread
        if p is population and isinstance(given.get(name), int | float)
    }


def _updates(
    connections: Sequence[SynapseGroup], training: Training
) -> list[tuple[OptimiserUpdate, Optimiser]]:
    """How each learned array changes."""
    by_name = {c.name: o for c, o in training.learn.items()}
    learned = [(Learned(s.name), by_name[s.name]) for s in connections if s.learn]
    learned += [
        (Learned(p.name, name), o)
        for (p, name), o in training.parameters.items()
        if p in training.adjoint
    ]
    return [
        (OptimiserUpdate(array, o.SLOTS, o.SCALARS, o.CODE), o) for array, o in learned
    ]


def _learned_names(
    population: Population, training: Training | None
) -> tuple[str, ...]:
    """Parameters of a population that are learned."""
    if training is None:
        return ()
    return tuple(name for p, name in training.parameters if p is population)


def _check_learned(system: System, learned: Sequence[str], where: str) -> None:
    known = [
        *system.neuron.parameters,
        *(n for p in system.ports for n in p.parameters),
    ]
    for name in learned:
        if name not in known:
            raise unknown_name("parameter", name, known, where=where)
