"""Runs the fuzzer: ``PYTHONPATH=tests python -m fuzz.run --cases 5000``.

A failure prints the seeds of its structure and values, which run it again:
``PYTHONPATH=tests python -m fuzz.run --structure 17 --values 3``.
``--mutations 2000`` checks mutated equations and code strings, with ``--build`` also
what a C++ compiler says to those that are accepted.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path

from fuzz.mutations import run_mutations
from fuzz.properties import Fuzzed, run_cases

from ml_genn.backends.cpu import toolchain

#: cases of one structure, which differ in weights and data
VALUES = 20


def main() -> None:
    """Runs the cases that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="first structure")
    parser.add_argument("--structure", type=int, help="run one structure only")
    parser.add_argument("--values", type=int, default=0, help="its weights and data")
    parser.add_argument("--mutations", type=int, help="check equations and code")
    parser.add_argument("--build", action="store_true", help="build what is accepted")
    parser.add_argument("--optimise", default="-O1", help="flag of the C++ compiler")
    arguments = parser.parse_args()
    toolchain.FLAGS[toolchain.FLAGS.index("-O3")] = arguments.optimise
    toolchain.IN_PARTS = False
    start = time.perf_counter()
    if arguments.mutations:
        seeds = range(arguments.first, arguments.first + arguments.mutations // 2)
        _print(run_mutations(seeds, arguments.build, print), start)
        return
    with tempfile.TemporaryDirectory() as folder:
        if arguments.structure is not None:
            fuzzed = Fuzzed(arguments.structure)
            print(fuzzed.structure)
            fuzzed.check(arguments.values, Path(folder))
            return
        first, last = arguments.first, arguments.first + arguments.cases // VALUES
        counts = run_cases(range(first, last), range(VALUES), Path(folder))
        _print(counts, start)


def _print(counts: Counter[str], start: float) -> None:
    for name, count in counts.most_common():
        print(f"{count:6} {name}")
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
