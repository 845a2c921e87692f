"""Activation functions of few-spike neurons, as expressions in x."""

from __future__ import annotations

from typing import Any

from ml_genn.errors import ValidationError, unknown_name
from ml_genn.model.equations.complexity import check_complexity
from ml_genn.model.equations.expression import check_names
from ml_genn.utils.checks import shown

VARIABLE = "x"  #: argument of an activation function
_SIGMOID = "(0.5 + 0.5 * tanh(0.5 * x))"  # no intermediate value overflows
_SOFTPLUS = "(max(x, 0) + log(1 + exp(-abs(x))))"
_HARD_SIGMOID = "min(max(x / 6 + 0.5, 0), 1)"
# Constants of Klambauer et al. 2017, with which activations keep mean and variance.
_SELU = "1.0507009873554805 * where(x > 0, x, 1.6732632423543772 * {})"
_BELOW_ZERO = "(exp(min(x, 0)) - 1)"

#: {name: expression in x}
FUNCTIONS: dict[str, str] = {
    "elu": f"where(x > 0, x, {_BELOW_ZERO})",
    "gelu": "0.5 * x * (1 + erf(0.7071067811865476 * x))",
    "gelu_tanh": (
        "0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))"
    ),
    "hard_sigmoid": _HARD_SIGMOID,
    "hard_swish": f"x * {_HARD_SIGMOID}",
    "mish": f"x * tanh({_SOFTPLUS})",
    "selu": _SELU.format(_BELOW_ZERO),
    "sigmoid": _SIGMOID,
    "softplus": _SOFTPLUS,
    "softsign": "x / (1 + abs(x))",
    "square": "x * x",
    "swish": f"x * {_SIGMOID}",
    "tanh": "tanh(x)",
}


def function_text(where: str, activation: Any) -> str:
    """Returns the expression of an activation function.

    Args:
        where: start of error messages.
        activation: a name in `FUNCTIONS`, or an expression in x.

    Raises:
        UnknownNameError: if it is a name without a function.
        ValidationError: if it is no text.
        EquationError: if it is no expression in x.
    """
    if not isinstance(activation, str):
        raise ValidationError(
            f"{where} is the name of a function or an expression in x, for example "
            f"'swish' or 'x * x'. Received {shown(activation)}."
        )
    if activation in FUNCTIONS:
        return FUNCTIONS[activation]
    if activation.isidentifier() and activation != VARIABLE:
        raise unknown_name("activation", activation, FUNCTIONS, where=where)
    check_names(activation, frozenset({VARIABLE}), where)
    check_complexity(activation, where)
    return activation
