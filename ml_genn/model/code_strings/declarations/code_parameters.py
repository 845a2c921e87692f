"""Derived parameters, whose functions index values by position or by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ml_genn.errors import unknown_name


class _ParameterValues(list[float]):
    """Parameter values by position, as in older PyGeNN, or by name, as in newer."""

    def __init__(self, names: Sequence[str], values: Iterable[float]) -> None:
        super().__init__(values)
        self._names = names

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            if key not in self._names:
                raise unknown_name("parameter", key, self._names)
            return super().__getitem__(self._names.index(key))
        return super().__getitem__(key)


@dataclass(frozen=True, slots=True)
class DerivedParameter:
    """The function of a derived parameter; it may index values by name as well."""

    function: Callable[[Any, float], float]
    parameters: tuple[str, ...]

    def __call__(self, values: Sequence[float], dt: float) -> float:
        """The derived value from the parameters in their order and dt [ms]."""
        return float(self.function(_ParameterValues(self.parameters, values), dt))
