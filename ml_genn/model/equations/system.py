"""A neuron together with the synapses that feed it, as one system of equations."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from ml_genn.model.equations import NeuronEquations, SynapseEquations, Variable
from ml_genn.model.equations.expression import FUNCTIONS


@dataclass(frozen=True, slots=True)
class System:
    """A neuron and one set of synapse equations per port.

    Names of port ``k`` carry the suffix ``_syn<k>``, so that several synapses with
    time constants of their own may feed one population.
    """

    neuron: NeuronEquations
    ports: tuple[SynapseEquations, ...] = ()


def port_name(name: str, port: int) -> str:
    """The name that a synapse's variable or parameter has inside the system."""
    return f"{name}_syn{port}"


def system_of(neuron: NeuronEquations, ports: tuple[SynapseEquations, ...]) -> System:
    """The system of a neuron and the synapses that feed it."""
    return System(
        neuron, tuple(_suffixed(synapse, k) for k, synapse in enumerate(ports))
    )


def _suffixed(synapse: SynapseEquations, port: int) -> SynapseEquations:
    own = {v.name for v in synapse.variables} | set(synapse.parameters)
    names = {name: port_name(name, port) for name in own}

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
