"""Lowering of few-spike networks: groups of neurons that act in time windows."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ml_genn.connection import Connection
from ml_genn.errors import UnsupportedError
from ml_genn.lowering.few_spike.neurons import RESULT, few_spike_code
from ml_genn.lowering.few_spike.schedule import Schedule
from ml_genn.lowering.network import Lowered, check_network
from ml_genn.lowering.neurons.ports import Ports
from ml_genn.lowering.projections import Target
from ml_genn.lowering.sampling import ParameterSampler
from ml_genn.lowering.synapses import synapse_group
from ml_genn.lowering.training import INFERENCE
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
from ml_genn.model.verification import verify
from ml_genn.network import Network
from ml_genn.neurons.few_spike.digits import Digits
from ml_genn.population import Population
from ml_genn.synapses import Delta


def lower_few_spike(
    network: Network, schedule: Schedule, *, dt: float, seed: int
) -> Lowered:
    """Lowers a few-spike network to a plan and its values.

    Args:
        network: the network; it is not changed.
        schedule: time windows of its populations.
        dt: time step [ms].
        seed: seed of all samples.
    """
    check_network(network)
    sampler = ParameterSampler(seed, dt, schedule.num_steps)
    arriving = {p: _Arriving.at(network, p, schedule) for p in network.populations}
    groups = tuple(
        _neuron_group(p, arriving[p], schedule, sampler) for p in network.populations
    )
    targets = {p: Target(p.neuron, a.ports) for p, a in arriving.items()}
    synapses = tuple(
        _delayed(c, synapse_group(c, targets, sampler, INFERENCE), schedule, sampler)
        for c in network.connections
    )
    values = sampler.values()
    return Lowered(
        verify(Plan(groups, synapses), values),
        values,
        {p: p.neuron for p in network.populations},
        {c: c.synapse for c in network.connections},
    )


def _delayed(
    connection: Connection,
    group: SynapseGroup,
    schedule: Schedule,
    sampler: ParameterSampler,
) -> SynapseGroup:
    """Returns a synapse group with the delay of the schedule."""
    steps = schedule.delay(connection)
    sampler.delays[group.name] = sampler.max_delays[group.name] = steps
    return replace(group, delay=Delay.CONSTANT if steps else Delay.NONE)


@dataclass(frozen=True, slots=True, eq=False)
class _Arriving:
    """Digits that a population receives, with a port for each kind.

    Args:
        digits: kinds of digits.
        ports: ports of connections.
    """

    digits: tuple[Digits, ...]
    ports: Ports

    @classmethod
    def at(
        cls, network: Network, population: Population, schedule: Schedule
    ) -> _Arriving:
        """Returns the digits that arrive at a population."""
        sent = {
            c: schedule.windows[c.ends()[0]].digits
            for c in network.connections
            if c.ends()[1] is population
        }
        digits = tuple(dict.fromkeys(sent.values()))
        port_of = {c: digits.index(kind) for c, kind in sent.items()}
        return cls(digits, Ports((Delta(),) * len(digits), port_of))


def _neuron_group(
    population: Population,
    arriving: _Arriving,
    schedule: Schedule,
    sampler: ParameterSampler,
) -> NeuronGroup:
    """Returns the group of a population, its values sampled."""
    name, neuron = population.name, population.neuron
    if neuron.readout is not None and neuron.readout.window is not None:
        raise UnsupportedError(
            f"Population '{name}': the output of a few-spike network is one number, "
            f"which no window is part of. Received {neuron.readout!r}; leave the "
            "window out."
        )
    window, code = schedule.windows[population], few_spike_code(neuron, arriving.digits)
    words = set(re.findall(r"\w+", " ".join(code.lines)))
    last = window.first_digit + schedule.k - 1
    numbers = {"start": window.first_digit, "last": last, **code.units}
    sampler.parameters[name] = {n: float(v) for n, v in numbers.items() if n in words}
    bias = sampler.value(name, "bias", code.bias, population.shape or ())
    sampler.initial[name] = {RESULT.name: bias, **code.initial}
    sampler.windows[name] = (window.start, last + 1)
    if code.has_data:
        sampler.frames[name] = (1, 1)
    variables = (*code.state, *(StateVariable(port) for port in code.ports))
    state = frozenset(v.name for v in variables)
    return NeuronGroup(
        name=name,
        size=population.size,
        variables=variables,
        constants=tuple(Constant(n, n) for n in sampler.parameters[name]),
        ports=tuple(Port(port, port) for port in code.ports),
        output=RESULT.name if RESULT in code.state else None,
        step=Code(code.lines, state | words & {*numbers, "step"}, state),
        threshold="fires",
        data=name if code.has_data else None,
        readout=neuron.readout.PLAN if neuron.readout else None,
        window=True,
    )
