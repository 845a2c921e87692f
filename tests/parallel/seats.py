"""Threads that talk as processes do."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ml_genn.communicators import Communicator

RANKS = 2


class Table:
    """Where the threads lay down what the others need."""

    def __init__(self, size):
        self.size = size
        self.barrier = threading.Barrier(size, timeout=60)
        self.values = [None] * size


class Seat(Communicator):
    """One thread's place at the table."""

    def __init__(self, table, rank):
        self._table, self._rank = table, rank

    def _exchange(self, value):
        self._table.values[self._rank] = value
        self._table.barrier.wait()
        found = list(self._table.values)
        self._table.barrier.wait()
        return found

    def barrier(self):
        self._table.barrier.wait()

    def broadcast(self, data, root):
        data[...] = self._exchange(np.array(data))[root]

    def reduce_sum(self, value):
        return sum(self._exchange(np.array(value)[()]))

    @property
    def rank(self):
        return self._rank

    @property
    def num_ranks(self):
        return self._table.size


def together(run, ranks=RANKS):
    """What each of several threads gets from a function of its communicator."""
    table = Table(ranks)
    with ThreadPoolExecutor(ranks) as pool:
        seats = [Seat(table, rank) for rank in range(ranks)]
        return list(pool.map(run, seats))
