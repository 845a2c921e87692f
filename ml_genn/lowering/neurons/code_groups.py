"""Neuron groups from code strings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ml_genn.lowering.derivation_cache import cached_derivation
from ml_genn.model.code_strings import CodeBlock, NeuronCode
from ml_genn.model.equations import NeuronEquations, SynapseEquations
from ml_genn.model.equations.system import system_of
from ml_genn.model.plan import Code, Constant, NeuronGroup, StateVariable
from ml_genn.neurons import CodeNeuron
from ml_genn.population import Population

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


def code_group(
    population: Population,
    neuron: CodeNeuron,
    synapses: tuple[SynapseEquations, ...],
    where: str,
) -> NeuronGroup:
    """A group whose step is the synapses' equations, then the user's code."""
    ports = cached_derivation(system_of(NeuronEquations(()), synapses), where, None)
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
        saved_locals=("Isyn",) if "Isyn" in reset.reads else (),
    )


def _random(calls: frozenset[str]) -> frozenset[str]:
    """Functions that draw random numbers."""
    return frozenset(name for name in calls if name.startswith("gennrand"))


def derived_parameters(
    neuron: CodeNeuron, values: Mapping[str, Any], dt: float
) -> dict[str, Any]:
    """Values of derived parameters, for each neuron where a parameter has such."""
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
