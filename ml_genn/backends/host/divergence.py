"""Report of an engine on numbers that are not finite."""

from __future__ import annotations

import numpy as np

from ml_genn.backends.host.abi.call import Status
from ml_genn.codegen.layout import Layout
from ml_genn.model.batch import Divergence
from ml_genn.model.plan import MAX_STORED_NUMBER

NOT_FINITE = (
    Status.LOSS_NOT_FINITE
    | Status.STATE_NOT_FINITE
    | Status.GRADIENT_NOT_FINITE
    | Status.STEP_TOO_LARGE
    | Status.PROCESS_NOT_FINITE
)


def divergence(
    layout: Layout, status: int, state_not_finite: np.ndarray, maxima: np.ndarray
) -> Divergence | None:
    """Returns what is not finite in a batch; None if all numbers are finite.

    Args:
        layout: order of neuron groups and learned arrays.
        status: flags of `Status`.
        state_not_finite: as in the call, (groups,).
        maxima: as in the call, bits of floats, (2, learned arrays).
    """
    if not status & NOT_FINITE:
        return None
    gradients, steps = maxima.view(np.float32).reshape(2, -1)
    has_gradients = status & (Status.GRADIENT_NOT_FINITE | Status.STEP_TOO_LARGE)
    groups = zip(layout.plan.neurons, state_not_finite, strict=False)
    return Divergence(
        loss=bool(status & Status.LOSS_NOT_FINITE),
        groups=tuple(group.name for group, is_not in groups if is_not),
        gradients={array: float(gradients[k]) for array, k in layout.learned.items()}
        if has_gradients
        else {},
        steps=tuple(
            array
            for array, k in layout.learned.items()
            if status & NOT_FINITE == Status.STEP_TOO_LARGE
            and not steps[k] < MAX_STORED_NUMBER
        ),
        in_other_process=bool(status & Status.PROCESS_NOT_FINITE),
    )
