"""Places where progress is shown: terminals, files and pipes, notebooks."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any, ClassVar, Literal, TextIO, TypeAlias
from uuid import uuid4

from ml_genn.errors import ValidationError
from ml_genn.utils.checks import shown
from ml_genn.utils.tables import escaped

#: 0 for silence, 1 for a bar, 2 for a line an epoch; "auto" for a bar by default
Verbose: TypeAlias = int | Literal["auto"]
AUTO: Literal["auto"] = "auto"
COLUMNS = 80  #: width of a terminal that does not tell it


class Display:
    """Base of displays; shows nothing.

    Attributes:
        interval: least time between two states of the live line [s]; None if there is
            no live line.
        columns: characters of the live line.
    """

    interval: ClassVar[float | None] = None

    @property
    def columns(self) -> int:
        """Characters of the live line."""
        return COLUMNS - 1

    def live(self, text: str, done: float) -> None:
        """Replaces the live line.

        Args:
            text: what it says.
            done: part of the run that is done, from 0 to 1.
        """

    def result(self, text: str) -> None:
        """Shows the result of an epoch or a run, in place of the live line."""

    def message(self, text: str) -> None:
        """Shows a message, which stays."""

    def close(self) -> None:
        """Ends the live line, so that other output starts on a line of its own."""


SILENT = Display()


class Lines(Display):
    """Lines in a file or a pipe: one for each result and message.

    Args:
        stream: where lines are written.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def result(self, text: str) -> None:
        """Writes a line."""
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def message(self, text: str) -> None:
        """Writes a line."""
        self.result(text)


class Terminal(Display):
    """A live line at the bottom of a terminal, below lines that stay.

    Args:
        stream: the terminal.
    """

    interval = 0.1
    #: characters of the live line. All displays have the same one, since an evaluation
    #: in a callback of a training writes to the same terminal.
    _length: ClassVar[int] = 0

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def columns(self) -> int:
        """Columns of the terminal but the last, which would begin another line."""
        try:
            columns = os.get_terminal_size(self._stream.fileno()).columns
        except (OSError, ValueError):  # no file, or a terminal without size
            columns = 0
        return (columns or COLUMNS) - 1

    def live(self, text: str, done: float) -> None:
        """Replaces the live line."""
        self._write(text)
        Terminal._length = len(text)

    def result(self, text: str) -> None:
        """Replaces the live line by a line that stays."""
        self._write(f"{text}\n")
        Terminal._length = 0

    def message(self, text: str) -> None:
        """Writes a line; the live line appears below it with its next state."""
        self.result(text)

    def close(self) -> None:
        """Ends the live line."""
        if Terminal._length:
            self._stream.write("\n")
            self._stream.flush()
        Terminal._length = 0

    def _write(self, text: str) -> None:
        blanks = " " * (Terminal._length - len(text))
        ending = "\n" if text.endswith("\n") else ""
        self._stream.write(f"\r{text.removesuffix(ending)}{blanks}{ending}")
        self._stream.flush()


class Notebook(Display):
    """One output of a notebook's cell: messages, and a bar or the last result.

    It is HTML and text without scripts, so that an exported notebook shows its last
    state.
    """

    interval = 0.25

    def __init__(self) -> None:
        self._module = import_module("IPython.display")
        self._id: str | None = None
        self._messages: list[str] = []
        self._last = ""
        self._has_bar = False

    def live(self, text: str, done: float) -> None:
        """Shows the bar."""
        self._last, self._has_bar = text, True
        self._show(f'<progress value="{done:.4f}" max="1"></progress> ')

    def result(self, text: str) -> None:
        """Shows the result in place of the bar."""
        self._last, self._has_bar = text, False
        self._show("")

    def message(self, text: str) -> None:
        """Adds a message above."""
        self._messages.append(text)
        self._show("")

    def close(self) -> None:
        """Shows the last state without the bar."""
        if self._has_bar:
            self._show("")
        self._has_bar = False

    def _show(self, bar: str) -> None:
        lines = [*self._messages, *[self._last] * bool(self._last)]
        html = "<br>".join([*map(escaped, lines[:-1]), f"{bar}{escaped(lines[-1])}"])
        bundle = {"text/plain": "\n".join(lines), "text/html": f"<div>{html}</div>"}
        known, self._id = self._id is not None, self._id or uuid4().hex
        self._module.display(bundle, raw=True, display_id=self._id, update=known)


def display_for(where: str, verbose: Any, *, shows: bool = True) -> Display:
    """Returns the display that the argument ``verbose`` asks for.

    Args:
        where: start of error messages.
        verbose: 0 for none, 1 for a bar, 2 for one line an epoch, or "auto" for a bar.
            A bar becomes one line an epoch where standard error is a file or a pipe.
        shows: False if "auto" is none; True by default.

    Raises:
        ValidationError: if ``verbose`` is something else.
    """
    is_auto = isinstance(verbose, str) and verbose == AUTO
    if not is_auto and not (isinstance(verbose, int) and 0 <= verbose <= 2):
        raise ValidationError(
            f"{where} is 0 (silent), 1 (a bar), 2 (a line an epoch) or 'auto'. "
            f"Received {shown(verbose)}."
        )
    if verbose == 0 or (is_auto and not shows):
        return SILENT
    stream = sys.stderr
    if verbose == 2:
        return Lines(stream)
    if _in_notebook():
        return Notebook()
    return Terminal(stream) if _is_terminal(stream) else Lines(stream)


def _is_terminal(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _in_notebook() -> bool:
    """True in a kernel of IPython, whose outputs are shown by a notebook."""
    get_shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return get_shell is not None and hasattr(get_shell(), "kernel")
