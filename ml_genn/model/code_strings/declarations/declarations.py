"""Names that the dictionary of a model declares."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from numbers import Real
from typing import Any

from ml_genn.errors import EquationError, unknown_name
from ml_genn.model.code_strings.declarations.code_parameters import DerivedParameter
from ml_genn.model.code_strings.declarations.fields import model_error
from ml_genn.model.code_strings.neuron_code import (
    CodeVariable,
    ParameterFunction,
)
from ml_genn.model.code_strings.vocabulary.c_types import (
    KNOWN_TYPES,
    REAL_TYPES,
    c_type,
)
from ml_genn.model.code_strings.vocabulary.names import (
    BUILTINS,
    PROVIDED,
    Name,
    name_fault,
)

#: {access mode of PyGeNN: True if code may only read the variable}
_ACCESS = {
    "READ_WRITE": False,
    "READ_ONLY": True,
    "READ_ONLY_DUPLICATE": True,
    "READ_ONLY_SHARED_NEURON": True,
}


class Declarations:
    """Reader of the lists of a model, which collects the names that its code may use.

    Args:
        where: start of error messages.

    Attributes:
        names: {name: its type and restrictions}.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self.names: dict[str, Name] = dict(BUILTINS)

    def variables(self, value: object) -> tuple[CodeVariable, ...]:
        """Returns state variables from (name, type) or (name, type, access mode)."""
        variables = []
        for name, kind, *access in self._entries("vars", value, 2, 3):
            c_name = self._type(f"variable '{name}'", kind)
            fixed = self._read_only(name, access[0]) if access else False
            self._declare("vars", name, c_name, "declared read-only" if fixed else "")
            variables.append(CodeVariable(name, c_name, fixed))
        return tuple(variables)

    def parameters(self, value: object) -> tuple[str, ...]:
        """Returns the names of parameters from names or (name, type)."""
        names = []
        for name, *kind in self._entries("params", value, 1, 2):
            c_name = self._type(f"parameter '{name}'", *(kind or ["scalar"]))
            self._declare("params", name, c_name, "a parameter", convert=True)
            names.append(name)
        return tuple(names)

    def derived_parameters(
        self, value: object, parameters: tuple[str, ...]
    ) -> tuple[tuple[str, ParameterFunction], ...]:
        """Returns derived parameters from (name, function) and perhaps a type."""
        functions = []
        for name, function, *kind in self._entries("derived_params", value, 2, 3):
            if not callable(function):
                raise self._refuse(
                    "derived_params",
                    f"'{name}' needs a function of the parameters and dt, "
                    f"got {function!r}",
                )
            c_name = self._type(f"derived parameter '{name}'", *(kind or ["scalar"]))
            reason = "a derived parameter"
            self._declare("derived_params", name, c_name, reason, convert=True)
            functions.append((name, DerivedParameter(function, parameters)))
        return tuple(functions)

    def extra_inputs(self, value: object) -> tuple[tuple[str, str, float], ...]:
        """Returns additional inputs from (name, type, initial value)."""
        key = "additional_input_vars"
        inputs = []
        for name, kind, initial in self._entries(key, value, 3, 3):
            c_name = self._type(f"additional input '{name}'", kind)
            if not isinstance(initial, Real) or not isfinite(initial):
                raise self._refuse(
                    key,
                    f"the initial value of '{name}' must be a finite number, "
                    f"got {initial!r}",
                )
            self._declare(key, name, c_name, "an additional input")
            inputs.append((name, c_name, float(initial)))
        return tuple(inputs)

    def _refuse(self, key: str, reason: str) -> EquationError:
        return model_error(self.where, f"{key}: {reason}")

    def _entries(
        self, key: str, value: object, least: int, most: int
    ) -> list[tuple[Any, ...]]:
        """Returns the items of a list as tuples that start with a name."""
        if value is None:
            return []
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise self._refuse(key, f"a list is needed, got {value!r}")
        entries: list[tuple[Any, ...]] = []
        for item in value:
            entry = tuple(item) if isinstance(item, (tuple, list)) else (item,)
            if not least <= len(entry) <= most or not isinstance(entry[0], str):
                size = str(most) if least == most else f"{least} or {most}"
                raise self._refuse(
                    key, f"an entry has {size} items, a name first; got {item!r}"
                )
            entries.append(entry)
        return entries

    def _declare(
        self, key: str, name: str, c_name: str, fixed: str, convert: bool = False
    ) -> None:
        """Adds a name; raises EquationError if it cannot be declared.

        Args:
            key: entry of the dictionary.
            name: the name.
            c_name: its C type.
            fixed: reason why code cannot write it; empty if it can.
            convert: True if it is stored as a float and read as an integer.
        """
        reason = name_fault(name)
        if not reason and name in self.names:
            builtin = name in BUILTINS
            reason = f"is {PROVIDED}" if builtin else "is declared twice"
        if reason:
            raise self._refuse(key, f"the name '{name}' {reason}")
        integer = convert and c_name not in REAL_TYPES
        self.names[name] = Name(c_name, fixed, integer)

    def _type(self, what: str, kind: object) -> str:
        """Returns the C type of a declared type."""
        place = f"{self.where}: {what}".removeprefix(": ")
        if not isinstance(kind, str):
            raise model_error(place, f"the type must be text, got {kind!r}")
        if "*" in kind:
            reason = f"its type is '{kind}'; pointers are not supported"
            raise model_error(place, reason)
        c_name = c_type(kind.split())
        if c_name is None:
            raise unknown_name("type", kind, KNOWN_TYPES, where=place)
        return c_name

    def _read_only(self, name: str, access: object) -> bool:
        """Returns True if an access mode lets code only read the variable."""
        # PyGeNN's modes are members of an enum, which prints as VarAccess.READ_ONLY.
        text = access if isinstance(access, str) else getattr(access, "name", access)
        mode = str(text).rpartition(".")[2].upper()
        if mode not in _ACCESS:
            place = f"{self.where}: variable '{name}'".removeprefix(": ")
            raise unknown_name("access mode", str(text), _ACCESS, where=place)
        return _ACCESS[mode]
