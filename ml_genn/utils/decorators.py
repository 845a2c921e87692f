"""Default arguments that a network gives the objects made inside it."""

from __future__ import annotations

import functools
import inspect
from typing import Any, TypeVar

T = TypeVar("T")


def network_default_params(cls: type[T]) -> type[T]:
    """Lets ``Network(default_params)`` fill arguments that the caller left out.

    Explicit arguments, positional or by keyword, always win.
    """
    plain = cls.__init__
    signature = inspect.signature(plain)

    @functools.wraps(plain)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        from ml_genn.network import Network

        defaults = Network.get_default_params(type(self))
        if defaults:
            given = signature.bind_partial(self, *args, **kwargs).arguments
            kwargs = {**{k: v for k, v in defaults.items() if k not in given}, **kwargs}
        plain(self, *args, **kwargs)

    cls.__init__ = init  # type: ignore[method-assign]
    return cls
