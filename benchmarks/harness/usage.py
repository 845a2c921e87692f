"""Memory and processor time of processes; nan where there is no /proc."""

from __future__ import annotations

import os
import re
import resource
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

SAMPLING_INTERVAL = 0.001  #: seconds between two readings of the resident memory


def resident() -> float:
    """Returns the resident memory of this process [MB]."""
    status = Path("/proc/self/status")
    match = (
        re.search(r"VmRSS:\s+(\d+)", status.read_text()) if status.exists() else None
    )
    return float(match.group(1)) / 1024 if match else float("nan")


def peak_resident() -> float:
    """Returns the peak resident memory of this process so far [MB] (Linux's unit)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def memory_growth(run: Callable[[], Any]) -> float:
    """Returns the peak resident memory during a call minus that before it [MB]."""
    before, peak, done = resident(), 0.0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.is_set():
            peak = max(peak, resident())
            time.sleep(SAMPLING_INTERVAL)

    watcher = threading.Thread(target=watch)
    watcher.start()
    run()
    done.set()
    watcher.join()
    return max(peak, resident()) - before


def process_cpu_seconds(pids: Iterable[int]) -> float:
    """Returns the processor time of processes [s]; 0 where there is no /proc."""
    ticks = 0
    for pid in pids:
        status = Path(f"/proc/{pid}/stat")
        if status.exists():
            # Fields are counted from the end of the name, which may hold spaces.
            ticks += sum(map(int, status.read_text().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def machine_cpu_seconds() -> float:
    """Returns the processor time of all processes of the machine [s]."""
    status = Path("/proc/stat")
    if not status.exists():
        return float("nan")
    user, nice, system, _idle, _wait, *interrupts = map(
        int, status.read_text().splitlines()[0].split()[1:8]
    )
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")
