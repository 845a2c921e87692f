"""Objects whose ``with`` block collects what is made inside it.

Blocks may be nested; objects belong to the innermost one. The stack of open blocks is
a context variable, so threads and asynchronous tasks do not see each other's blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Self, TypeVar

from ml_genn.errors import NetworkContextError

DefaultParams = Mapping[type, Mapping[str, Any]]  #: {class: {argument: value}}


class Scope:
    """Base of networks: a ``with`` block, and default arguments inside it.

    Args:
        default_params: default arguments of neurons and synapses made inside.
    """

    def __init__(self, default_params: DefaultParams) -> None:
        self.default_params = default_params

    def __enter__(self) -> Self:
        _open.set((*_open.get(), self))
        return self

    def __exit__(self, *_: object) -> None:
        scopes = _open.get()
        if not scopes or scopes[-1] is not self:
            raise NetworkContextError(
                "'with' blocks of networks are left in the order opposite to that in "
                "which they were entered."
            )
        _open.set(scopes[:-1])


#: scopes whose blocks are open, innermost last
_open: ContextVar[tuple[Scope, ...]] = ContextVar("ml_genn_scopes", default=())

S = TypeVar("S", bound=Scope)


def innermost(kind: type[S], subject: str) -> S:
    """Returns the scope of the innermost open block.

    Args:
        kind: class of the scope.
        subject: subject of the error message, for example "Population".

    Raises:
        NetworkContextError: outside any block.
    """
    scopes = _open.get()
    if not scopes or not isinstance(scopes[-1], kind):
        raise NetworkContextError(
            f"{subject} has to be made inside a 'with network:' block, or with "
            "add_to_model=False."
        )
    return scopes[-1]


def default_arguments(cls: type) -> Mapping[str, Any]:
    """Returns the innermost scope's default arguments of a class.

    Args:
        cls: a class of neurons, synapses or the like.

    Returns:
        Values by the names of arguments; empty outside any block.
    """
    scopes = _open.get()
    return scopes[-1].default_params.get(cls, {}) if scopes else {}
