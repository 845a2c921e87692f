"""Dictionaries whose keys are populations, or the layers that hold them."""

from __future__ import annotations

from typing import Any

from ml_genn.utils.network import get_underlying_pop


class PopulationDict(dict[Any, Any]):
    """A dictionary keyed by what the user wrote: population, layer or input layer.

    Any of them that stands for the same population finds the entry.

    Attributes:
        loss: mean loss over the examples so far; None where there is no loss.
    """

    loss: float | None = None

    def __missing__(self, key: Any) -> Any:
        population = get_underlying_pop(key)
        for known in self:
            if get_underlying_pop(known) is population:
                return self[known]
        raise KeyError(key)


def population_items(data: dict[Any, Any]) -> dict[Any, tuple[Any, Any]]:
    """{population: (key that the user wrote, value)}."""
    return {get_underlying_pop(key): (key, value) for key, value in data.items()}
