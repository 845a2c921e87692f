"""Recorder of the synapses that Deep-R replaces."""

from __future__ import annotations

from typing import Any

from ml_genn.callbacks.callback import Callback
from ml_genn.graph.graph import get_underlying_conn
from ml_genn.model.batch import RunResult


class RewiringRecorder(Callback):
    """Records the number of synapses that Deep-R replaced.

    Its data are a list with one pair per batch of training: replaced synapses, and
    draws rejected because the pair of neurons was connected already.

    Args:
        connection: connection or layer in ``deep_r_conns`` of the compiler.
        key: key of its data; None (default) for its index in the list of callbacks.
    """

    for_training_only = True

    def __init__(self, connection: Any, key: Any = None) -> None:
        self._connection = get_underlying_conn(connection)
        self.key = key
        self._data: list[tuple[int, int]] = []

    def set_params(self, **kwargs: Any) -> None:
        """Clears the data.

        Raises:
            ValidationError: if Deep-R does not rewire the connection.
        """
        kwargs["compiled_network"].check_rewired(self._connection)
        self._data = []

    def on_recorded(self, batch: int, result: RunResult) -> None:
        """Appends the numbers of a batch of training."""
        if self._connection.name in result.rewirings:
            self._data.append(result.rewirings[self._connection.name])

    def get_data(self) -> tuple[Any, Any]:
        """Returns (key, recorded numbers)."""
        return self.key, self._data

    def __repr__(self) -> str:
        name = self._connection.name
        return f"<{type(self).__name__} of '{name}', key={self.key!r}>"
