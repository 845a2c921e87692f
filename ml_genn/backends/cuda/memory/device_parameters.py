"""Copies on the device of the numbers that the host keeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ml_genn.backends.cuda.device import plain_errors
from ml_genn.backends.cuda.launch.kernel_args import address, addresses
from ml_genn.backends.host.arrays.host_arrays import HostArrays
from ml_genn.codegen.layout import Layout
from ml_genn.model.plan import LearnedKind

#: Of `HostArrays`: what stays as it is while a batch runs.
FIXED = ("scalars", "integers", "initial_state", "loss_scalars")


class Mirror:
    """The device's side of a model's numbers.

    Args:
        cupy: the module.
        layout: where numbers live.
        numbers: those of the host.
        slots: what optimisers keep of each learned number, on the host.

    Attributes:
        stale: whether the host's are older than the device's.
    """

    def __init__(
        self,
        cupy: Any,
        layout: Layout,
        numbers: HostArrays,
        slots: Sequence[np.ndarray],
    ) -> None:
        self.stale = False
        self._cupy, self._layout = cupy, layout
        self._host_arrays, self._slots = numbers, slots
        self._fixed = {name: cupy.asarray(getattr(numbers, name)) for name in FIXED}
        self._device = [cupy.asarray(a.reshape(-1)) for a in numbers.arrays]
        self._device_slots = [cupy.asarray(a.reshape(-1)) for a in slots]

    def numbers(self) -> dict[str, int]:
        """Fields of a call."""
        return {name: address(array) for name, array in self._fixed.items()}

    def tables(self) -> dict[str, list[int]]:
        """Tables of a call."""
        return {
            "arrays": addresses(self._device),
            "slots": addresses(self._device_slots),
        }

    def fetch(self) -> None:
        """Brings what training changed to the host."""
        if self.stale:
            with plain_errors(self._cupy):
                for host, device in self._changing():
                    host[...] = device.get().reshape(host.shape)
            self.stale = False

    def send(self) -> None:
        """Gives the device what changed on the host."""
        with plain_errors(self._cupy):
            self._fixed["scalars"].set(self._host_arrays.scalars)
            arrays = zip(self._host_arrays.arrays, self._device, strict=True)
            for host, device in (*arrays, *self._pairs_of_slots()):
                device.set(host.reshape(-1))

    def _changing(self) -> list[tuple[np.ndarray, Any]]:
        """What training changes: host's array and device's."""
        at = [self._layout.array_of(array) for array in self._layout.learned]
        at += [
            self._layout.arrays["delay_steps", array.owner, ""]
            for array in self._layout.learned
            if array.kind is LearnedKind.DELAY
        ]
        pairs = [(self._host_arrays.arrays[k], self._device[k]) for k in at]
        return pairs + self._pairs_of_slots()

    def _pairs_of_slots(self) -> list[tuple[np.ndarray, Any]]:
        return list(zip(self._slots, self._device_slots, strict=True))
