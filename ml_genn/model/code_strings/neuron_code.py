"""What a neuron model given as code strings becomes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Derive = Callable[[Sequence[float], float], float]


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """One code string after normalisation.

    Attributes:
        text: C in single precision; a condition has no semicolon.
        reads: names of the model and of the simulator that are read (not locals).
        writes: model variables that are written.
        calls: functions called, as spelt in ``text``.
    """

    text: str
    reads: frozenset[str]
    writes: frozenset[str]
    calls: frozenset[str]


@dataclass(frozen=True, slots=True)
class CodeVariable:
    """A state variable: its name, its C type, whether code may only read it."""

    name: str
    type: str
    read_only: bool


@dataclass(frozen=True, slots=True)
class NeuronCode:
    """A neuron model given as code strings.

    Attributes:
        variables: state variables, one value per neuron.
        parameters: names of the parameters. They are single-precision numbers; code
            that reads one declared with an integer type converts it back.
        derived: names and functions of the derived parameters; a function takes the
            parameter values in the order of ``parameters`` and dt [ms].
        extra_inputs: name, C type and initial value of additional inputs.
        sim: code that runs every step.
        threshold: condition to spike, None if the neuron never spikes.
        reset: code that runs after a spike.
        auto_refractory: spike only when the condition becomes true.
    """

    variables: tuple[CodeVariable, ...]
    parameters: tuple[str, ...]
    derived: tuple[tuple[str, Derive], ...]
    extra_inputs: tuple[tuple[str, str, float], ...]
    sim: CodeBlock
    threshold: CodeBlock | None
    reset: CodeBlock
    auto_refractory: bool
