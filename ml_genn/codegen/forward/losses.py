"""Results and losses of output populations, of each step or of the whole example."""

from __future__ import annotations

from contextlib import nullcontext

from ml_genn.codegen.layout import Layout
from ml_genn.codegen.layout.state import RESULT, RESULT_GRAD
from ml_genn.codegen.neuron_body import (
    NeuronBody,
    declare_rows,
    identifiers_in,
    row_pointer,
)
from ml_genn.codegen.signatures import EXAMPLE_PARAMETERS
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.loss_formula import LATE_SPIKE_END, LossFormula, Targets
from ml_genn.model.plan import WINDOW_CONSTANTS, Code, Loss, NeuronGroup, Readout


def loss_functions(writer: CodeWriter, layout: Layout) -> None:
    """Emits C++ functions of the losses of a plan, one for each formula."""
    losses = [group.loss for group in layout.outputs if group.loss]
    for formula in dict.fromkeys(loss.formula for loss in losses):
        writer.line("// Returns the loss of one example; grad[k] = scale * dL/dy[k].")
        head = f"static inline float {_function_name(formula)}({formula.signature})"
        with writer.function(head):
            writer.lines(formula.cpp)


def _function_name(formula: LossFormula) -> str:
    return f"loss_{formula.name}"


def step_loss(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    """Emits the loss of one step and stores its gradient for the backward pass.

    Outside the readout's window, and without a label, both are zero.
    """
    names, loss = layout.names, group.loss
    if loss is None:
        return
    output, width = names.index(group.name, "output"), names.width(group.name)
    window = window_of(layout, group)
    num_steps = f"({window[1]} - {window[0]})" if window else "call_.num_steps"
    divided = f" / {num_steps}" if loss.mean_over_steps else ""
    grad = f"slot_.step_loss_grads[{output}] + t_ % slot_.window * {width}"
    writer.comment("L += loss(y[t]); dL/dy[t] for the backward pass")
    writer.line("MLG_SYNC;")
    with writer.block(f"if (MLG_MEMBER == 0 && call_.targets[{output}])"):
        y = row_pointer(layout, group.name, str(group.output))
        scale = f"call_.scale * {example_weight(layout, group)}{divided}"
        call = _loss_call(layout, group, loss, scale, grad)
        conditions = [f"t_ >= {window[0]} && t_ < {window[1]}"] if window else []
        if loss.formula.targets is Targets.LABELS:
            conditions.append(f"{_target(loss, output, '')} >= 0")
        inside = f"if ({' && '.join(conditions)})"
        with writer.block(inside) if conditions else nullcontext():
            writer.line(f"const float *y_ = {y};")
            writer.line(f"slot_.loss[{output}] += {call}{divided};")
        if conditions:
            writer.line(f"else mlg::clear({grad}, {width});")
    writer.line("MLG_SYNC;")


def window_of(layout: Layout, group: NeuronGroup) -> tuple[str, ...]:
    """C for the first step of the readout's window and the one after its last.

    Empty if the readout sees all steps.
    """
    if group.readout is None or not group.readout.window:
        return ()
    names = layout.names
    return tuple(
        f"call_.scalars[{names.scalar(group.name, constant)}]"
        for constant in WINDOW_CONSTANTS
    )


def end_of_output(layout: Layout, group: NeuronGroup) -> str:
    """C for the end of the readout's window, or of the example [ms]."""
    steps = (window_of(layout, group) or ("", "call_.num_steps"))[1]
    return f"{steps} * call_.dt"


def example_weight(layout: Layout, group: NeuronGroup) -> str:
    """C for the weight of the loss of example ``example_``."""
    output = layout.names.index(group.name, "output")
    return f"call_.weights[example_ * OUTPUTS + {output}]"


def _loss_call(
    layout: Layout, group: NeuronGroup, loss: Loss, scale: str, grad: str
) -> str:
    """C++ call of the function of a loss (`loss_functions`)."""
    names = layout.names
    output, size = names.index(group.name, "output"), names.size(group.name)
    number = f"call_.loss_scalars[{names.index(group.name, 'loss_scalar')}]"
    arguments = ["y_", size, _target(loss, output, size), number, scale, grad]
    return f"{_function_name(loss.formula)}({', '.join(arguments)})"


def _target(loss: Loss, output: str, size: str) -> str:
    if loss.formula.targets is Targets.LABELS:
        labels = f"static_cast<const int32_t *>(call_.targets[{output}])"
        row = "example_ * call_.num_steps + t_" if loss.per_step else "example_"
        return f"{labels}[{row}]"
    per_step = loss.per_step and loss.formula.targets is Targets.VALUES
    row = "(example_ * call_.num_steps + t_)" if per_step else "example_"
    return f"static_cast<const float *>(call_.targets[{output}]) + {row} * {size}"


def finish_function(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    """Emits ``finish_<group>``: the readout's result and, at the end, the loss."""
    readout, names = group.readout, layout.names
    if readout is None:
        return
    name = names.function("finish", group.name)
    output, size = names.index(group.name, "output"), names.size(group.name)
    with writer.function(f"MLG_COLD static void {name}({EXAMPLE_PARAMETERS})"):
        _result(writer, layout, group, readout)
        with writer.block(f"if (call_.results[{output}])"):
            writer.line(
                f"memcpy(call_.results[{output}] + example_ * {size}, {RESULT}_p_, "
                f"{size} * sizeof(float));"
            )
        if group.loss and not group.loss.per_step:
            _final_loss(writer, layout, group, group.loss)
        if group.loss:
            loss = f"slot_.loss[{output}] * {example_weight(layout, group)}"
            writer.line(
                f"if (call_.targets[{output}]) "
                f"call_.losses[example_ * OUTPUTS + {output}] = {loss};"
            )


def _result(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, readout: Readout
) -> None:
    variables = frozenset(name for name, _ in readout.variables)
    provided = {"num_steps", "dt", *WINDOW_CONSTANTS}
    read = frozenset(identifiers_in(readout.result)) & (variables | provided)
    body = NeuronBody(layout, group, (Code((), read),))
    writer.comment("y_j, the result of the readout")
    body.declare(writer)
    declare_rows(writer, layout, group, [RESULT])
    size = layout.names.size(group.name)
    with writer.block(f"for (int j_ = 0; j_ < {size}; ++j_)"):
        body.load(writer)
        writer.line(f"{RESULT}_p_[j_] = {readout.result};")


def _final_loss(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, loss: Loss
) -> None:
    """Emits the loss of the results and its gradient."""
    names = layout.names
    output, size = names.index(group.name, "output"), names.size(group.name)
    with writer.block(f"if (call_.targets[{output}])"):
        writer.comment("L = loss(y), and dL/dy")
        declare_rows(writer, layout, group, [RESULT_GRAD])
        writer.line(f"float *y_ = {RESULT}_p_;")
        if loss.first_spike:
            writer.comment("a neuron that never spiked counts as one that spikes last")
            writer.line(f"const float end_ = {end_of_output(layout, group)};")
            writer.line(
                f"for (int j_ = 0; j_ < {size}; ++j_) if (y_[j_] < -end_) "
                "y_[j_] = -end_;"
            )
        scale = f"call_.scale * {example_weight(layout, group)}"
        writer.line(f"const float scale_ = {scale};")
        call = _loss_call(layout, group, loss, "scale_", f"{RESULT_GRAD}_p_")
        writer.line(f"slot_.loss[{output}] = {call};")
        if loss.first_spike and loss.formula.late_spike_penalty:
            _late_spike_penalty(writer, layout, group)


def _late_spike_penalty(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    """Emits a loss term that grows with the label neuron's first spike time."""
    names = layout.names
    output = names.index(group.name, "output")
    alpha = names.index(group.name, "late_spike_penalty")
    labels = f"static_cast<const int32_t *>(call_.targets[{output}])"
    writer.lines(
        (
            f"// L += alpha / ({LATE_SPIKE_END} T - t_label), where y_label = -t_label",
            f"const int label_ = {labels}[example_];",
            f"const float rest_ = {LATE_SPIKE_END}f * end_ + y_[label_];",
            f"const float alpha_ = call_.loss_scalars[{alpha}];",
            f"slot_.loss[{output}] += alpha_ / rest_;",
            f"{RESULT_GRAD}_p_[label_] -= scale_ * alpha_ / (rest_ * rest_);",
        )
    )
