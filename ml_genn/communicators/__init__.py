"""Communication between processes that train together."""

from ml_genn.communicators.communicator import Communicator
from ml_genn.communicators.mpi import MPI

__all__ = ["MPI", "Communicator"]
