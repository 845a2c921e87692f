"""Results of outputs and their losses, of a step or of a whole example."""

from __future__ import annotations

from ml_genn.codegen.layout import Layout, padded
from ml_genn.codegen.layout.names import c_identifier
from ml_genn.codegen.neuron_body import Body, rows, words
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.loss_formula import LATE_SPIKE_END, LossFormula, Targets
from ml_genn.model.plan import Code, Loss, NeuronGroup


def loss_functions(writer: CodeWriter, layout: Layout) -> None:
    """C++ functions of the losses of a plan, one for each formula."""
    losses = [group.loss for group in layout.outputs if group.loss]
    for formula in dict.fromkeys(loss.formula for loss in losses):
        writer.line("// Returns the loss of one example; grad[k] = scale * dL/dy[k].")
        head = f"static inline float {_function_name(formula)}({formula.signature})"
        with writer.block(head):
            writer.lines(formula.cpp)


def _function_name(formula: LossFormula) -> str:
    return f"loss_{formula.name}"


def step_loss(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    """The loss of one step, and its slope kept for the backward pass."""
    loss, index = group.loss, layout.outputs.index(group)
    if loss is None:
        return
    divided = " / c_.num_steps" if loss.mean_over_steps else ""
    slope = f"s_.step_loss_grads[{index}] + t_ % s_.window * {padded(group.size)}"
    writer.line("MLG_SYNC;")
    with writer.block(f"if (MLG_MEMBER == 0 && c_.targets[{index}])"):
        writer.line(
            f"const float *value_ = row_<float>(s_, "
            f"{layout.rows[group.name, str(group.output)].offset});"
        )
        scale = f"c_.scale * {example_weight(layout, group)}{divided}"
        call = _loss_call(loss, index, group.size, scale, slope)
        writer.line(f"s_.loss[{index}] += {call}{divided};")
    writer.line("MLG_SYNC;")


def example_weight(layout: Layout, group: NeuronGroup) -> str:
    """C for how much the loss of example ``b_`` counts."""
    outputs = layout.outputs
    return f"c_.weights[b_ * {len(outputs)} + {outputs.index(group)}]"


def _loss_call(loss: Loss, index: int, size: int, scale: str, slope: str) -> str:
    """C++ call of the function of a loss (`loss_functions`)."""
    number = f"c_.loss_scalars[{2 * index}]"
    given = ["value_", str(size), _target(loss, index, size), number, scale, slope]
    return f"{_function_name(loss.formula)}({', '.join(given)})"


def _target(loss: Loss, index: int, size: int) -> str:
    if loss.formula.targets is Targets.LABELS:
        return f"static_cast<const int32_t *>(c_.targets[{index}])[b_]"
    trajectory = loss.per_step and loss.formula.targets is Targets.VALUES
    row = "(b_ * c_.num_steps + t_)" if trajectory else "b_"
    return f"static_cast<const float *>(c_.targets[{index}]) + {row} * {size}"


def finish_function(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    """``finish_<group>``: the readout's result and, at the end, the loss."""
    readout, index = group.readout, layout.outputs.index(group)
    if readout is None:
        return
    with writer.block(
        f"MLG_COLD static void finish_{c_identifier(group.name)}"
        "(const Call &c_, Slot &s_, int64_t b_)"
    ):
        names = frozenset(n for n, _ in readout.variables)
        used = frozenset(words(readout.result))
        body = Body(layout, group, (Code((), used & (names | {"num_steps", "dt"})),))
        body.pointers(writer)
        rows(writer, layout, group, ["result_"])
        with writer.block(f"for (int j_ = 0; j_ < {group.size}; ++j_)"):
            body.load(writer)
            writer.line(f"result__p_[j_] = {readout.result};")
        with writer.block(f"if (c_.results[{index}])"):
            writer.line(
                f"memcpy(c_.results[{index}] + b_ * {group.size}, result__p_, "
                f"{group.size} * sizeof(float));"
            )
        if group.loss and not group.loss.per_step:
            _final_loss(writer, layout, group)
        if group.loss:
            writer.line(
                f"if (c_.targets[{index}]) "
                f"c_.losses[b_ * {len(layout.outputs)} + {index}] = "
                f"s_.loss[{index}] * {example_weight(layout, group)};"
            )


def _final_loss(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    index = layout.outputs.index(group)
    loss = group.loss
    if loss is None:
        return
    with writer.block(f"if (c_.targets[{index}])"):
        rows(writer, layout, group, ["result_grad_"])
        writer.line("float *value_ = result__p_;")
        if loss.first_spike:
            writer.line("const float end_ = c_.num_steps * c_.dt;")
            writer.line(
                f"for (int j_ = 0; j_ < {group.size}; ++j_) "
                "if (value_[j_] < -end_) value_[j_] = -end_;"
            )
        scale = f"c_.scale * {example_weight(layout, group)}"
        writer.line(f"const float scale_ = {scale};")
        call = _loss_call(loss, index, group.size, "scale_", "result_grad__p_")
        writer.line(f"s_.loss[{index}] = {call};")
        if loss.first_spike and loss.formula.late_spike_penalty:
            _earlier(writer, index)


def _earlier(writer: CodeWriter, index: int) -> None:
    """The term that draws the first spike of the right neuron forward in time."""
    writer.line(
        f"const int label_ = static_cast<const int32_t *>(c_.targets[{index}])[b_];"
    )
    writer.line(f"const float left_ = {LATE_SPIKE_END}f * end_ + value_[label_];")
    writer.line(f"const float alpha_ = c_.loss_scalars[{2 * index + 1}];")
    writer.line(f"s_.loss[{index}] += alpha_ / left_;")
    writer.line("result_grad__p_[label_] -= scale_ * alpha_ / (left_ * left_);")
