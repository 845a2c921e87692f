"""Results as JSON files: what was measured, when, where and by which command.

The files in ``benchmarks/results`` are what the tables of ``docs/benchmarks.md`` are
made from. A file holds

    title     what was measured
    date      of the measurement, as 2026-11-30
    command   that measures it again, or a list of commands
    machine   processor, number of cores, compiler and versions
    repeats   number of rounds behind a median; null if there are none
    samples   optional: what medians and ranges are taken over, if not such rounds
    tables    {title: {row: {column: cell}}}; see `harness.tables` for cells
    records   optional: all figures of each program, with its settings
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import platform
import re
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from harness.tables import Table, as_text

BENCHMARKS = Path(__file__).parents[1]
RESULTS = BENCHMARKS / "results"
#: Packages whose versions are part of a result, where they are installed.
PACKAGES = ("numpy", "torch", "jax", "keras", "snntorch", "spyx", "norse")


def benchmark_parser(
    description: str | None, *, repeats: int | None = None, **sizes: int
) -> argparse.ArgumentParser:
    """Returns a parser with the arguments that benchmarks have in common.

    Args:
        description: docstring of the program; its first line is shown.
        repeats: default of ``--repeats``; None (default) for a program without it.
        **sizes: further integer arguments by name, with their defaults.
    """
    parser = argparse.ArgumentParser(description=(description or "").split("\n")[0])
    for name, default in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    if repeats is not None:
        parser.add_argument("--repeats", type=int, default=repeats, help="rounds")
    parser.add_argument(
        "--save",
        metavar="NAME",
        help="write the figures to benchmarks/results/NAME.json, or to a path",
    )
    return parser


def measurement(samples: Sequence[float]) -> dict[str, Any]:
    """Returns median, smallest and largest of some samples, and the samples."""
    return {
        "median": statistics.median(samples),
        "min": min(samples),
        "max": max(samples),
        "samples": list(samples),
    }


def machine() -> dict[str, Any]:
    """Returns the processor, the compiler and the versions of packages."""
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    names = re.findall(r"model name\s*: (.*)", text)
    compiler = os.environ.get("CXX", "g++")
    command = [compiler, "-dumpfullversion"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    described = {
        "processor": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "compiler": f"{compiler} {done.stdout.strip()}",
        "Python": platform.python_version(),
    }
    for package in PACKAGES:
        try:
            described[package] = version(package)
        except PackageNotFoundError:
            continue
    return described


def command_line() -> str:
    """Returns the command that started this program, without ``--save``."""
    words = iter(sys.argv[1:])
    arguments = []
    for word in words:
        if word == "--save":
            next(words, None)
        elif not word.startswith("--save="):
            arguments.append(f'"{word}"' if " " in word else word)
    program = Path(sys.argv[0]).resolve()
    if program.is_relative_to(BENCHMARKS):
        program = Path("benchmarks") / program.relative_to(BENCHMARKS)
    return " ".join(["python", str(program), *arguments])


def report(
    title: str,
    tables: Mapping[str, Table],
    args: argparse.Namespace,
    records: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Prints tables and the machine, and saves them if ``--save`` asks for it.

    Args:
        title: what was measured.
        tables: tables by their titles.
        args: arguments of `benchmark_parser`.
        records: further figures to save; none by default.
    """
    for name, table in tables.items():
        print(f"{name}:\n{as_text(table)}\n")
    described = machine()
    print("; ".join(f"{name}: {text}" for name, text in described.items()))
    if args.save is None:
        return
    result = {
        "title": title,
        "date": datetime.date.today().isoformat(),
        "command": command_line(),
        "machine": described,
        "repeats": getattr(args, "repeats", None),
        "tables": tables,
    }
    save(result | ({"records": records} if records else {}), args.save)


def save(result: Mapping[str, Any], name: str) -> None:
    """Writes a result; numbers that are not finite become null.

    Args:
        result: as described in the module's docstring.
        name: of the file in ``benchmarks/results``, or a path.
    """
    path = (RESULTS / name).with_suffix(".json")
    path.write_text(json.dumps(finite(result), indent=1, allow_nan=False) + "\n")


def finite(value: Any) -> Any:
    """Returns the value with None for numbers that are not finite."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
