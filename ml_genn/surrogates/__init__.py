"""Surrogate derivatives of spikes, for learning with surrogate gradients."""

from __future__ import annotations

from typing import Any

from ml_genn.surrogates.derivatives import (
    Arctan,
    Boxcar,
    Exponential,
    FastSigmoid,
    Triangle,
)
from ml_genn.surrogates.expression import Expression
from ml_genn.surrogates.surrogate import Surrogate
from ml_genn.utils.module import aliases, get_object
from ml_genn.utils.synonyms import answer_names_of

#: {name: class} of the surrogates that need no arguments.
default_surrogates = aliases(Arctan, Boxcar, Exponential, FastSigmoid, Triangle)


def get_surrogate(surrogate: Any) -> Surrogate:
    """Returns the surrogate of an instance, a name, or an expression over ``u``.

    Args:
        surrogate: one of these; None for `FastSigmoid`.

    Raises:
        UnknownNameError: if a name is not known.
        EquationError: if an expression cannot be parsed.
    """
    if isinstance(surrogate, str) and not surrogate.isidentifier():
        return Expression(surrogate)
    if hasattr(surrogate, "free_symbols"):
        return Expression(surrogate)
    known = get_object(surrogate, Surrogate, "Surrogate", default_surrogates)
    return FastSigmoid() if known is None else known


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

answer_names_of(__name__)
