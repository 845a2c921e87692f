"""A PyGeNN model that is loaded: its arrays, its steps, its custom updates."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_genn.backends.pygenn.lowering.records import DTYPES, Lowering
from ml_genn.backends.pygenn.runtime.build import Built
from ml_genn.errors import ValidationError

MOST = 2**31 - 1  #: entries of an array: code counts them in 32 bits


def _check_size(name: str, size: int) -> None:
    if size > MOST:
        raise ValidationError(
            f"Population '{name}': backend 'pygenn' keeps {size} numbers, one for each "
            f"step, example and neuron; {MOST} are possible. Use a smaller batch or "
            "fewer time steps."
        )


class Device:
    """Arrays and calls of a built model, by the plan's names.

    Attributes:
        batch: examples that run at once.
        steps: time steps of an example; None as long as nothing is loaded.
    """

    def __init__(self, built: Built, lowering: Lowering, batch: int, dt: float) -> None:
        self.model = built.model
        self.batch = batch
        self.steps: int | None = None
        self._built = built
        self._lowering = lowering
        self._dt = dt
        self._groups = {update.group for update in lowering.updates}

    def load(self, steps: int) -> None:
        """Allocates memory for examples of so many steps."""
        sizes = {
            (part.name, array): array.size(steps, self.batch)
            for part in self._lowering.neurons
            for array in part.arrays
        }
        for (name, _), size in sizes.items():
            _check_size(name, size)
        self.unload()
        for (name, array), size in sizes.items():
            found = self._built.neurons[name].extra_global_params[array.name]
            found.set_init_values(np.zeros(size, DTYPES[array.type]))
        self.model.load(num_recording_timesteps=steps)
        self.steps = steps
        self.set("num_steps", float(steps))

    def unload(self) -> None:
        """Frees the memory; all that was not pulled is lost."""
        if self.steps is not None:
            self.model.unload()
            self.steps = None

    # ------------------------------------------------------------ parameters
    def set(self, name: str, value: float) -> None:
        """Sets a parameter wherever there is one of that name."""
        for part in self._lowering.neurons:
            if name in part.dynamic:
                group = self._built.neurons[part.name]
                group.set_dynamic_param_value(name, value)
        for synapses in self._lowering.synapses:
            if name in synapses.dynamic:
                self._built.synapses[synapses.name].set_dynamic_param_value(name, value)
        for update in self._lowering.updates:
            if name in update.dynamic:
                self.set_for(update.name, name, value)

    def set_constant(self, group: str, name: str, value: float) -> None:
        """Sets a parameter of one population."""
        self._built.neurons[group].set_dynamic_param_value(name, value)

    def set_for(self, update: str, name: str, value: float) -> None:
        """Sets a parameter of one custom update."""
        self._built.updates[update].set_dynamic_param_value(name, value)

    # ------------------------------------------------------------ neurons
    def pull(self, group: str, name: str) -> np.ndarray:
        """A variable of a population: (examples, neurons)."""
        return self._pulled(self._built.neurons[group].vars[name])

    def push(self, group: str, name: str, values: np.ndarray) -> None:
        """Replaces a variable of a population: (examples, neurons), or (neurons,) where
        examples share it."""
        self._pushed(self._built.neurons[group].vars[name], values)

    def pull_array(self, group: str, name: str) -> np.ndarray:
        """An array of a population, with an entry for each step: (examples, steps,
        neurons)."""
        array = self._built.neurons[group].extra_global_params[name]
        array.pull_from_device()
        found = np.array(array.view).reshape(self.steps or 0, self.batch, -1)
        return found.transpose(1, 0, 2)

    def push_array(self, group: str, name: str, values: np.ndarray) -> None:
        """Replaces an array of a population."""
        array = self._built.neurons[group].extra_global_params[name]
        array.view[:] = values.reshape(-1)
        array.push_to_device()

    def result(self, update: str, name: str) -> np.ndarray:
        """A variable that a custom update of neurons has: (examples, neurons)."""
        return self._pulled(self._built.updates[update].vars[name])

    def _pulled(self, variable: Any) -> np.ndarray:
        variable.pull_from_device()
        return np.array(variable.view).reshape(self.batch, -1)

    @staticmethod
    def _pushed(variable: Any, values: np.ndarray) -> None:
        variable.view[:] = values.reshape(variable.view.shape)
        variable.push_to_device()

    # ------------------------------------------------------------ synapses
    def pull_update(self, owner: str, name: str) -> np.ndarray:
        """A variable of a custom update that all examples share, one number each."""
        variable = self._built.updates[owner].vars[name]
        variable.pull_from_device()
        return np.array(variable.values).reshape(-1)

    def push_update(self, owner: str, name: str, values: np.ndarray) -> None:
        """Replaces such a variable."""
        self._fill(self._built.updates[owner].vars[name], values)

    def push_synapses(self, owner: str, name: str, values: np.ndarray) -> None:
        """Replaces a variable of a synapse population, for all examples."""
        self._fill(self._built.synapses[owner].vars[name], values)

    @staticmethod
    def _fill(variable: Any, values: np.ndarray) -> None:
        shape = np.shape(variable.values)
        variable.values = np.broadcast_to(values.reshape(-1), shape)
        variable.push_to_device()

    # ------------------------------------------------------------ running
    def restart(self) -> None:
        """Time starts at zero."""
        self.model.timestep = 0

    def step(self) -> None:
        """Runs one time step."""
        self.model.step_time()

    def update(self, group: str) -> None:
        """Runs the custom updates of a group, if it has any."""
        if group in self._groups:
            self.model.custom_update(group)

    def spikes(self, name: str) -> list[tuple[np.ndarray, np.ndarray]]:
        """(steps, neurons) of each example, by step and neuron, once pulled."""
        found = []
        for times, ids in self._built.neurons[name].spike_recording_data:
            steps = np.rint(np.asarray(times) / self._dt).astype(np.int64)
            order = np.lexsort((ids, steps))
            found.append((steps[order], np.asarray(ids)[order].astype(np.uint32)))
        return found

    def pull_spikes(self) -> None:
        """Gets the spikes of the last steps, as many as an example has."""
        self.model.pull_recording_buffers_from_device()
