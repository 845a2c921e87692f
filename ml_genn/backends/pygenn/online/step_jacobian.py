"""Jacobian of a neuron's time step: derivatives by its state, parameters and input.

Each row is the plan's adjoint of the step, computed backwards from one variable (or
from the spike) whose adjoint is one while all others are zero.
"""

from __future__ import annotations

from collections.abc import Iterator

from ml_genn.backends.pygenn.lowering.names import (
    ACTIVE,
    FIRED,
    RATE_GRAD,
    SCALE,
    SPIKE_GRAD,
    adjoint,
)
from ml_genn.backends.pygenn.online.traces import (
    SPIKE,
    EligibilityTraces,
    derivative,
    port_derivative,
)
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import SurrogateAdjoint


def jacobian_variables(traces: EligibilityTraces) -> Iterator[str]:
    """Yields names of the derivatives that synapses read."""
    for row in traces.rows:
        yield from (derivative(row, x) for x in traces.variables)
        yield from (port_derivative(row, k) for k, _ in enumerate(traces.adjoint.ports))
    if traces.is_hidden:
        yield RATE_GRAD


def write_jacobian(writer: CodeWriter, traces: EligibilityTraces) -> None:
    """Writes all derivatives; those by parameters become locals."""
    for row in traces.rows:
        for p in traces.learned:
            writer.line(f"scalar {derivative(row, p)} = 0.0;")
        with writer.block(""):
            _write_row(writer, traces, row)


def _write_row(writer: CodeWriter, traces: EligibilityTraces, row: str) -> None:
    equations, surrogate = traces.adjoint, traces.adjoint.surrogate
    for name in equations.variables:
        seed = "1.0" if name == adjoint(row) else "0.0"
        writer.line(f"scalar {name} = {seed};")
    if surrogate:
        writer.line(f"const scalar {SCALE} = 0.0;")
        writer.line(f"scalar {SPIKE_GRAD} = 0.0;")
        with writer.block(f"if ({ACTIVE})"):
            _write_spike_gradient(writer, surrogate, "1.0" if row == SPIKE else "0.0")
            writer.line(f"{SPIKE_GRAD} = dL_ds_;")
    if equations.jump:
        with writer.block(f"if ({FIRED})"):
            writer.lines(equations.jump.lines)
    if surrogate:
        with writer.block(f"if ({ACTIVE})"):
            writer.line(f"const scalar dL_ds_ = {SPIKE_GRAD};")
            writer.lines(surrogate.jump.lines)
    with writer.block(""):
        writer.lines(equations.step.lines)
    for x in (*traces.variables, *traces.learned):
        writer.line(f"{derivative(row, x)} = {adjoint(x)};")
    for k, port in enumerate(equations.ports):
        writer.line(f"{port_derivative(row, k)} = {port.weight_grad};")


def _write_spike_gradient(
    writer: CodeWriter, surrogate: SurrogateAdjoint, seed: str
) -> None:
    """Writes ``dL_ds_`` of an active neuron, with the terms of its reset and rule."""
    writer.line(f"scalar dL_ds_ = {seed};")
    with writer.block(""):
        writer.lines(surrogate.reset.lines)


def write_rate_gradient(writer: CodeWriter, traces: EligibilityTraces) -> None:
    """Writes the term of dL/ds that comes from the firing-rate regularisation."""
    surrogate = traces.adjoint.surrogate
    if surrogate is None:
        return
    with writer.block(f"if ({ACTIVE})"):
        for name in traces.adjoint.variables:
            if name in surrogate.reset.reads:
                writer.line(f"const scalar {name} = 0.0;")
        _write_spike_gradient(writer, surrogate, "0.0")
        writer.line(f"{RATE_GRAD} = dL_ds_;")
