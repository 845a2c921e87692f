"""Recorder of what the synapses of a connection have."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_genn.callbacks.callback import Callback
from ml_genn.errors import UnsupportedError, unknown_name
from ml_genn.model.batch import Outcome
from ml_genn.utils.checks import text
from ml_genn.utils.filter import ExampleFilter, get_neuron_filter_mask
from ml_genn.utils.network import get_underlying_conn

#: {variable: method of a compiled network that gives it}
VARIABLES = {"g": "weights", "weight": "weights", "d": "delays", "delay": "delays"}


class ConnVarRecorder(Callback):
    """Records weights or delays of a dense connection, as each example ran with them.

    Its data are a list with one array (time steps, source neurons, target neurons) per
    recorded example. They change between batches only, so time steps share memory.

    Args:
        conn: connection or layer.
        genn_var: "g" or "weight", "d" or "delay".
        key: key of its data; None (default) for its place in the list of callbacks.
        example_filter: as for `SpikeRecorder`.
        src_neuron_filter, trg_neuron_filter: which neurons, as for `SpikeRecorder`.
    """

    def __init__(
        self,
        conn: Any,
        genn_var: str,
        key: Any = None,
        example_filter: Any = None,
        src_neuron_filter: Any = None,
        trg_neuron_filter: Any = None,
    ) -> None:
        self._connection = get_underlying_conn(conn)
        if text("ConnVarRecorder: genn_var", genn_var) not in VARIABLES:
            where = f"ConnVarRecorder: connection '{self._connection.name}'"
            raise unknown_name("variable", genn_var, VARIABLES, where=where)
        self._method = VARIABLES[genn_var]
        self.key = key
        self._example_filter = ExampleFilter(example_filter)
        self._filters = (src_neuron_filter, trg_neuron_filter)
        self._data: list[np.ndarray] = []

    def set_params(self, **kwargs: Any) -> None:
        """Starts with no data; refuses connections that are not dense."""
        self._network = kwargs["compiled_network"]
        ends = self._connection.ends()
        if self._network.weights(self._connection).ndim != 2:
            raise UnsupportedError(
                f"ConnVarRecorder: connection '{self._connection.name}' is sparse. Use "
                "weights() and indices() of the compiled network in a callback of your "
                "own."
            )
        self._shape = tuple(end.size for end in ends)
        masks = [
            get_neuron_filter_mask(chosen, end.shape or ())
            for chosen, end in zip(self._filters, ends, strict=True)
        ]
        self._chosen = np.ix_(*masks)
        self._first = 0
        self._data = []

    def on_epoch_begin(self, epoch: int) -> None:
        """Examples are counted from the start of an epoch."""
        self._first = 0

    def on_batch_begin(self, batch: int) -> None:
        """Looks at the synapses before the batch changes them."""
        values = getattr(self._network, self._method)(self._connection)
        self._values = np.broadcast_to(values, self._shape)[self._chosen]

    def on_recorded(self, batch: int, outcome: Outcome) -> None:
        """Keeps what was asked for of a batch."""
        size = len(outcome.losses)
        wanted = int(np.sum(self._example_filter.mask(self._first, size)))
        shape = (self._network.num_steps, *self._values.shape)
        self._data += [np.broadcast_to(self._values, shape)] * wanted
        self._first += size

    def get_data(self) -> tuple[Any, Any]:
        """(key, what was recorded)."""
        return self.key, self._data

    def __repr__(self) -> str:
        name = self._connection.name
        return f"<ConnVarRecorder of '{name}', key={self.key!r}>"
