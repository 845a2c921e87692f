"""Arrays of the fake: the host has a copy, which is pulled and pushed."""

from __future__ import annotations

from typing import Any

import numpy as np
from genn.fake.interpreter import DTYPES


class FakeVariable:
    """Variable of neurons, synapses or custom updates.

    Attributes:
        device: (examples, elements), or (elements,) if examples share it.
        host: copy of the host, without an axis for a single example.
    """

    __slots__ = ("access", "batched", "device", "group", "host", "initial", "name")
    __slots__ += ("type",)

    def __init__(self, name: str, type: str, access: Any, initial: Any, group: Any):
        self.name, self.type, self.access = name, type, access
        self.initial, self.group = initial, group
        self.batched = access.batched
        self.device: Any = None
        self.host: Any = None

    def allocate(self, batch: int, elements: int) -> None:
        shape = (batch, elements) if self.batched else (elements,)
        initial = self.initial
        if np.ndim(initial):
            initial = self.group.device_order(np.asarray(initial))
        array = np.empty(shape, DTYPES[self.type])
        array[...] = initial
        self.device = array
        self.host = self._host_view(array).copy()

    def _host_view(self, array: np.ndarray) -> np.ndarray:
        """Returns an array of the device as the host sees it."""
        return array[0] if array.ndim == 2 and len(array) == 1 else array

    def release(self) -> None:
        self.device = self.host = None

    def pull_from_device(self) -> None:
        self._check_loaded()
        self.host[...] = self._host_view(self.device)

    def push_to_device(self) -> None:
        self._check_loaded()
        self._host_view(self.device)[...] = self.host

    def _check_loaded(self) -> None:
        if self.device is None:
            raise RuntimeError(f"variable '{self.name}' before load")

    @property
    def view(self) -> Any:
        if self.group.sparse:
            raise RuntimeError("SPARSE variables have no view")
        return self.host

    @property
    def values(self) -> Any:
        self._check_loaded()
        return self.host.copy()

    @values.setter
    def values(self, values: Any) -> None:
        self._check_loaded()
        self.host[...] = values


class FakeArray:
    """Extra global parameter: an array of a neuron population."""

    __slots__ = ("device", "host", "initial", "name", "type")

    def __init__(self, name: str, type: str) -> None:
        self.name, self.type = name, type
        self.initial: Any = None
        self.device: Any = None
        self.host: Any = None

    def set_init_values(self, values: Any) -> None:
        if not np.ndim(values):
            raise ValueError("set_init_values takes an iterable")
        self.initial = np.asarray(values)

    def allocate(self) -> None:
        if self.initial is not None:
            self.device = self.initial.astype(DTYPES[self.type])
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
