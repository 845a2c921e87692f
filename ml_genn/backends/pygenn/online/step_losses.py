"""Losses that are taken in each step on the device, where learning does not wait.

Each output shows its variable in an array of two rows; in the step to come it reads
what all of them showed, and finds its error.
"""

from __future__ import annotations

from collections.abc import Callable

from ml_genn.backends.pygenn.lowering.records import Array, Variable
from ml_genn.backends.pygenn.online.traces import ERROR
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import LossKind, NeuronGroup, Values

LOSS = "loss_"  #: an output neuron's part of the loss, summed over steps
SHARE = "share_"  #: what a step of an example counts
TARGET, WHOLE = "target_", "whole_"  #: share of a class, and of all of them
TARGETS, SHOWN = "targets_", "shown_"  #: values in each step; the outputs' variables
NUMBER = "loss_number_"  #: temperature, or factor


def _compared(group: NeuronGroup) -> bool:
    """Whether outputs are compared with each other."""
    return bool(group.loss and not group.loss.kind.of_errors)


def parameters(group: NeuronGroup, values: Values) -> dict[str, float]:
    """The loss's number."""
    if group.loss is None:
        return {}
    given = values.loss.get("outputs", {}).get(group.name, (1.0, 0.0))
    return {NUMBER: float(given[0])}


def variables(group: NeuronGroup) -> list[Variable]:
    """What an output is given."""
    if group.loss is None:
        return []
    return [
        Variable(n) for n in ((SHARE, TARGET, WHOLE) if _compared(group) else [SHARE])
    ]


def arrays(group: NeuronGroup) -> list[Array]:
    """What outputs see of each other, or the values that they should have."""
    size = group.size
    if group.loss is None:
        return []
    if _compared(group):
        return [Array(SHOWN, "scalar", lambda _, batch: 2 * batch * size)]
    return [Array(TARGETS, "scalar", lambda steps, batch: steps * batch * size)]


# ---------------------------------------------------------------- code
def show(writer: CodeWriter, group: NeuronGroup) -> None:
    """Shows the output variable of a step."""
    if _compared(group):
        writer.line(f"{SHOWN}[{_row('now_')} + (int)id] = {group.output};")


def find_error(writer: CodeWriter, group: NeuronGroup) -> None:
    """The error of the step before, and its part of the loss."""
    writer.line(f"{ERROR} = 0.0;")
    if group.loss is None:
        return
    with writer.block("if (now_ > 0 && now_ <= (int)num_steps)"):
        writer.lines(_ERRORS[group.loss.kind](str(group.output)))


def _row(step: str) -> str:
    """C for the entry of the first output in the row of a step."""
    return f"({step} % 2 * (int)num_batch + (int)batch) * (int)num_neurons"


def _cross_entropy(output: str) -> list[str]:
    over_all = "for (int other_ = 0; other_ < (int)num_neurons; other_++)"
    return [
        f"const int row_ = {_row('(now_ - 1)')};",
        f"scalar most_ = {output};",
        f"{over_all} {{ most_ = fmax(most_, {SHOWN}[row_ + other_]); }}",
        "scalar total_ = 0.0;",
        f"{over_all} {{",
        f"  total_ += exp(({SHOWN}[row_ + other_] - most_) / {NUMBER});",
        "}",
        f"const scalar z_ = ({output} - most_) / {NUMBER};",
        f"{LOSS} += {TARGET} * (log(total_) - z_);",
        f"{ERROR} = {SHARE} * ({WHOLE} * exp(z_) / total_ - {TARGET}) / {NUMBER};",
    ]


def _missed(output: str) -> str:
    """C for how far an output is from what it should be."""
    entry = "((now_ - 1) * (int)num_batch + (int)batch) * (int)num_neurons + (int)id"
    return f"const scalar missed_ = {output} - {TARGETS}[{entry}];"


def _squared_error(output: str) -> list[str]:
    return [
        _missed(output),
        f"{LOSS} += {NUMBER} * missed_ * missed_ / num_neurons;",
        f"{ERROR} = {SHARE} * {NUMBER} * 2.0 * missed_ / num_neurons;",
    ]


def _absolute_error(output: str) -> list[str]:
    return [
        _missed(output),
        f"{LOSS} += {NUMBER} * fabs(missed_) / num_neurons;",
        "const scalar sign_ = missed_ > 0.0 ? 1.0 : (missed_ < 0.0 ? -1.0 : 0.0);",
        f"{ERROR} = {SHARE} * {NUMBER} * sign_ / num_neurons;",
    ]


_ERRORS: dict[LossKind, Callable[[str], list[str]]] = {
    LossKind.CROSS_ENTROPY: _cross_entropy,
    LossKind.SOFT_CROSS_ENTROPY: _cross_entropy,
    LossKind.SQUARED_ERROR: _squared_error,
    LossKind.ABSOLUTE_ERROR: _absolute_error,
}
