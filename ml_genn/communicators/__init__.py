"""How several processes that train together talk to each other."""

from ml_genn.communicators.communicator import Communicator
from ml_genn.communicators.mpi import MPI

__all__ = ["MPI", "Communicator"]
