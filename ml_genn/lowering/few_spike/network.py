"""Few-spike networks: groups of neurons that act when it is their population's turn.

In code, ``place`` counts the digits that follow in a turn, so that a spike is worth the
unit times 2^place; ``left`` is the same of the digit that arrives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ml_genn.connection import Connection
from ml_genn.lowering.few_spike.schedule import Schedule
from ml_genn.lowering.network import Lowered, check_network, synapse_group
from ml_genn.lowering.neurons.inputs import DATA
from ml_genn.lowering.neurons.ports import Ports
from ml_genn.lowering.sampling import ParameterSampler
from ml_genn.model.plan import (
    Code,
    Constant,
    Delay,
    NeuronGroup,
    Plan,
    Port,
    StateVariable,
    SynapseGroup,
)
from ml_genn.model.verify import verify
from ml_genn.network import Network
from ml_genn.neurons import FewSpikeMaxPool, FewSpikeRelu, FewSpikeReluInput
from ml_genn.neurons.few_spike.digits import Digits
from ml_genn.population import Population
from ml_genn.synapses import Delta


def lower_few_spike(
    network: Network, schedule: Schedule, *, dt: float, seed: int
) -> Lowered:
    """Lowers a few-spike network.

    Args:
        network: the network; it is not changed.
        schedule: when each population has its turn.
        dt: time step [ms].
        seed: seed of what is drawn from initializers.
    """
    check_network(network)
    sampler = ParameterSampler(seed, dt)
    arriving = {p: _Arriving.of(network, p, schedule) for p in network.populations}
    groups = tuple(
        _neuron_group(p, arriving[p], schedule, sampler) for p in network.populations
    )
    ports = {p: a.ports for p, a in arriving.items()}
    synapses = tuple(
        _delayed(c, synapse_group(c, ports, sampler, None), schedule, sampler)
        for c in network.connections
    )
    return Lowered(
        verify(Plan(groups, synapses)),
        sampler.values(),
        {p: p.neuron for p in network.populations},
        {c: c.synapse for c in network.connections},
    )


def _delayed(
    connection: Connection,
    group: SynapseGroup,
    schedule: Schedule,
    sampler: ParameterSampler,
) -> SynapseGroup:
    steps = schedule.delay(connection)
    sampler.delays[group.name] = sampler.max_delays[group.name] = steps
    return replace(group, delay=Delay.CONSTANT if steps else Delay.NONE)


@dataclass(frozen=True, slots=True, eq=False)
class _Arriving:
    """What arrives at a population: a port for each kind of digits.

    Args:
        digits: what they are worth.
        ports: ports of connections.
    """

    digits: tuple[Digits, ...]
    ports: Ports

    @classmethod
    def of(
        cls, network: Network, population: Population, schedule: Schedule
    ) -> _Arriving:
        """What arrives at a population of a network."""
        kinds = {
            c: schedule.turns[c.ends()[0]].digits
            for c in network.connections
            if c.ends()[1] is population
        }
        digits = tuple(dict.fromkeys(kinds.values()))
        of = {c: digits.index(kind) for c, kind in kinds.items()}
        return cls(digits, Ports((Delta(),) * len(digits), of))


@dataclass(frozen=True, slots=True)
class _Model:
    """What a kind of neuron does in a step of its turn.

    Args:
        lines: of a step; they say whether the neuron ``fires``.
        state: variables of its own.
        ports: variables that what arrives is added to.
        units: {number: worth of the last digit that is sent or arrives}.
        initial: values at the start; 0 where none is given.
        bias: number that ``fx`` starts from.
        data: whether what arrives comes with the data.
    """

    lines: tuple[str, ...]
    state: tuple[StateVariable, ...]
    ports: tuple[str, ...]
    units: Mapping[str, float]
    initial: Mapping[str, float] = field(default_factory=dict)
    bias: Any = 0.0
    data: bool = False


_V, _FX = StateVariable("v"), StateVariable("fx")


def _worth(unit: str, place: str, digits: Digits) -> str:
    """C for what a spike is worth."""
    if not digits.signed:
        return f"{unit} * float(int64_t(1) << {place})"
    return f"({place} % 2 ? {unit} : -{unit}) * float(int64_t(1) << {place} / 2)"


def _input(neuron: FewSpikeReluInput, arriving: Sequence[Digits]) -> _Model:
    lines = (
        "const int place = int(last - step);",
        f"if (step == 0.0f) v = {DATA};",
        f"const float worth = {_worth('unit', 'place', neuron.digits)};",
        "const bool fires = worth > 0.0f ? v >= worth : v < worth;",
        "v -= fires ? worth : 0.0f;",
    )
    return _Model(lines, (_V,), (DATA,), {"unit": neuron.digits.unit}, data=True)


def _relu(neuron: FewSpikeRelu, arriving: Sequence[Digits]) -> _Model:
    ports = tuple(f"in{n}" for n in range(len(arriving)))
    units = {f"unit{n}": digits.unit for n, digits in enumerate(arriving)}
    lines = (
        "const int place = int(last - step), wait = int(start - step);",
        "const int left = wait > 0 ? wait : 0;",
        *(
            f"fx += {port} * ({_worth(unit, 'left', digits)});"
            for port, unit, digits in zip(ports, units, arriving, strict=True)
        ),
        *(f"{port} = 0.0f;" for port in ports),
        "if (wait == 0) v = fx;",
        f"const float worth = {_worth('unit', 'place', neuron.digits)};",
        "const bool fires = wait <= 0 && v >= worth;",
        "v -= fires ? worth : 0.0f;",
    )
    units["unit"] = neuron.digits.unit
    return _Model(lines, (_V, _FX), ports, units, bias=neuron.bias)


def _max_pool(neuron: FewSpikeMaxPool, arriving: Sequence[Digits]) -> _Model:
    (digits,) = arriving
    lines = (
        "const int place = int(last - step);",
        "const int32_t ahead = candidates & int32_t(in0);",
        "in0 = 0.0f;",
        "const bool fires = ahead != 0;",
        "candidates = fires ? ahead : candidates;",
        f"fx += fires ? {_worth('unit', 'place', digits)} : 0.0f;",
    )
    state = StateVariable("candidates", "int32_t"), _FX
    all_of_them = {"candidates": -1.0}
    return _Model(lines, state, ("in0",), {"unit": digits.unit}, all_of_them)


_MODELS: Mapping[type, Callable[[Any, Sequence[Digits]], _Model]] = {
    FewSpikeReluInput: _input,
    FewSpikeRelu: _relu,
    FewSpikeMaxPool: _max_pool,
}


def _neuron_group(
    population: Population,
    arriving: _Arriving,
    schedule: Schedule,
    sampler: ParameterSampler,
) -> NeuronGroup:
    """The group of a population; its numbers are drawn on the way."""
    name, neuron, turn = population.name, population.neuron, schedule.turns[population]
    model = next(
        make(neuron, arriving.digits)
        for kind, make in _MODELS.items()
        if isinstance(neuron, kind)
    )
    words = set(re.findall(r"\w+", " ".join(model.lines)))
    last = turn.start + schedule.k - 1
    numbers = {"start": turn.start, "last": last, **model.units}
    sampler.parameters[name] = {n: float(v) for n, v in numbers.items() if n in words}
    bias = sampler.value(name, "bias", model.bias, population.shape or ())
    sampler.initial[name] = {"fx": bias, **model.initial}
    sampler.windows[name] = (turn.first, last + 1)
    if model.data:
        sampler.frames[name] = (1, 1)
    variables = (*model.state, *(StateVariable(port) for port in model.ports))
    own = frozenset(v.name for v in variables)
    return NeuronGroup(
        name=name,
        size=population.size,
        variables=variables,
        constants=tuple(Constant(n, n) for n in sampler.parameters[name]),
        ports=tuple(Port(port, port) for port in model.ports),
        output="fx" if _FX in model.state else None,
        step=Code(model.lines, own | words & {*numbers, "step"}, own),
        threshold="fires",
        data=name if model.data else None,
        readout=neuron.readout.PLAN if neuron.readout else None,
        window=True,
    )
