"""Time until a script has trained its first batch, with and without cached libraries.

Each figure is of a process of its own. Cold: from a network to a built model, nothing
cached. Warm: the whole process, from the start of Python to the end of the first batch,
when the same script ran before.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from harness.results import benchmark_parser, measurement, report

SCRIPT = Path(__file__).with_name("start_up_script.py")
#: {row of the table: arguments of the script}
SCRIPT_ARGUMENTS = {
    "EventProp, 700-256r-20": "EventProp 1 700 256 20",
    "e-prop, 700-256r-20": "EProp 1 700 256 20",
    "BPTT, 700-256r-20": "BPTT 1 700 256 20",
    "inference, 700-256r-20": "Inference 1 700 256 20",
    "EventProp, 64-128-10": "EventProp 0 64 128 10",
    "EventProp, 700-256r-256r-20": "EventProp 1 700 256 256 20",
}
NUMPY = "Python and NumPy alone"
COLD, WARM = "cold: network to model [s]", "warm: whole process [s]"


def script_environment(scratch: str) -> dict[str, str]:
    """Returns an environment in which Python keeps bytecode, as if installed."""
    own = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**own, "PYTHONPYCACHEPREFIX": str(Path(scratch) / "bytecode")}


def run_python(words: list[str], environment: dict[str, str]) -> tuple[float, str]:
    """Runs a Python process; returns its duration [s] and its output."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    return time.perf_counter() - start, done.stdout


def run_all(scratch: str, repeats: int) -> dict[str, dict[str, list[float]]]:
    """Returns {row: {column: seconds of each round}}; a first round is not counted."""
    seconds: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    environment = script_environment(scratch)
    for number in range(-1, repeats):
        numpy_alone, _ = run_python(["-c", "import numpy"], environment)
        if number >= 0:
            seconds[NUMPY][WARM].append(numpy_alone)
        for name, words in SCRIPT_ARGUMENTS.items():
            cache = {"ML_GENN_CACHE": str(Path(scratch) / f"{name} {number}")}
            script = [str(SCRIPT), *words.split()]
            _, build = run_python(script, {**environment, **cache})
            again, _ = run_python(script, {**environment, **cache})
            if number >= 0:
                seconds[name][COLD].append(float(build))
                seconds[name][WARM].append(again)
    return seconds


def main() -> None:
    """Measures and reports."""
    args = benchmark_parser(__doc__, repeats=9).parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        seconds = run_all(scratch, args.repeats)
    names = [*SCRIPT_ARGUMENTS, NUMPY]
    table = {
        name: {k: measurement(v) for k, v in sorted(seconds[name].items())}
        for name in names
    }
    report("Start of a script", {"Start": table}, args)


if __name__ == "__main__":
    main()
