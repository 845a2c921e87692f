"""Names in code: provided, reserved and refused ones."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ml_genn.model.code_strings.vocabulary.c_types import c_type
from ml_genn.model.code_strings.vocabulary.functions import FUNCTIONS


@dataclass(frozen=True, slots=True)
class Name:
    """Name that code may use.

    Attributes:
        type: its C type.
        fixed: reason why code cannot write it; empty if it can.
        convert: True if it is stored as a float and read as its (integer) type.
    """

    type: str
    fixed: str = ""
    convert: bool = False


PROVIDED = "provided by the simulator"
BUILTINS = {
    **{name: Name("float", PROVIDED) for name in ("dt", "t", "Isyn")},
    **{
        name: Name("unsigned int", PROVIDED)
        for name in ("id", "batch", "num_batch", "num_neurons")
    },
}
TRUTH_VALUES = frozenset({"true", "false"})
#: {word that code may not contain: reason}
REFUSED_WORDS = {
    **dict.fromkeys(("goto", "return"), "code runs from its first to its last line"),
    **dict.fromkeys(("switch", "case", "default"), "use if and else instead"),
    **dict.fromkeys(
        ("struct", "union", "enum", "typedef"), "types cannot be defined here"
    ),
    **dict.fromkeys(
        ("static", "extern", "register", "auto", "volatile", "inline", "restrict"),
        "the only qualifier of a local is const",
    ),
    **dict.fromkeys(("sizeof", "offsetof"), "memory layout is not available"),
    "void": "neither functions nor pointers are supported",
    "asm": "assembly is not supported",
    "assert": "code cannot stop the simulation",
    "printf": "code cannot print; record the variable instead",
    "for_each_synapse": "a neuron model has no synapses",
}

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_OTHER_RESERVED = """
    alignas alignof and and_eq bitand bitor bool break catch char class compl concept
    const consteval constexpr constinit const_cast continue co_await co_return
    co_yield decltype delete do double dynamic_cast else explicit export false float
    for friend if int long mutable namespace new noexcept not not_eq nullptr operator
    or or_eq private protected public reinterpret_cast requires short signed
    static_assert static_cast template this thread_local throw true try typeid
    typename typeof unsigned using virtual wchar_t while xor xor_eq EOF HUGE_VAL
    INFINITY NAN NULL errno
"""
_RESERVED = frozenset({*_OTHER_RESERVED.split(), *REFUSED_WORDS})

#: names that are declared by the code in which a neuron's code is placed
_ENGINE = frozenset({"step", "num_steps", "output"})


def name_fault(name: str) -> str:
    """Returns the reason why code cannot declare a name; empty if it can."""
    if not _NAME.fullmatch(name):
        return "is not a letter followed by letters, digits and underscores"
    if name in _RESERVED or c_type([name]):
        return "is reserved in C or C++"
    if name in _ENGINE or name.endswith("_") or name.startswith("lambda_"):
        return "is kept for the engine"
    return "is a function" if name in FUNCTIONS else ""
