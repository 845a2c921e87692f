"""Progress of training: epoch, optimiser steps, optimisers and NumPy's generator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ml_genn.errors import CheckpointError
from ml_genn.lowering import Lowered
from ml_genn.model.plan import Learned
from ml_genn.optimisers import Optimiser


class TrainingProgress:
    """Epoch and number of optimiser steps, with the optimisers that take them.

    Args:
        lowered: updates of the learned arrays.

    Attributes:
        epoch: number of the last epoch that began; None before training.
        steps_taken: optimiser steps so far.
    """

    def __init__(self, lowered: Lowered) -> None:
        self._updates = lowered.updates
        self._plans = lowered.plan.updates
        self.epoch: int | None = None
        self.steps_taken = 0

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
            "numpy_random": _numpy_random_state(),
            "optimisers": [_optimiser_state(o) for o in self.optimisers],
        }

    def checked(self, saved: Any) -> Callable[[], None]:
        """Checks a saved progress and returns a function that restores it.

        Args:
            saved: result of `to_json`; None if the checkpoint has none.

        Raises:
            CheckpointError: if it is missing, or of other optimisers.
        """
        optimisers = list(self.optimisers)
        if not saved or len(saved["optimisers"]) != len(optimisers):
            raise CheckpointError(
                "Checkpoint: it does not say how far training was, with as many "
                "optimisers as this network has. Compile the network as it was."
            )
        states = list(zip(optimisers, saved["optimisers"], strict=True))
        for optimiser, state in states:
            _check_optimiser(optimiser, state)

        def restore() -> None:
            for optimiser, state in states:
                for name, number in state["numbers"].items():
                    setattr(optimiser, name, number)
            _set_numpy_random_state(saved["numpy_random"])
            self.epoch = saved["epoch"]
            self.steps_taken = saved["steps_taken"]

        return restore


def _numpy_random_state() -> dict[str, Any]:
    """State of NumPy's global generator, which shuffles examples."""
    state = np.random.get_state(legacy=False)
    inner = {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in state["state"].items()
    }
    return {**state, "state": inner}


def _set_numpy_random_state(state: Mapping[str, Any]) -> None:
    inner = {**state["state"], "key": np.asarray(state["state"]["key"], np.uint32)}
    np.random.set_state({**state, "state": inner})


def _optimiser_state(optimiser: Optimiser) -> dict[str, Any]:
    """Class and numbers of an optimiser; callbacks may have changed the numbers."""
    numbers = {
        name: value
        for name, value in vars(optimiser).items()
        if isinstance(value, int | float)
    }
    return {"class": type(optimiser).__name__, "numbers": numbers}


def _check_optimiser(optimiser: Optimiser, state: Mapping[str, Any]) -> None:
    if state["class"] != type(optimiser).__name__:
        raise CheckpointError(
            f"Checkpoint: it was saved with the optimiser {state['class']}, but this "
            f"network is compiled with {type(optimiser).__name__}."
        )
