"""Arguments of constructors by the words of other libraries."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from inspect import Parameter
from typing import Any, TypeVar

from ml_genn.errors import UnknownArgumentError, ValidationError, unknown_name
from ml_genn.utils.synonyms.words import ARGUMENTS, Instead, answer

T = TypeVar("T")


def accepts_synonyms(cls: type[T]) -> type[T]:
    """Class decorator: the constructor answers words that `ARGUMENTS` has.

    It stands outside of `dataclass`, which makes the constructor.
    """
    plain_init: Callable[..., None] = cls.__init__

    @functools.wraps(plain_init)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        if kwargs:
            kwargs = own_arguments(type(self), plain_init, kwargs)
        plain_init(self, *args, **kwargs)

    cls.__init__ = init  # type: ignore[method-assign]
    return cls


def own_arguments(
    cls: type, init: Callable[..., None], arguments: dict[str, Any]
) -> dict[str, Any]:
    """Returns keyword arguments under our names.

    Args:
        cls: class that is called.
        init: constructor, whose arguments are ours.
        arguments: {name: value}, of the caller.

    Raises:
        UnknownArgumentError: if a name is not known, with our word if there is one.
        ValidationError: if an argument has two names in the call.
    """
    known, is_open = _parameters(init)
    if known.issuperset(arguments):
        return arguments
    result: dict[str, Any] = {}
    for name, value in arguments.items():
        own = name if name in known else _own_name(cls, name, known, is_open)
        if own in result or (own != name and own in arguments):
            raise ValidationError(
                f"{cls.__name__}: '{own}' and '{name}' are the same argument. Give one."
            )
        result[own] = value
    return result


def _own_name(cls: type, name: str, known: frozenset[str], is_open: bool) -> str:
    """Returns our name of an argument that the constructor does not have.

    Args:
        cls, name: class, and name in the call.
        known: arguments of the constructor.
        is_open: True if it accepts others, whose names it checks itself.
    """
    for base in cls.__mro__:
        ours = answer(ARGUMENTS.get(base.__name__, {}), name, known)
        if isinstance(ours, Instead):
            raise UnknownArgumentError(
                f"{cls.__name__}: there is no argument '{name}'. {ours.text}"
            )
        if ours is not None:
            return ours
    if is_open:
        return name
    error = unknown_name("argument", name, known, where=cls.__name__)
    raise UnknownArgumentError(str(error))


@functools.cache
def _parameters(init: Callable[..., None]) -> tuple[frozenset[str], bool]:
    """Returns names of keyword arguments, and True if any other is accepted, too."""
    parameters = inspect.signature(init).parameters.values()
    is_open = any(p.kind is p.VAR_KEYWORD for p in parameters)
    named = (Parameter.KEYWORD_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    return frozenset(p.name for p in parameters if p.kind in named), is_open
