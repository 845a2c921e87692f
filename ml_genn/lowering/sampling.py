"""Values of a network, sampled from initializers while its groups are made."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_genn.connection import Connection
from ml_genn.connectivity.connectivity import Indices
from ml_genn.errors import ValidationError
from ml_genn.initializers import Initializer
from ml_genn.initializers.value import as_value, random_generator, sample_value
from ml_genn.lowering.projections import Target, projection_of
from ml_genn.model.plan import (
    CSR,
    DENSE,
    Delay,
    PlanValues,
    SynapseFormat,
)


class ParameterSampler:
    """Samples values and collects them by group.

    Each array has a random generator of its own, seeded by the owner's and the array's
    name, so that values do not depend on the order of sampling.

    Args:
        seed: seed of all samples.
        dt: time step [ms].
        num_steps: time steps of an example.

    Attributes:
        parameters, initial, weights, indices, delays, max_delays, frames, windows: as
            in `PlanValues`.
    """

    def __init__(self, seed: int, dt: float, num_steps: int) -> None:
        self.seed = seed
        self.dt = dt
        self.num_steps = num_steps
        self.parameters: dict[str, dict[str, Any]] = {}
        self.initial: dict[str, dict[str, Any]] = {}
        self.weights: dict[str, np.ndarray] = {}
        self.indices: dict[str, Indices] = {}
        self.delays: dict[str, Any] = {}
        self.max_delays: dict[str, int] = {}
        self.frames: dict[str, tuple[int, int]] = {}
        self.windows: dict[str, tuple[int, int]] = {}

    def value(self, owner: str, name: str, value: Any, shape: tuple[int, ...]) -> Any:
        """Returns a number, or a flat array with one element per element of ``shape``.

        Args:
            owner: name of the population or connection.
            name: name of the value.
            value: number, array or initializer.
            shape: shape of the population or of the synapses.
        """
        rng = random_generator(self.seed, owner, name)
        sample = sample_value(f"'{owner}': {name}", value, shape, rng)
        return sample if isinstance(sample, float) else sample.reshape(-1)

    def weights_of(
        self, connection: Connection, target: Target, shape: tuple[int, ...]
    ) -> Any:
        """Returns the weights of a connection, as `value` does.

        Args:
            connection: the connection.
            target: neuron and ports of its target.
            shape: shape of its synapses.
        """
        weight = as_value(
            f"'{connection.name}': weight", connection.connectivity.weight
        )
        if isinstance(weight, Initializer):
            weight = weight.of_projection(projection_of(connection, target, self.dt))
        return self.value(connection.name, "weight", weight, shape)

    def sample_format(self, connection: Connection) -> SynapseFormat:
        """Returns the format of a connection's synapses; samples pairs of neurons."""
        source, target = connection.ends()
        storage = connection.connectivity.format(source, target)
        if storage is not None and not storage.has_pairs:
            return storage
        rng = random_generator(self.seed, connection.name, "indices")
        pairs = connection.connectivity.indices(source, target, rng)
        if pairs is None:
            return DENSE
        self.indices[connection.name] = pairs
        return storage or CSR

    def sample_delay(
        self, connection: Connection, shape: tuple[int, ...], learned: bool
    ) -> Delay:
        """Samples delays in time steps and returns their kind.

        Learned delays are real numbers, others whole numbers of steps.

        Args:
            connection: the connection.
            shape: shape of its synapses.
            learned: True if its delays are learned.

        Raises:
            ValidationError: if a delay is not a whole number of steps, longer than
                ``max_delay_steps``, or needs a ``max_delay_steps`` that is not set.
        """
        if learned:
            return self._sample_learned_delay(connection, shape)
        name, value = connection.name, connection.connectivity.delay
        if isinstance(value, Initializer) and connection.max_delay_steps is None:
            raise ValidationError(
                f"Connection '{name}': delays drawn from an initializer need "
                "max_delay_steps, the longest delay in time steps."
            )
        steps = np.floor(np.asarray(self.value(name, "delay", value, shape)) + 0.5)
        steps = _within_limit(connection, steps)
        self.max_delays[name] = int(steps.max())
        if steps.ndim == 0:
            if steps != np.asarray(value):
                raise ValidationError(
                    f"Connection '{name}': a delay is a whole number of time steps. "
                    f"Received {value!r}."
                )
            self.delays[name] = int(steps)
            return Delay.CONSTANT if steps else Delay.NONE
        self.delays[name] = steps.reshape(shape).astype(np.int32)
        return Delay.PER_SYNAPSE

    def _sample_learned_delay(
        self, connection: Connection, shape: tuple[int, ...]
    ) -> Delay:
        name, longest = connection.name, connection.max_delay_steps
        if longest is None:
            raise ValidationError(
                f"Connection '{name}': delays that are learned need max_delay_steps, "
                "the longest delay in time steps: Connection(..., max_delay_steps=20)."
            )
        value = connection.connectivity.delay
        steps = np.asarray(self.value(name, "delay", value, shape), dtype=float)
        steps = _within_limit(connection, steps)
        self.delays[name] = np.broadcast_to(
            steps.reshape(shape if steps.ndim else ()), shape
        )
        self.max_delays[name] = longest
        return Delay.PER_SYNAPSE

    def values(self) -> PlanValues:
        """Returns all values."""
        return PlanValues(
            dt=self.dt,
            parameters=self.parameters,
            initial=self.initial,
            weights=self.weights,
            indices=self.indices,
            delays=self.delays,
            max_delays=self.max_delays,
            frames=self.frames,
            windows=self.windows,
        )


def _within_limit(connection: Connection, steps: np.ndarray) -> np.ndarray:
    """Returns delays of at most ``max_delay_steps``.

    Sampled delays are clipped; longer ones that a user gave are refused.
    """
    longest = connection.max_delay_steps
    if isinstance(connection.connectivity.delay, Initializer):
        return np.asarray(np.clip(steps, 0, longest))
    if longest is not None and steps.max() > longest:
        raise ValidationError(
            f"Connection '{connection.name}': a delay of {steps.max():g} steps is "
            f"longer than max_delay_steps={longest}."
        )
    return steps
