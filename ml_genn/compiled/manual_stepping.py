"""A batch that a script runs itself, one time step at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ml_genn.backends.api import Model
from ml_genn.errors import ValidationError
from ml_genn.model.batch import RunOptions
from ml_genn.training.data.batches import InMemory


class ByHand:
    """What `set_input`, `step_time` and `get_readout` of a compiled network do.

    It does not know the network, which knows it: they would outlive their last user
    until the garbage collector comes by.

    Args:
        model: the network's.
        num_steps: time steps of a batch.
    """

    def __init__(self, model: Model, num_steps: int) -> None:
        self._model = model
        self._num_steps = num_steps
        self._data: InMemory | None = None
        self._step: int | None = None  # of the batch that runs; None if none does
        self._results: Mapping[str, np.ndarray] = {}

    def set_input(self, data: InMemory) -> None:
        """Takes a batch, which starts with the next step."""
        if data.size > data.batch_size:
            raise ValidationError(
                f"set_input: a batch has up to {data.batch_size} examples. Received "
                f"{data.size}."
            )
        self.end()
        self._data = data

    def step(self, options: RunOptions) -> int:
        """Advances the batch by a time step; returns how many are over."""
        data = self._data
        if data is None:
            raise ValidationError("step_time: there is no batch. Call set_input first.")
        if self._step == self._num_steps:
            raise ValidationError(
                f"step_time: the {self._num_steps} time steps of the batch are over. "
                "Call reset_time, or set_input for another batch."
            )
        if self._step is None:
            self._model.begin_step(data.prepared, np.arange(data.size), options)
            self._step = 0
        self._model.step()
        self._step += 1
        return self._step

    def keep(self, results: Mapping[str, np.ndarray]) -> None:
        """Takes readouts of a batch that ran by itself."""
        self._results = results

    def end(self) -> None:
        """Ends the batch that runs; its readouts stay until the next one."""
        if self._step is not None:
            self._step = None
            self._results = self._model.end_step().outputs

    def result(self, name: str) -> np.ndarray:
        """The readout of the batch that ran last, which ends: (examples, neurons)."""
        self.end()
        if name not in self._results:
            raise ValidationError(
                "get_readout: no batch has run. Call set_input and step_time first; "
                "predict() does both."
            )
        return self._results[name]


def shaped(values: np.ndarray, shape: Any) -> np.ndarray:
    """(examples, neurons) in the shape of a population."""
    return values.reshape(len(values), *(shape or ()))
