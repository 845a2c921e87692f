"""Names of local variables in GeNN's nested blocks.

In C a local of an inner block may have the name of one of an outer block. GeNN's type
checker copies the names of the outer block into the inner one, and refuses the second
declaration. So locals of inner blocks get names that no enclosing block declares.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(r"[A-Za-z_]\w*|\d[\w.]*|\s+|.", re.DOTALL)
_WORDS = (
    """bool char short int long signed unsigned size_t float double scalar timepoint"""
)
_TYPES = frozenset(_WORDS.split()) | {
    f"{sign}int{bits}_t" for sign in ("", "u") for bits in (8, 16, 32, 64)
}


@dataclass(slots=True, eq=False)
class _Scope:
    """Names of an open block.

    Args:
        is_loop: True for the header of a ``for``, whose scope ends with its body.

    Attributes:
        names: {name in the code: name in GeNN's code} of the block's locals.
        body_is_block: True for a loop whose body is in braces.
    """

    is_loop: bool = False
    names: dict[str, str] = field(default_factory=dict)
    body_is_block: bool = False


def with_unique_locals(code: str) -> str:
    """Returns code in which no local has the name of one of an enclosing block.

    Args:
        code: statements in GeNN's language. Names declared outside them, such as
            variables of the population, may be those of locals.
    """
    tokens = _TOKEN.findall(code)
    renamer = _Renamer(frozenset(tokens))
    return "".join(map(renamer.token, tokens))


class _Renamer:
    """Reads a code string token by token.

    Args:
        tokens: all tokens of the string; new names are none of them.
    """

    def __init__(self, tokens: frozenset[str]) -> None:
        self._tokens = tokens
        self._scopes = [_Scope()]
        self._parentheses = 0
        self._previous = ""  # last token that is no white space
        self._declares = False  # True inside a declaration
        self._headers: list[int] = []  # open parentheses before each open loop header

    def token(self, token: str) -> str:
        """Returns the token, or the new name of a local."""
        if token.isspace():
            return token
        result = self._word(token) if token[0].isalpha() else token
        actions = {
            "(": self._open_parenthesis,
            ")": self._close_parenthesis,
            "{": self._open_block,
            "}": self._close_block,
            ";": self._end_statement,
        }
        if token in actions:
            actions[token]()
        self._previous = token
        return result

    def _word(self, word: str) -> str:
        if word in _TYPES:
            return word
        follows_type = self._previous in _TYPES
        self._declares = self._declares or follows_type
        if follows_type or (self._declares and self._is_next_declarator()):
            self._declare(word)
        for scope in reversed(self._scopes):
            if word in scope.names:
                return scope.names[word]
        return word

    def _is_next_declarator(self) -> bool:
        in_header = self._headers and self._parentheses == self._headers[-1] + 1
        return self._previous == "," and bool(not self._parentheses or in_header)

    def _declare(self, word: str) -> None:
        outer = {new for scope in self._scopes[:-1] for new in scope.names.values()}
        name, k = word, 1
        while name in outer or (k > 1 and name in self._tokens):
            name, k = f"{word}{k}_", k + 1
        self._scopes[-1].names[word] = name

    def _open_parenthesis(self) -> None:
        if self._previous == "for":
            self._headers.append(self._parentheses)
            self._scopes.append(_Scope(is_loop=True))
        self._parentheses += 1

    def _close_parenthesis(self) -> None:
        self._parentheses -= 1
        if self._headers and self._headers[-1] == self._parentheses:
            self._headers.pop()
            self._declares = False

    def _open_block(self) -> None:
        if self._previous == ")" and self._scopes[-1].is_loop:
            self._scopes[-1].body_is_block = True
        self._scopes.append(_Scope())

    def _close_block(self) -> None:
        self._scopes.pop()
        if self._scopes[-1].body_is_block:
            self._scopes.pop()
        self._close_loops()

    def _end_statement(self) -> None:
        self._declares = False
        if not self._headers:
            self._close_loops()

    def _close_loops(self) -> None:
        """Closes loops whose body was the statement that ended."""
        while self._scopes[-1].is_loop and not self._scopes[-1].body_is_block:
            self._scopes.pop()
