"""How several processes that train together talk to each other."""

from ml_genn.communicators.communicator import Communicator

__all__ = ["Communicator"]
