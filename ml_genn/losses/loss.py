"""Base of losses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from ml_genn.model.loss_formula import LossFormula
from ml_genn.model.plan import Sensitivity


class Loss(ABC):
    """Function of an output's result and its target that training minimises.

    A loss holds the formula that backends compute (``FORMULA``) and the readouts it is
    defined for (``READOUTS``, by what they depend on). A compiler composes it with any
    of these readouts for which its learning rule has a gradient.
    """

    FORMULA: ClassVar[LossFormula]
    READOUTS: ClassVar[frozenset[Sensitivity]] = frozenset(
        {Sensitivity.VARIABLE, Sensitivity.SPIKES}
    )
    #: True if targets may be trajectories: with the readout ``var`` the output variable
    #: is compared in every time step
    TRAJECTORIES: ClassVar[bool] = False
    #: fewest output neurons with which the loss depends on them
    LEAST_NEURONS: ClassVar[int] = 1
    #: name of the metric that is measured by default, which fits the targets
    METRIC: ClassVar[str] = "sparse_categorical_accuracy"

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
        """Returns targets as an array with one entry per example, which metrics read.

        Args:
            y: targets of the user.
            where: start of error messages.
            steps: time steps of an example.
            shape: shape of the output population.
            each_step: True if the output variable is compared in each step; False
                (default) if the result of the readout is.

        Raises:
            ValidationError: if the targets do not fit.
        """

    def encode(self, y: np.ndarray, *, steps: int, dt: float, size: int) -> np.ndarray:
        """Returns checked targets as the formula reads them; unchanged by default.

        Args:
            y: result of `check_target`.
            steps: time steps of an example.
            dt: time step [ms].
            size: number of output neurons.
        """
        return y

    def scalar(self, temperature: float, steps: int) -> float:
        """Returns the number that the formula reads (`LossFormula.scalar`).

        Args:
            temperature: temperature of the softmax, an argument of compilers.
            steps: time steps of an example.
        """
        return 1.0

    def __repr__(self) -> str:
        own = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({own})"
