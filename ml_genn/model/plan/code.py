"""C code of a plan and the names that it uses."""

from __future__ import annotations

from dataclasses import dataclass

#: names that every backend provides to code of the forward pass
PROVIDED = frozenset(
    {"batch", "dt", "id", "num_batch", "num_neurons", "num_steps", "step", "t"}
)


@dataclass(frozen=True, slots=True)
class Code:
    """Statements in the C family's common subset, over the names of one neuron.

    Args:
        lines: source lines.
        reads: names of variables and constants that the lines read.
        writes: names of variables that the lines assign.
        calls: functions called that are not C mathematics (random numbers).
    """

    lines: tuple[str, ...] = ()
    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.lines)


NO_CODE = Code()  #: no statement


@dataclass(frozen=True, slots=True)
class StateVariable:
    """One number per neuron and example.

    Args:
        name: its name.
        type: its C type: float, int32_t, uint32_t or bool, stored in four bytes.
    """

    name: str
    type: str = "float"


@dataclass(frozen=True, slots=True)
class Constant:
    """A number per group, or per neuron, that an expression of parameters gives.

    Args:
        name: how code mentions it.
        expression: expression over the group's parameters and ``dt``.
        per_neuron: whether neurons have values of their own.
    """

    name: str
    expression: str
    per_neuron: bool = False
