"""Values of a compiled network that training does not change."""

from __future__ import annotations

from typing import Any

from ml_genn.config.fixed_values import model_kinds, owner_text, value_text
from ml_genn.lowering import Lowered
from ml_genn.lowering.neurons.ports import ports_of
from ml_genn.model.equations.system import port_name
from ml_genn.model.plan import LearnedKind


def compiled_values(lowered: Lowered, *, trains: bool) -> dict[str, dict[str, str]]:
    """Returns the values of a network with which it runs, sampled ones included.

    Delays of single synapses are arrays of a checkpoint and not among them.

    Args:
        lowered: the network.
        trains: True if a learning rule trains it, which is then one of the values.
    """
    learned = {
        (array.owner, array.name)
        for array in lowered.plan.learned
        if array.kind is LearnedKind.PARAMETER
    }
    numbers = lowered.values.parameters
    values = {}
    for population, neuron in lowered.neurons.items():
        own = numbers.get(population.name, {})
        values[owner_text(population)] = model_kinds(population) | {
            name: value_text(own[name])
            for name in neuron.parameters()
            if name in own and (population.name, name) not in learned
        }
        for connection, port in ports_of(population, lowered.synapses).of.items():
            names = {
                n: port_name(n, port) for n in lowered.synapses[connection].parameters()
            }
            values[owner_text(connection)] = model_kinds(connection) | {
                name: value_text(own[key])
                for name, key in names.items()
                if key in own and (population.name, key) not in learned
            }
    for connection in lowered.synapses:
        delay: Any = lowered.values.delays.get(connection.name)
        if isinstance(delay, int):
            values[owner_text(connection)]["delay"] = value_text(delay)
    if trains and lowered.decisions.time_step is not None:
        values["training"] = {"compiler": lowered.decisions.time_step.compiler}
    return values
