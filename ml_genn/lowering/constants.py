"""Check of the numbers that parameters and the time step lead to."""

from __future__ import annotations

import numpy as np

from ml_genn.errors import ValidationError
from ml_genn.model.equations.expression import evaluate, names
from ml_genn.model.plan import NeuronGroup, PlanValues

TIME_CONSTANT = "tau"  #: how names of time constants start
REFRACTORY_PERIOD = "tau_refrac"  #: is counted in steps, and is no time constant
OF_SYNAPSE = "_syn"  #: part of the names of synapses' time constants


def check_constants(group: NeuronGroup, values: PlanValues, *, exact: bool) -> None:
    """Raises an error if a neuron group cannot be run with its parameters.

    Args:
        group: the group.
        values: parameters and the time step.
        exact: True if gradients are those of continuous time.

    Raises:
        ValidationError: if a constant of the group's code is not a finite number in
            single precision, or, under ``exact``, a time constant of neurons that spike
            is below the time step: a spike is then seen long after its crossing, where
            the derivative of the potential is another one.
    """
    parameters = values.parameters.get(group.name, {})
    for constant in group.constants:
        with np.errstate(all="ignore"):
            value = evaluate(constant.expression, {**parameters, "dt": values.dt})
            finite = np.isfinite(value.astype(np.float32)).all()
        if not finite:
            used = sorted(names(constant.expression) & parameters.keys())
            raise ValidationError(
                f"Population '{group.name}': {_listed(parameters, used)} with dt = "
                f"{values.dt:g} ms lead to a constant that is infinite or not a "
                f"number: {constant.expression}. Use values that are neither far above "
                "nor far below 1, and time constants comparable to the time step and "
                "the example."
            )
    if exact and group.adjoint and group.threshold is not None:
        _check_time_constants(group, values)


def _check_time_constants(group: NeuronGroup, values: PlanValues) -> None:
    for name, value in values.parameters.get(group.name, {}).items():
        if not name.startswith(TIME_CONSTANT) or name == REFRACTORY_PERIOD:
            continue
        if OF_SYNAPSE not in name and np.min(value) < values.dt:
            raise ValidationError(
                f"Population '{group.name}': exact gradients of spike times need "
                "neurons with time constants of at least a time step, dt = "
                f"{values.dt:g} ms. Received "
                f"{name} = {np.min(value):g} ms. Use a shorter dt, a longer time "
                "constant, or BPTTCompiler, whose gradients are those of discrete time."
            )


def _listed(parameters: dict[str, np.ndarray], used: list[str]) -> str:
    """Returns the parameters with their values, or ranges of them."""
    texts = []
    for name in used:
        value = np.asarray(parameters[name])
        low, high = f"{value.min():g}", f"{value.max():g}"
        texts.append(f"{name} = {low}" if low == high else f"{name} = {low} to {high}")
    return ", ".join(texts) or "its equations"
