"""From what users give to batches that a model runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from ml_genn.communicators import Communicator
from ml_genn.errors import ValidationError
from ml_genn.losses import Loss
from ml_genn.model.batch import Examples, Share
from ml_genn.neurons import InputBase
from ml_genn.population import Population
from ml_genn.training.datasets import Grouped, is_dataset, random_order
from ml_genn.training.events import are_events, spikes_of
from ml_genn.training.frames import frames
from ml_genn.training.results import PopulationDict, population_items
from ml_genn.training.weights import Weights
from ml_genn.utils.checks import as_array, number
from ml_genn.utils.data import PreprocessedSpikes, get_dataset_size, split_dataset
from ml_genn.utils.data.encode import (
    EventStream,
    check_spikes,
    encode_dense,
    encode_events,
)


@dataclass(frozen=True, slots=True, eq=False)
class DataSpec:
    """What data has to look like.

    Args:
        inputs: populations that are given data.
        outputs: populations that have a readout.
        losses: {output: loss}; empty where nothing is learned.
        each_step: outputs whose loss compares each step.
        num_steps: time steps of an example.
        dt: time step [ms].
        prepare: turns checked examples into what the model runs.
    """

    inputs: tuple[Population, ...]
    outputs: tuple[Population, ...]
    losses: Mapping[Population, Loss]
    num_steps: int
    dt: float
    prepare: Callable[[Examples], Any]
    each_step: frozenset[Population] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """A batch.

    Args:
        prepared: examples in the model's form.
        indices: which of them.
        targets: {output key that the user wrote: targets of the batch}.
        weights: {output: how much each example counts}; empty where none were given.
        share: which examples of a batch that several processes run these are; None for
            all.
        ahead: examples of the next batch; None where it is not known, or there is none.
    """

    prepared: Any
    indices: np.ndarray
    targets: Mapping[Any, np.ndarray]
    weights: Mapping[Population, np.ndarray]
    share: Share | None = None
    ahead: np.ndarray | None = None

    @property
    def size(self) -> int:
        """Number of examples."""
        return len(self.indices)

    def shared(self, communicator: Communicator | None) -> Batch:
        """The part of the batch that this process runs: all of it if it is alone."""
        if communicator is None:
            return self
        first, last = communicator.share(self.size)
        targets = {key: values[first:last] for key, values in self.targets.items()}
        ahead = self.ahead
        if ahead is not None:
            ahead = ahead[slice(*communicator.share(len(ahead)))]
        return Batch(
            self.prepared,
            self.indices[first:last],
            PopulationDict(targets),
            {p: values[first:last] for p, values in self.weights.items()},
            Share(first, self.size),
            ahead,
        )

    def gathered(
        self, values: np.ndarray, communicator: Communicator | None
    ) -> np.ndarray:
        """Values of all examples from those of each process's share."""
        if communicator is None:
            return values
        first, last = communicator.share(self.size)
        found = np.zeros((self.size, *values.shape[1:]), dtype=values.dtype)
        found[first:last] = values
        communicator.all_sum(found)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class InMemory:
    """Examples that are all in memory."""

    prepared: Any
    targets: Mapping[Any, np.ndarray]
    size: int
    batch_size: int
    weights: Mapping[Population, np.ndarray]

    @property
    def num_batches(self) -> int:
        """Number of batches, a smaller last one included."""
        return -(-self.size // self.batch_size)

    def batches(
        self, shuffle: bool = False, communicator: Communicator | None = None
    ) -> Iterator[Batch]:
        """All batches, in random order (numpy's global generator) if asked for.

        The first process chooses the order for all.
        """
        order = (
            random_order(self.size, communicator) if shuffle else np.arange(self.size)
        )
        for start in range(0, self.size, self.batch_size):
            last = start + self.batch_size
            indices, ahead = order[start:last], order[last : last + self.batch_size]
            chosen = {key: values[indices] for key, values in self.targets.items()}
            weights = {p: values[indices] for p, values in self.weights.items()}
            yield Batch(
                self.prepared,
                indices,
                PopulationDict(chosen),
                weights,
                ahead=ahead if len(ahead) else None,
            )


@dataclass(frozen=True, slots=True, eq=False)
class Streamed:
    """Batches that an iterable yields as (x, y) or (x, y, sample weights)."""

    source: Iterable[tuple[Any, ...]]
    spec: DataSpec
    batch_size: int
    limit: int | None = None
    class_weight: Any = None

    @property
    def num_batches(self) -> int | None:
        """Number of batches, where it is known beforehand."""
        known = _length(self.source)
        if self.limit is None:
            return known
        return self.limit if known is None else min(known, self.limit)

    def batches(
        self, shuffle: bool = False, communicator: Communicator | None = None
    ) -> Iterator[Batch]:
        """All batches, in the order of the iterable, which owns shuffling; it gives
        every process the same ones.

        A data set of single examples is shuffled if asked for.
        """
        empty = True
        source: Iterable[Any] = self.source
        if shuffle and isinstance(source, Grouped):
            source = source.shuffled(communicator)
        for k, item in enumerate(islice(source, self.limit)):
            data = self._checked(item, k)
            empty = False
            everything = np.arange(data.size)
            yield Batch(data.prepared, everything, data.targets, data.weights)
        if empty:
            raise ValidationError(
                "Data: the iterable of batches yielded none. An iterator can be used "
                "only once; give a list or an object whose __iter__ starts anew."
            )

    def _checked(self, item: Any, k: int) -> InMemory:
        """A batch as examples; errors are noted to come from item ``k``."""
        try:
            if isinstance(item, PreprocessedSpikes):
                raise _no_targets()
            if not isinstance(item, tuple | list) or len(item) not in (2, 3):
                raise ValidationError(
                    "Data: each item of an iterable of batches is a pair (x, y), or "
                    f"(x, y, sample weights). Received {type(item).__name__}."
                )
            x, y, *rest = item
            weights = Weights(rest[0] if rest else None, self.class_weight)
            return in_memory(x, y, self.spec, self.batch_size, weights=weights)
        except ValidationError as error:
            error.add_note(f"In item {k} of the iterable of batches.")
            raise


@dataclass(frozen=True, slots=True, eq=False)
class Restarted:
    """What a function gives, asked for anew each time."""

    make: Callable[[], Iterable[tuple[Any, ...]]]

    def __iter__(self) -> Iterator[Any]:
        made: Any = self.make()
        if not isinstance(made, Iterable):
            raise ValidationError(
                "Data: a function given as x returns an iterator of batches (x, y). "
                f"Received {type(made).__name__}."
            )
        return iter(made)


def _length(source: Iterable[Any]) -> int | None:
    """Number of batches; None where it is not known, as of torch's endless loaders."""
    try:
        return len(source) if isinstance(source, Sized) else None
    except TypeError:
        return None


@dataclass(frozen=True, slots=True, eq=False)
class Keyed:
    """Batches (x, y) keyed by populations: by one, or in the order of several."""

    source: Iterable[tuple[Any, Any]]
    inputs: Any
    outputs: Any

    def __iter__(self) -> Iterator[Any]:
        for item in self.source:
            if isinstance(item, tuple | list) and len(item) == 2:
                x, y = item
                yield self._keyed(self.inputs, x), self._keyed(self.outputs, y)
            else:
                yield item

    @staticmethod
    def _keyed(keys: Any, values: Any) -> Any:
        if not isinstance(keys, Sequence):
            return {keys: values}
        parts = len(values) if isinstance(values, Sequence) else 1
        if parts != len(keys):
            raise ValidationError(
                f"Data: {len(keys)} populations need as many parts of each batch, in "
                f"their order. Received {parts}."
            )
        return dict(zip(keys, values, strict=True))


def adapt(
    x: Any,
    y: Any,
    spec: DataSpec,
    batch_size: int,
    *,
    epochs: int = 1,
    weights: Weights | None = None,
    steps: int | None = None,
) -> InMemory | Streamed:
    """Data as users give it: mappings, arrays or lists, or an iterable of (x, y).

    Args:
        x, y: data; x alone may be an iterable of batches, or a function that gives one
            for each epoch, or a data set that has single examples by their number.
        spec: what data has to look like.
        batch_size: examples in a batch.
        epochs: how often all data are shown.
        weights: how much each example counts; None for one each.
        steps: batches of an epoch, of an iterable; None for all.

    Raises:
        ValidationError: if anything does not fit the network.
    """
    weights = weights or Weights()
    if y is not None or isinstance(x, Mapping):
        if steps is not None:
            raise ValidationError(
                "train: steps_per_epoch cuts an iterable of batches into epochs. Data "
                "in memory are shown whole; give a part of them, or leave it out."
            )
        return in_memory(x, y, spec, batch_size, weights=weights)
    if weights.samples is not None:
        raise ValidationError(
            "train: sample_weight stands beside data in memory. An iterable of batches "
            "yields (x, y, sample weights)."
        )
    if isinstance(x, Iterator) and epochs > 1 and steps is None:
        raise ValidationError(
            f"Data: an iterator can be used only once, but {epochs} epochs were "
            "asked for. Give an object whose __iter__ starts anew, a function that "
            "returns an iterator, or steps_per_epoch."
        )
    if hasattr(x, "__array__"):
        raise _no_targets()
    if is_dataset(x):
        x = Grouped(x, batch_size)
    elif callable(x) and not isinstance(x, Iterable):
        x = Restarted(x)
    if not isinstance(x, Iterable):
        raise ValidationError(
            "Data: without y, x is an iterable of batches (x, y), or a data set with "
            f"__getitem__ and __len__. Received {type(x).__name__}."
        )
    return Streamed(x, spec, batch_size, steps, weights.classes)


def is_stream(x: Any) -> bool:
    """Whether data bring their targets along: an iterable of batches, or what makes it.

    Args:
        x: what a user gave as data.
    """
    if isinstance(x, Mapping) or hasattr(x, "__array__"):
        return False
    if isinstance(x, Sequence):
        pair = len(x) > 0 and isinstance(x[0], tuple | list)
        return pair and not isinstance(x[0], PreprocessedSpikes)
    return isinstance(x, Iterable) or callable(x) or is_dataset(x)


def _no_targets() -> ValidationError:
    return ValidationError(
        "Data: targets are missing. Give y, or as x an iterable of batches (x, y)."
    )


def split_off(
    x: Any, y: Any, samples: Any, fraction: float
) -> tuple[tuple[Any, Any, Any], tuple[Any, Any]]:
    """Data without their last part, and that part, in the form in which they came.

    Raises:
        ValidationError: if they are not in memory, or a part has no examples.
    """
    if y is None:
        raise ValidationError(
            "train: validation_split needs data in memory. Give validation_x and "
            "validation_y beside an iterable of batches."
        )
    if not 0.0 < number("train: validation_split", fraction) < 1.0:
        raise ValidationError(
            "train: validation_split is a share of the data, between 0 and 1. "
            f"Received {fraction!r}."
        )
    given = {"x": x, "y": y, "sample_weight": samples}
    values = {
        (name, key): examples
        for name, data in given.items()
        if data is not None
        for key, examples in _items(data)
    }
    sizes = {key: _size(key[0], examples) for key, examples in values.items()}
    if len(set(sizes.values())) > 1:
        raise ValidationError(
            "Data: inputs and targets have one entry per example, so they are equally "
            f"long. Received lengths { {name: n for (name, _), n in sizes.items()} }."
        )
    parts = split_dataset(values, fraction)
    counts = [get_dataset_size(part) for part in parts]
    if not all(counts):
        raise ValidationError(
            f"train: validation_split={fraction!r} leaves {counts[0]} examples to "
            f"train on and {counts[1]} to validate on. Choose one between."
        )

    def formed(part: Mapping[Any, Any], name: str) -> Any:
        if given[name] is None:
            return None
        if not isinstance(given[name], Mapping):
            return part[name, None]
        return {key: part[name, key] for key in given[name]}

    first, last = [[formed(part, name) for name in given] for part in parts]
    return (first[0], first[1], first[2]), (last[0], last[1])


def _items(data: Any) -> Iterable[tuple[Any, Any]]:
    return data.items() if isinstance(data, Mapping) else [(None, data)]


def _size(name: str, examples: Any) -> int:
    if not isinstance(examples, Sized):
        raise ValidationError(
            f"Data: {name}: expected a list or an array. Received "
            f"{type(examples).__name__}."
        )
    return len(examples)


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
        events={p.name: _events(p, v, spec) for p, v in spikes.items()},
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
    if loss.KIND.of_labels:
        return found
    trajectory = loss.KIND.of_errors and population in spec.each_step
    return found.reshape(len(found), *[spec.num_steps] * trajectory, size)


def _keyed(
    data: Any, populations: Sequence[Population], what: str
) -> dict[Population, tuple[Any, Any]]:
    """{population: (key, values)} of what the user gave."""
    if not populations:
        raise ValidationError(f"Data: the network has no {what}. {_MAKE[what]}")
    if data is None:
        raise (
            _no_targets()
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


def _events(population: Population, values: Any, spec: DataSpec) -> list[EventStream]:
    duration = spec.num_steps * spec.dt
    where = f"Data for '{population.name}'"
    if hasattr(values, "__array__") and as_array(where, values).dtype != object:
        return _raster(where, population, values, spec)
    result = []
    for k, spikes in enumerate(values):
        where = f"Data for '{population.name}', example {k}"
        if are_events(spikes):
            spikes = spikes_of(where, population, spikes)
        elif hasattr(spikes, "__array__") and np.ndim(as_array(where, spikes)) > 0:
            dense = np.asarray(spikes)[None]
            result += _raster(where, population, dense, spec, shorter=True)
            continue
        if not isinstance(spikes, PreprocessedSpikes):
            raise ValidationError(
                f"{where}: expected PreprocessedSpikes (see "
                "ml_genn.utils.data.preprocess_spikes), events of Tonic, or an array "
                "(time steps,) + population shape; or give one array (examples, time "
                f"steps) + population shape. Received {type(spikes).__name__}."
            )
        check_spikes(spikes, population.size, duration, where)
        result.append(encode_events(spikes, spec.num_steps, spec.dt))
    return result


def _raster(
    where: str,
    population: Population,
    given: Any,
    spec: DataSpec,
    shorter: bool = False,
) -> list[EventStream]:
    """Spikes from an array (examples, steps) + shape that is 1 where there is one.

    An example that is ``shorter`` than the network runs ends in silence.
    """
    values = np.asarray(given)
    shape = population.shape or ()
    steps = min(spec.num_steps, values.shape[1]) if shorter else spec.num_steps
    expected = (len(values), steps, *shape)
    if values.dtype.kind not in "buif":
        raise ValidationError(
            f"{where}: an array of spikes holds flags or numbers. Received type "
            f"{values.dtype}."
        )
    if values.shape != expected:
        raise ValidationError(
            f"{where}: an array of spikes has the shape (examples, time steps) + "
            f"population shape = {expected}. Received {values.shape}."
        )
    flat = values.reshape(len(values), steps, population.size)
    if values.dtype.kind in "if":
        _check_counts(where, flat)
    return [encode_dense(example) for example in flat]


def _check_counts(where: str, counts: np.ndarray) -> None:
    """Refuses numbers of spikes (examples, steps, neurons) that there cannot be."""
    wrong = np.argwhere(~((counts >= 0) & (counts < np.inf)))
    if len(wrong):
        example, step, neuron = wrong[0]
        raise ValidationError(
            f"{where}: numbers of spikes are finite and not negative. Received "
            f"{counts[example, step, neuron]} in example {example}, step {step}, "
            f"neuron {neuron}."
        )


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
