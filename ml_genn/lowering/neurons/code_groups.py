"""Neuron groups of neurons written as code strings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ml_genn.lowering.derivation_cache import cached_derivation
from ml_genn.model.code_strings import LOOP_CONTINUES, CodeBlock, NeuronCode
from ml_genn.model.equations import NeuronEquations, SynapseEquations
from ml_genn.model.equations.system import system_of
from ml_genn.model.plan import Code, Constant, NeuronGroup, StateVariable
from ml_genn.neurons import CodeNeuron
from ml_genn.population import Population

#: {C type of a variable in code: type of the state variable}
_TYPES = {
    "float": "float",
    "double": "float",
    "bool": "bool",
    "int": "int32_t",
    "int32_t": "int32_t",
    "unsigned int": "uint32_t",
    "uint32_t": "uint32_t",
}
_NO_BLOCK = CodeBlock("", *[frozenset()] * 3)


def code_group(
    population: Population,
    neuron: CodeNeuron,
    synapses: tuple[SynapseEquations, ...],
    where: str,
) -> NeuronGroup:
    """Returns a group whose step is the synapses' equations, then the user's code.

    Args:
        population: the population.
        neuron: its neuron.
        synapses: equations of its ports.
        where: subject of error messages.
    """
    ports = cached_derivation(system_of(NeuronEquations(()), synapses), where, None)
    code: NeuronCode = neuron.code
    parameters = (*code.parameters, *(name for name, _ in code.derived_parameters))
    threshold = code.threshold or _NO_BLOCK
    # With automatic refractoriness the condition has to become true to spike.
    on_rising_edge = code.auto_refractory and bool(threshold.text)
    before = (f"const bool was_above_ = {threshold.text};",) if on_rising_edge else ()
    step = Code(
        ports.step.lines + before + tuple(code.sim.text.splitlines()),
        ports.step.reads | code.sim.reads | threshold.reads,
        ports.step.writes | code.sim.writes,
        _plan_calls(code.sim.calls | threshold.calls),
    )
    reset = Code(
        tuple(code.reset.text.splitlines()),
        code.reset.reads,
        code.reset.writes,
        _plan_calls(code.reset.calls),
    )
    condition = threshold.text or None
    if on_rising_edge:
        condition = f"({threshold.text}) && !was_above_"
    return NeuronGroup(
        name=population.name,
        size=population.size,
        variables=(
            *(StateVariable(v.name, _TYPES[v.type]) for v in code.variables),
            *ports.variables,
        ),
        constants=(
            *ports.constants,
            *(Constant(name, name) for name in parameters),
            *(Constant(name, repr(value)) for name, _, value in code.extra_inputs),
        ),
        ports=ports.ports,
        output=neuron.output_var_name,
        step=step,
        threshold=condition,
        reset=reset,
        saved_locals=("Isyn",) if "Isyn" in reset.reads else (),
        integers_wrap=True,
    )


def _plan_calls(calls: frozenset[str]) -> frozenset[str]:
    """Returns the functions that are not part of C."""
    return frozenset(
        name for name in calls if name == LOOP_CONTINUES or name.startswith("gennrand")
    )


def derived_parameters(
    neuron: CodeNeuron, values: Mapping[str, Any], dt: float
) -> dict[str, Any]:
    """Returns values of derived parameters, arrays where a parameter is an array.

    Args:
        neuron: the neuron.
        values: {parameter: number or array (size,)}.
        dt: time step [ms].
    """
    functions = neuron.code.derived_parameters
    if not functions:
        return {}
    arrays = np.broadcast_arrays(*(values[name] for name in neuron.code.parameters))
    if not arrays or arrays[0].ndim == 0:
        numbers = [float(array) for array in arrays]
        return {name: function(numbers, dt) for name, function in functions}
    return {
        name: np.array([function(row, dt) for row in zip(*arrays, strict=True)])
        for name, function in functions
    }
