"""Progress of training: epoch, optimiser steps, optimisers and random state."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from ml_genn.backends import stacklevel_of_user
from ml_genn.compiled.random_state import RandomState
from ml_genn.config.codec import arguments_of
from ml_genn.config.records import OptimiserRecord, ProgressRecord
from ml_genn.errors import CheckpointError, TrainingWarning
from ml_genn.lowering import Lowered
from ml_genn.model.plan import Learned
from ml_genn.optimisers import Optimiser
from ml_genn.utils.records import as_checkpoint_error, broken, record_number

RANDOM = "random"  #: key of the random state


class TrainingProgress:
    """Epoch, number of optimiser steps, the optimisers and the random state.

    Args:
        lowered: updates of the learned arrays.
        seed: seed of the random state.

    Attributes:
        epoch: number of the last epoch that began; None before training.
        steps_taken: optimiser steps so far.
        random: random state, which shuffles examples.
    """

    def __init__(self, lowered: Lowered, seed: int) -> None:
        self._updates = lowered.updates
        self._plans = lowered.plan.updates
        self.epoch: int | None = None
        self.steps_taken = 0
        self.random = RandomState(seed)

    @property
    def optimisers(self) -> dict[Optimiser, list[Learned]]:
        """{optimiser: arrays that it updates}."""
        arrays: dict[Optimiser, list[Learned]] = {}
        for update in self._updates:
            arrays.setdefault(update.optimiser, []).append(update.target)
        return arrays

    def optimiser_scalars(self) -> list[float]:
        """Returns the scalars of all updates for the next step, in the plan's order."""
        numbers = {o: o.numbers(self.steps_taken) for o in self.optimisers}
        return [
            scalar
            for update, plan in zip(self._updates, self._plans, strict=True)
            for scalar in update.scalars(numbers[update.optimiser], plan)
        ]

    def to_json(self) -> dict[str, Any]:
        """Returns the progress, for a checkpoint."""
        return {
            "epoch": self.epoch,
            "steps_taken": self.steps_taken,
            RANDOM: self.random.to_json(),
            "optimisers": [_optimiser_state(o) for o in self.optimisers],
        }

    def checked(self, saved: ProgressRecord | None) -> Callable[[], None]:
        """Checks a saved progress and returns a function that restores it.

        Args:
            saved: the record of `to_json`; None if the checkpoint has none.

        Raises:
            CheckpointError: if it is missing, damaged, or of other optimisers.
        """
        optimisers = list(self.optimisers)
        if saved is None or len(saved.optimisers) != len(optimisers):
            raise CheckpointError(
                "Checkpoint: it does not say how far training was, with as many "
                "optimisers as this network has. Compile the network as it was."
            )
        states = list(zip(optimisers, saved.optimisers, strict=True))
        for optimiser, state in states:
            _check_optimiser(optimiser, state)
        older = saved.random is None and saved.numpy_random is not None
        restore_random = _warn_of_older if older else self.random.checked(saved.random)

        def restore() -> None:
            for optimiser, state in states:
                for name, number in state.numbers.items():
                    setattr(optimiser, name, number)
            self.epoch, self.steps_taken = saved.epoch, saved.steps_taken
            restore_random()

        return restore


def _warn_of_older() -> None:
    warnings.warn(
        "Checkpoint: it was saved by a version of ml_genn in which NumPy's global "
        "generator shuffled the examples. Everything else is restored; their order is "
        "that of this network.",
        TrainingWarning,
        stacklevel=stacklevel_of_user(),
    )


def _optimiser_state(optimiser: Optimiser) -> dict[str, Any]:
    """Class and numbers of an optimiser; callbacks may have changed the numbers."""
    return {"class": type(optimiser).__name__, "numbers": _numbers(optimiser)}


def _numbers(optimiser: Optimiser) -> dict[str, Any]:
    return {
        name: value
        for name, value in vars(optimiser).items()
        if isinstance(value, int | float)
    }


def _check_optimiser(optimiser: Optimiser, state: OptimiserRecord) -> None:
    """Raises CheckpointError if an optimiser cannot have a saved state."""
    name = type(optimiser).__name__
    if state.class_ != name:
        raise CheckpointError(
            f"Checkpoint: it was saved with the optimiser {state.class_}, but this "
            f"network is compiled with {name}."
        )
    place, own = f"Checkpoint: optimiser {name}", _numbers(optimiser)
    for key, number in state.numbers.items():
        is_flag = isinstance(own.get(key), bool)
        if key not in own or isinstance(number, bool) is not is_flag:
            raise broken(f"{place}: numbers", f"one of {', '.join(own)}", key)
        if not is_flag:
            record_number(number, f"{place}: {key}")
    with as_checkpoint_error(place):  # its constructor knows their ranges
        arguments = arguments_of(optimiser, name)
        type(optimiser)(
            **{k: state.numbers.get(k, argument) for k, argument in arguments.items()}
        )
