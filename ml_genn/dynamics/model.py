"""Base of neurons and synapses."""

from __future__ import annotations

from abc import ABC
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, dataclass_transform

from ml_genn.dynamics.arguments import (
    Role,
    choice,
    compiler_value,
    declarations,
    flag,
    initial_value,
    integer,
    output_readout,
    parameter,
    positive_number,
    unused,
)
from ml_genn.dynamics.documentation import documented
from ml_genn.errors import unknown_name
from ml_genn.graph.default_params import network_default_params
from ml_genn.initializers.value import InitValue, as_value
from ml_genn.utils.choices import HasChoices
from ml_genn.utils.copies import owned

T = TypeVar("T")


@dataclass_transform(
    frozen_default=True,
    eq_default=False,
    field_specifiers=(
        choice,
        compiler_value,
        field,
        flag,
        initial_value,
        integer,
        output_readout,
        parameter,
        positive_number,
        unused,
    ),
)
def model_class(cls: type[T]) -> type[T]:
    """Class decorator of neurons and synapses whose arguments are declared.

    The class becomes a frozen dataclass. Arguments that a caller leaves out may come
    from ``Network(default_params)``. The sections "Args" and "Raises" of the docstring
    follow from the declarations.
    """
    model = dataclass(frozen=True, eq=False)(cls)
    arguments = declarations(model)
    model.__doc__ = documented(model.__doc__, arguments)
    model.CHOICES = {  # type: ignore[attr-defined]
        name: argument.otherwise
        for name, (argument, _) in arguments.items()
        if argument.role is Role.CHOICE
    }
    return network_default_params(model)


class DynamicalModel(HasChoices, ABC):
    """Equations and the values of their parameters and initial values.

    What is declared with `ml_genn.dynamics.arguments` needs no code: its checks, and
    the values that `parameters`, `initial` and `positive` return.
    """

    def __post_init__(self) -> None:
        for name, (argument, _) in declarations(type(self)).items():
            where = f"{type(self).__name__}: {name}"
            value = argument.checked(where, getattr(self, name))
            object.__setattr__(self, name, owned(value))  # the dataclass is frozen

    def parameters(self) -> dict[str, InitValue]:
        """Returns the values of the equations' parameters."""
        return self._values_of(Role.PARAMETER)

    def initial(self) -> dict[str, InitValue]:
        """Returns the values of state variables at the start of an example.

        Variables that it leaves out start at 0.
        """
        return self._values_of(Role.INITIAL)

    def positive(self) -> frozenset[str]:
        """Returns the names of the parameters that have to be above 0."""
        arguments = declarations(type(self))
        return frozenset(
            name
            for name, (argument, _) in arguments.items()
            if argument.role is Role.PARAMETER and argument.positive
        )

    def _values_of(self, role: Role) -> dict[str, InitValue]:
        """Returns the values of arguments of a role, without optional ones at None."""
        values = {
            name: (argument, getattr(self, name))
            for name, (argument, _) in declarations(type(self)).items()
            if argument.role is role
        }
        return {
            name: value
            for name, (argument, value) in values.items()
            if value is not None or not argument.optional
        }


class UserModel(DynamicalModel):
    """Base of models whose equations or code, and their values, are arguments.

    Attributes:
        param_vals: values of the parameters.
        var_vals: initial values of state variables.
    """

    param_vals: Mapping[str, InitValue]
    var_vals: Mapping[str, InitValue]

    def parameters(self) -> dict[str, InitValue]:
        """Returns the values of the equations' parameters."""
        return dict(self.param_vals)

    def initial(self) -> dict[str, InitValue]:
        """Returns the values of state variables at the start of an example."""
        return dict(self.var_vals)

    def positive(self) -> frozenset[str]:
        """Returns the time constants: parameters whose name starts with "tau"."""
        return frozenset(name for name in self.param_vals if name.startswith("tau"))

    def check_values(self, variables: Collection[str]) -> None:
        """Raises an error if a value is malformed or belongs to an unknown variable.

        Args:
            variables: names of the model's state variables.
        """
        where = type(self).__name__
        for name in self.var_vals:
            if name not in variables:
                raise unknown_name("variable", name, variables, where=where)
        values: dict[str, Any] = {**self.param_vals, **self.var_vals}
        for name, value in values.items():
            as_value(f"{where}: {name}", value)
