"""Examples in memory, checked against a network and encoded for the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ml_genn.data.ranges import DataWarnings
from ml_genn.errors import ValidationError
from ml_genn.graph.graph import get_underlying_pop
from ml_genn.model.batch import Examples
from ml_genn.model.loss_formula import Targets
from ml_genn.neurons import InputBase
from ml_genn.population import Population
from ml_genn.training.data.analog_input import encode_frames
from ml_genn.training.data.batches import DataSpec, InMemoryData
from ml_genn.training.data.example_weights import ExampleWeights
from ml_genn.training.data.spike_input import encode_spikes
from ml_genn.training.population_dict import PopulationDict, population_items
from ml_genn.utils.checks import as_array


def encode_examples(
    x: Any,
    y: Any,
    spec: DataSpec,
    batch_size: int,
    *,
    targets: bool = True,
    weights: ExampleWeights | None = None,
    issued: DataWarnings | None = None,
) -> InMemoryData:
    """Checks examples against a network and returns them in the form of the model.

    Args:
        x: {input: examples}, or the examples of the only input.
        y: {output: targets}, or the targets of the only output.
        spec: form of the data.
        batch_size: examples in a batch.
        targets: True (default) if there are targets; False for predictions.
        weights: weights of examples in the loss; None (default) for 1.
        issued: warnings of this call so far; None (default) for none.

    Raises:
        ValidationError: if the data do not fit the network.
    """
    issued = DataWarnings() if issued is None else issued
    inputs = _by_population(x, spec.inputs, "input")
    outputs = _by_population(y, spec.outputs, "output") if targets else {}
    size = _common_size({**inputs, **outputs})
    checked = PopulationDict(
        {key: _checked_target(p, values, spec) for p, (key, values) in outputs.items()}
    )
    analog = {p: v for p, (_, v) in inputs.items() if isinstance(p.neuron, InputBase)}
    spikes = {p: v for p, (_, v) in inputs.items() if p not in analog}
    ordered = [p for p in spec.outputs if p in outputs]
    weight_array = (weights or ExampleWeights()).array(
        spec.losses, {p: checked[p] for p in ordered}
    )
    examples = Examples(
        size=size,
        num_steps=spec.num_steps,
        events={p.name: encode_spikes(p, v, spec, issued) for p, v in spikes.items()},
        values={
            p.name: encode_frames(p, v, spec.dt, issued) for p, v in analog.items()
        },
        targets={
            p.name: _encoded_target(p, checked[p], spec)
            for p in outputs
            if p in spec.losses
        },
        weights=weight_array,
    )
    columns = (
        {} if weight_array is None else dict(zip(ordered, weight_array.T, strict=True))
    )
    seen = PopulationDict({key: _seen(y, key, spec) for key, y in checked.items()})
    return InMemoryData(spec.prepare(examples), seen, size, batch_size, columns)


def _seen(values: np.ndarray, output: Any, spec: DataSpec) -> np.ndarray:
    """Returns targets of the steps that a readout sees; all if they have no steps."""
    population = get_underlying_pop(output)
    shape = population.shape or ()
    labels = values.dtype.kind == "i" and values.shape[1:] == (spec.num_steps,)
    if not labels and values.shape[1:] != (spec.num_steps, *shape):
        return values
    seen = spec.seen[population]
    return values[:, seen.start : seen.stop]


def _encoded_target(
    population: Population, values: np.ndarray, spec: DataSpec
) -> np.ndarray:
    """Returns the targets of an output in the form of its loss.

    They are labels (examples,), values (examples, neurons) or, for a loss with a target
    for each time step, values (examples, steps, neurons).
    """
    loss, size = spec.losses[population], population.size
    steps = len(spec.seen[population])
    encoded = loss.encode(values, steps=steps, dt=spec.dt, size=size)
    if loss.FORMULA.targets is Targets.LABELS:
        return encoded
    trajectory = loss.FORMULA.targets is Targets.VALUES and population in spec.each_step
    return encoded.reshape(len(encoded), *[spec.num_steps] * trajectory, size)


def _by_population(
    data: Any, populations: Sequence[Population], what: str
) -> dict[Population, tuple[Any, Any]]:
    """Returns {population: (key as the user wrote it, values)}.

    Args:
        data: {population or layer: values}, or the values of the only population.
        populations: inputs or outputs of the network.
        what: "input" or "output", for error messages.

    Raises:
        ValidationError: if there are not values for exactly these populations.
    """
    if not populations:
        raise ValidationError(f"Data: the network has no {what}. {_ADVICE[what]}")
    if data is None:
        raise (
            missing_targets()
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
    items = population_items(data, populations)
    if set(items) != set(populations):
        expected = {p.name for p in populations}
        foreign = any(p.name in expected for p in set(items) - set(populations))
        raise ValidationError(
            f"Data: expected data for the {what}s {sorted(expected)}. Received data "
            f"for {sorted(p.name for p in items)}"
            f"{', but of another network' if foreign else ''}."
        )
    return items


_ADVICE = {
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


def _checked_target(population: Population, values: Any, spec: DataSpec) -> np.ndarray:
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
    if not len(values):
        return np.zeros(0)
    return as_array(where, values)


def missing_targets() -> ValidationError:
    """Returns the error for data without targets."""
    return ValidationError(
        "Data: targets are missing. Give y, or as x an iterable of batches (x, y)."
    )
