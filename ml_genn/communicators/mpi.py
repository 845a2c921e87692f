"""Training over several processes through MPI."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

import numpy as np

from ml_genn.communicators.communicator import Communicator
from ml_genn.errors import UnsupportedError

ABORT_DELAY = 0.5  #: time [s] for mpirun to print an error before all processes end


class MPI(Communicator):
    """Communicator of processes started by mpirun, through mpi4py.

    Every process runs the same script and a part of every batch; gradients, losses and
    metrics are summed over all processes:

        compiler = EventPropCompiler(..., batch_size=32, communicator=MPI())

    A process that ends with an error ends the others, too.

    Raises:
        UnsupportedError: if mpi4py, or the MPI library that it needs, is missing.
    """

    def __init__(self) -> None:
        try:
            from mpi4py import MPI as mpi
        except (ImportError, RuntimeError) as error:
            raise UnsupportedError(
                "MPI() needs mpi4py and an MPI library. Install both with "
                f"pip install 'ml_genn[mpi]'. ({error})"
            ) from error
        self._comm = mpi.COMM_WORLD
        self._sum, self._in_place = mpi.SUM, mpi.IN_PLACE
        local = self._comm.Split_type(mpi.COMM_TYPE_SHARED)
        self._local = int(local.Get_size())
        local.Free()
        if self.num_ranks > 1 and sys.excepthook is sys.__excepthook__:
            sys.excepthook = self._end_all

    def _end_all(
        self,
        kind: type[BaseException],
        error: BaseException,
        trace: TracebackType | None,
    ) -> None:
        """Prints an uncaught error and ends all processes."""
        print(f"Process {self.rank} of {self.num_ranks}:", file=sys.stderr)
        sys.__excepthook__(kind, error, trace)
        sys.stderr.flush()
        time.sleep(ABORT_DELAY)
        self._comm.Abort(1)

    def barrier(self) -> None:
        """Waits until every process calls it."""
        self._comm.Barrier()

    def broadcast(self, data: Any, root: int) -> None:
        """Copies the array ``data`` of process ``root`` to all."""
        self._comm.Bcast(data, root=root)

    def reduce_sum(self, value: Any) -> Any:
        """Returns the sum of a number or an array over all processes."""
        if np.ndim(value) == 0:
            return self._comm.allreduce(value, op=self._sum)
        total = np.array(np.add(value, 0), order="C")  # booleans become integers
        self.all_sum(total)
        return total

    def all_sum(self, values: np.ndarray) -> None:
        """Sums an array over all processes, in place."""
        self._comm.Allreduce(self._in_place, values, op=self._sum)

    def begin_sum(self, values: np.ndarray) -> Callable[[], Any]:
        """Starts the sum of an array over all processes, in place (MPI_Iallreduce)."""
        request: Any = self._comm.Iallreduce(self._in_place, values, op=self._sum)
        wait: Callable[[], Any] = request.Wait
        return wait

    def advance_sums(self) -> None:
        """Makes progress with started sums; MPI libraries do so in any call."""
        self._comm.Iprobe()

    @property
    def rank(self) -> int:
        """Rank of this process, from 0."""
        return int(self._comm.Get_rank())

    @property
    def num_ranks(self) -> int:
        """Number of processes."""
        return int(self._comm.Get_size())

    @property
    def local_ranks(self) -> int:
        """Number of processes on this machine, which share its cores."""
        return self._local
