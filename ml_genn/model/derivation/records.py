"""Values of the forward pass that the backward pass reads at a spike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ml_genn.model.derivation.c_code import Constants
from ml_genn.model.derivation.symbolic_system import SymbolicSystem, symbol
from ml_genn.model.plan import NO_CODE, Code


@dataclass(frozen=True, slots=True)
class SpikeJump:
    """Jump of the adjoint at the spikes of the forward pass; nothing by default.

    Args:
        record: run in the forward pass at a spike, before the reset; assigns
            ``records``.
        records: names of the numbers recorded with a spike.
        jump: adjoint before the spike from the adjoint after it and ``records``.
    """

    record: Code = NO_CODE
    records: tuple[str, ...] = ()
    jump: Code = NO_CODE


class Records:
    """State-dependent expressions, evaluated in the forward pass and recorded.

    Args:
        system: the system.
        prefix: start of the records' names.

    Attributes:
        expressions: (name, expression) of each record.
    """

    def __init__(self, system: SymbolicSystem, prefix: str) -> None:
        self.expressions: list[tuple[str, Any]] = []
        self._time_dependent = system.time_dependent
        self._prefix = prefix

    def record(self, expression: Any) -> Any:
        """Returns the symbol of an expression's record; the expression if constant."""
        if not expression.has(*self._time_dependent):
            return expression
        for name, recorded in self.expressions:
            if expression == recorded:
                return symbol(name)
        name = f"{self._prefix}{len(self.expressions)}_"
        self.expressions.append((name, expression))
        return symbol(name)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the records."""
        return tuple(name for name, _ in self.expressions)

    def constants(self, constants: Constants) -> Constants:
        """Returns constants for code that reads the records."""
        return constants.with_time_dependent(symbol(name) for name in self.names)
