"""Weights of examples in the loss: arguments sample_weight and class_weight."""

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
class ExampleWeights:
    """Weights of examples in the loss, by example and by class; they multiply.

    Args:
        samples: a number for each example, or {output: numbers}; None (default) for 1.
        classes: {class: number}, or {output: {class: number}}, with 1 for missing
            classes; None (default) for 1.
    """

    samples: Any = None
    classes: Any = None

    def array(
        self, losses: Mapping[Population, Loss], targets: Mapping[Population, Any]
    ) -> np.ndarray | None:
        """Returns weights (examples, outputs) in single precision; None if all are 1.

        Args:
            losses: {output: loss}.
            targets: {output: checked targets}.

        Raises:
            ValidationError: if weights do not fit the examples or classes.
        """
        if self.samples is None and self.classes is None:
            return None
        samples = _by_output("sample_weight", self.samples, targets)
        classes = _by_output("class_weight", self.classes, targets)
        columns = [
            _sample_weights(p, samples.get(p), len(y))
            * _class_weights(p, classes.get(p), y, k)
            for p, y in targets.items()
            for k in [losses[p].FORMULA.targets if p in losses else None]
        ]
        return np.stack(columns, axis=1).astype(np.float32)


def _by_output(
    name: str, weights: Any, outputs: Mapping[Population, Any]
) -> dict[Population, Any]:
    """Returns {output: its weights}, the same for all if they are not keyed by output.

    Args:
        name: name of the argument, for error messages.
        weights: value of the argument.
        outputs: the outputs.
    """
    if weights is None:
        return {}
    names = {population.name for population in outputs}
    keyed = isinstance(weights, Mapping) and any(
        isinstance(key, PopulationLike) or key in names for key in weights
    )
    if not keyed:
        return dict.fromkeys(outputs, weights)
    by_output = {
        p: value for p, (_, value) in population_items(weights, outputs).items()
    }
    foreign = [p.name for p in by_output if p not in outputs]
    if foreign:
        raise ValidationError(
            f"{name}: keys are outputs. Received {foreign}; outputs are "
            f"{[p.name for p in outputs]}."
        )
    return by_output


def _sample_weights(population: Population, weights: Any, size: int) -> np.ndarray:
    where = f"sample_weight of '{population.name}'"
    values = np.ones(size) if weights is None else finite_array(where, weights)
    if values.shape != (size,) or np.any(values < 0):
        raise ValidationError(
            f"{where}: one number for each of the {size} examples, none of them "
            f"negative. Received {shown(weights)}."
        )
    return values


def _class_weights(
    population: Population, weights: Any, targets: np.ndarray, kind: Targets | None
) -> np.ndarray:
    if weights is None:
        return np.ones(len(targets))
    where = f"class_weight of '{population.name}'"
    if not isinstance(weights, Mapping):
        raise ValidationError(
            f"{where}: a dictionary {{class: number}}. Received {shown(weights)}."
        )
    if kind is Targets.PROBABILITIES:
        targets = np.argmax(targets, axis=1)
    if targets.ndim != 1:
        raise ValidationError(
            f"{where}: targets of this output are values, not classes. Use "
            "sample_weight."
        )
    for label, value in weights.items():
        if label not in range(population.size):
            raise ValidationError(
                f"{where}: keys are classes, from 0 to {population.size - 1}. Received "
                f"{shown(label)}."
            )
        not_negative(where, value)
    return np.asarray([weights.get(label, 1.0) for label in targets.tolist()])
