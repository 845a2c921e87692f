"""Errors of ml_genn, one class per stage; each also inherits the closest builtin.

mlGeNN raises RuntimeError for invalid arguments, so a `ValidationError` is one as well.

Messages say where the problem is, the rule, what was received and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from inspect import currentframe
from linecache import getline
from pathlib import Path
from types import FrameType, TracebackType


class MlGennError(Exception):
    """Base of all errors that ml_genn raises."""

    def _render_traceback_(self) -> list[str]:
        """Returns the lines that notebooks show: the message, then the calls."""
        lines = [f"{type(self).__name__}: {self}", *getattr(self, "__notes__", ()), ""]
        for frame, number in _calls(self.__traceback__):
            module = str(frame.f_globals.get("__name__"))
            if module.split(".")[0] == "IPython":
                continue
            path, function = frame.f_code.co_filename, frame.f_code.co_name
            if module.startswith("ml_genn"):
                lines.append(f"    {module}, line {number}, in {function}")
            else:
                source = getline(path, number, frame.f_globals).strip()
                where = path if Path(path).exists() else "notebook"
                lines.append(f"{where}, line {number}, in {function}: {source}")
        if self.__cause__ is not None:
            lines.append(f"Caused by {type(self.__cause__).__name__}: {self.__cause__}")
        return lines


def _calls(trace: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    while trace is not None:
        yield trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next


class ValidationError(MlGennError, ValueError, RuntimeError):
    """An argument, a data set or a network is not valid."""


class UnknownNameError(ValidationError, KeyError):
    """A name is not in the table in which it is looked up."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class DuplicateKeyError(ValidationError, KeyError):
    """A key that has to be unique is used twice."""

    __str__ = UnknownNameError.__str__


class SelectionError(ValidationError, IndexError):
    """A selection of neurons or examples does not fit what it selects from."""


class UnknownArgumentError(UnknownNameError, TypeError):
    """A constructor has no argument of this name."""


class UnknownAttributeError(MlGennError, AttributeError):
    """An object has no attribute or method of this name."""


class UnknownImportError(MlGennError, ImportError):
    """A module has no object of this name, and another one takes its place.

    It is no AttributeError, of which ``from module import name`` hides the message.
    """


class NetworkContextError(MlGennError, RuntimeError):
    """An object that needs an open ``with network:`` block was made outside one."""


class UnsupportedError(MlGennError, NotImplementedError):
    """A combination is valid, but the compiler or backend does not support it."""


class MissingLibraryError(MlGennError, ImportError):
    """A library that is not installed is needed; the message says how to install it."""


class CheckpointError(ValidationError):
    """A saved file is missing, damaged, or does not fit the network."""


class FileError(MlGennError, OSError):
    """A file or folder cannot be written."""


class EquationError(ValidationError):
    """An equation or a code string cannot be understood."""


class BuildError(MlGennError, RuntimeError):
    """The toolchain is missing or rejected the generated source."""


class BusyError(MlGennError, RuntimeError):
    """A compiled network is asked to do two things at once."""


class DivergedError(MlGennError, ArithmeticError):
    """Loss, states, gradients or the optimiser's step are not finite numbers.

    Args:
        message: text of the error.
        batch: number of the batch; None (default) if it has none.
    """

    def __init__(self, message: str, batch: int | None = None) -> None:
        super().__init__(message)
        self.batch = batch


_LONGEST_NAME = 100  #: characters of an unknown name in a message


class TrainingWarning(UserWarning):
    """Training continues, but probably not as intended."""


class DataWarning(UserWarning):
    """Data are used, but probably not as intended: in part cut off, or out of scale."""


class CheckpointWarning(UserWarning):
    """A checkpoint is loaded, but parts of the network are not in it."""


def stacklevel_of_user() -> int:
    """Returns the ``stacklevel`` with which a warning points to the user's own line."""
    package = __name__.split(".")[0]
    frame, level = currentframe(), 0
    while frame is not None and package in frame.f_globals.get("__name__", ""):
        frame, level = frame.f_back, level + 1
    return max(level, 1)


def unknown_name(
    kind: str, name: str, known: Iterable[str], *, where: str = ""
) -> UnknownNameError:
    """Returns the error for an unknown name, with the nearest known one as suggestion.

    Args:
        kind: kind of name, for example "neuron".
        name: the unknown name.
        known: known names.
        where: start of the message; empty by default.
    """
    name, options = str(name)[:_LONGEST_NAME], sorted(known)
    close = get_close_matches(name, options, n=1, cutoff=0.5)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    listing = ", ".join(options) if options else "none"
    prefix = f"{where}: " if where else ""
    return UnknownNameError(
        f"{prefix}unknown {kind} '{name}'.{hint} Available: {listing}."
    )
