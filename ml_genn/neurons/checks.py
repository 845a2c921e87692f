"""Checks of neuron parameters, which may be numbers, arrays or initializers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from ml_genn.errors import ValidationError, unknown_name
from ml_genn.initializers.value import InitValue, as_value
from ml_genn.utils.checks import shown


def check_value(owner: Any, name: str) -> None:
    """Refuses what is no number, array or initializer, and what has to be above 0."""
    value: InitValue = getattr(owner, name)
    where = f"{type(owner).__name__}: {name}"
    known = as_value(where, value)
    if (
        name in owner.POSITIVE
        and isinstance(known, float | np.ndarray)
        and np.any(known <= 0)
    ):
        raise ValidationError(
            f"{where} is greater than 0 [ms]. Received {shown(value)}."
        )


def check_given(
    where: str,
    variables: Collection[str],
    param_vals: Mapping[str, InitValue],
    var_vals: Mapping[str, InitValue],
) -> None:
    """Refuses initial values of unknown variables, and values that are none.

    Args:
        where: what errors name.
        variables: names of the model's state variables.
        param_vals: values of its parameters.
        var_vals: initial values.
    """
    for name in var_vals:
        if name not in variables:
            raise unknown_name("variable", name, variables, where=where)
    for name, value in {**param_vals, **var_vals}.items():
        as_value(f"{where}: {name}", value)


def check_flags(owner: Any, *names: str) -> None:
    """Refuses flags that are not True, False or None."""
    for name in names:
        if not isinstance(getattr(owner, name), bool | np.bool_ | None):
            raise ValidationError(
                f"{type(owner).__name__}: {name} is True, False or None (the compiler "
                f"chooses). Received {shown(getattr(owner, name))}."
            )
