"""Mean square error of a trajectory."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_genn.errors import ValidationError
from ml_genn.losses.loss import Loss
from ml_genn.utils.checks import finite_array


class MeanSquareError(Loss):
    r"""Mean over time steps and neurons of the squared error of the output variable.

    .. math:: L = \frac{1}{T K} \sum_{n, k} (v_k[n] - y^*_k[n])^2

    Targets have the shape (examples, time steps) + shape of the output population.
    """

    def check_target(
        self, y: Any, where: str, *, steps: int, shape: tuple[int, ...]
    ) -> np.ndarray:
        """Trajectories as an array (examples, steps) + shape."""
        values = finite_array(where, y)
        if values.shape[1:] != (steps, *shape):
            raise ValidationError(
                f"{where}: targets of MeanSquareError have the shape (examples, "
                f"{', '.join(map(str, (steps, *shape)))}). Received {values.shape}."
            )
        return values.astype(np.float32)
