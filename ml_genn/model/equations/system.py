"""Systems of equations of a neuron and its synapses."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from ml_genn.model.equations import NeuronEquations, SynapseEquations, Variable
from ml_genn.model.equations.expression import FUNCTIONS


@dataclass(frozen=True, slots=True)
class System:
    """Equations of a neuron and of its ports.

    Names of port ``k`` have the suffix ``_syn<k>``, so that several kinds of synapses,
    each with its own time constant, may lead to one population.

    Args:
        neuron: equations of the neuron.
        ports: synapse equations of each port.
    """

    neuron: NeuronEquations
    ports: tuple[SynapseEquations, ...] = ()


def port_name(name: str, port: int) -> str:
    """Returns the name of a synapse's variable or parameter inside the system."""
    return f"{name}_syn{port}"


def system_of(neuron: NeuronEquations, ports: tuple[SynapseEquations, ...]) -> System:
    """Returns the system of a neuron and its synapses, one for each port."""
    return System(
        neuron, tuple(_suffixed(synapse, k) for k, synapse in enumerate(ports))
    )


def _suffixed(synapse: SynapseEquations, port: int) -> SynapseEquations:
    declared = {v.name for v in synapse.variables} | set(synapse.parameters)
    names = {name: port_name(name, port) for name in declared}

    def rename(text: str | None) -> str | None:
        return None if text is None else _renamed(text, names)

    return replace(
        synapse,
        variables=tuple(
            Variable(names[v.name], rename(v.dynamics), rename(v.jump))
            for v in synapse.variables
        ),
        inject=_renamed(synapse.inject, names),
        parameters=tuple(names[name] for name in synapse.parameters),
    )


def _renamed(text: str, names: dict[str, str]) -> str:
    tree = ast.parse(text.strip(), mode="eval")
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id not in FUNCTIONS:
            node.id = names.get(node.id, node.id)
    return ast.unparse(tree)
