"""Base of neurons and synapses."""

from __future__ import annotations

from abc import ABC
from collections.abc import Collection, Mapping
from copy import copy
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self, TypeVar, dataclass_transform

from ml_genn.dynamics.arguments import (
    Role,
    choice,
    compiler_value,
    declarations,
    flag,
    function,
    initial_value,
    integer,
    number,
    output_readout,
    parameter,
    positive_number,
    unused,
)
from ml_genn.dynamics.documentation import documented
from ml_genn.errors import ValidationError, unknown_name
from ml_genn.graph.default_params import network_default_params
from ml_genn.initializers.value import InitValue, as_value
from ml_genn.utils.choices import HasChoices
from ml_genn.utils.copies import owned
from ml_genn.utils.synonyms import accepts_synonyms

T = TypeVar("T")
_IN_NETWORK = "_in_network"  #: True for copies in networks, False for their originals


@dataclass_transform(
    eq_default=False,
    field_specifiers=(
        choice,
        compiler_value,
        field,
        flag,
        function,
        initial_value,
        integer,
        number,
        output_readout,
        parameter,
        positive_number,
        unused,
    ),
)
def model_class(cls: type[T]) -> type[T]:
    """Class decorator of neurons and synapses whose arguments are declared.

    The class becomes a dataclass whose attributes are checked when they are changed,
    as by the constructor. Arguments that a caller leaves out may come from
    ``Network(default_params)``. The sections "Args" and "Raises" of the docstring
    follow from the declarations.
    """
    model = dataclass(frozen=True, eq=False)(cls)
    model.__setattr__ = _set_argument  # type: ignore[method-assign]
    arguments = declarations(model)
    model.__doc__ = documented(model.__doc__, arguments)
    model.CHOICES = {  # type: ignore[attr-defined]
        name: argument.otherwise
        for name, (argument, _) in arguments.items()
        if argument.role is Role.CHOICE
    }
    return accepts_synonyms(network_default_params(model))


def _set_argument(model: Any, name: str, value: Any) -> None:
    """Changes an argument of a neuron or synapse.

    Raises:
        UnknownNameError: if the class has no such argument.
        ValidationError: if the value is invalid, or the object was copied into a
            network, where a change of the original has no effect.
    """
    cls = type(model)
    if name not in {f.name for f in fields(model)}:
        if "__dataclass_fields__" in vars(cls):
            raise unknown_name("argument", name, declarations(cls), where=cls.__name__)
        object.__setattr__(model, name, value)  # of a class of the user's own
        return
    if vars(model).get(_IN_NETWORK) is False:
        raise ValidationError(
            f"{cls.__name__}: populations and connections have a copy, so a change of "
            f"{name} here would have no effect. Change population.neuron.{name} or "
            f"connection.synapse.{name}."
        )
    vars(model).update(vars(replace(model, **{name: value})))


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

    def copy_for_network(self) -> Self:
        """Returns a copy for a population or connection, which changes with it only.

        Afterwards this object can no longer be changed, unless it is such a copy.
        """
        other = copy(self)
        vars(other)[_IN_NETWORK] = True
        vars(self).setdefault(_IN_NETWORK, False)
        return other

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
