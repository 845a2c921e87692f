"""Examples that are all in memory, checked against a network and encoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ml_genn.errors import ValidationError
from ml_genn.model.batch import Examples
from ml_genn.model.loss_formula import Targets
from ml_genn.neurons import InputBase
from ml_genn.population import Population
from ml_genn.training.data.analog_input import frames
from ml_genn.training.data.batches import DataSpec, InMemory
from ml_genn.training.data.example_weights import Weights
from ml_genn.training.data.spike_input import event_streams
from ml_genn.training.population_dict import PopulationDict, population_items


def in_memory(
    x: Any,
    y: Any,
    spec: DataSpec,
    batch_size: int,
    *,
    targets: bool = True,
    weights: Weights | None = None,
) -> InMemory:
    """Checks examples against a network and encodes them.

    Args:
        x: {input: examples}, or the examples of the only input.
        y: {output: targets}, or the targets of the only output.
        spec: what data has to look like.
        batch_size: examples in a batch.
        targets: whether there are targets; False for predictions.
        weights: how much each example counts; None for one each.
    """
    inputs = _keyed(x, spec.inputs, "input")
    outputs = _keyed(y, spec.outputs, "output") if targets else {}
    size = _common_size({**inputs, **outputs})
    kept = PopulationDict(
        {key: _target(p, values, spec) for p, (key, values) in outputs.items()}
    )
    numbers = {p: v for p, (_, v) in inputs.items() if isinstance(p.neuron, InputBase)}
    spikes = {p: v for p, (_, v) in inputs.items() if p not in numbers}
    weighed = [p for p in spec.outputs if p in outputs]
    found = (weights or Weights()).array(spec.losses, {p: kept[p] for p in weighed})
    examples = Examples(
        size=size,
        num_steps=spec.num_steps,
        events={p.name: event_streams(p, v, spec) for p, v in spikes.items()},
        values={p.name: frames(p, p.neuron, v) for p, v in numbers.items()},
        targets={
            p.name: _encoded(p, kept[p], spec) for p in outputs if p in spec.losses
        },
        weights=found,
    )
    columns = {} if found is None else dict(zip(weighed, found.T, strict=True))
    return InMemory(spec.prepare(examples), kept, size, batch_size, columns)


def _encoded(population: Population, values: np.ndarray, spec: DataSpec) -> np.ndarray:
    """Labels (examples,), values (examples, neurons), or with steps between."""
    loss, size = spec.losses[population], population.size
    found = loss.encode(values, steps=spec.num_steps, dt=spec.dt, size=size)
    if loss.FORMULA.targets is Targets.LABELS:
        return found
    trajectory = loss.FORMULA.targets is Targets.VALUES and population in spec.each_step
    return found.reshape(len(found), *[spec.num_steps] * trajectory, size)


def _keyed(
    data: Any, populations: Sequence[Population], what: str
) -> dict[Population, tuple[Any, Any]]:
    """{population: (key, values)} of what the user gave."""
    if not populations:
        raise ValidationError(f"Data: the network has no {what}. {_MAKE[what]}")
    if data is None:
        raise (
            no_targets()
            if what == "output"
            else ValidationError("Data: x is missing. Give examples for the input.")
        )
    if not isinstance(data, Mapping):
        if len(populations) != 1:
            raise ValidationError(
                f"Data: the network has {len(populations)} {what}s "
                f"({', '.join(p.name for p in populations)}). Give a dictionary with "
                "one entry for each."
            )
        data = {populations[0]: data}
    found = population_items(data)
    if set(found) != set(populations):
        expected = {p.name for p in populations}
        foreign = any(p.name in expected for p in set(found) - set(populations))
        raise ValidationError(
            f"Data: expected data for the {what}s {sorted(expected)}. Received data "
            f"for {sorted(p.name for p in found)}"
            f"{', but of another network' if foreign else ''}."
        )
    return found


_MAKE = {
    "input": "Make one, for example Population('spike_input', 10).",
    "output": "Give a neuron a readout, for example LeakyIntegrate(readout='avg_var').",
}


def _common_size(data: Mapping[Population, tuple[Any, Any]]) -> int:
    sizes = {}
    for population, (_, values) in data.items():
        try:
            sizes[population.name] = len(values)
        except TypeError:
            raise ValidationError(
                f"Data for '{population.name}': expected a list or an array. Received "
                f"{type(values).__name__}."
            ) from None
    if len(set(sizes.values())) > 1:
        raise ValidationError(
            "Data: inputs and targets have one entry per example, so they are equally "
            f"long. Received lengths {sizes}."
        )
    size = next(iter(sizes.values()), 0)
    if size == 0:
        raise ValidationError("Data: there are no examples.")
    return size


def _target(population: Population, values: Any, spec: DataSpec) -> np.ndarray:
    where = f"Targets of '{population.name}'"
    loss = spec.losses.get(population)
    if loss is not None:
        shape = population.shape or ()
        return loss.check_target(
            values,
            where,
            steps=spec.num_steps,
            shape=shape,
            each_step=population in spec.each_step,
        )
    try:
        return np.asarray(values, dtype=None if len(values) else np.float64)
    except ValueError:
        raise ValidationError(
            f"{where}: expected an array. Received a ragged list."
        ) from None


def no_targets() -> ValidationError:
    """The error where targets are missing."""
    return ValidationError(
        "Data: targets are missing. Give y, or as x an iterable of batches (x, y)."
    )
