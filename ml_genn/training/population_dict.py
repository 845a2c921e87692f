"""Dictionaries keyed by populations, or by the layers that contain them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ml_genn.errors import UnknownNameError, ValidationError, unknown_name
from ml_genn.graph.copying import RefersToNetwork
from ml_genn.graph.graph import PopulationLike, get_underlying_pop
from ml_genn.population import Population


class PopulationDict(RefersToNetwork, dict[Any, Any]):
    """Dictionary keyed by populations or layers, as the user wrote them.

    A population, its layer and its input layer are the same key, and so is its name. A
    copy has the same populations as keys. In a pickle they are populations without
    connections (unless their network is in the same pickle); names find them.
    """

    def __missing__(self, key: Any) -> Any:
        equivalent = self._equivalent_key(key)
        if equivalent is not None:
            return self[equivalent]
        if not isinstance(key, PopulationLike | str):
            raise UnknownNameError(
                f"Entries are found by their population or layer. Received {key!r}."
            )
        entries = [f"'{existing}'" for existing in self]
        other, by_name = "", ""
        if f"'{key}'" in entries:
            other = ", of another network"
            by_name = f" The name finds that entry: ['{key}']."
        raise UnknownNameError(
            f"There is no entry for '{key}'{other}. There are entries for: "
            f"{', '.join(entries) or 'none'}.{by_name}"
        )

    def __contains__(self, key: object) -> bool:
        return super().__contains__(key) or self._equivalent_key(key) is not None

    def get(self, key: Any, default: Any = None) -> Any:
        """Returns the entry of a population or layer, or a default."""
        try:
            return self[key]
        except KeyError:
            return default

    def _equivalent_key(self, key: object) -> PopulationLike | None:
        """Returns the key in the dictionary that has the same population, or None."""
        known = (k for k in self if isinstance(k, PopulationLike))
        if isinstance(key, str):
            return next((k for k in known if str(k) == key), None)
        if not isinstance(key, PopulationLike):
            return None
        population = get_underlying_pop(key)
        return next((k for k in known if get_underlying_pop(k) is population), None)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        """Form of copies and pickles, in which keys are populations."""
        items = (
            (get_underlying_pop(k) if isinstance(k, PopulationLike) else k, v)
            for k, v in self.items()
        )
        return type(self), (), vars(self), None, items


def population_items(
    data: Mapping[Any, Any], populations: Iterable[Population] = ()
) -> dict[Population, tuple[Any, Any]]:
    """Returns {population: (key as the user wrote it, value)}.

    Args:
        data: {population, layer or name: value}. For a name the key is the population.
        populations: those that a name may mean; none by default.

    Raises:
        UnknownNameError: if a name is none of a population.
        ValidationError: if a key is no population or layer, or two keys have the same
            population.
    """
    by_name = {population.name: population for population in populations}
    items: dict[Population, tuple[Any, Any]] = {}
    for written, value in data.items():
        if isinstance(written, str) and written not in by_name:
            raise unknown_name("population", written, by_name, where="Data")
        key = by_name[written] if isinstance(written, str) else written
        population = get_underlying_pop(key)
        if population in items:
            raise ValidationError(
                f"Population '{population.name}' is given twice, by itself and by its "
                "layer. Use one of them as a key."
            )
        items[population] = key, value
    return items
