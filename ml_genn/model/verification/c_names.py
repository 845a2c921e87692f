"""Names in C code: which it reads, assigns, declares and calls."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ml_genn.model.code_strings.vocabulary.functions import FUNCTIONS, RANDOM
from ml_genn.model.code_strings.vocabulary.safe_integers import HELPERS

_TOKEN = re.compile(
    r"""
    (?P<comment> //.*)
    | (?P<number> (?: 0[xX][\da-fA-F]+ | (?: \d+\.?\d* | \.\d+ ) (?: [eE][+-]?\d+ )? )
      [fFuUlL]* )
    | (?P<name> [A-Za-z_]\w* )
    | (?P<sign> == | != | <= | >= | && | \|\| | \+\+ | -- | (?: << | >> ) =?
      | [-+*/%&|^]= | \S )
    """,
    re.VERBOSE,
)
_ASSIGNMENTS = frozenset(
    {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="}
)
_COUNTING = frozenset({"++", "--"})
_INTEGERS = {f"{sign}int{n}_t" for sign in ("", "u") for n in (8, 16, 32, 64)}
_REALS = {"double", "float"}
_TYPES = _INTEGERS | _REALS | {"auto", "bool", "char", "int", "long", "short"}
_TYPES |= {"signed", "size_t", "unsigned"}
_LOOPS = {"break", "continue", "do", "for", "while"}
_KEYWORDS = _LOOPS | {"const", "else", "false", "if", "return", "true"}
#: functions of C that code may call without listing them
_C_FUNCTIONS = (frozenset(f.text for f in FUNCTIONS.values()) - RANDOM) | HELPERS


@dataclass(slots=True)
class CNames:
    """Names in C code, each with the line of its first occurrence, counted from 1.

    Attributes:
        mentioned: all names but those of functions, types and keywords.
        assigned: names that are assigned to, or counted up or down.
        declared: names of locals.
        called: functions that are not part of C.
    """

    mentioned: dict[str, int] = field(default_factory=dict)
    assigned: dict[str, int] = field(default_factory=dict)
    declared: dict[str, int] = field(default_factory=dict)
    called: dict[str, int] = field(default_factory=dict)


def names_in(lines: Iterable[str]) -> CNames:
    """Returns the names in lines of C code or in an expression.

    Args:
        lines: the lines; an expression is a single one.
    """
    names = CNames()
    tokens = list(_tokens(lines))
    for k, (kind, text, line) in enumerate(tokens):
        if kind != "name":
            continue
        if text in _TYPES:
            for name in _declared(tokens, k + 1):
                names.declared.setdefault(name, line)
        elif text not in _KEYWORDS and not _is_member(tokens, k):
            _add(names, tokens, k)
    return names


Token = tuple[str, str, int]


def _tokens(lines: Iterable[str]) -> Iterator[Token]:
    """Yields (kind, text, number of the line) of each token that is no comment."""
    for number, line in enumerate(lines, start=1):
        for match in _TOKEN.finditer(line):
            if match.lastgroup != "comment":
                yield str(match.lastgroup), match[0], number


def _text(tokens: Sequence[Token], k: int) -> str:
    return tokens[k][1] if 0 <= k < len(tokens) else ""


def _is_member(tokens: Sequence[Token], k: int) -> bool:
    """True for the name of a member, after a point."""
    return _text(tokens, k - 1) == "."


def _add(names: CNames, tokens: Sequence[Token], k: int) -> None:
    """Adds a name that is no keyword or type."""
    _, text, line = tokens[k]
    if _text(tokens, k + 1) == "(":
        if text not in _C_FUNCTIONS:
            names.called.setdefault(text, line)
        return
    names.mentioned.setdefault(text, line)
    after = _after_index(tokens, k + 1)
    counted = _COUNTING & {_text(tokens, k - 1), after}
    if after in _ASSIGNMENTS or counted:
        names.assigned.setdefault(text, line)


def _after_index(tokens: Sequence[Token], k: int) -> str:
    """Returns the token after ``[...]``, if there is an index at position k."""
    if _text(tokens, k) != "[":
        return _text(tokens, k)
    depth = 0
    while k < len(tokens):
        depth += {"[": 1, "]": -1}.get(_text(tokens, k), 0)
        k += 1
        if not depth:
            break
    return _text(tokens, k)


def _declared(tokens: Sequence[Token], k: int) -> Iterator[str]:
    """Yields the names that a declaration declares, from the token after its type.

    A type that is followed by no name is part of another type, or of a cast.
    """
    k = _after_stars(tokens, k)
    if k >= len(tokens) or tokens[k][0] != "name" or tokens[k][1] in _TYPES:
        return
    yield tokens[k][1]
    depth = 0
    while k < len(tokens) and depth >= 0 and (depth or tokens[k][1] != ";"):
        text = tokens[k][1]
        depth += (text in ("(", "[", "{")) - (text in (")", "]", "}"))
        k += 1
        if text == "," and not depth:
            yield _text(tokens, _after_stars(tokens, k))


def _after_stars(tokens: Sequence[Token], k: int) -> int:
    """Returns the position after stars of pointers and qualifiers."""
    while _text(tokens, k) in ("*", "const"):
        k += 1
    return k
