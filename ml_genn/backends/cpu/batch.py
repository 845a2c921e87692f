"""Calls of the engine, with the arrays that their pointers refer to."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn.backends.cpu.abi import Call, Recording
from ml_genn.backends.cpu.allreduce import Allreduce
from ml_genn.backends.cpu.examples import PreparedExamples
from ml_genn.backends.host.batch_data import batch_targets, example_weights
from ml_genn.backends.host.state import is_forward, record_array
from ml_genn.codegen.layout import Layout
from ml_genn.model.batch import BatchSlice, Record, RunOptions


def pointers(arrays: Sequence[np.ndarray | None]) -> np.ndarray:
    """Returns the addresses of arrays, 0 for None, and a final 0."""
    addresses = [0 if array is None else array.ctypes.data for array in arrays]
    return np.asarray([*addresses, 0], dtype=np.uintp)


def addresses(arrays: Mapping[str, np.ndarray]) -> dict[str, int]:
    """Returns {name: address of the array}."""
    return {name: array.ctypes.data for name, array in arrays.items()}


@dataclass(slots=True, eq=False)
class Batch:
    """Call of the engine for one batch, and the arrays that it fills.

    Args:
        call: the call.
        options: options of the run.
        outputs: readouts of each output group, (examples, neurons).
        losses: (examples, output groups).
        gradients: gradient of each learned array in the engine's form; empty unless
            they are returned.
        records: {record: (examples, steps, neurons)}.
        references: further objects that must live as long as the call.
        step: next time step, if steps are run one by one.
    """

    call: Call
    options: RunOptions
    outputs: list[np.ndarray]
    losses: np.ndarray
    gradients: list[np.ndarray]
    records: dict[Record, np.ndarray]
    references: list[Any]
    step: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class BatchFactory:
    """Makes the batches of a model.

    Args:
        layout: indices of what a call refers to.
        template: call with the fields that all batches have in common.
        gradient_shapes: padded shape of each learned array.
    """

    layout: Layout
    template: Call
    gradient_shapes: Sequence[tuple[int, ...]]

    def batch(
        self,
        prepared: PreparedExamples,
        indices: np.ndarray,
        options: RunOptions,
        batch_slice: BatchSlice,
    ) -> Batch:
        """Returns a batch whose call lacks only what to do.

        Args:
            prepared: examples.
            indices: indices of the examples that are run.
            options: options of the run.
            batch_slice: part of the batch that these examples are.
        """
        examples, size = prepared.examples, len(indices)
        call = Call.from_buffer_copy(self.template)
        call.num_steps = call.end_step = examples.num_steps
        call.batch = size
        call.scale = 1.0 / max(batch_slice.total, 1)
        batch = self._with_results(call, options, size)
        arrays = {"weights": example_weights(self.layout, examples, indices)}
        targets = batch_targets(self.layout, examples, indices)
        arrays["targets"] = pointers(targets)
        columns = prepared.columns(indices)
        _set(call, {**addresses(arrays), **prepared.call_fields(columns)})
        batch.references += [prepared, columns, arrays, targets]
        return batch

    def _with_results(self, call: Call, options: RunOptions, size: int) -> Batch:
        """Returns a batch with the arrays that its call fills."""
        outputs = self.layout.outputs
        batch = Batch(
            call,
            options,
            outputs=[np.zeros((size, g.size), dtype=np.float32) for g in outputs],
            losses=np.zeros((size, max(len(outputs), 1)), dtype=np.float32),
            gradients=[
                np.zeros(shape, dtype=np.float32)
                for shape in (self.gradient_shapes if options.gradients else ())
            ],
            records={
                record: record_array(self.layout, record, size, call.num_steps)
                for record in options.records
            },
            references=[],
        )
        arrays = {"results": pointers(batch.outputs), "losses": batch.losses}
        if options.gradients:
            arrays["gradients"] = pointers(batch.gradients)
        recordings = self._recordings(batch.records)
        _set(call, addresses(arrays))
        call.num_recordings = len(batch.records)
        call.recordings = ctypes.addressof(recordings)
        batch.references += [arrays, recordings]
        return batch

    def _recordings(
        self, records: Mapping[Record, np.ndarray]
    ) -> ctypes.Array[Recording]:
        recordings = (Recording * max(len(records), 1))()
        for k, (record, array) in enumerate(records.items()):
            row = self.layout.rows[record.group, record.variable]
            backward = not is_forward(self.layout.plan, record)
            to = array.ctypes.data
            recordings[k] = Recording(row.offset, row.size, backward, row.stride, to)
        return recordings


def set_allreduce(call: Call, allreduce: Allreduce) -> None:
    """Makes a call sum its gradients over processes."""
    call.begin_allreduce = allreduce.begin
    call.advance_allreduces = allreduce.advance
    call.end_allreduces = allreduce.end


def _set(call: Call, fields: Mapping[str, int]) -> None:
    for name, value in fields.items():
        setattr(call, name, value)
