"""Declarations of the arguments of neurons and synapses.

A declaration stands in the class body in place of a default value, and is the only
place that names the argument::

    tau_mem: InitValue = parameter(
        "membrane time constant", "ms", default=20.0, positive=True
    )

The constructor, checks of values, values of equations, saved configurations and the
section on arguments of the docstring follow from it (`ml_genn.dynamics.model`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from typing import Any

import numpy as np

from ml_genn.errors import ValidationError
from ml_genn.initializers import Initializer
from ml_genn.initializers.value import as_value
from ml_genn.utils import checks
from ml_genn.utils.checks import LARGEST_INT32, SMALLEST, shown

_KEY = "argument"  #: key of the `Argument` in the metadata of a dataclass field


class Role(Enum):
    """Kind of an argument."""

    PARAMETER = "parameter"  #: value of a parameter of the equations
    INITIAL = "initial"  #: value of a state variable at the start of an example
    VALUE = "value"  #: value that a compiler reads
    CHOICE = "choice"  #: True, False, or None for the choice of the compiler
    FLAG = "flag"  #: True or False
    INTEGER = "integer"  #: an integer of at least 1
    POSITIVE = "positive"  #: a number above 0
    NUMBER = "number"  #: a number
    FUNCTION = "function"  #: name or expression of a function
    READOUT = "readout"  #: readout of an output population
    UNUSED = "unused"  #: accepted for scripts written for mlGeNN


@dataclass(frozen=True, slots=True)
class Argument:
    """Declaration of an argument of a neuron or synapse.

    It says which values the argument accepts and what its class does with them.

    Args:
        role: kind of the argument.
        description: meaning, as a noun phrase.
        unit: unit of the value; empty (default) for none.
        positive: True if numbers have to be above 0; False by default.
        optional: True if None is allowed; False by default.
        otherwise: for CHOICE: value in place of None under compilers that do not set
            one; False by default.
        most: for INTEGER: maximum; None (default) for no maximum.
    """

    role: Role
    description: str
    unit: str = ""
    positive: bool = False
    optional: bool = False
    otherwise: bool = False
    most: int | None = None

    def checked(self, where: str, value: Any) -> Any:
        """Returns a value, a number or flag as Python's.

        Args:
            where: subject of the error message, for example "Neuron: tau_mem".
            value: value that the constructor received.

        Raises:
            ValidationError: if it has the wrong type or is out of bounds.
        """
        if self.optional and value is None:
            return value
        return _CHECKS[self.role](self, where, value)


def _checked_value(argument: Argument, where: str, value: Any) -> Any:
    # Values drawn by an initializer are not known here.
    number_or_initializer = as_value(where, value)
    if not argument.positive or isinstance(number_or_initializer, Initializer):
        return value
    if np.any(number_or_initializer < SMALLEST):
        unit = f" [{argument.unit}]" if argument.unit else ""
        raise ValidationError(
            f"{where} is greater than 0{unit}, also in single precision, where numbers "
            f"below {SMALLEST:.1e} are 0. Received {shown(value)}."
        )
    return value


def _checked_choice(argument: Argument, where: str, value: Any) -> Any:
    if not isinstance(value, bool | np.bool_ | None):
        raise ValidationError(
            f"{where} is True, False or None (the compiler chooses). Received "
            f"{shown(value)}."
        )
    return value


def _checked_integer(argument: Argument, where: str, value: Any) -> int:
    return checks.whole(where, value, most=argument.most or LARGEST_INT32)


_CHECKS: dict[Role, Callable[[Argument, str, Any], Any]] = {
    Role.PARAMETER: _checked_value,
    Role.INITIAL: _checked_value,
    Role.VALUE: _checked_value,
    Role.CHOICE: _checked_choice,
    Role.FLAG: lambda argument, where, value: checks.flag(where, value),
    Role.INTEGER: _checked_integer,
    Role.POSITIVE: lambda argument, where, value: checks.positive(where, value),
    Role.NUMBER: lambda argument, where, value: checks.number(where, value),
    Role.FUNCTION: lambda argument, where, value: value,
    Role.READOUT: lambda argument, where, value: value,
    Role.UNUSED: lambda argument, where, value: value,
}


def _declared(argument: Argument, default: Any, kw_only: bool = False) -> Any:
    """Returns a dataclass field with a default value and its declaration."""
    if kw_only:
        return field(default=default, kw_only=True, metadata={_KEY: argument})
    return field(default=default, metadata={_KEY: argument})


def parameter(
    description: str,
    unit: str = "",
    *,
    default: Any,
    positive: bool = False,
    kw_only: bool = False,
) -> Any:
    """Declares a parameter of the equations.

    Its value is a number, an array, an initializer, or the name of an initializer.

    Args:
        description: meaning, as a noun phrase.
        unit: for example "ms"; none by default.
        default: value where the argument is left out. None makes the parameter
            optional: where it is None, the equations have no such parameter.
        positive: True if the value has to be above 0, also while it is learned; False
            by default.
        kw_only: True if it is passed by keyword only; False by default.
    """
    argument = Argument(
        Role.PARAMETER, description, unit, positive, optional=default is None
    )
    return _declared(argument, default, kw_only)


def initial_value(description: str, unit: str = "", *, default: Any) -> Any:
    """Declares the initial value of the state variable with the field's name.

    The variable has this value at the start of each example.

    Args:
        description, unit, default: as for `parameter`.
    """
    return _declared(Argument(Role.INITIAL, description, unit), default)


def compiler_value(description: str, unit: str = "", *, default: Any) -> Any:
    """Declares a number, array or initializer that is in no equation.

    Args:
        description, unit, default: as for `parameter`.
    """
    return _declared(Argument(Role.VALUE, description, unit), default)


def choice(description: str, *, default: None, otherwise: bool) -> Any:
    """Declares a boolean whose default depends on the learning rule.

    Args:
        description: meaning of True, after the words "True if".
        default: None, which leaves it to the compiler.
        otherwise: value in place of None under compilers that do not set one.
    """
    return _declared(Argument(Role.CHOICE, description, otherwise=otherwise), default)


def flag(description: str, *, default: bool, kw_only: bool = False) -> Any:
    """Declares an argument that is True or False.

    Args:
        description: meaning of True, after the words "True if".
        default: value where the argument is left out.
        kw_only: True if it is passed by keyword only; False by default.
    """
    return _declared(Argument(Role.FLAG, description), default, kw_only)


def integer(description: str, *, default: int, most: int | None = None) -> Any:
    """Declares an integer of at least 1.

    Args:
        description: meaning, as a noun phrase.
        default: value where the argument is left out.
        most: maximum; None (default) for no maximum.
    """
    return _declared(Argument(Role.INTEGER, description, most=most), default)


def positive_number(
    description: str,
    unit: str = "",
    *,
    default: float | None,
    kw_only: bool = False,
) -> Any:
    """Declares a number above 0; None is allowed if it is the default.

    Args:
        description, unit, default, kw_only: as for `parameter`.
    """
    argument = Argument(
        Role.POSITIVE, description, unit, positive=True, optional=default is None
    )
    return _declared(argument, default, kw_only)


def number(description: str, unit: str = "", *, default: float) -> Any:
    """Declares a number of either sign.

    Args:
        description, unit, default: as for `parameter`.
    """
    return _declared(Argument(Role.NUMBER, description, unit), default)


def function(description: str, *, default: str) -> Any:
    """Declares a function, by its name or expression; the class checks it.

    Args:
        description: meaning, as a noun phrase.
        default: value where the argument is left out.
    """
    return _declared(Argument(Role.FUNCTION, description), default)


def output_readout(
    description: str = "readout of an output population, or its name",
    *,
    default: None,
) -> Any:
    """Declares a readout, which makes a population an output.

    Args:
        description: meaning, as a noun phrase.
        default: None, for neurons that are no output.
    """
    return _declared(Argument(Role.READOUT, description, optional=True), default)


def unused(description: str, *, default: Any) -> Any:
    """Declares an argument that is accepted for scripts written for mlGeNN.

    Args:
        description: reason for having no effect.
        default: value where the argument is left out.
    """
    return _declared(Argument(Role.UNUSED, description), default)


def declarations(cls: type) -> dict[str, tuple[Argument, Any]]:
    """Returns {argument: (declaration, default)} of a dataclass, in order.

    Fields that are not declared, or that are no arguments of the constructor, are left
    out.
    """
    if not is_dataclass(cls):
        return {}
    return {
        f.name: (f.metadata[_KEY], f.default)
        for f in fields(cls)
        if f.init and _KEY in f.metadata
    }
