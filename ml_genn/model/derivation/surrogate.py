r"""Surrogate gradients: spikes with a surrogate derivative in discrete time.

The discrete step that ran is differentiated; the derivative of a spike
:math:`s = \Theta(\vartheta)`, which is zero almost everywhere, is replaced by the
surrogate derivative :math:`\psi(\vartheta)` (Zenke & Ganguli 2018; Neftci, Mostafa &
Zenke 2019). With :math:`\lambda^+` after the reset and :math:`\lambda^-` before it,

.. math::
    \lambda^-_x &= \lambda^+_x
        + s \sum_y (\partial_x J_y - \delta_{xy}) \lambda^+_y
        + \psi \, \partial_x \vartheta \, \frac{dL}{ds} \\
    \frac{dL}{ds} &= \sum_j w_j \lambda_j + \sum_y \lambda^+_y (J_y - y)

where j counts the targets of the neuron. The last sum is the gradient through the
reset; it is taken over those variables whose reset the learning rule differentiates.
e-prop adds its learning signal to :math:`dL/ds` (Bellec et al. 2020).

Neurons with :math:`\psi \ne 0` are active; the others need no backward pass in this
step (Perez-Nieves & Goodman 2021).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy

from ml_genn.model.derivation.adjoint_step import adjoint_symbol
from ml_genn.model.derivation.c_code import Constants, assignments, c_text
from ml_genn.model.derivation.records import Records, SpikeJump
from ml_genn.model.derivation.symbolic_system import SymbolicSystem, symbol
from ml_genn.model.equations import THRESHOLD_EXPRESSION
from ml_genn.model.equations.expression import symbolic
from ml_genn.model.plan import SurrogateAdjoint
from ml_genn.model.plan.adjoint import BATCH_SCALE, SPIKE_GRAD


def reset_jump(system: SymbolicSystem, constants: Constants) -> SpikeJump:
    """Returns the adjoint of the reset: the transposed Jacobian of the jump."""
    records = Records(system, "record")
    targets = []
    for x in (*system.neuron, *system.learned):
        total = adjoint_symbol(x) if x in system.learned else sympy.S.Zero
        for y in system.neuron:
            derivative = records.record(sympy.diff(system.jump[y], x))
            total += derivative * adjoint_symbol(y)
        targets.append((adjoint_symbol(x).name, total))
    return SpikeJump(
        record=assignments(records.expressions, constants, prefix="r"),
        records=records.names,
        jump=assignments(targets, records.constants(constants)),
    )


def surrogate_adjoint(
    system: SymbolicSystem,
    constants: Constants,
    surrogate_derivative: str,
    condition: str | None,
    differentiated_resets: Sequence[Any],
    learning_signal: str | None,
) -> SurrogateAdjoint | None:
    """Returns the adjoint of spikes at active neurons; None for neurons without spikes.

    Args:
        system: the system.
        constants: constants of the code; new ones are added.
        surrogate_derivative: expression over ``u``, the threshold expression.
        condition: expression that is true where a neuron is active; None if all are.
        differentiated_resets: variables whose reset is differentiated with respect to
            the spike; other resets are detached.
        learning_signal: expression that is added to dL/ds, times 1 / batch size.
    """
    if system.threshold is None:
        return None
    threshold = {symbol(THRESHOLD_EXPRESSION): system.threshold}
    psi = symbolic(surrogate_derivative).subs(threshold)
    records = Records(system, "active")
    jump = [
        (
            adjoint_symbol(x).name,
            adjoint_symbol(x)
            + records.record(psi * sympy.diff(system.threshold, x))
            * symbol(SPIKE_GRAD),
        )
        for x in (*system.neuron, *system.learned)
        if sympy.diff(system.threshold, x) != 0
    ]
    spike_grad = symbol(SPIKE_GRAD) + sum(
        records.record(system.jump[y] - y) * adjoint_symbol(y)
        for y in differentiated_resets
    )
    if learning_signal is not None:
        signal = records.record(symbolic(learning_signal))
        spike_grad += symbol(BATCH_SCALE) * signal
    with_records = records.constants(constants)
    active = "true"
    if condition is not None:
        active = c_text(constants.hoist(symbolic(condition).subs(threshold)))
    return SurrogateAdjoint(
        condition=active,
        record=assignments(records.expressions, constants, prefix="r"),
        records=records.names,
        reset=assignments([(SPIKE_GRAD, spike_grad)], with_records),
        jump=assignments(jump, with_records),
    )
