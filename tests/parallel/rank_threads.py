"""Communicators whose ranks are threads of one process."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ml_genn.communicators import Communicator

RANKS = 2


class RankGroup:
    """Values that the ranks exchange, and their barrier."""

    def __init__(self, size):
        self.size = size
        self.barrier = threading.Barrier(size, timeout=60)
        self.values = [None] * size


class ThreadCommunicator(Communicator):
    """Communicator of one rank."""

    def __init__(self, group, rank):
        self._group, self._rank = group, rank

    def _exchange(self, value):
        self._group.values[self._rank] = value
        self._group.barrier.wait()
        actual = list(self._group.values)
        self._group.barrier.wait()
        return actual

    def barrier(self):
        self._group.barrier.wait()

    def broadcast(self, data, root):
        data[...] = self._exchange(np.array(data))[root]

    def reduce_sum(self, value):
        return sum(self._exchange(np.array(value)[()]))

    @property
    def rank(self):
        return self._rank

    @property
    def num_ranks(self):
        return self._group.size


def run_ranks(run, ranks=RANKS):
    """Returns the results of a function of a communicator, one for each rank."""
    group = RankGroup(ranks)
    with ThreadPoolExecutor(ranks) as pool:
        communicators = [ThreadCommunicator(group, rank) for rank in range(ranks)]
        return list(pool.map(run, communicators))
