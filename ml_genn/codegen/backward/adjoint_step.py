"""One step of a population's adjoint in reverse time."""

from __future__ import annotations

from ml_genn.codegen.backward.lazy_adjoints import interleaved_step
from ml_genn.codegen.layout import Layout
from ml_genn.codegen.layout.ports import stores_weight_grad, weight_grad_row
from ml_genn.codegen.layout.state import RESULT_GRAD
from ml_genn.codegen.neuron_body import NeuronBody, declare_rows, identifiers_in
from ml_genn.codegen.parallel_loops import each
from ml_genn.codegen.signatures import STEP_PARAMETERS
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import (
    WINDOW_CONSTANTS,
    Adjoint,
    Code,
    NeuronGroup,
    PortAdjoint,
    Sensitivity,
)


def adjoint_step_function(
    writer: CodeWriter, layout: Layout, group: NeuronGroup
) -> None:
    """Emits ``adjoint_step_<group>``: the adjoint before a step from that after it."""
    adjoint = group.adjoint
    if adjoint is None:
        return
    name = layout.names.function("adjoint_step", group.name)
    writer.comment("lambda_x[t - 1] = sum over y of dy[t]/dx[t - 1] lambda_y[t]")
    with writer.function(f"static inline void {name}({STEP_PARAMETERS})"):
        if group.name in layout.interleaved_adjoints:
            port_lines = _declare_port_rows(writer, layout, group, adjoint)
            interleaved_step(writer, layout, group, adjoint, port_lines)
        else:
            _step_of_all(writer, layout, group, adjoint)


def _step_of_all(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, adjoint: Adjoint
) -> None:
    loss_grad = _loss_grad(group)
    ports = [Code((), port_adjoint.reads) for port_adjoint in adjoint.ports]
    codes = (loss_grad, adjoint.step, *ports)
    body = NeuronBody(layout, group, codes, adjoint.tape)
    body.declare(writer)
    port_lines = _declare_port_rows(writer, layout, group, adjoint)
    if loss_grad:
        _declare_loss_grad(writer, layout, group)
    writer.line("MLG_LOOP")
    with writer.block(each("int", "j_", layout.names.width(group.name))):
        body.load(writer)
        writer.lines(loss_grad.lines)
        writer.lines(adjoint.step.lines)
        body.store(writer)
        if any("prev_step_loss_grad_" in code.reads for code in ports):
            grad = _prev_step_loss_grad(layout, group)
            writer.line(f"const float prev_step_loss_grad_ = {grad};")
        writer.lines(port_lines)


# ---------------------------------------------------------------- the loss
def _loss_grad(group: NeuronGroup) -> Code:
    """Adds dL/dy[t] to the adjoint of the output variable."""
    readout, loss, name = group.readout, group.loss, f"lambda_{group.output}"
    if not readout or not loss or readout.sensitivity is not Sensitivity.VARIABLE:
        return Code()
    if loss.per_step:
        line = f"{name} += step_loss_grad_[j_];"
        return Code((line,), frozenset({name}), frozenset({name}))
    provided = {"step", "num_steps", "dt", *WINDOW_CONSTANTS}
    own = {n for n, _ in readout.variables} | provided
    used = f"{readout.weight} {readout.weight_before_arrival()}"
    reads = frozenset(identifiers_in(used)) & own
    line = f"{name} += {RESULT_GRAD}_p_[j_] * ({readout.weight});"
    return Code((line,), reads | {name}, frozenset({name}))


def _prev_step_loss_grad(layout: Layout, group: NeuronGroup) -> str:
    """C for dL/dy[t - 1]; nothing reads it in step 0."""
    readout, loss = group.readout, group.loss
    if not _loss_grad(group) or readout is None or loss is None:
        return "0.0f"
    if loss.per_step:
        return f"step_loss_grad_[j_ - (t_ ? {layout.names.width(group.name)} : 0)]"
    return f"{RESULT_GRAD}_p_[j_] * ({readout.weight_before_arrival()})"


def _declare_loss_grad(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    if group.loss and group.loss.per_step:
        names = layout.names
        output, width = names.index(group.name, "output"), names.width(group.name)
        row = f"slot_.step_loss_grads[{output}] + t_ * {width}"
        writer.line(f"const float *__restrict step_loss_grad_ = {row};")
    else:
        declare_rows(writer, layout, group, [RESULT_GRAD])


# ---------------------------------------------------------------- ports
def _declare_port_rows(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, adjoint: Adjoint
) -> list[str]:
    """Emits declarations of rows for the gradients that synapses into the group read;
    returns the statements that store them."""
    lines: list[str] = []
    for port, port_adjoint in enumerate(adjoint.ports):
        for kind, name, expression in _stored(layout, group, port, port_adjoint):
            if (group.name, port) in layout.adjoint_rings:
                row = adjoint_ring_row(layout, group, port, kind, "t_")
                writer.line(f"float *__restrict {kind}{port}_ring_ = {row};")
                lines.append(f"{kind}{port}_ring_[j_] = {expression};")
            elif name != expression:
                declare_rows(writer, layout, group, [name])
                lines.append(f"{name}_p_[j_] = {expression};")
        if (group.name, port) in layout.grad_rings:
            row = grad_ring_row(layout, group.name, port)
            writer.line(f"float *__restrict weight_grad{port}_block_ = {row};")
            lines.append(f"weight_grad{port}_block_[j_] = {port_adjoint.weight_grad};")
    return lines


def _stored(
    layout: Layout, group: NeuronGroup, port: int, port_adjoint: PortAdjoint
) -> list[tuple[str, str, str]]:
    """(kind, row, expression) of the gradients of a port that are stored per step."""
    stored = []
    if stores_weight_grad(layout.plan, group, port):
        row = weight_grad_row(group, port)
        stored.append(("weight_grad", row, port_adjoint.weight_grad))
    if layout.stores_backprop(group, port):
        stored.append(("backprop", f"backprop{port}_", port_adjoint.backprop))
    return stored


def grad_ring_row(layout: Layout, group: str, port: int) -> str:
    """C for the row of step ``t_`` in a port's gradient ring."""
    names = layout.names
    ring = f"slot_.scratch->grad_rings[{names.grad_ring(group, port)}]"
    return f"{ring} + t_ % slot_.scratch->ring_length * {names.width(group)}"


def adjoint_ring_row(
    layout: Layout, group: NeuronGroup, port: int, kind: str, step: str
) -> str:
    """C for the row of a step in a port's adjoint ring.

    Args:
        layout: where numbers are stored.
        group: the target.
        port: index of the port.
        kind: "weight_grad" or "backprop".
        step: C for the step.
    """
    names = layout.names
    length = names.integer("adjoint_ring", group.name, f"{port}.length")
    offset = names.integer("adjoint_ring", group.name, f"{port}.{kind}")
    return (
        f"slot_.block + call_.integers[{offset}] + "
        f"(({step}) % call_.integers[{length}]) * {names.width(group.name)}"
    )
