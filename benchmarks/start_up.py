"""How long scripts take to start: where nothing is cached, and when run again.

Each figure is of processes of their own. Cold: from a network to a model that runs.
Warm: the whole process, from the start of Python to the end of the first batch, when
the same script ran before.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from measure import report, spread

SCRIPT = Path(__file__).with_name("start_up_script.py")
#: {row of the table: arguments of the script}
SUBJECTS = {
    "EventProp, 700-256r-20": "EventProp 1 700 256 20",
    "e-prop, 700-256r-20": "EProp 1 700 256 20",
    "BPTT, 700-256r-20": "BPTT 1 700 256 20",
    "inference, 700-256r-20": "Inference 1 700 256 20",
    "EventProp, 64-128-10": "EventProp 0 64 128 10",
    "EventProp, 700-256r-256r-20": "EventProp 1 700 256 256 20",
}
NUMPY = "Python and NumPy alone"


def parse_arguments() -> argparse.Namespace:
    """What the user asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--json", type=Path, help="where figures are written")
    return parser.parse_args()


def environment(scratch: str) -> dict[str, str]:
    """The scripts' environment: Python keeps bytecode, as of installed packages."""
    own = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**own, "PYTHONPYCACHEPREFIX": str(Path(scratch) / "bytecode")}


def run(words: list[str], environment: dict[str, str]) -> tuple[float, str]:
    """Seconds that a Python process takes; what it prints."""
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


def main() -> None:
    """Measures and prints."""
    args = parse_arguments()
    cold: dict[str, list[float]] = defaultdict(list)
    warm: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as scratch:
        own = environment(scratch)
        for number in range(-1, args.repeats):
            bare, _ = run(["-c", "import numpy"], own)
            if number >= 0:
                warm[NUMPY].append(bare)
            for name, words in SUBJECTS.items():
                cache = {"ML_GENN_CACHE": str(Path(scratch) / f"{name} {number}")}
                script = [str(SCRIPT), *words.split()]
                _, built = run(script, {**own, **cache})
                again, _ = run(script, {**own, **cache})
                if number >= 0:
                    cold[name].append(float(built))
                    warm[name].append(again)
    tables = {
        title: {name: spread(seconds) for name, seconds in times.items()}
        for title, times in (
            ("Cold: from a network to a model that runs [s]", cold),
            ("Warm: the whole process, with one batch [s]", warm),
        )
    }
    report(tables, args.json)


if __name__ == "__main__":
    main()
