"""How much the loss of each example counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn.errors import ValidationError
from ml_genn.graph.graph import PopulationLike
from ml_genn.losses import Loss
from ml_genn.model.loss_formula import Targets
from ml_genn.population import Population
from ml_genn.training.population_dict import population_items
from ml_genn.utils.checks import finite_array, not_negative, shown


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """Weights as users give them.

    Args:
        samples: a number for each example, or {output: numbers}.
        classes: {class: number}, or {output: {class: number}}; 1 for classes that are
            not there.
    """

    samples: Any = None
    classes: Any = None

    def array(
        self, losses: Mapping[Population, Loss], targets: Mapping[Population, Any]
    ) -> np.ndarray | None:
        """Weights (examples, outputs); None where none were given.

        Args:
            losses: {output: loss}.
            targets: {output: checked targets}.

        Raises:
            ValidationError: if they do not fit.
        """
        if self.samples is None and self.classes is None:
            return None
        samples = _by_output("sample_weight", self.samples, targets)
        classes = _by_output("class_weight", self.classes, targets)
        columns = [
            _of_samples(p, samples.get(p), len(y))
            * _of_classes(p, classes.get(p), y, k)
            for p, y in targets.items()
            for k in [losses[p].FORMULA.targets if p in losses else None]
        ]
        return np.stack(columns, axis=1).astype(np.float32)


def _by_output(
    name: str, given: Any, outputs: Mapping[Population, Any]
) -> dict[Population, Any]:
    """{output: what was given for it}, or the same for all outputs."""
    keyed = isinstance(given, Mapping) and any(
        isinstance(key, PopulationLike) for key in given
    )
    if given is None:
        return {}
    if not keyed:
        return dict.fromkeys(outputs, given)
    found = {p: value for p, (_, value) in population_items(given).items()}
    foreign = [p.name for p in found if p not in outputs]
    if foreign:
        raise ValidationError(
            f"{name}: keys are outputs. Received {foreign}; outputs are "
            f"{[p.name for p in outputs]}."
        )
    return found


def _of_samples(population: Population, given: Any, size: int) -> np.ndarray:
    where = f"sample_weight of '{population.name}'"
    values = np.ones(size) if given is None else finite_array(where, given)
    if values.shape != (size,) or np.any(values < 0):
        raise ValidationError(
            f"{where}: one number for each of the {size} examples, none of them "
            f"negative. Received {shown(given)}."
        )
    return values


def _of_classes(
    population: Population, given: Any, targets: np.ndarray, kind: Targets | None
) -> np.ndarray:
    if given is None:
        return np.ones(len(targets))
    where = f"class_weight of '{population.name}'"
    if not isinstance(given, Mapping):
        raise ValidationError(
            f"{where}: a dictionary {{class: number}}. Received {shown(given)}."
        )
    if kind is Targets.PROBABILITIES:
        targets = np.argmax(targets, axis=1)
    if targets.ndim != 1:
        raise ValidationError(
            f"{where}: targets of this output are values, not classes. Use "
            "sample_weight."
        )
    for label, value in given.items():
        if label not in range(population.size):
            raise ValidationError(
                f"{where}: keys are classes, from 0 to {population.size - 1}. Received "
                f"{shown(label)}."
            )
        not_negative(where, value)
    return np.asarray([given.get(label, 1.0) for label in targets.tolist()])
