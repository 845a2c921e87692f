"""Recorders of spikes and of state variables, which the backend records."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ml_genn.callbacks.callback import Callback
from ml_genn.errors import TrainingWarning, ValidationError, stacklevel_of_user
from ml_genn.graph.graph import get_underlying_pop
from ml_genn.model.batch import Record, RunResult
from ml_genn.utils.checks import flag, text
from ml_genn.utils.copies import owned
from ml_genn.utils.filter import ExampleFilter, get_neuron_filter_mask


class _Recorder(Callback):
    """Base of recorders of a population: filters of examples and neurons, and data."""

    def __init__(
        self, pop: Any, key: Any, example_filter: Any, neuron_filter: Any
    ) -> None:
        self._pop = get_underlying_pop(pop)
        self.key = key
        self._example_filter = ExampleFilter(owned(example_filter))
        self._neuron_filter = owned(neuron_filter)
        self._data: Any = None

    def set_params(self, **kwargs: Any) -> None:
        """Clears the data.

        Raises:
            ValidationError: if the population belongs to another network.
        """
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
        """Restarts the count of examples."""
        self._first = 0

    def on_recorded(self, batch: int, result: RunResult) -> None:
        """Appends the data of each recorded example of the batch."""
        size = len(result.losses)
        mask = self._example_filter.mask(self._first, size)
        for example in np.flatnonzero(mask):
            self._append(int(example), result)
        self._first += size

    def _append(self, example: int, result: RunResult) -> None:
        """Appends the data of an example of a batch."""
        raise NotImplementedError

    def get_data(self) -> tuple[Any, Any]:
        """Returns (key, recorded data)."""
        return self.key, self._data

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of '{self._pop.name}', key={self.key!r}>"


class SpikeRecorder(_Recorder):
    """Records spikes.

    Its data are two lists with one array per recorded example: times [ms] and neurons;
    or, with ``record_counts``, one list of arrays of counts.

    Args:
        pop: population or layer made with ``record_spikes=True``.
        key: key of its data; None (default) for its index in the list of callbacks.
        example_filter: recorded examples, counted from the start of an epoch: None
            (default) for all, an index, indices, or flags.
        neuron_filter: recorded neurons: None (default) for all, an index, indices, a
            slice, flags, or a tuple of them per dimension.
        record_counts: True to record numbers of spikes only; False by default.
        record_spike_events: True to record the negative spikes of an input with signed
            spikes, made with ``record_spike_events=True``; False by default.

    Raises:
        ValidationError: if the population was made without the flag that allows
            recording.
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
        attribute = "record_spike_events" if self._negative else "record_spikes"
        if not getattr(self._pop, attribute):
            raise ValidationError(
                f"SpikeRecorder: make population '{self._pop.name}' with "
                f"{attribute}=True to record its {'negative ' * self._negative}spikes."
            )

    def set_params(self, **kwargs: Any) -> None:
        """Clears the data; warns if the population never spikes."""
        super().set_params(**kwargs)
        network = kwargs["compiled_network"]
        name = self._pop.name
        self._spikes = self._negative or network.spikes(name)
        self._group = network.negative_spikes(name) if self._negative else name
        if not self._spikes:
            warnings.warn(
                f"SpikeRecorder: population '{name}' never spikes, so its data are "
                "empty. VarRecorder records its variables.",
                TrainingWarning,
                stacklevel=stacklevel_of_user(),
            )

    def _clear(self) -> None:
        self._data = [] if self._counts else ([], [])

    def recorded_spikes(self) -> tuple[str, ...]:
        """Returns the name of the group whose spikes are recorded."""
        return (self._group,) if self._spikes else ()

    def _append(self, example: int, result: RunResult) -> None:
        none = (np.zeros(0), np.zeros(0, dtype=int))
        steps, ids = result.spikes[self._group][example] if self._spikes else none
        mask = self._mask[ids]
        if self._counts:
            counts = np.bincount(ids[mask], minlength=self._pop.size)
            self._data.append(counts[self._mask])
        else:
            self._data[0].append(steps[mask] * self._dt)
            self._data[1].append(ids[mask])


class VarRecorder(_Recorder):
    """Records a state variable, or a constant parameter, in every time step.

    Its data are a list with one array (time steps, neurons) per recorded example.

    Args:
        pop: population or layer.
        var: name of the variable, for example "v"; either this or ``genn_var``.
        key, example_filter, neuron_filter: as for `SpikeRecorder`.
        genn_var: name of a variable of the model, for example "i_syn0" or, in training,
            "lambda_v"; mlGeNN's names ("V", "LambdaV") are also accepted.

    Raises:
        ValidationError: unless exactly one of ``var`` and ``genn_var`` is passed.
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
        argument, value = ("genn_var", genn_var) if var is None else ("var", var)
        self._name = text(f"VarRecorder: {argument}", value)

    def set_params(self, **kwargs: Any) -> None:
        """Clears the data.

        Raises:
            UnknownNameError: if there is no such variable.
        """
        super().set_params(**kwargs)
        network = kwargs["compiled_network"]
        self._constant = network.parameter_values(self._pop, self._name)
        if self._constant is None:
            name = network.variable(self._pop, self._name)
            self._record = Record(self._pop.name, name)
        self._steps = network.num_steps

    def recorded_variables(self) -> tuple[Record, ...]:
        """Returns the variable that is recorded, unless it is a parameter."""
        return (self._record,) if self._constant is None else ()

    def _append(self, example: int, result: RunResult) -> None:
        if self._constant is None:
            values = result.records[self._record][example][:, self._mask]
        else:
            constant = self._constant[self._mask]
            values = np.broadcast_to(constant, (self._steps, constant.size))
        self._data.append(values)
