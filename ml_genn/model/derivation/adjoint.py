"""The backward pass of a system: its adjoint under a learning rule."""

from __future__ import annotations

from typing import Any

import sympy

from ml_genn.errors import UnsupportedError
from ml_genn.model.derivation.adjoint_step import (
    adjoint_symbol,
    backward_symbols,
)
from ml_genn.model.derivation.c_code import (
    Constants,
    assignments,
    c_text,
)
from ml_genn.model.derivation.symbolic_system import SymbolicSystem, symbol
from ml_genn.model.equations.sympy_text import expression_text
from ml_genn.model.plan import NO_CODE, Adjoint, Code, PortAdjoint
from ml_genn.model.plan.adjoint import RATE_REGULARISATION_GRAD
from ml_genn.model.spike_gradients import SpikeGradient


def adjoint_of(
    system: SymbolicSystem, constants: Constants, spike_gradient: SpikeGradient
) -> Adjoint:
    """Returns the adjoint of a system.

    Args:
        system: the system.
        constants: constants of the code; new ones are added.
        spike_gradient: derivative of spikes under the learning rule.

    Raises:
        UnsupportedError: if the system has no adjoint under the rule.
    """
    _refuse_sub_steps(system)
    event_adjoints = spike_gradient.event_adjoints(system)
    constants = constants.with_time_dependent(
        backward_symbols(system) | {x for x, _ in event_adjoints}
    )
    adjoints = [
        (adjoint_symbol(x), spike_gradient.adjoint_before_step(system, x))
        for x in system.differentiated
    ] + event_adjoints
    step = assignments([(x.name, e) for x, e in adjoints], constants)
    ports = tuple(
        _port_adjoint(system, port, constants, spike_gradient)
        for port in range(len(system.entry))
    )
    spike = spike_gradient.spike_jump(system, constants)
    rate_regularisation = _rate_regularisation(system, constants)
    eligible = spike_gradient.eligible_variables(system)
    return Adjoint(
        variables=tuple(x.name for x, _ in adjoints),
        tape=_tape(system, step, ports),
        step=step,
        record=spike.record,
        records=spike.records,
        jump=spike.jump,
        ports=ports,
        rate_regularisation=rate_regularisation,
        surrogate=spike_gradient.surrogate_adjoint(system, constants),
        eligible=tuple(adjoint_symbol(x).name for x in eligible),
        decay=_decay(system, eligible),
        event_variables=tuple(x.name for x, _ in event_adjoints),
    )


def _refuse_sub_steps(system: SymbolicSystem) -> None:
    ports = system.system.ports
    sub_steps = max(system.system.neuron.sub_steps, *(p.sub_steps for p in ports), 1)
    if sub_steps > 1:
        raise UnsupportedError(
            f"{system.where}: gradients are derived for sub_steps=1. "
            f"Received {sub_steps}. Use a smaller dt instead."
        )


def _port_adjoint(
    system: SymbolicSystem,
    port: int,
    constants: Constants,
    spike_gradient: SpikeGradient,
) -> PortAdjoint:
    """Returns the gradients of a spike that arrives at a port."""
    weight_grad = constants.hoist(adjoint_symbol(system.entry[port]))
    backprop = constants.hoist(spike_gradient.backprop(system, port))
    reads = weight_grad.free_symbols | backprop.free_symbols
    return PortAdjoint(
        c_text(weight_grad), c_text(backprop), frozenset(x.name for x in reads)
    )


def _tape(
    system: SymbolicSystem, step: Code, ports: tuple[PortAdjoint, ...]
) -> tuple[str, ...]:
    """Returns the state variables that the adjoints of the step and ports read."""
    read = set(step.reads).union(*(port.reads for port in ports))
    return tuple(x.name for x in system.state if x.name in read)


def _decay(system: SymbolicSystem, eligible: list[Any]) -> str:
    """Returns the factor by which the only eligible variable decays in a step.

    Empty for neurons that spike, for several variables, and if the factor depends on
    the state.
    """
    if system.threshold is not None or len(eligible) != 1:
        return ""
    (x,) = eligible
    factor = sympy.diff(system.with_input(system.next[x]), x)
    return "" if factor.has(*system.time_dependent) else expression_text(factor)


def _rate_regularisation(system: SymbolicSystem, constants: Constants) -> Code:
    """Returns code that adds the gradient of the rate regulariser at a spike.

    The regulariser acts on the threshold expression: each adjoint lambda_x gains
    gradient * d(threshold)/dx. No code if that derivative depends on the state.
    """
    if system.threshold is None:
        return NO_CODE
    threshold = system.not_refractory(system.threshold)
    targets = [
        (
            adjoint_symbol(x).name,
            adjoint_symbol(x)
            + symbol(RATE_REGULARISATION_GRAD) * sympy.diff(threshold, x),
        )
        for x in system.neuron
        if sympy.diff(threshold, x) != 0
    ]
    code = assignments(targets, constants)
    state = {x.name for x in system.time_dependent}
    return NO_CODE if state & code.reads else code
