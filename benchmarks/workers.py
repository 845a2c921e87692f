"""Processes that hold one network each and are asked for steps in turn."""

from __future__ import annotations

import math
import os
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, Self

from frameworks import FRAMEWORKS, Setting
from measure import (
    all_cpu_seconds,
    cpu_seconds,
    growth,
    in_turn,
    peak_resident,
    spread,
)

FIRST_STEPS = 3  #: during which memory is watched
PATIENCE = 600.0  #: seconds until a process that does not answer is given up


@dataclass(frozen=True)
class Measured:
    """What was measured of a subject.

    Args:
        times: milliseconds of a step, one for each round.
        memory: megabytes that steps take above what the process held before the first.
        rate: hidden spikes per neuron and second.
        peak: megabytes that the process held at most, imports and data included.
        others: cores that other processes used meanwhile.
        error: why there are no times; None if there are.
    """

    times: Sequence[float] = ()
    memory: float = math.nan
    rate: float = math.nan
    peak: float = math.nan
    others: float = math.nan
    error: str | None = None

    def figures(self) -> dict[str, Any]:
        """What is written down."""
        if self.error:
            return {"error": self.error}
        found = asdict(self)
        del found["times"], found["error"]
        return {**spread(self.times), **found}


@contextmanager
def environment(threads: int) -> Iterator[None]:
    """What processes started meanwhile are told about threads.

    Those that wait sleep, so that they do not take time from who is measured.
    """
    told = {
        "OMP_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "PASSIVE",
        "NPROC": str(threads),
        "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={str(threads > 1).lower()}",
    }
    before = dict(os.environ)
    os.environ.update(told)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def serve(connection: Connection, name: str, setting: Setting) -> None:
    """What a process does: takes its first steps, then one for each request."""
    try:
        subject = FRAMEWORKS[name].subject(setting)
        memory = growth(lambda: [subject.step() for _ in range(FIRST_STEPS)])
        connection.send((memory, subject.rate(), peak_resident()))
        while connection.recv():
            connection.send(subject.step())
    except (EOFError, ConnectionError):
        return  # nobody asks any more
    except Exception as error:
        traceback.print_exc()
        connection.send(f"{type(error).__name__}: {error}")


class Worker:
    """A process that holds a subject.

    Args:
        name: a key of ``FRAMEWORKS``.
        setting: sizes.
    """

    def __init__(self, name: str, setting: Setting) -> None:
        self.error: str | None = None
        self.connection, theirs = get_context("spawn").Pipe()
        self.process = get_context("spawn").Process(
            target=serve, args=(theirs, name, setting), daemon=True
        )
        with environment(setting.threads):
            self.process.start()
        theirs.close()
        self.first = self.answer() or ()

    def answer(self) -> Any:
        """What the process says; None if it fails, and then ``error`` is why."""
        try:
            if not self.connection.poll(PATIENCE):
                self.error = f"no answer within {PATIENCE:.0f} s"
                return None
            said = self.connection.recv()
        except (EOFError, ConnectionError):
            self.process.join()
            self.error = f"the process ended with code {self.process.exitcode}"
            return None
        if isinstance(said, str):
            self.error = said
            return None
        return said

    def step(self) -> float:
        """Milliseconds of a step; not a number once the process has failed."""
        if self.error is None:
            self.connection.send(True)
            milliseconds = self.answer()
        return math.nan if self.error else milliseconds

    def measured(self, times: Sequence[float], others: float) -> Measured:
        """What was measured, with the times of the rounds."""
        if self.error:
            return Measured(error=self.error)
        return Measured(times, *self.first, others)

    def __enter__(self) -> Self:
        """The worker."""
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the process."""
        self.process.kill()
        self.process.join()


def rounds(
    subjects: Mapping[str, tuple[str, Setting]], repeats: int
) -> dict[str, Measured]:
    """Measures subjects in turn: {label: (name in FRAMEWORKS, setting)}."""
    with ExitStack() as stack:
        workers = {
            label: stack.enter_context(Worker(name, setting))
            for label, (name, setting) in subjects.items()
        }
        running = {k: w.step for k, w in workers.items() if w.error is None}
        pids = [os.getpid(), *(w.process.pid or 0 for w in workers.values())]

        def others() -> float:
            return all_cpu_seconds() - cpu_seconds(pids)

        start, before = time.perf_counter(), others()
        times = in_turn(repeats, running)
        cores = (others() - before) / (time.perf_counter() - start)
        return {k: w.measured(times.get(k, ()), cores) for k, w in workers.items()}
