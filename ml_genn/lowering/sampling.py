"""Numbers of a network, drawn while its groups are made."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_genn.connection import Connection
from ml_genn.connectivity.connectivity import Indices
from ml_genn.errors import ValidationError
from ml_genn.initializers import Initializer
from ml_genn.initializers.value import random_generator, sample_value
from ml_genn.model.plan import Delay, Values


class ParameterSampler:
    """Collects numbers while groups are made."""

    def __init__(self, seed: int, dt: float) -> None:
        self.seed = seed
        self.dt = dt
        self.parameters: dict[str, dict[str, Any]] = {}
        self.initial: dict[str, dict[str, Any]] = {}
        self.weights: dict[str, np.ndarray] = {}
        self.indices: dict[str, Indices] = {}
        self.delays: dict[str, Any] = {}
        self.max_delays: dict[str, int] = {}
        self.frames: dict[str, tuple[int, int]] = {}
        self.windows: dict[str, tuple[int, int]] = {}

    def value(self, owner: str, name: str, value: Any, shape: tuple[int, ...]) -> Any:
        """A number, or a flat array with one per element of ``shape``."""
        rng = random_generator(self.seed, owner, name)
        found = sample_value(f"'{owner}': {name}", value, shape, rng)
        return found if isinstance(found, float) else found.reshape(-1)

    def synapses(self, connection: Connection) -> tuple[int, ...]:
        """The shape of what a connection's synapses have, one number each."""
        source, target = connection.ends()
        rng = random_generator(self.seed, connection.name, "indices")
        found = connection.connectivity.indices(source, target, rng)
        if found is None:
            return (source.size, target.size)
        self.indices[connection.name] = found
        return (found[0].size,)

    def values(self) -> Values:
        """All numbers."""
        return Values(
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


def delay_of(
    connection: Connection,
    shape: tuple[int, ...],
    sampler: ParameterSampler,
    learned: bool,
) -> Delay:
    """Draws delays, in steps, whole ones unless they are learned; the kind of delay."""
    name, longest = connection.name, connection.max_delay_steps
    given = connection.connectivity.delay
    if learned:
        return _learned_delay(connection, shape, sampler)
    if isinstance(given, Initializer) and longest is None:
        raise ValidationError(
            f"Connection '{name}': delays drawn from an initializer need "
            "max_delay_steps, the longest delay in time steps."
        )
    steps = np.floor(np.asarray(sampler.value(name, "delay", given, shape)) + 0.5)
    steps = _within(connection, steps)
    most = int(steps.max())
    if steps.ndim == 0:
        if steps != np.asarray(given):
            raise ValidationError(
                f"Connection '{name}': a delay is a whole number of time steps. "
                f"Received {given!r}."
            )
        sampler.delays[name], sampler.max_delays[name] = int(steps), most
        return Delay.CONSTANT if most else Delay.NONE
    sampler.delays[name] = steps.reshape(shape).astype(np.int32)
    sampler.max_delays[name] = most
    return Delay.PER_SYNAPSE


def _within(connection: Connection, steps: np.ndarray) -> np.ndarray:
    """Delays cut to the longest if they are drawn, refused beyond it if given."""
    longest = connection.max_delay_steps
    if isinstance(connection.connectivity.delay, Initializer):
        return np.asarray(np.clip(steps, 0, longest))
    if longest is not None and steps.max() > longest:
        raise ValidationError(
            f"Connection '{connection.name}': a delay of {steps.max():g} steps is "
            f"longer than max_delay_steps={longest}."
        )
    return steps


def _learned_delay(
    connection: Connection, shape: tuple[int, ...], sampler: ParameterSampler
) -> Delay:
    name, longest = connection.name, connection.max_delay_steps
    if longest is None:
        raise ValidationError(
            f"Connection '{name}': delays that are learned need max_delay_steps, the "
            "longest delay in time steps: Connection(..., max_delay_steps=20)."
        )
    steps = np.asarray(
        sampler.value(name, "delay", connection.connectivity.delay, shape), dtype=float
    )
    steps = _within(connection, steps)
    sampler.delays[name] = np.broadcast_to(
        steps.reshape(shape if steps.ndim else ()), shape
    )
    sampler.max_delays[name] = longest
    return Delay.PER_SYNAPSE
