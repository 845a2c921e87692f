"""Recorder of what Deep-R does."""

from __future__ import annotations

from typing import Any

from ml_genn.callbacks.callback import Callback
from ml_genn.graph.graph import get_underlying_conn
from ml_genn.model.batch import RunResult


class RewiringRecorder(Callback):
    """Records how many synapses Deep-R replaced.

    Its data are a list with one pair per batch of training: synapses that were
    replaced, and draws that met a pair of neurons that was connected already.

    Args:
        connection: connection or layer that the compiler was given in
            ``deep_r_conns``.
        key: key of its data; None (default) for its place in the list of callbacks.
    """

    def __init__(self, connection: Any, key: Any = None) -> None:
        self._connection = get_underlying_conn(connection)
        self.key = key
        self._data: list[tuple[int, int]] = []

    def set_params(self, **kwargs: Any) -> None:
        """Starts with no data; refuses a connection that is not rewired."""
        kwargs["compiled_network"].check_rewired(self._connection)
        self._data = []

    def on_recorded(self, batch: int, result: RunResult) -> None:
        """Keeps the numbers of a batch that was trained on."""
        if self._connection.name in result.rewirings:
            self._data.append(result.rewirings[self._connection.name])

    def get_data(self) -> tuple[Any, Any]:
        """(key, what was recorded)."""
        return self.key, self._data

    def __repr__(self) -> str:
        name = self._connection.name
        return f"<{type(self).__name__} of '{name}', key={self.key!r}>"
