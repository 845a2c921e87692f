"""Resources that belong to one process, and that its forked children cannot use."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from ml_genn.errors import MlGennError


class ProcessBound:
    """Process in which a resource was made.

    Args:
        resource: subject of error messages, such as "a model on a GPU".
    """

    def __init__(self, resource: str) -> None:
        self._resource = resource
        self._process = os.getpid()

    @property
    def is_forked(self) -> bool:
        """True in a forked child of the process."""
        return os.getpid() != self._process

    def check(self) -> None:
        """Raises an error in a forked child.

        Raises:
            MlGennError: if this process is not the one that made the resource.
        """
        if self.is_forked:
            raise MlGennError(
                f"{self._resource} cannot be used in a forked process: it belongs to "
                f"process {self._process}, and this is process {os.getpid()}. Compile "
                "the network in this process, or start processes with "
                'multiprocessing.get_context("spawn").'
            )

    def only_here(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Returns a function that does nothing in forked children."""

        def call(*arguments: Any) -> Any:
            return None if self.is_forked else function(*arguments)

        return call
