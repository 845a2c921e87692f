"""Examples of a data set with the addresses of their data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml_genn.codegen.layout import Layout
from ml_genn.model.batch import Events, Examples

#: Fields of a call with one address, or number, per input group and example.
_EVENT_FIELDS = ("event_steps", "event_ids", "event_counts")


@dataclass(frozen=True, slots=True, eq=False)
class PreparedExamples:
    """Examples and a table of the addresses of their data.

    Args:
        examples: the examples.
        num_inputs: number of input groups.
        table: one column per example. Its rows are the addresses of the time steps of
            its spikes, the addresses of their neurons and their numbers, each for all
            input groups; then the addresses of the frames of analog input groups.
        arrays: arrays that the addresses point into.
    """

    examples: Examples
    num_inputs: int
    table: np.ndarray
    arrays: list[np.ndarray]

    def columns(self, indices: np.ndarray) -> np.ndarray:
        """Returns the columns of the table for some examples, contiguous."""
        return np.take(self.table, indices, axis=1)

    def call_fields(self, columns: np.ndarray) -> dict[str, int]:
        """Returns {field of a call: address of its rows in `columns`}."""
        bytes_of_field = self.num_inputs * columns.shape[1] * columns.itemsize
        return {
            name: columns.ctypes.data + k * bytes_of_field
            for k, name in enumerate((*_EVENT_FIELDS, "values"))
        }


def prepare(layout: Layout, examples: Examples) -> PreparedExamples:
    """Returns examples with the addresses of their data.

    Args:
        layout: input groups and the type of neuron indices.
        examples: spikes and analog inputs.
    """
    num_inputs, analog_inputs = len(layout.inputs), layout.analog_inputs
    num_event_rows = len(_EVENT_FIELDS) * num_inputs
    shape = num_event_rows + len(analog_inputs), examples.size
    table = np.zeros(shape, dtype=np.int64)
    arrays: list[np.ndarray] = []
    for g, group in enumerate(layout.inputs):
        for b, events in enumerate(examples.events[group.name]):
            steps, ids = _event_arrays(layout, events)
            row = steps.ctypes.data, ids.ctypes.data, len(steps)
            table[g:num_event_rows:num_inputs, b] = row
            arrays += [steps, ids]
    for k, group in enumerate(analog_inputs):
        frames = np.ascontiguousarray(examples.values[str(group.data)], np.float32)
        starts = np.arange(examples.size) * frames[0].nbytes
        table[num_event_rows + k] = frames.ctypes.data + starts
        arrays.append(frames)
    return PreparedExamples(examples, num_inputs, table, arrays)


def _event_arrays(layout: Layout, events: Events) -> tuple[np.ndarray, np.ndarray]:
    steps = np.ascontiguousarray(events.steps, dtype=np.int32)
    return steps, np.ascontiguousarray(events.ids, dtype=layout.id_type)
