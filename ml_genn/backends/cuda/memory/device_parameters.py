"""Parameters of a model on the device, copies of those on the host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ml_genn.backends.cuda.device import plain_errors
from ml_genn.backends.cuda.memory.addresses import address, address_table
from ml_genn.backends.host.arrays.host_arrays import HostArrays
from ml_genn.codegen.layout import Layout
from ml_genn.model.plan import LearnedKind

#: Arrays of `HostArrays` that kernels only read.
CONSTANT_ARRAYS = ("scalars", "integers", "initial_state", "loss_scalars")


class DeviceParameters:
    """Parameters and optimiser state of a model on the device.

    Args:
        cupy: module.
        layout: places of variables.
        host_arrays: parameters on the host.
        optimiser_state: state of the optimisers on the host, array by array.

    Attributes:
        host_is_stale: True if training has changed the device's copy since the last
            download.
    """

    def __init__(
        self,
        cupy: Any,
        layout: Layout,
        host_arrays: HostArrays,
        optimiser_state: Sequence[np.ndarray],
    ) -> None:
        self.host_is_stale = False
        self._cupy, self._layout = cupy, layout
        self._host_arrays, self._optimiser_state = host_arrays, optimiser_state
        self._constants = {
            name: cupy.asarray(getattr(host_arrays, name)) for name in CONSTANT_ARRAYS
        }
        self._arrays = [cupy.asarray(a.reshape(-1)) for a in host_arrays.arrays]
        self._slots = [cupy.asarray(a.reshape(-1)) for a in optimiser_state]

    def call_fields(self) -> dict[str, int]:
        """Returns {field of the kernels' argument: address of the array}."""
        return {name: address(array) for name, array in self._constants.items()}

    def call_tables(self) -> dict[str, list[int]]:
        """Returns {field of the kernels' argument: addresses of its arrays}."""
        return {
            "arrays": address_table(self._arrays),
            "slots": address_table(self._slots),
        }

    def download(self) -> None:
        """Copies the trained arrays to the host, if they have changed."""
        if self.host_is_stale:
            with plain_errors(self._cupy):
                for host, device in self._trained_arrays():
                    host[...] = device.get().reshape(host.shape)
            self.host_is_stale = False

    def upload(self) -> None:
        """Copies parameters and optimiser state from the host to the device."""
        with plain_errors(self._cupy):
            self._constants["scalars"].set(self._host_arrays.scalars)
            arrays = zip(self._host_arrays.arrays, self._arrays, strict=True)
            for host, device in (*arrays, *self._slot_arrays()):
                device.set(host.reshape(-1))

    def _trained_arrays(self) -> list[tuple[np.ndarray, Any]]:
        """(host's array, device's array) of all that training changes."""
        indices = [self._layout.array_of(array) for array in self._layout.learned]
        indices += [
            self._layout.arrays["delay_steps", array.owner, ""]
            for array in self._layout.learned
            if array.kind is LearnedKind.DELAY
        ]
        pairs = [(self._host_arrays.arrays[k], self._arrays[k]) for k in indices]
        return pairs + self._slot_arrays()

    def _slot_arrays(self) -> list[tuple[np.ndarray, Any]]:
        return list(zip(self._optimiser_state, self._slots, strict=True))
