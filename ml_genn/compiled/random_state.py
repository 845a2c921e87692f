"""Random state of a compiled network: all random numbers that are drawn in Python."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ml_genn.backends import stacklevel_of_user
from ml_genn.errors import CheckpointError, TrainingWarning
from ml_genn.initializers.value import random_generator

SHUFFLE = "shuffle"  #: purpose of the generators that put examples into random order
PURPOSES = (SHUFFLE,)
SEED, GENERATORS = "seed", "generators"  #: keys of the saved state


class RandomState:
    """Random generators of a compiled network, made one after the other.

    Each generator is a function of the seed, its purpose and the number of generators
    made for that purpose before. The state therefore consists of these numbers alone,
    and NumPy's global generator is neither read nor changed.

    Args:
        seed: argument ``rng_seed`` of the compiler.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._counts = dict.fromkeys(PURPOSES, 0)

    def next_generator(self, purpose: str) -> np.random.Generator:
        """Returns the next generator of a purpose, one of `PURPOSES`."""
        number = self._counts[purpose]
        self._counts[purpose] = number + 1
        return random_generator(self._seed, purpose, str(number))

    def to_json(self) -> dict[str, Any]:
        """Returns the state, for a checkpoint."""
        return {SEED: self._seed, GENERATORS: dict(self._counts)}

    def checked(self, saved: Any) -> Callable[[], None]:
        """Checks a saved state and returns a function that restores it.

        The function warns if the state was saved with another seed: the seed of this
        network stays, so training continues with other random numbers.

        Args:
            saved: result of `to_json`.

        Raises:
            CheckpointError: if it is anything else.
        """
        if not isinstance(saved, dict) or saved.keys() != {SEED, GENERATORS}:
            raise _not_a_state(saved)
        counts = saved[GENERATORS]
        if not isinstance(counts, dict) or counts.keys() != self._counts.keys():
            raise _not_a_state(saved)
        if not all(is_count(number) for number in (saved[SEED], *counts.values())):
            raise _not_a_state(saved)

        def restore() -> None:
            self._counts = dict(counts)
            if saved[SEED] != self._seed:
                warnings.warn(
                    f"Checkpoint: it was saved with rng_seed={saved[SEED]}, and this "
                    f"network is compiled with rng_seed={self._seed}. Training goes "
                    "on with other random numbers than it would have had. Compile "
                    "with the same rng_seed to continue it exactly.",
                    TrainingWarning,
                    stacklevel=stacklevel_of_user(),
                )

        return restore


def is_count(number: Any) -> bool:
    """True for a whole number of at least 0."""
    return isinstance(number, int) and not isinstance(number, bool) and number >= 0


def _not_a_state(saved: Any) -> CheckpointError:
    return CheckpointError(
        "Checkpoint: its random state is a seed and the number of generators made for "
        f"each of {', '.join(PURPOSES)}. Received {saved!r:.200}."
    )
