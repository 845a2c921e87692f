"""Results of a batch, copied to the host."""

from __future__ import annotations

import numpy as np

from ml_genn.backends.cuda.launch.batch import Batch
from ml_genn.backends.cuda.memory.batch_data import BatchData
from ml_genn.backends.cuda.memory.reductions import Reductions
from ml_genn.backends.cuda.memory.spike_tapes import spikes_of_examples
from ml_genn.backends.host.arrays.shapes import ArrayShapes
from ml_genn.backends.host.state import typed_state
from ml_genn.codegen.layout import Layout
from ml_genn.model.batch import Record
from ml_genn.model.plan import Learned

Spikes = list[tuple[np.ndarray, np.ndarray]]


class BatchResults:
    """Copies of what a batch has computed.

    Args:
        layout: places of variables.
        data: order of the data of a batch.
        reductions: sums over the batch.
        shapes: shapes of learned arrays.
    """

    def __init__(
        self,
        layout: Layout,
        data: BatchData,
        reductions: Reductions,
        shapes: ArrayShapes,
    ) -> None:
        self._layout, self._data = layout, data
        self._reductions, self._shapes = reductions, shapes

    def spikes(self, batch: Batch, group: str) -> Spikes:
        """Returns steps and neurons of a group's spikes, example by example."""
        inputs = self._data.input_spikes(batch.arrays, group)
        if inputs is None:
            tape = batch.tapes[self._layout.tapes[group]]
            inputs = tape.ids.get(), tape.offsets.get()
        ids, offsets = inputs
        return spikes_of_examples(ids, offsets, batch.num_steps)

    def outputs(self, batch: Batch) -> dict[str, np.ndarray]:
        """Returns {output group: readouts, (examples, neurons)}."""
        names = [group.name for group in self._layout.outputs]
        results = [array.get() for array in batch.outputs.results]
        return dict(zip(names, results, strict=True))

    def records(self, batch: Batch) -> dict[Record, np.ndarray]:
        """Returns {recorded variable: (examples, steps, neurons)}."""
        plan = self._layout.plan
        return {
            record: typed_state(plan, record.group, record.variable, array.get())
            for record, array in batch.outputs.records.items()
        }

    def gradients(
        self, stored_shapes: dict[Learned, tuple[int, ...]]
    ) -> dict[Learned, np.ndarray]:
        """Returns the gradient of each learned array, without padding.

        Args:
            stored_shapes: {learned array: shape with padding}.
        """
        gradients = self._reductions.gradients.get()
        return {
            array: self._shapes.unpadded(array, gradient.reshape(stored_shapes[array]))
            for array, gradient in zip(self._layout.learned, gradients, strict=True)
        }
