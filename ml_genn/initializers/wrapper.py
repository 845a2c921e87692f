"""Initializer from a function of the user."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ml_genn.errors import ValidationError
from ml_genn.initializers.initializer import Initializer
from ml_genn.utils.checks import as_array, mapping, shown


@dataclass(frozen=True)
class Wrapper(Initializer):
    """Initializer from a function.

    Args:
        snippet: called as ``snippet(rng, shape, **param_vals, **egp_vals)`` with a
            `numpy.random.Generator`; returns an array of that shape.
        param_vals: keyword arguments of the function; none by default.
        egp_vals: further keyword arguments, which are arrays in mlGeNN; none by
            default.

    Raises:
        ValidationError: if ``snippet`` is no function, or returns another shape.
    """

    snippet: Callable[..., Any]
    param_vals: Mapping[str, Any] = field(default_factory=dict)
    egp_vals: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not callable(self.snippet):
            raise ValidationError(
                "Wrapper: snippet is a function of (rng, shape). "
                f"Received {shown(self.snippet)}."
            )
        for name in ("param_vals", "egp_vals"):
            values = mapping(f"Wrapper: {name}", getattr(self, name))
            object.__setattr__(self, name, values)  # the dataclass is frozen

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Returns the values of the function."""
        arguments = {**self.param_vals, **self.egp_vals}
        values = as_array("Wrapper: result", self.snippet(rng, shape, **arguments))
        if values.shape != tuple(shape):
            raise ValidationError(
                f"Wrapper: the function returned shape {values.shape}, "
                f"expected {tuple(shape)}."
            )
        return values
