"""Processes that hold one network each and take a step when they are asked to."""

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

from harness.results import measurement
from harness.timing import measure_in_turn
from harness.usage import (
    machine_cpu_seconds,
    memory_growth,
    peak_resident,
    process_cpu_seconds,
)

FIRST_STEPS = 3  #: steps during which memory is watched
#: Default for the seconds after which a process that does not answer counts as failed.
TIMEOUT = 600.0

#: {label: (name in `FRAMEWORKS`, setting)}
Candidates = Mapping[str, tuple[str, Setting]]


@dataclass(frozen=True)
class StepMeasurement:
    """Figures of one network.

    Args:
        times: duration of a step [ms], one for each round.
        memory: growth of the process's memory during its first steps [MB].
        rate: spikes per hidden neuron and second.
        peak: peak memory of the process, imports and data included [MB].
        other_load: mean number of cores that other processes used meanwhile.
        error: message of the failure; None if there are figures.
    """

    times: Sequence[float] = ()
    memory: float = math.nan
    rate: float = math.nan
    peak: float = math.nan
    other_load: float = math.nan
    error: str | None = None

    def figures(self) -> dict[str, Any]:
        """Returns all figures, or the error, for a file of results."""
        if self.error:
            return {"error": self.error}
        figures = asdict(self)
        del figures["times"], figures["error"]
        return {"step [ms]": measurement(self.times), **figures}


@contextmanager
def thread_limits(threads: int) -> Iterator[None]:
    """Limits the threads of processes that are started inside the block.

    Waiting threads sleep instead of spinning, so that they take no processor time from
    the program that is measured.
    """
    limits = {
        "OMP_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "PASSIVE",
        "NPROC": str(threads),
        "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={str(threads > 1).lower()}",
    }
    before = dict(os.environ)
    os.environ.update(limits)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def serve(connection: Connection, name: str, setting: Setting) -> None:
    """Runs in the process: takes the first steps, then one for each request."""
    try:
        network = FRAMEWORKS[name].network(setting)
        memory = memory_growth(lambda: [network.step() for _ in range(FIRST_STEPS)])
        connection.send((memory, network.rate(), peak_resident()))
        while connection.recv():
            connection.send(network.step())
    except (EOFError, ConnectionError):
        return  # the measuring process has ended
    except Exception as error:
        traceback.print_exc()
        connection.send(f"{type(error).__name__}: {error}")


class Worker:
    """Process that holds a network.

    Args:
        name: a key of ``FRAMEWORKS``.
        setting: sizes.
        timeout: seconds to wait for an answer.
    """

    def __init__(self, name: str, setting: Setting, timeout: float) -> None:
        self.timeout = timeout
        self.error: str | None = None
        self.connection, remote = get_context("spawn").Pipe()
        self.process = get_context("spawn").Process(
            target=serve, args=(remote, name, setting), daemon=True
        )
        with thread_limits(setting.threads):
            self.process.start()
        remote.close()
        #: Memory, rate and peak memory, after the first steps.
        self.first: Sequence[float] = ()
        self.asked = time.monotonic()

    def begin(self) -> None:
        """Waits until the process has taken its first steps."""
        self.first = self.answer() or ()

    def answer(self) -> Any:
        """Returns the answer of the process; None after a failure, see ``error``."""
        rest = max(self.asked + self.timeout - time.monotonic(), 0.0)
        try:
            if not self.connection.poll(rest):
                self.error = f"no answer within {self.timeout:.0f} s"
                return None
            answer = self.connection.recv()
        except (EOFError, ConnectionError):
            self.process.join()
            self.error = f"the process ended with code {self.process.exitcode}"
            return None
        if isinstance(answer, str):
            self.error = answer
            return None
        return answer

    def step(self) -> float:
        """Returns the milliseconds of a step; nan once the process has failed."""
        if self.error is None:
            self.asked = time.monotonic()
            self.connection.send(True)
            milliseconds = self.answer()
        return math.nan if self.error else milliseconds

    def result(self, times: Sequence[float], other_load: float) -> StepMeasurement:
        """Returns the figures, with the times of all rounds."""
        if self.error:
            return StepMeasurement(error=self.error)
        return StepMeasurement(times, *self.first, other_load)

    def __enter__(self) -> Self:
        """Returns the worker."""
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the process."""
        self.process.kill()
        self.process.join()


def measure_candidates(
    candidates: Candidates, repeats: int, timeout: float = TIMEOUT
) -> dict[str, StepMeasurement]:
    """Measures networks in turn, each in a process of its own."""
    with ExitStack() as stack:
        workers = {
            label: stack.enter_context(Worker(name, setting, timeout))
            for label, (name, setting) in candidates.items()
        }
        for worker in workers.values():  # they start at the same time
            worker.begin()
        steps = {k: w.step for k, w in workers.items() if w.error is None}
        pids = [os.getpid(), *(w.process.pid or 0 for w in workers.values())]

        def other_cpu_seconds() -> float:
            return machine_cpu_seconds() - process_cpu_seconds(pids)

        start, before = time.perf_counter(), other_cpu_seconds()
        times = measure_in_turn(repeats, steps)
        load = (other_cpu_seconds() - before) / (time.perf_counter() - start)
        return {k: w.result(times.get(k, ()), load) for k, w in workers.items()}
