"""C code of a plan, and the state and constants that it reads."""

from __future__ import annotations

from dataclasses import dataclass

#: names that every backend provides to code of the forward pass
PROVIDED = frozenset(
    {"batch", "dt", "id", "num_batch", "num_neurons", "num_steps", "step", "t"}
)

#: start of the names of functions that return random numbers
RANDOM_PREFIX = "gennrand"


@dataclass(frozen=True, slots=True)
class Code:
    """C statements over the names of one neuron, in a subset that C++ and CUDA share.

    Args:
        lines: source lines.
        reads: names of variables and constants that the lines read.
        writes: names of variables that the lines assign to.
        calls: functions that the lines call, without those of C: random numbers, and
            the count of iterations of loops.
    """

    lines: tuple[str, ...] = ()
    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.lines)

    @property
    def draws(self) -> bool:
        """True if the lines draw random numbers."""
        return any(name.startswith(RANDOM_PREFIX) for name in self.calls)


NO_CODE = Code()  #: no statement


@dataclass(frozen=True, slots=True)
class StateVariable:
    """State variable: a number per neuron and example.

    Args:
        name: its name.
        type: its C type, stored in four bytes: float (default), int32_t, uint32_t or
            bool.
    """

    name: str
    type: str = "float"


@dataclass(frozen=True, slots=True)
class Constant:
    """Number that is constant in time, per group or per neuron.

    Args:
        name: its name in code.
        expression: its value, an expression over the group's parameters and ``dt``.
        per_neuron: True if each neuron has its own value; False by default.
    """

    name: str
    expression: str
    per_neuron: bool = False
