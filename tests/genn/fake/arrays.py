"""Arrays of the fake: what the host sees is a copy until it is pulled or pushed."""

from __future__ import annotations

from typing import Any

import numpy as np
from genn.fake.interpreter import DTYPES


class FakeVariable:
    """A variable of neurons, synapses or custom updates.

    Attributes:
        device: (examples, entries), or (entries,) where examples share it.
    """

    __slots__ = ("access", "batched", "device", "group", "host", "initial", "name")
    __slots__ += ("kind",)

    def __init__(self, name: str, kind: str, access: Any, initial: Any, group: Any):
        self.name, self.kind, self.access = name, kind, access
        self.initial, self.group = initial, group
        self.batched = access.batched
        self.device: Any = None
        self.host: Any = None

    def allocate(self, batch: int, entries: int) -> None:
        shape = (batch, entries) if self.batched else (entries,)
        given = self.initial
        if np.ndim(given):
            given = self.group.stored_order(np.asarray(given))
        array = np.empty(shape, DTYPES[self.kind])
        array[...] = given
        self.device = array
        self.host = self._shown(array).copy()

    def _shown(self, array: np.ndarray) -> np.ndarray:
        """There is no axis for a single example."""
        return array[0] if array.ndim == 2 and len(array) == 1 else array

    def release(self) -> None:
        self.device = self.host = None

    def pull_from_device(self) -> None:
        self._check()
        self.host[...] = self._shown(self.device)

    def push_to_device(self) -> None:
        self._check()
        self._shown(self.device)[...] = self.host

    def _check(self) -> None:
        if self.device is None:
            raise RuntimeError(f"variable '{self.name}' before load")

    @property
    def view(self) -> Any:
        if self.group.sparse:
            raise RuntimeError("SPARSE variables have no view")
        return self.host

    @property
    def values(self) -> Any:
        self._check()
        return self.host.copy()

    @values.setter
    def values(self, given: Any) -> None:
        self._check()
        self.host[...] = given


class FakeArray:
    """An extra global parameter."""

    __slots__ = ("device", "host", "initial", "kind", "name")

    def __init__(self, name: str, kind: str) -> None:
        self.name, self.kind = name, kind
        self.initial: Any = None
        self.device: Any = None
        self.host: Any = None

    def set_init_values(self, values: Any) -> None:
        if not np.ndim(values):
            raise ValueError("set_init_values takes an iterable")
        self.initial = np.asarray(values)

    def allocate(self) -> None:
        if self.initial is not None:
            self.device = self.initial.astype(DTYPES[self.kind])
            self.host = self.device.copy()

    def release(self) -> None:
        self.device = self.host = None

    def pull_from_device(self) -> None:
        self.host[...] = self.device

    def push_to_device(self) -> None:
        self.device[...] = self.host

    @property
    def view(self) -> Any:
        return self.host
