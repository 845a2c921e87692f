"""Response of a resting neuron to one spike, computed from its equations."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

import numpy as np

from ml_genn.errors import EquationError
from ml_genn.model.equations.expression import evaluate, names
from ml_genn.model.equations.specs import (
    DT,
    INPUT,
    WEIGHT,
    NeuronEquations,
    SynapseEquations,
    Variable,
)

#: Duration of the response [ms]: several usual time constants, and a bound for neurons
#: without a leak.
DURATION = 100.0
#: Weight of a spike whose response is a derivative: small in the units of any neuron,
#: and large beside rounding errors.
_SMALL = 1e-3
#: Exponents below which (exp(x) - 1) / x is 1 in double precision.
_NEGLIGIBLE = 1e-9

Values = Mapping[str, float]


def spike_response(
    neuron: NeuronEquations,
    synapse: SynapseEquations,
    values: tuple[Values, Values],
    dt: float,
) -> np.ndarray | None:
    """Returns the change of the membrane potential in each step, per unit of weight.

    Args:
        neuron: equations of the neuron, which does not spike meanwhile.
        synapse: equations of the synapse.
        values: {parameter or variable: number} of the neuron and of the synapse;
            variables have their values at the start.
        dt: time step [ms].

    Returns:
        An array of the steps of `DURATION`; None if there is no membrane potential, or
        no finite response.
    """
    membrane = membrane_variable(neuron)
    if membrane is None:
        return None
    steps = max(1, round(DURATION / dt))
    try:
        with np.errstate(all="ignore"):
            trials = [
                _trajectory(neuron, synapse, values, (membrane, weight, dt, steps))
                for weight in (0.0, _SMALL)
            ]
    except (EquationError, OverflowError, ZeroDivisionError):
        return None
    response = (trials[1] - trials[0]) / _SMALL
    return response if np.all(np.isfinite(response)) and response.any() else None


def membrane_variable(neuron: NeuronEquations) -> str | None:
    """Returns the variable in the threshold expression, or else the output."""
    state = [v.name for v in neuron.variables]
    if neuron.output is not None or neuron.threshold is None:
        return neuron.output
    compared = [name for name in state if name in names(neuron.threshold)]
    return compared[0] if compared else None


def distance_to_threshold(
    neuron: NeuronEquations, values: Values, dt: float
) -> float | None:
    """Returns by how much the membrane potential rises to the threshold.

    The threshold expression is extended linearly from the start.

    Args:
        neuron, dt: as for `spike_response`.
        values: {parameter or variable: number} at the start.

    Returns:
        The distance; None if there is no threshold above the start.
    """
    membrane = membrane_variable(neuron)
    if membrane is None or neuron.threshold is None:
        return None
    start = {**values, DT: dt}
    higher = {**start, membrane: values[membrane] + 1.0}
    with np.errstate(all="ignore"):
        below, change = (float(evaluate(neuron.threshold, v)) for v in (start, higher))
        distance = -below / (change - below) if change != below else 0.0
    return distance if isfinite(distance) and distance > 0 else None


def _trajectory(
    neuron: NeuronEquations,
    synapse: SynapseEquations,
    values: tuple[Values, Values],
    trial: tuple[str, float, float, int],
) -> np.ndarray:
    """Returns the membrane potential after each step; a spike arrives in the first."""
    membrane, weight, dt, steps = trial
    target, port = ({**v, DT: dt} for v in values)
    port[WEIGHT] = weight
    port |= _jumped(synapse.variables, port)
    potentials = np.empty(steps)
    for step in range(steps):
        target[INPUT] = float(evaluate(synapse.inject, port))
        port[WEIGHT] = 0.0
        target |= _integrated(neuron.variables, target, dt)
        port |= _integrated(synapse.variables, port, dt)
        potentials[step] = target[membrane]
    return potentials


def _jumped(variables: tuple[Variable, ...], values: Values) -> dict[str, float]:
    """Returns the values of variables after a spike."""
    return {v.name: float(evaluate(v.jump, values)) for v in variables if v.jump}


def _integrated(
    variables: tuple[Variable, ...], values: Values, dt: float
) -> dict[str, float]:
    """Returns the values of variables after a step of the exponential Euler method."""
    return {
        v.name: _euler_step(v.name, v.dynamics, values, dt)
        for v in variables
        if v.dynamics
    }


def _euler_step(name: str, dynamics: str, values: Values, dt: float) -> float:
    """Returns a variable after a step; exact where its equation is linear in it."""
    now = values[name]
    derivative = float(evaluate(dynamics, values))
    change = float(evaluate(dynamics, {**values, name: now + _SMALL})) - derivative
    exponent = dt * change / _SMALL
    if abs(exponent) < _NEGLIGIBLE:
        return now + dt * derivative
    return now + dt * derivative * float(np.expm1(exponent)) / exponent
