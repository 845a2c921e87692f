"""Objects that hold memory and threads of an engine."""

from __future__ import annotations

from typing import Any, NoReturn

from ml_genn.errors import UnsupportedError


class HoldsEngine:
    """Base of objects with memory and threads of an engine: they have no copies.

    A shallow copy would free the memory of the original, and a pickle has no memory.
    """

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        """Refuses copies and pickles.

        Raises:
            UnsupportedError: always.
        """
        raise UnsupportedError(
            f"{type(self).__name__}: compiled networks and their parts cannot be "
            "copied or pickled, since they have memory and threads of an engine. Save "
            "the compiled network with save_model(path) and load it with "
            "load_model(path), or copy or pickle its network and compile that."
        )
