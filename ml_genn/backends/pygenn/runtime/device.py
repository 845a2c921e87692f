"""Memory and calls of a built PyGeNN model, addressed by the plan's names."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_genn.backends.pygenn.lowering.records import DTYPES, LoweredModel
from ml_genn.backends.pygenn.runtime.build import BuiltModel
from ml_genn.errors import ValidationError

MAX_ARRAY_SIZE = 2**31 - 1  #: elements of an array: code indexes it with 32-bit numbers


class Device:
    """Memory and calls of a built model.

    Args:
        built: the model and its groups.
        lowered: the records that it was built from.
        batch_size: examples that run at once.
        dt: time step [ms].

    Attributes:
        batch_size: examples that run at once.
        num_steps: time steps of an example; None while the model is not loaded.
    """

    def __init__(
        self, built: BuiltModel, lowered: LoweredModel, batch_size: int, dt: float
    ) -> None:
        self.model = built.model
        self.batch_size = batch_size
        self.num_steps: int | None = None
        self._built = built
        self._lowered = lowered
        self._dt = dt
        self._update_groups = {update.group for update in lowered.updates}

    # ------------------------------------------------------------ memory
    def load(self, num_steps: int) -> None:
        """Allocates memory for examples of ``num_steps`` time steps.

        Raises:
            ValidationError: if an array has more elements than code can index.
        """
        arrays = [(p.name, a) for p in self._lowered.neurons for a in p.arrays]
        sizes = [array.size(num_steps, self.batch_size) for _, array in arrays]
        for (population, _), size in zip(arrays, sizes, strict=True):
            _check_size(population, size)
        self.unload()
        for (population, array), size in zip(arrays, sizes, strict=True):
            parameter = self._built.neurons[population].extra_global_params[array.name]
            parameter.set_init_values(np.zeros(size, DTYPES[array.type]))
        self.model.load(num_recording_timesteps=num_steps)
        self.num_steps = num_steps
        self.set_parameter("num_steps", float(num_steps))

    def unload(self) -> None:
        """Frees the memory; values that were not pulled are lost."""
        if self.num_steps is not None:
            self.model.unload()
            self.num_steps = None

    # ------------------------------------------------------------ dynamic parameters
    def set_parameter(self, name: str, value: float) -> None:
        """Sets a dynamic parameter of all groups that have one of that name."""
        for neurons in self._lowered.neurons:
            if name in neurons.dynamic:
                self.set_neuron_parameter(neurons.name, name, value)
        for synapses in self._lowered.synapses:
            if name in synapses.dynamic:
                self._built.synapses[synapses.name].set_dynamic_param_value(name, value)
        for update in self._lowered.updates:
            if name in update.dynamic:
                self.set_update_parameter(update.name, name, value)

    def set_neuron_parameter(self, population: str, name: str, value: float) -> None:
        """Sets a dynamic parameter of one neuron population."""
        self._built.neurons[population].set_dynamic_param_value(name, value)

    def set_update_parameter(self, update: str, name: str, value: float) -> None:
        """Sets a dynamic parameter of one custom update."""
        self._built.updates[update].set_dynamic_param_value(name, value)

    # ------------------------------------------------------------ neurons
    def pull(self, population: str, name: str) -> np.ndarray:
        """Returns a variable of a neuron population: (examples, neurons)."""
        return self._pull(self._built.neurons[population].vars[name])

    def push(self, population: str, name: str, values: np.ndarray) -> None:
        """Replaces a variable of a neuron population.

        Args:
            population, name: the population and its variable.
            values: (examples, neurons), or (neurons,) if examples share them.
        """
        variable = self._built.neurons[population].vars[name]
        variable.view[:] = values.reshape(variable.view.shape)
        variable.push_to_device()

    def push_examples(self, population: str, name: str, rows: np.ndarray) -> None:
        """Replaces a variable of the first examples; the others get zeros.

        Args:
            population, name: the population and its variable.
            rows: (examples, neurons).
        """
        padded = np.zeros((self.batch_size, rows.shape[1]), np.float32)
        with np.errstate(over="ignore"):  # the gradient is found to be infinite
            padded[: len(rows)] = rows
        self.push(population, name, padded)

    def pull_array(self, population: str, name: str) -> np.ndarray:
        """Returns an array of each time step: (examples, steps, neurons)."""
        array = self._built.neurons[population].extra_global_params[name]
        array.pull_from_device()
        values = np.array(array.view).reshape(self.num_steps or 0, self.batch_size, -1)
        return values.transpose(1, 0, 2)

    def push_array(self, population: str, name: str, values: np.ndarray) -> None:
        """Replaces an array; values are in the order of its elements."""
        array = self._built.neurons[population].extra_global_params[name]
        array.view[:] = values.reshape(-1)
        array.push_to_device()

    # ------------------------------------------------------------ synapses
    def push_synapses(self, population: str, name: str, values: np.ndarray) -> None:
        """Replaces a variable of a synapse population, for all examples."""
        self._push_synaptic(self._built.synapses[population].vars[name], values)

    # ------------------------------------------------------------ custom updates
    def pull_neuron_update(self, update: str, name: str) -> np.ndarray:
        """Returns a variable of a custom update of neurons: (examples, neurons)."""
        return self._pull(self._built.updates[update].vars[name])

    def pull_update(self, update: str, name: str) -> np.ndarray:
        """Returns a variable of a custom update that all examples share, flat."""
        variable = self._built.updates[update].vars[name]
        variable.pull_from_device()
        return np.array(variable.values).reshape(-1)

    def push_update(self, update: str, name: str, values: np.ndarray) -> None:
        """Replaces a variable of a custom update that all examples share."""
        self._push_synaptic(self._built.updates[update].vars[name], values)

    def _pull(self, variable: Any) -> np.ndarray:
        variable.pull_from_device()
        return np.array(variable.view).reshape(self.batch_size, -1)

    @staticmethod
    def _push_synaptic(variable: Any, values: np.ndarray) -> None:
        shape = np.shape(variable.values)
        variable.values = np.broadcast_to(values.reshape(-1), shape)
        variable.push_to_device()

    # ------------------------------------------------------------ calls
    def restart(self) -> None:
        """Sets the time to zero."""
        self.model.timestep = 0

    def step(self) -> None:
        """Runs one time step."""
        self.model.step_time()

    def run_updates(self, group: str) -> None:
        """Runs the custom updates of a group, if there are any."""
        if group in self._update_groups:
            self.model.custom_update(group)

    def pull_spikes(self) -> None:
        """Pulls the spikes of the last ``num_steps`` steps."""
        self.model.pull_recording_buffers_from_device()

    def spikes(self, population: str) -> list[tuple[np.ndarray, np.ndarray]]:
        """Returns (steps, neurons) of each example's pulled spikes, in that order."""
        examples = []
        for times, ids in self._built.neurons[population].spike_recording_data:
            steps = np.rint(np.asarray(times) / self._dt).astype(np.int64)
            order = np.lexsort((ids, steps))
            examples.append((steps[order], np.asarray(ids)[order].astype(np.uint32)))
        return examples


def _check_size(population: str, size: int) -> None:
    if size > MAX_ARRAY_SIZE:
        raise ValidationError(
            f"Population '{population}': backend 'pygenn' stores {size} numbers, one "
            f"for each step, example and neuron; {MAX_ARRAY_SIZE} are possible. Use a "
            "smaller batch or fewer time steps."
        )
