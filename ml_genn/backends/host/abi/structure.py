"""C structures and flags declared once, as C++ text, ctypes and NumPy types."""

from __future__ import annotations

import ctypes
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntFlag
from typing import Any

import numpy as np

#: Sums values over all processes, in place: begins one sum, advances those under way,
#: and waits for them.
BeginAllreduce = ctypes.CFUNCTYPE(None, ctypes.POINTER(ctypes.c_float), ctypes.c_int64)
AdvanceAllreduces = ctypes.CFUNCTYPE(None)
EndAllreduces = ctypes.CFUNCTYPE(ctypes.c_int)

#: {C type: ctypes type}; a type that ends with * is an address.
_CTYPES: dict[str, Any] = {
    "double": ctypes.c_double,
    "float": ctypes.c_float,
    "int64_t": ctypes.c_int64,
    "uint64_t": ctypes.c_uint64,
    "BeginAllreduce": BeginAllreduce,
    "AdvanceAllreduces": AdvanceAllreduces,
    "EndAllreduces": EndAllreduces,
}
_WIDTH = 100  #: columns of a C++ file


@dataclass(frozen=True, slots=True)
class Field:
    """Field of a C structure.

    Args:
        type: C type.
        name: name of the field.
        comment: meaning, shape and unit.
    """

    type: str
    name: str
    comment: str

    def declaration(self) -> str:
        """C++ text of the field, with its comment above."""
        space = "" if self.type.endswith("*") else " "
        return _comment(self.comment, "  ") + f"  {self.type}{space}{self.name};\n"

    @property
    def ctype(self) -> Any:
        """Type of the field for ctypes."""
        if self.type.endswith("*"):
            return ctypes.c_void_p
        return _CTYPES[self.type]

    @property
    def dtype(self) -> str:
        """Type of the field for NumPy; addresses are integers."""
        return {"float": "f4", "double": "f8"}.get(self.type, "i8")


@dataclass(frozen=True, slots=True)
class Structure:
    """C structure, from which its C++ text, ctypes fields and NumPy type are made.

    Args:
        name: name of the structure.
        comment: its purpose.
        fields: its fields, in order.
    """

    name: str
    comment: str
    fields: tuple[Field, ...]

    def declaration(self) -> str:
        """C++ text of the structure."""
        fields = "".join(field.declaration() for field in self.fields)
        return f"{_comment(self.comment)}struct {self.name} {{\n{fields}}};\n"

    def ctypes_fields(self) -> list[tuple[str, Any]]:
        """``_fields_`` of a `ctypes.Structure`."""
        return [(field.name, field.ctype) for field in self.fields]

    def dtype(self) -> np.dtype[np.void]:
        """NumPy type with the layout that a C compiler chooses."""
        return np.dtype([(f.name, f.dtype) for f in self.fields], align=True)


def enum_declaration(flags: type[IntFlag], comments: dict[str, str]) -> str:
    """C++ text of an enumeration with the names and values of a Python one.

    Args:
        flags: the enumeration.
        comments: {name: meaning}.
    """
    lines = "".join(
        f"{_comment(comments[name], '  ')}  {name} = {flag.value},\n"
        for name, flag in flags.__members__.items()
    )
    purpose = _comment((flags.__doc__ or "").strip())
    return f"{purpose}enum {flags.__name__} {{\n{lines}}};\n"


def _comment(text: str, indent: str = "") -> str:
    """C++ comment lines, or nothing for an empty text."""
    width = _WIDTH - len(indent) - len("// ")
    return "".join(f"{indent}// {line}\n" for line in textwrap.wrap(text, width))


def header(purpose: str, includes: Sequence[str], *parts: str) -> str:
    """Text of a generated header.

    Args:
        purpose: first line of the header.
        includes: headers that it includes.
        parts: declarations in the namespace.
    """
    lines = [
        f"// {purpose}",
        "// Generated: python -m ml_genn.backends.generated_headers",
        "#pragma once",
        *(f'#include "{name}"' for name in includes),
        "",
        "namespace mlg {",
    ]
    return "\n".join(lines) + "\n" + "\n".join(parts) + "}  // namespace mlg\n"
