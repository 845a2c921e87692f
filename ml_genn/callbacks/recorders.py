"""Recorders of spikes and variables; recording happens inside the engine."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_genn.callbacks.callback import Callback
from ml_genn.errors import ValidationError
from ml_genn.graph.graph import get_underlying_pop
from ml_genn.model.batch import Record, RunResult
from ml_genn.utils.checks import flag, text
from ml_genn.utils.filter import ExampleFilter, get_neuron_filter_mask


class _Recorder(Callback):
    """What recorders share: which examples and neurons, and where data goes."""

    def __init__(
        self, pop: Any, key: Any, example_filter: Any, neuron_filter: Any
    ) -> None:
        self._pop = get_underlying_pop(pop)
        self.key = key
        self._example_filter = ExampleFilter(example_filter)
        self._neuron_filter = neuron_filter
        self._data: Any = None

    def set_params(self, **kwargs: Any) -> None:
        """Starts with no data; refuses a population of another network."""
        if self._pop not in kwargs["compiled_network"].network.populations:
            raise ValidationError(
                f"{type(self).__name__}: population '{self._pop.name}' is not part of "
                "the network that runs."
            )
        if self._pop.shape is None:
            raise ValidationError(f"Population '{self._pop.name}' has no shape yet.")
        self._mask = get_neuron_filter_mask(self._neuron_filter, self._pop.shape)
        self._first = 0
        self._dt = kwargs["compiled_network"].dt
        self._clear()

    def _clear(self) -> None:
        self._data = []

    def on_epoch_begin(self, epoch: int) -> None:
        """Examples are counted from the start of an epoch."""
        self._first = 0

    def on_recorded(self, batch: int, result: RunResult) -> None:
        """Keeps what was asked for of a batch."""
        size = len(result.losses)
        wanted = self._example_filter.mask(self._first, size)
        for b in np.flatnonzero(wanted):
            self._keep(int(b), result)
        self._first += size

    def _keep(self, b: int, result: RunResult) -> None:
        raise NotImplementedError

    def get_data(self) -> tuple[Any, Any]:
        """(key, what was recorded)."""
        return self.key, self._data

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of '{self._pop.name}', key={self.key!r}>"


class SpikeRecorder(_Recorder):
    """Records spikes.

    Its data are two lists with one array per recorded example: times [ms] and neurons;
    or, with ``record_counts``, one list of arrays of counts.

    Args:
        pop: population or layer made with ``record_spikes=True``.
        key: key of its data; None (default) for its place in the list of callbacks.
        example_filter: which examples, counted from the start of an epoch: None
            (default) for all, an index, indices, or flags.
        neuron_filter: which neurons: None (default) for all, an index, indices, a
            slice, flags, or a tuple of them per dimension.
        record_counts: whether only counts per neuron are kept; no by default.
        record_spike_events: whether negative spikes, of an input with signed spikes
            made with ``record_spike_events=True``, are recorded instead; no by default.

    Raises:
        ValidationError: if the population was not made for it, or never spikes.
    """

    def __init__(
        self,
        pop: Any,
        key: Any = None,
        example_filter: Any = None,
        neuron_filter: Any = None,
        record_counts: bool = False,
        record_spike_events: bool = False,
    ) -> None:
        super().__init__(pop, key, example_filter, neuron_filter)
        self._counts = flag("SpikeRecorder: record_counts", record_counts)
        self._negative = flag("SpikeRecorder: record_spike_events", record_spike_events)
        needed = "record_spike_events" if self._negative else "record_spikes"
        if not getattr(self._pop, needed):
            raise ValidationError(
                f"SpikeRecorder: make population '{self._pop.name}' with "
                f"{needed}=True to record its {'negative ' * self._negative}spikes."
            )

    def set_params(self, **kwargs: Any) -> None:
        """Starts with no data; refuses a population that never spikes."""
        super().set_params(**kwargs)
        network = kwargs["compiled_network"]
        network.check_spikes(self._pop.name)
        name = self._pop.name
        self._group = network.negative_spikes(name) if self._negative else name

    def _clear(self) -> None:
        self._data = [] if self._counts else ([], [])

    def spikes(self) -> tuple[str, ...]:
        """The group whose spikes it records."""
        return (self._group,)

    def _keep(self, b: int, result: RunResult) -> None:
        steps, ids = result.spikes[self._group][b]
        kept = self._mask[ids]
        if self._counts:
            counts = np.bincount(ids[kept], minlength=self._pop.size)
            self._data.append(counts[self._mask])
        else:
            self._data[0].append(steps[kept] * self._dt)
            self._data[1].append(ids[kept])


class VarRecorder(_Recorder):
    """Records a state variable in every time step.

    Its data are a list with one array (time steps, neurons) per recorded example.

    Args:
        pop: population or layer.
        var: name of the variable, for example "v"; or else ``genn_var`` is given.
        key, example_filter, neuron_filter: as for `SpikeRecorder`.
        genn_var: name of a variable inside the model, for example "i_syn0" or, while
            gradients are taken, "lambda_v"; mlGeNN's names ("V", "LambdaV") do as well.

    Raises:
        ValidationError: if not just one of ``var`` and ``genn_var`` is given.
        UnknownNameError: if there is no such variable.
    """

    def __init__(
        self,
        pop: Any,
        var: str | None = None,
        key: Any = None,
        example_filter: Any = None,
        neuron_filter: Any = None,
        genn_var: str | None = None,
    ) -> None:
        super().__init__(pop, key, example_filter, neuron_filter)
        if (var is None) == (genn_var is None):
            raise ValidationError("VarRecorder: give either var or genn_var.")
        name, given = ("genn_var", genn_var) if var is None else ("var", var)
        self._name = text(f"VarRecorder: {name}", given)

    def set_params(self, **kwargs: Any) -> None:
        """Starts with no data; refuses an unknown variable."""
        super().set_params(**kwargs)
        name = kwargs["compiled_network"].variable(self._pop, self._name)
        self._record = Record(self._pop.name, name)

    def records(self) -> tuple[Record, ...]:
        """The variable it records."""
        return (self._record,)

    def _keep(self, b: int, result: RunResult) -> None:
        self._data.append(result.records[self._record][b][:, self._mask])
