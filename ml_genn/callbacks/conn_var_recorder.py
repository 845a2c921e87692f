"""Recorder of the weights or delays of a connection."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_genn.callbacks.callback import Callback
from ml_genn.errors import UnsupportedError, unknown_name
from ml_genn.graph.graph import get_underlying_conn
from ml_genn.model.batch import RunResult
from ml_genn.utils.checks import text
from ml_genn.utils.copies import owned
from ml_genn.utils.filter import ExampleFilter, get_neuron_filter_mask

#: {variable: method of a compiled network that returns it}
VARIABLES = {"g": "weights", "weight": "weights", "d": "delays", "delay": "delays"}

#: variables of mlGeNN's synapses that accumulate gradients
_GRADIENTS = ("Gradient", "DelayGradient")


def check_no_gradient(where: str, name: str) -> None:
    """Raises UnsupportedError for mlGeNN's variables of gradients.

    Args:
        where: start of the message.
        name: name of a variable.
    """
    if name in _GRADIENTS:
        raise UnsupportedError(
            f"{where}: variable '{name}' does not exist between batches, since a batch "
            "ends with the optimiser's step. compiled.gradients(x, y) returns all "
            "gradients; compile(optimisers={connection: {'weight': optimiser}, ...}) "
            "says which weights learn."
        )


class ConnVarRecorder(Callback):
    """Records the weights or delays of a connection that each example used.

    Its data are a list with one array per recorded example. The shape is (time steps,
    source neurons, target neurons) for a dense connection; (time steps, synapses), in
    the order of the compiled network's ``indices``, for a sparse one; and (time steps,)
    + shape of the kernel for a convolution. Values change between batches only, so the
    time steps of an array share memory.

    Args:
        conn: connection or layer.
        genn_var: "g" or "weight", "d" or "delay".
        key: key of its data; None (default) for its index in the list of callbacks.
        example_filter: as for `SpikeRecorder`.
        src_neuron_filter, trg_neuron_filter: source and target neurons whose synapses
            are recorded, as for `SpikeRecorder`; not for convolutions.

    Raises:
        UnknownNameError: if there is no such variable.
        UnsupportedError: for gradients, or if neurons of a convolution are filtered.
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
        where = f"ConnVarRecorder: connection '{self._connection.name}'"
        check_no_gradient(where, text("ConnVarRecorder: genn_var", genn_var))
        if genn_var not in VARIABLES:
            raise unknown_name("variable", genn_var, VARIABLES, where=where)
        self._method = VARIABLES[genn_var]
        self.key = key
        self._example_filter = ExampleFilter(owned(example_filter))
        self._filters = owned((src_neuron_filter, trg_neuron_filter))
        self._data: list[np.ndarray] = []

    def set_params(self, **kwargs: Any) -> None:
        """Clears the data.

        Raises:
            UnsupportedError: if neurons of a convolution are filtered.
        """
        self._network = kwargs["compiled_network"]
        source, target = self._connection.ends()
        filtered = any(neurons is not None for neurons in self._filters)
        if filtered and self._network.shares_weights(self._connection):
            raise UnsupportedError(
                f"ConnVarRecorder: connection '{self._connection.name}' has a kernel "
                "that all neurons share. Leave out src_neuron_filter and "
                "trg_neuron_filter."
            )
        self._masks = (
            get_neuron_filter_mask(self._filters[0], source.shape or ()),
            get_neuron_filter_mask(self._filters[1], target.shape or ()),
        )
        self._first = 0
        self._data = []

    def on_epoch_begin(self, epoch: int) -> None:
        """Restarts the count of examples."""
        self._first = 0

    def on_batch_begin(self, batch: int) -> None:
        """Reads the values before the batch updates them."""
        network, connection = self._network, self._connection
        shape = network.weights(connection).shape
        values = getattr(network, self._method)(connection)
        self._values = np.broadcast_to(values, shape)[self._index()]

    def _index(self) -> Any:
        """Returns the index of the recorded synapses in the array of weights."""
        network, (sources, targets) = self._network, self._masks
        if network.shares_weights(self._connection):
            return ...
        if not network.is_sparse(self._connection):
            return np.ix_(sources, targets)
        source, target = network.indices(self._connection)
        return sources[source] & targets[target]

    def on_recorded(self, batch: int, result: RunResult) -> None:
        """Appends one array for each recorded example of the batch."""
        size = len(result.losses)
        num_recorded = int(np.sum(self._example_filter.mask(self._first, size)))
        shape = (self._network.num_steps, *self._values.shape)
        self._data += [np.broadcast_to(self._values, shape)] * num_recorded
        self._first += size

    def get_data(self) -> tuple[Any, Any]:
        """Returns (key, recorded arrays)."""
        return self.key, self._data

    def __repr__(self) -> str:
        name = self._connection.name
        return f"<ConnVarRecorder of '{name}', key={self.key!r}>"
