"""Surrogate derivatives of spikes, for learning with surrogate gradients."""

from __future__ import annotations

from typing import Any

from ml_genn.surrogates.expression import Expression
from ml_genn.surrogates.functions import (
    Arctan,
    Boxcar,
    Exponential,
    FastSigmoid,
    Triangle,
)
from ml_genn.surrogates.surrogate import Surrogate
from ml_genn.utils.module import aliases, get_object

#: {name: class} of what may be asked for by name.
default_surrogates = aliases(Arctan, Boxcar, Exponential, FastSigmoid, Triangle)


def get_surrogate(surrogate: Any) -> Surrogate:
    """Returns a surrogate for an instance, a name, or an expression over ``u``.

    Raises:
        UnknownNameError: if a name is not known.
        EquationError: if an expression cannot be understood.
    """
    if isinstance(surrogate, str) and not surrogate.isidentifier():
        return Expression(surrogate)
    if hasattr(surrogate, "free_symbols"):
        return Expression(surrogate)
    found = get_object(surrogate, Surrogate, "Surrogate", default_surrogates)
    return FastSigmoid() if found is None else found


__all__ = [
    "Arctan",
    "Boxcar",
    "Exponential",
    "Expression",
    "FastSigmoid",
    "Surrogate",
    "Triangle",
    "default_surrogates",
    "get_surrogate",
]
