"""The networks whose ``with`` blocks are open, innermost last."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ml_genn.errors import NetworkContextError

if TYPE_CHECKING:
    from ml_genn.network import Network

_open: ContextVar[tuple[Network, ...]] = ContextVar("ml_genn_networks", default=())


def enter(network: Network) -> None:
    """Makes a network the innermost one."""
    _open.set((*_open.get(), network))


def leave(network: Network) -> None:
    """Leaves the innermost network.

    Raises:
        NetworkContextError: if it is another one.
    """
    networks = _open.get()
    if not networks or networks[-1] is not network:
        raise NetworkContextError(
            "'with' blocks of networks are left in the order opposite to that in "
            "which they were entered."
        )
    _open.set(networks[:-1])


def current(what: str) -> Network:
    """The innermost network.

    Raises:
        NetworkContextError: outside any; ``what`` is what had to be made inside.
    """
    networks = _open.get()
    if not networks:
        raise NetworkContextError(
            f"{what} has to be made inside a 'with network:' block, or with "
            "add_to_model=False."
        )
    return networks[-1]


def default_params(cls: type) -> Mapping[str, Any]:
    """Default arguments of a class in the innermost network; none outside any."""
    networks = _open.get()
    return networks[-1].default_params.get(cls, {}) if networks else {}
