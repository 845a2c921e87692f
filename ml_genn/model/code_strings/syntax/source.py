"""Text of a code string, and its form in plain C."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass
from textwrap import shorten

from ml_genn.errors import EquationError
from ml_genn.model.code_strings.vocabulary.functions import RANDOM
from ml_genn.model.code_strings.vocabulary.names import REFUSED_WORDS

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_OLD_NAME = re.compile(r"\$\([ \t]*([A-Za-z]\w*)[ \t]*\)(?=\s*(\()?)", re.ASCII)
_WORD = re.compile(r"(?<![\w.])[A-Za-z_]\w*", re.ASCII)
_FUNCTION = re.compile(r"\w\s+[A-Za-z]\w*\s*\([^(){};]*\)\s*\{", re.ASCII)
_NOT_FUNCTION = re.compile(r"\w\s+(if|for|while)\s*\(")
_REFUSED_SIGNS = {
    "/*": "a comment is not closed",
    "$": "malformed '$'; the older spelling of a name is '$(name)'",
    "#": "preprocessor directives are not supported",
    '"': "text is not supported",
    "'": "characters are not supported",
}


@dataclass(frozen=True, slots=True)
class Source:
    """Code string, with error messages that point into it.

    Attributes:
        where: start of error messages.
        slot: key of the code string.
        text: the code string.
        condition: True if it is an expression, False (default) for statements.
        hides: reason why it cannot use the locals of sim_code; empty if it can.
    """

    where: str
    slot: str
    text: str
    condition: bool = False
    hides: str = ""

    def place(self, line: int) -> str:
        """Returns the words that refer to a line."""
        return f"{self.where}: {self.slot}, line {line}".removeprefix(": ")

    def error(self, line: int, reason: str) -> EquationError:
        """Returns an error with the text of a line."""
        lines = self.text.split("\n")
        line = min(max(line, 1), len(lines))
        shown = lines[line - 1].strip()
        tail = f"\n    {shorten(shown, 100)}" if shown else ""
        return EquationError(f"{self.place(line)}: {reason}{tail}")

    def error_at(self, code: str, position: int, reason: str) -> EquationError:
        """Returns an error for a position in code that has the lines of the text."""
        return self.error(code.count("\n", 0, position) + 1, reason)


def plain_c(source: Source, names: Container[str]) -> str:
    """Returns the text without comments and older spellings, line by line."""
    code = _COMMENT.sub(_blank, source.text)
    code = _OLD_NAME.sub(_new_spelling, code)
    if "DT" not in names:
        code = re.sub(r"\bDT\b", "dt", code)
    for sign, reason in _REFUSED_SIGNS.items():
        if (position := code.find(sign)) >= 0:
            raise source.error_at(code, position, reason)
    _check_words(source, code)
    _check_braces(source, code)
    return code


def _blank(comment: re.Match[str]) -> str:
    return " " + "\n" * comment[0].count("\n")


def _new_spelling(name: re.Match[str]) -> str:
    # Older code names a random number without calling the function.
    call = "()" if name[1] in RANDOM and name[2] is None else ""
    return f" {name[1]}{call} "


def _check_words(source: Source, code: str) -> None:
    for match in _FUNCTION.finditer(code):
        if not _NOT_FUNCTION.match(match[0]):
            reason = "functions cannot be defined here"
            raise source.error_at(code, match.start(), reason)
    for match in _WORD.finditer(code):
        word = match[0]
        if word in REFUSED_WORDS:
            reason = f"'{word}' is refused: {REFUSED_WORDS[word]}"
            raise source.error_at(code, match.start(), reason)
        if word.startswith("_"):
            reason = f"'{word}' is refused: names start with a letter"
            raise source.error_at(code, match.start(), reason)


def _check_braces(source: Source, code: str) -> None:
    """Raises EquationError if braces do not match.

    A closing brace too many would end the function that the text is parsed in.
    """
    opened: list[int] = []
    for match in re.finditer("[{}]", code):
        if match[0] == "{":
            opened.append(match.start())
        elif not opened:
            raise source.error_at(code, match.start(), "unmatched '}'")
        else:
            opened.pop()
    if opened:
        raise source.error_at(code, opened[-1], "'{' is not closed")
