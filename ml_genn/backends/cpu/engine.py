"""Engine of one model: the functions and the memory of its compiled library."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from ml_genn.backends.cpu.abi import Call, EncodeRequest
from ml_genn.backends.host.abi.call import Status
from ml_genn.errors import MlGennError
from ml_genn.model.batch import EventStream, SpikeTimes
from ml_genn.model.engine_memory import HoldsEngine

#: {type of neuron indices: the same for ctypes}
_ID_TYPES: dict[type, Any] = {np.uint16: ctypes.c_uint16, np.uint32: ctypes.c_uint32}


class Engine(HoldsEngine):
    """Threads and memory of a model in its library.

    Args:
        library: the library, with the types of its functions declared.
        num_threads: threads that run batches.
        block_size: size of an example's state block [floats].
        learned_sizes: padded size of each learned array.
        id_type: NumPy type of neuron indices.
    """

    def __init__(
        self,
        library: ctypes.CDLL,
        num_threads: int,
        block_size: int,
        learned_sizes: Sequence[int],
        id_type: type[np.unsignedinteger[Any]],
    ) -> None:
        self._library = library
        self._block_size = block_size
        self._id_type = id_type
        sizes = (ctypes.c_int64 * len(learned_sizes))(*learned_sizes)
        self._engine = library.mlg_create(num_threads, block_size, sizes)
        if not self._engine:
            raise MemoryError("the engine could not allocate its threads' memory")
        self._finalizer = weakref.finalize(self, library.mlg_destroy, self._engine)
        # Threads of Python may still run batches when the interpreter exits.
        self._finalizer.atexit = False

    @property
    def num_threads(self) -> int:
        """Number of threads that run batches."""
        return int(self._library.mlg_threads(self._engine))

    def close(self) -> None:
        """Frees the engine's memory and ends its threads."""
        self._finalizer()
        self._engine = None

    def learned_values_changed(self) -> None:
        """Tells the engine that learned values were changed since the last call."""
        self._library.mlg_learned_values_changed(self._engine)

    def run(self, call: Call) -> Status:
        """Runs a call; errors of memory are in the status.

        In a forked process, the first call starts the engine's threads again.

        Raises:
            MlGennError: if the engine was closed, or is in the middle of a call.
        """
        if self._engine is None:
            raise MlGennError(
                "the model was closed; compile the network again to run it"
            )
        status = Status(self._library.mlg_run(self._engine, ctypes.byref(call)))
        if status == Status.BUSY:
            raise MlGennError(
                "the network is running a batch in another thread, or was when this "
                "process was forked. Run one batch at a time; in a forked process, "
                "compile the network again."
            )
        return status

    def encode(self, spikes: SpikeTimes) -> EventStream | None:
        """Returns spikes as events; None if their times are not valid."""
        times = np.ascontiguousarray(spikes.times, dtype=np.float64)
        ends = np.ascontiguousarray(spikes.ends, dtype=np.int64)
        request = EncodeRequest(
            times.ctypes.data,
            ends.ctypes.data,
            ends.size,
            times.size,
            spikes.num_steps,
            spikes.dt,
            spikes.latest,
            spikes.tolerance,
        )
        steps = np.empty(times.size, dtype=np.int32)
        ids = np.empty(times.size, dtype=self._id_type)
        count = self._library.mlg_encode(
            ctypes.byref(request), steps.ctypes.data, ids.ctypes.data
        )
        return EventStream(steps[:count], ids[:count]) if count >= 0 else None

    def state_block(self, example: int) -> np.ndarray:
        """Returns a view of the state block of an example with a slot of its own."""
        block = ctypes.c_float * self._block_size
        address = self._library.mlg_block(self._engine, example)
        return np.ctypeslib.as_array(block.from_address(address))

    def spikes(
        self, example: int, tape: int, num_steps: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns steps and neurons of the spikes of an example with its own slot.

        Args:
            example: index of the example in the batch.
            tape: index of the tape.
            num_steps: time steps of the example.
        """
        address = self._library.mlg_spike_offsets(self._engine, example, tape)
        offset_array = ctypes.c_uint32 * (num_steps + 1)
        offsets = np.array(offset_array.from_address(address))
        count = int(offsets[-1])
        ids = np.zeros(0, dtype=np.uint32)
        if count:
            address = self._library.mlg_spike_ids(self._engine, example, tape)
            id_array = _ID_TYPES[self._id_type] * count
            ids = np.array(id_array.from_address(address)).astype(np.uint32)
        return np.repeat(np.arange(num_steps), np.diff(offsets)), ids
