"""Neuron models that were parsed from code strings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

#: function of the parameters, in their order, and dt [ms]
ParameterFunction = Callable[[Sequence[float], float], float]


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """Code string after normalisation.

    Attributes:
        text: C in single precision; a condition has no semicolon.
        reads: names of the model and of the simulator that are read (not locals).
        writes: model variables that are written.
        calls: functions called, in the spelling of ``text``.
    """

    text: str
    reads: frozenset[str]
    writes: frozenset[str]
    calls: frozenset[str]


@dataclass(frozen=True, slots=True)
class CodeVariable:
    """State variable of a model.

    Attributes:
        name: its name.
        type: its C type.
        read_only: True if code may only read it.
    """

    name: str
    type: str
    read_only: bool


@dataclass(frozen=True, slots=True)
class NeuronCode:
    """Neuron model written as code strings.

    Attributes:
        variables: state variables, one value per neuron.
        parameters: names of the parameters. They are single-precision numbers; code
            that reads one declared with an integer type converts it.
        derived_parameters: names and functions of derived parameters; a function takes
            the parameter values in the order of ``parameters`` and dt [ms].
        extra_inputs: name, C type and initial value of additional inputs.
        sim: code of a time step.
        threshold: condition to spike; None if the neuron never spikes.
        reset: code of the reset after a spike.
        auto_refractory: True if the neuron spikes only when the condition becomes true.
    """

    variables: tuple[CodeVariable, ...]
    parameters: tuple[str, ...]
    derived_parameters: tuple[tuple[str, ParameterFunction], ...]
    extra_inputs: tuple[tuple[str, str, float], ...]
    sim: CodeBlock
    threshold: CodeBlock | None
    reset: CodeBlock
    auto_refractory: bool
