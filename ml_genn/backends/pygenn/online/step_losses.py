"""Losses of each step, computed on the device in e-prop's online mode.

Each output neuron writes its output variable to an array of two rows. In the next step
it reads the row of the step before, and computes its gradient with the code of
`ml_genn.model.loss_formula.LossFormula.genn`, whose names are used here.
"""

from __future__ import annotations

from ml_genn.backends.pygenn.backward.buffers import step_array
from ml_genn.backends.pygenn.lowering.names import DEVICE_STEP
from ml_genn.backends.pygenn.lowering.records import Array, Variable
from ml_genn.backends.pygenn.online.traces import OUTPUT_GRAD
from ml_genn.codegen.writer import CodeWriter
from ml_genn.errors import UnsupportedError
from ml_genn.model.loss_formula import Targets
from ml_genn.model.plan import WINDOW_CONSTANTS, Loss, NeuronGroup, PlanValues

LOSS = "loss_"  #: variable: a neuron's part of the loss, summed over steps
STEP_SCALE = "scale_"  #: variable: weight of one step of an example in the gradient
TARGET = "target_"  #: variable: probability of the class; local: target value
TARGET_SUM = "target_sum_"  #: variable: sum of the probabilities
TARGET_VALUES = "target_values_"  #: array (steps, examples, neurons)
OUTPUTS = "outputs_"  #: array (2, examples, neurons): outputs of the last two steps


def parameters(group: NeuronGroup, values: PlanValues) -> dict[str, float]:
    """Returns the scalar of the group's loss, by its name in the code."""
    if group.loss is None:
        return {}
    scalar, _ = values.loss_scalars.get(group.name, (1.0, 0.0))
    return {f"{group.loss.formula.scalar}_": float(scalar)}


def variables(group: NeuronGroup) -> list[Variable]:
    """Returns the variables of an output neuron that hold its targets."""
    if group.loss is None:
        return []
    names = (
        (STEP_SCALE,) if _has_values(group.loss) else (STEP_SCALE, TARGET, TARGET_SUM)
    )
    return [Variable(name) for name in names]


def arrays(group: NeuronGroup) -> list[Array]:
    """Returns arrays of target values, or of the outputs that a softmax reads."""
    if group.loss is None:
        return []
    size = group.size
    if _has_values(group.loss):
        return [step_array(group, TARGET_VALUES)]
    return [Array(OUTPUTS, "scalar", lambda _, batch: 2 * batch * size)]


def write_output(writer: CodeWriter, group: NeuronGroup) -> None:
    """Writes the output variable of a step where the other outputs read it."""
    if group.loss and not _has_values(group.loss):
        writer.line(f"{OUTPUTS}[{_row(DEVICE_STEP)} + (int)id] = {group.output};")


def write_gradient(writer: CodeWriter, group: NeuronGroup) -> None:
    """Writes dL/d(output variable) of the step before, and the loss of that step.

    Outside the readout's window both are zero.

    Raises:
        UnsupportedError: if the loss has no GeNN code.
    """
    writer.line(f"{OUTPUT_GRAD} = 0.0;")
    if group.loss is None:
        return
    formula = group.loss.formula
    if not formula.genn:
        raise UnsupportedError(
            f"backend 'pygenn': the loss '{formula.name}' of population "
            f"'{group.name}' has no GeNN code for losses in each step. Give its "
            "LossFormula the argument genn, or use backend='cpu'."
        )
    seen = f"{DEVICE_STEP} > 0 && {DEVICE_STEP} <= (int)num_steps"
    if group.readout is not None and group.readout.window:
        first, end = WINDOW_CONSTANTS
        seen = f"{DEVICE_STEP} > (int){first} && {DEVICE_STEP} <= (int){end}"
    with writer.block(f"if ({seen})"):
        if _has_values(group.loss):
            row = f"({DEVICE_STEP} - 1) * (int)num_batch + (int)batch"
            value = f"{TARGET_VALUES}[({row}) * (int)num_neurons + (int)id]"
            writer.line(f"const scalar {TARGET} = {value};")
        else:
            writer.line(f"const int first_ = {_row(f'({DEVICE_STEP} - 1)')};")
        writer.line(f"const scalar y_ = {group.output};")
        writer.lines(formula.genn)


def _has_values(loss: Loss) -> bool:
    """True if targets are values, which each output neuron compares for itself."""
    return loss.formula.targets is Targets.VALUES


def _row(step: str) -> str:
    """Returns C for the element of the first output neuron in the row of a step."""
    return f"({step} % 2 * (int)num_batch + (int)batch) * (int)num_neurons"
