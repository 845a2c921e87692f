"""Derivatives of the step that a neuron took, by what its inputs had left in it.

Each row is the plan's adjoint, taken back over the step from one variable, or from the
spike, at one and all others at zero.
"""

from __future__ import annotations

from collections.abc import Iterator

from ml_genn.backends.pygenn.backward.neurons import SCALE
from ml_genn.backends.pygenn.online.traces import RATE_PUSH, SPIKE, Traces, by, by_port
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import SurrogateAdjoint


def derivatives(traces: Traces) -> Iterator[str]:
    """Names of those that synapses read."""
    for row in traces.rows:
        yield from (by(row, x) for x in traces.kept)
        yield from (by_port(row, k) for k, _ in enumerate(traces.adjoint.ports))
    if traces.hidden:
        yield RATE_PUSH


def derive(writer: CodeWriter, traces: Traces) -> None:
    """Takes all of them; those by parameters are locals."""
    for row in traces.rows:
        for p in traces.learned:
            writer.line(f"scalar {by(row, p)} = 0.0;")
        with writer.block(""):
            _row(writer, traces, row)


def _row(writer: CodeWriter, traces: Traces, row: str) -> None:
    adjoint, surrogate = traces.adjoint, traces.adjoint.surrogate
    for name in adjoint.variables:
        start = "1.0" if name == f"lambda_{row}" else "0.0"
        writer.line(f"scalar {name} = {start};")
    if surrogate:
        writer.line(f"const scalar {SCALE} = 0.0;")
        writer.line("scalar spike_slope_ = 0.0;")
        with writer.block("if (active_)"):
            _slope(writer, surrogate, "1.0" if row == SPIKE else "0.0")
            writer.line("spike_slope_ = dL_ds_;")
    if adjoint.jump:
        with writer.block("if (fired_)"):
            writer.lines(adjoint.jump.lines)
    if surrogate:
        with writer.block("if (active_)"):
            writer.line("const scalar dL_ds_ = spike_slope_;")
            writer.lines(surrogate.jump.lines)
    with writer.block(""):
        writer.lines(adjoint.step.lines)
    for x in (*traces.kept, *traces.learned):
        writer.line(f"{by(row, x)} = lambda_{x};")
    for k, port in enumerate(adjoint.ports):
        writer.line(f"{by_port(row, k)} = {port.weight_grad};")


def _slope(writer: CodeWriter, surrogate: SurrogateAdjoint, start: str) -> None:
    """dL/ds of an active neuron, with what the reset and the rule add."""
    writer.line(f"scalar dL_ds_ = {start};")
    with writer.block(""):
        writer.lines(surrogate.reset.lines)


def push_rate(writer: CodeWriter, traces: Traces) -> None:
    """What the rule alone adds to dL/ds of an active neuron."""
    surrogate = traces.adjoint.surrogate
    if surrogate is None:
        return
    with writer.block("if (active_)"):
        for name in traces.adjoint.variables:
            if name in surrogate.reset.reads:
                writer.line(f"const scalar {name} = 0.0;")
        _slope(writer, surrogate, "0.0")
        writer.line(f"{RATE_PUSH} = dL_ds_;")
