"""Derived parameters of models written as code strings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ml_genn.errors import unknown_name


class _ParameterValues(list[float]):
    """Parameter values, indexed by position (older PyGeNN) or by name (newer)."""

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
    """Function of a derived parameter.

    Args:
        function: function of the parameter values and dt [ms]; it indexes the values by
            position or by name.
        parameters: names of the parameters, in order.
    """

    function: Callable[[Any, float], float]
    parameters: tuple[str, ...]

    def __call__(self, values: Sequence[float], dt: float) -> float:
        """Returns the derived value.

        Args:
            values: values of the parameters, in order.
            dt: time step [ms].
        """
        return float(self.function(_ParameterValues(self.parameters, values), dt))
