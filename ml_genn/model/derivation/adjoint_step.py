r"""The adjoint of a step without spikes.

.. math:: \lambda_{x, n} = \sum_y \frac{\partial F_y}{\partial x} \lambda_{y, n+1}

with F the step of the forward pass. It is the discrete counterpart of the adjoint
dynamics of EventProp, :math:`\tau_{mem} \lambda_V' = -\lambda_V` and
:math:`\tau_{syn} \lambda_I' = -\lambda_I + \lambda_V` in reverse time (Wunderlich &
Pehle 2021), and one step of backpropagation through time.

A learned parameter p is a state variable that stays constant: its adjoint accumulates
:math:`dL/dp`.
"""

from __future__ import annotations

from typing import Any

import sympy

from ml_genn.model.derivation.symbolic_system import SymbolicSystem, symbol
from ml_genn.model.plan.adjoint import (
    BATCH_SCALE,
    PREV_STEP_LOSS_GRAD,
    RATE_REGULARISATION_GRAD,
    SPIKE_GRAD,
    SPIKE_TIME_GRAD,
)


def adjoint_symbol(x: Any) -> Any:
    """Returns the symbol of dL/dx."""
    return symbol(f"lambda_{x.name}")


def backward_symbols(system: SymbolicSystem) -> frozenset[Any]:
    """Returns the symbols that change in time in the backward pass only."""
    names = (
        SPIKE_TIME_GRAD,
        SPIKE_GRAD,
        RATE_REGULARISATION_GRAD,
        BATCH_SCALE,
        PREV_STEP_LOSS_GRAD,
    )
    adjoints = frozenset(adjoint_symbol(x) for x in system.differentiated)
    return adjoints | {symbol(name) for name in names}


def adjoint_before_step(system: SymbolicSystem, x: Any) -> Any:
    """Returns dL/dx before a step as an expression of the adjoints after it."""
    total = adjoint_symbol(x) if x in system.learned else sympy.S.Zero
    for y, after in system.next.items():
        total += sympy.diff(system.with_input(after), x) * adjoint_symbol(y)
    return total
