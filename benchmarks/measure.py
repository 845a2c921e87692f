"""What the benchmarks share: input spikes, clocks, memory, tables."""

from __future__ import annotations

import json
import math
import os
import platform
import re
import resource
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from ml_genn.callbacks import Callback
from ml_genn.data import preprocess_spikes

#: Data that are not part of the project.
SHARED = Path(os.environ.get("ML_GENN_SHARED", Path(__file__).parents[2] / "shared"))
RATE = 11.4e-3  #: input spikes per neuron and time step


def raster(batch: int, steps: int, neurons: int, lasting: float = 1.0) -> np.ndarray:
    """Where random spikes are: (batch, steps, neurons).

    They fall in the first steps, a fraction ``lasting`` of all; their number is the
    same: about 4,000 in an example with 700 neurons and 500 steps.
    """
    chance = np.zeros((steps, 1))
    chance[: round(lasting * steps)] = RATE / lasting
    return np.random.default_rng(0).random((batch, steps, neurons)) < chance


def examples(rasters: Iterable[np.ndarray], dt: float = 1.0) -> list[Any]:
    """Rasters (steps, neurons), of time steps of dt [ms], as a network takes them."""

    def example(raster: np.ndarray) -> Any:
        steps, neurons = np.nonzero(raster)
        return preprocess_spikes(steps * dt, neurons, raster.shape[1])

    return [example(raster) for raster in rasters]


class Clock(Callback):
    """Takes the time of a batch."""

    def on_batch_begin(self, batch: int) -> None:
        """Starts."""
        self.start = time.perf_counter()

    def on_batch_end(self, batch: int, metrics: Any) -> None:
        """Stops."""
        self.seconds = time.perf_counter() - self.start


def twice(examples: Any) -> Any:
    """A batch and once more the same, an array or a list of examples."""
    if isinstance(examples, np.ndarray):
        return np.concatenate([examples, examples])
    return [*examples, *examples]


class TrainingStep:
    """Repeats the training step of one batch with weights that stay.

    Two steps are taken and the second one's time: what comes before the first of an
    epoch, spikes that become events among it, is done once and not in each step.

    Args:
        compiled: network that learns, in batches of this size.
        x, y: the batch.
    """

    def __init__(self, compiled: Any, x: Any, y: Any) -> None:
        self.compiled = compiled
        self.x, self.y = twice(x), twice(y)
        self.clock = Clock()

    def __call__(self) -> float:
        """Milliseconds of one step."""
        self.compiled.optimiser.alpha = 0.0
        self.compiled.train(self.x, self.y, shuffle=False, callbacks=[self.clock])
        return 1e3 * self.clock.seconds


class InferenceStep:
    """Repeats the inference of one batch; of two, the second one's time is taken.

    Args:
        compiled: network that is run, in batches of this size.
        x: the batch.
    """

    def __init__(self, compiled: Any, x: Any) -> None:
        self.compiled = compiled
        self.x = twice(x)
        self.clock = Clock()

    def __call__(self) -> float:
        """Milliseconds of one batch."""
        self.compiled.predict(self.x, callbacks=[self.clock])
        return 1e3 * self.clock.seconds


def in_turn(
    repeats: int, subjects: Mapping[str, Callable[[], float]]
) -> dict[str, list[float]]:
    """Milliseconds that subjects report, run one after the other, again and again.

    Whatever else the machine does falls on all of them. Before each measurement the
    threads of the last subject are given time to stop spinning, and the subject is run
    once so that its data are in cache.
    """
    result: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(repeats):
        for name, run in subjects.items():
            time.sleep(0.1)
            run()
            result[name].append(run())
    return result


def ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """The median of the ratios of measurements made in the same round."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def resident() -> float:
    """Megabytes of memory this process holds; not a number where /proc is absent."""
    status = Path("/proc/self/status")
    found = (
        re.search(r"VmRSS:\s+(\d+)", status.read_text()) if status.exists() else None
    )
    return float(found.group(1)) / 1024 if found else float("nan")


def peak_resident() -> float:
    """Megabytes of memory this process has held at most (on Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def growth(run: Callable[[], Any]) -> float:
    """Megabytes by which a run raises the memory of this process while it lasts."""
    before, peak, done = resident(), 0.0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.is_set():
            peak = max(peak, resident())
            time.sleep(0.001)

    watcher = threading.Thread(target=watch)
    watcher.start()
    run()
    done.set()
    watcher.join()
    return max(peak, resident()) - before


def cpu_seconds(pids: Iterable[int]) -> float:
    """Seconds of processor time that processes have used; 0 where /proc is absent."""
    ticks = 0
    for pid in pids:
        status = Path(f"/proc/{pid}/stat")
        if status.exists():
            # Fields are counted from the end of the name, which may hold spaces.
            ticks += sum(map(int, status.read_text().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def all_cpu_seconds() -> float:
    """Seconds of processor time that all processes of the machine have used."""
    status = Path("/proc/stat")
    if not status.exists():
        return float("nan")
    user, nice, system, _idle, _wait, *interrupts = map(
        int, status.read_text().splitlines()[0].split()[1:8]
    )
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


def machine() -> dict[str, str]:
    """Processor and versions."""
    found = {"processor": platform.processor(), "Python": platform.python_version()}
    information = Path("/proc/cpuinfo")
    if information.exists():
        names = re.findall(r"model name\s*: (.*)", information.read_text())
        found["processor"] = names[0] if names else found["processor"]
    found["processor"] += f", {os.cpu_count()} cores"
    command = [os.environ.get("CXX", "g++"), "-dumpfullversion"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found["C++ compiler"] = f"{command[0]} {done.stdout.strip()}"
    for package in ("numpy", "torch"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    return found


def spread(times: Sequence[float]) -> dict[str, float]:
    """Columns of a table: median, fastest and slowest of some measurements."""
    return {
        "median": statistics.median(times),
        "fastest": min(times),
        "slowest": max(times),
    }


def shown(value: float | str) -> str:
    """A cell of a table."""
    return value if isinstance(value, str) else f"{value:.3g}"


def table(
    rows: Mapping[str, Mapping[str, float | str]], markdown: bool = False
) -> None:
    """Prints named rows of the same columns, as text or in Markdown."""
    lines = [["", *next(iter(rows.values()))]]
    lines += [[name, *map(shown, row.values())] for name, row in rows.items()]
    if markdown:
        lines.insert(1, ["---"] * len(lines[0]))
        for line in lines:
            print("|", " | ".join(line), "|")
        return
    first, *others = (max(map(len, column)) for column in zip(*lines, strict=True))
    for name, *cells in lines:
        padded = (c.rjust(max(11, w)) for c, w in zip(cells, others, strict=True))
        print(name.ljust(first), *padded)


def report(
    tables: Mapping[str, Any], path: Path | None = None, markdown: bool = False
) -> None:
    """Prints tables with the machine they hold for, and writes them as JSON."""
    for title, rows in tables.items():
        print(f"{title}:\n" if markdown else f"{title}:")
        table(rows, markdown)
        print()
    about = machine()
    print("; ".join(f"{name}: {text}" for name, text in about.items()))
    if path:
        save({**tables, "machine": about}, path)


def save(figures: Mapping[str, Any], path: Path) -> None:
    """Writes figures as JSON; what is not a number becomes null."""
    path.write_text(json.dumps(finite(figures), indent=2, allow_nan=False) + "\n")


def finite(value: Any) -> Any:
    """The same, with None for numbers that are not finite."""
    if isinstance(value, Mapping):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
