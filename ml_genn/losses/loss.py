"""Base of losses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from ml_genn.model.plan import LossKind, Sensitivity


class Loss(ABC):
    """What is minimised: a function of an output's result and its target.

    A loss says which formula a backend computes (``KIND``) and which readouts it can
    look at (``READOUTS``, by what they depend on); a compiler composes it with any
    readout that fits and that its rule has a gradient for.
    """

    KIND: ClassVar[LossKind]
    READOUTS: ClassVar[frozenset[Sensitivity]] = frozenset(
        {Sensitivity.VARIABLE, Sensitivity.SPIKES}
    )
    #: whether with the readout ``var`` it follows the variable through all steps
    FOLLOWS: ClassVar[bool] = False

    @abstractmethod
    def check_target(
        self,
        y: Any,
        where: str,
        *,
        steps: int,
        shape: tuple[int, ...],
        each_step: bool = False,
    ) -> np.ndarray:
        """Targets as an array, one entry per example, as metrics see them.

        Args:
            y: what the user gave.
            where: what errors name.
            steps: time steps of an example.
            shape: shape of the output population.
            each_step: whether each step is compared, or the result of the readout.

        Raises:
            ValidationError: if they do not fit.
        """

    def encode(self, y: np.ndarray, *, steps: int, dt: float, size: int) -> np.ndarray:
        """Checked targets as the formula takes them: labels or values.

        Args:
            y: what `check_target` returned.
            steps: time steps of an example.
            dt: time step [ms].
            size: number of output neurons.
        """
        return y

    def number(self, temperature: float, steps: int) -> float:
        """The number that the formula takes.

        Args:
            temperature: of the softmax, as the compiler was given it.
            steps: time steps of an example.
        """
        return 1.0

    def __repr__(self) -> str:
        own = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({own})"
