"""Default arguments that a network gives the objects made inside it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from typing import Any, TypeVar

from ml_genn.errors import ValidationError, unknown_name
from ml_genn.utils import context

T = TypeVar("T")


def network_default_params(cls: type[T]) -> type[T]:
    """Lets ``Network(default_params)`` fill arguments that the caller left out.

    Explicit arguments, positional or by keyword, always win.
    """
    plain = cls.__init__
    signature = inspect.signature(plain)

    @functools.wraps(plain)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        defaults = context.default_params(type(self))
        if defaults:
            given = signature.bind_partial(self, *args, **kwargs).arguments
            kwargs = {**{k: v for k, v in defaults.items() if k not in given}, **kwargs}
        plain(self, *args, **kwargs)

    init.takes_network_defaults = True  # type: ignore[attr-defined]
    cls.__init__ = init  # type: ignore[method-assign]
    return cls


def checked_default_params(params: Any) -> dict[type, Mapping[str, Any]]:
    """``{class: {argument: value}}`` as a dictionary, with known classes and arguments.

    Raises:
        ValidationError: if it is something else, or nobody would look at it.
        UnknownNameError: if a class has no such argument.
    """
    shape = "{class: {argument: value}}"
    if not isinstance(params, Mapping):
        raise ValidationError(
            f"Network: default_params is {shape}. Received {params!r}."
        )
    for cls, values in params.items():
        if not isinstance(cls, type) or not isinstance(values, Mapping):
            raise ValidationError(
                f"Network: default_params is {shape}. Received {cls!r}: {values!r}."
            )
        if not _takes_defaults(cls):
            raise ValidationError(
                f"Network: default_params are for neurons and synapses; "
                f"{cls.__name__} does not look at them. Give it the arguments itself."
            )
        known = inspect.signature(cls).parameters
        for name in values:
            if name not in known:
                where = f"Network: default_params of {cls.__name__}"
                raise unknown_name("argument", name, known, where=where)
    return dict(params)


def _takes_defaults(cls: type) -> bool:
    owner = next(c for c in cls.__mro__ if "__init__" in vars(c))
    return hasattr(vars(owner)["__init__"], "takes_network_defaults")
