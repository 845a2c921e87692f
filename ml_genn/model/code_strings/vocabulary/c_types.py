"""C types that code may use, in all spellings of C."""

from __future__ import annotations

from collections.abc import Iterable


def _type_table() -> dict[str, str]:
    """Returns {words in alphabetical order: C type}, as on an LP64 system."""
    table = {
        "scalar": "float",
        "timepoint": "float",
        "float": "float",
        "double": "double",
        "bool": "bool",
        "size_t": "uint64_t",
        "int": "int",
        "signed": "int",
        "int signed": "int",
        "unsigned": "unsigned int",
        "int unsigned": "unsigned int",
    }
    for bits in (8, 16, 32, 64):
        for prefix in ("int", "uint"):
            table[f"{prefix}{bits}_t"] = f"{prefix}{bits}_t"
    for base, bits in (("char", 8), ("short", 16), ("long", 64), ("long long", 64)):
        for integer in ("", " int") if bits > 8 else ("",):
            for sign, prefix in (("", ""), (" signed", ""), (" unsigned", "u")):
                words = sorted(f"{base}{integer}{sign}".split())
                table[" ".join(words)] = f"{prefix}int{bits}_t"
    return table


_TYPES = _type_table()
KNOWN_TYPES = frozenset({"unsigned int", *(name for name in _TYPES if " " not in name)})
REAL_TYPES = frozenset({"float", "double"})
INTEGER_TYPES = frozenset(_TYPES.values()) - REAL_TYPES - {"bool"}
#: types that need a typedef in C
DEFINED_TYPES = tuple(
    name
    for name in _TYPES
    if name in ("scalar", "timepoint", "bool") or name.endswith("_t")
)


def c_type(words: Iterable[str]) -> str | None:
    """Returns the C type of words in any order; None if it is not supported."""
    return _TYPES.get(" ".join(sorted(words)))
