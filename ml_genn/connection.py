"""Connections between populations."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from ml_genn.connectivity import Connectivity
from ml_genn.errors import ValidationError
from ml_genn.synapses import Synapse, default_synapses
from ml_genn.utils import context
from ml_genn.utils.checks import shown, text_name, whole
from ml_genn.utils.module import get_object
from ml_genn.utils.network import ConnectionLike, get_underlying_pop

if TYPE_CHECKING:
    from ml_genn.population import Population
    from ml_genn.sequential import InputLayer, Layer


class Connection(ConnectionLike):
    """Synapses from one population to another.

    Args:
        source: population (or layer) that spikes come from.
        target: population (or layer) that they go to.
        connectivity: which neurons are connected, with which weights and delays.
        synapse: how spikes become input; "delta" by default.
        name: a unique name; None (default) for ``Conn_<source>_<target>``.
        max_delay_steps: longest delay [steps]; needed where delays are drawn from an
            initializer or learned; None (default) for the longest that is given.
        add_to_model: whether it is added to the network of the current ``with`` block;
            yes by default.

    Raises:
        NetworkContextError: outside a ``with network:`` block.
        ValidationError: if the connectivity does not fit the populations.
    """

    def __init__(
        self,
        source: Population | InputLayer | Layer,
        target: Population | InputLayer | Layer,
        connectivity: Connectivity,
        synapse: Synapse | str = "delta",
        name: str | None = None,
        max_delay_steps: int | None = None,
        add_to_model: bool = True,
    ) -> None:
        if not isinstance(connectivity, Connectivity):
            raise ValidationError(
                "Connection: connectivity is for example Dense(weight). "
                f"Received {shown(connectivity)}."
            )
        found = get_object(synapse, Synapse, "Synapse", default_synapses)
        if found is None:
            raise ValidationError(
                "Connection: a synapse model is needed. Received None."
            )
        if max_delay_steps is not None:
            whole("Connection: max_delay_steps", max_delay_steps, least=0)
        before, after = get_underlying_pop(source), get_underlying_pop(target)
        self.connectivity = connectivity
        self.synapse = found
        self.max_delay_steps = max_delay_steps
        self.name = text_name("Connection", name) or ""
        self._source = weakref.ref(before)
        self._target = weakref.ref(after)
        network = context.current("Connection") if add_to_model else None
        if network is not None:
            self.name = network._connection_name(before, after, name)
        _connect(connectivity, before, after)
        if network is not None:
            network.connections.append(self)
        after._incoming.append(weakref.ref(self))
        before._outgoing.append(weakref.ref(self))

    @property
    def source(self) -> weakref.ReferenceType[Population]:
        """Weak reference to the source population, to be called."""
        return self._source

    @property
    def target(self) -> weakref.ReferenceType[Population]:
        """Weak reference to the target population, to be called."""
        return self._target

    def ends(self) -> tuple[Population, Population]:
        """Source and target population."""
        source, target = self._source(), self._target()
        if source is None or target is None:
            raise ValidationError(f"Connection '{self.name}': a population is gone.")
        return source, target

    def _underlying_connection(self) -> Connection:
        return self

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<Connection '{self.name}' {self.connectivity!r} {self.synapse!r}>"


def _connect(connectivity: Connectivity, before: Population, after: Population) -> None:
    """Connects two populations; leaves their shapes alone if that fails."""
    shapes = before.shape, after.shape
    try:
        connectivity.connect(before, after)
    except Exception:
        before.shape, after.shape = shapes
        raise
