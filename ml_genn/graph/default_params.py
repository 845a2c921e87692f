"""Default arguments that a network passes to the objects made inside it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from ml_genn.errors import ValidationError, unknown_name
from ml_genn.graph.scope import default_arguments
from ml_genn.utils.checks import shown

T = TypeVar("T")


def network_default_params(target: T) -> T:
    """Class decorator: ``Network(default_params)`` fills arguments left out by callers.

    Explicit arguments, positional or by keyword, always win. As in mlGeNN, it may also
    decorate ``__init__`` itself.
    """
    if not isinstance(target, type):
        return cast(T, _filled(cast(Callable[..., None], target)))
    target.__init__ = _filled(target.__init__)  # type: ignore[misc]
    return target


def _filled(plain_init: Callable[..., None]) -> Callable[..., None]:
    """Returns a constructor that also looks at the defaults of the network."""
    signature = inspect.signature(plain_init)

    @functools.wraps(plain_init)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        defaults = default_arguments(type(self))
        if defaults:
            explicit = signature.bind_partial(self, *args, **kwargs).arguments
            missing = {k: v for k, v in defaults.items() if k not in explicit}
            kwargs = {**missing, **kwargs}
        plain_init(self, *args, **kwargs)

    init.takes_network_defaults = True  # type: ignore[attr-defined]
    return init


def checked_default_params(params: Any) -> dict[type, Mapping[str, Any]]:
    """Returns ``{class: {argument: value}}`` as a dictionary, with each entry checked.

    Args:
        params: the argument ``default_params`` of a network.

    Raises:
        ValidationError: if it is no such mapping, or a class ignores default arguments.
        UnknownNameError: if a class has no such argument.
    """
    shape = "{class: {argument: value}}"
    if not isinstance(params, Mapping):
        raise ValidationError(
            f"Network: default_params is {shape}. Received {shown(params)}. Layers "
            "are made in the network's 'with' block."
        )
    for cls, values in params.items():
        if not isinstance(cls, type) or not isinstance(values, Mapping):
            raise ValidationError(
                f"Network: default_params is {shape}. Received {shown(cls)}: "
                f"{shown(values)}."
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
    """True if the class that defines ``__init__`` is decorated.

    A subclass with an ``__init__`` of its own is not: its arguments may differ.
    """
    owner = next(c for c in cls.__mro__ if "__init__" in vars(c))
    return hasattr(vars(owner)["__init__"], "takes_network_defaults")
