"""Dictionaries whose keys are populations, or the layers that hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_genn.errors import UnknownNameError, ValidationError
from ml_genn.graph.graph import PopulationLike, get_underlying_pop
from ml_genn.population import Population


class PopulationDict(dict[Any, Any]):
    """A dictionary keyed by what the user wrote: population, layer or input layer.

    Any of them that stands for the same population finds the entry.

    Attributes:
        loss: mean loss over the examples so far; None where there is no loss.
        history: of training, loss and metrics by name and epoch; None elsewhere.
    """

    loss: float | None = None
    history: Any = None

    def __missing__(self, key: Any) -> Any:
        known = self._known(key)
        if known is not None:
            return self[known]
        if not isinstance(key, PopulationLike):
            raise UnknownNameError(
                f"Entries are found by their population or layer. Received {key!r}."
            )
        entries = [f"'{known}'" for known in self]
        other = ", of another network" if f"'{key}'" in entries else ""
        raise UnknownNameError(
            f"There is no entry for '{key}'{other}. There are entries for: "
            f"{', '.join(entries) or 'none'}."
        )

    def __contains__(self, key: object) -> bool:
        return super().__contains__(key) or self._known(key) is not None

    def get(self, key: Any, default: Any = None) -> Any:
        """The entry of what stands for a population, or a default."""
        try:
            return self[key]
        except KeyError:
            return default

    def _known(self, key: object) -> PopulationLike | None:
        """The key that stands for the same population; None if there is none."""
        if not isinstance(key, PopulationLike):
            return None
        population = get_underlying_pop(key)
        same = (k for k in self if isinstance(k, PopulationLike))
        return next((k for k in same if get_underlying_pop(k) is population), None)


def population_items(data: Mapping[Any, Any]) -> dict[Population, tuple[Any, Any]]:
    """{population: (key that the user wrote, value)}.

    Raises:
        ValidationError: if a key is no population or layer, or two are the same one.
    """
    found: dict[Population, tuple[Any, Any]] = {}
    for key, value in data.items():
        population = get_underlying_pop(key)
        if population in found:
            raise ValidationError(
                f"Population '{population.name}' is given twice, by itself and by its "
                "layer. Use one of them as a key."
            )
        found[population] = key, value
    return found
