"""Tests of the CUDA engine and a short benchmark, within 8 minutes on one GPU.

Every part has a time limit of its own. Results are written while they are measured: the
log of the tests after every test, the figures after every row of the benchmark.

Exit codes: 0 if all parts ended well, 1 if a test or the benchmark failed or ran out of
time, 2 if the GPU or a package is missing.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[2]
RESULTS = PROJECT / "benchmarks" / "results"
MISSING = 2  #: exit code if the GPU or a package is missing
#: {module: package on the package index} of what the tests and ml_genn import.
REQUIRED = {
    "numpy": "numpy",
    "sympy": "sympy",
    "pycparser": "pycparser",
    "pytest": "pytest",
}
#: The same of other frameworks; those that are missing are left out.
FRAMEWORKS = {"torch": "torch", "jax": "jax", "spyx": "spyx"}


@dataclass(frozen=True)
class Part:
    """Program that runs under a time limit.

    Args:
        name: its name in messages.
        command: arguments of the Python interpreter.
        log: file for its output.
        seconds: time limit.
    """

    name: str
    command: Sequence[str]
    log: Path
    seconds: float


def parse_arguments() -> argparse.Namespace:
    """Returns the arguments of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of results")
    parser.add_argument("--test-seconds", type=float, default=150.0)
    parser.add_argument("--benchmark-seconds", type=float, default=300.0)
    return parser.parse_args()


def cuda_version() -> int | None:
    """Returns the major version of CUDA of the driver; None without a GPU."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    match = re.search(r"CUDA Version: (\d+)", done.stdout)
    return int(match[1]) if done.returncode == 0 and match else None


def is_installed(module: str) -> bool:
    """True if a module can be found; it is not imported."""
    return importlib.util.find_spec(module) is not None


def missing_parts() -> str | None:
    """Returns what is missing and how to get it, in one line; None if all is there."""
    version = cuda_version()
    if version is None:
        return "it needs an NVIDIA GPU; nvidia-smi is missing, or shows none."
    missing = [p for module, p in REQUIRED.items() if not is_installed(module)]
    if not is_installed("cupy"):
        missing.append(f"cupy-cuda{version}x")
    if not missing:
        return None
    return (
        f"{sys.executable} lacks {', '.join(missing)}. Install them: "
        f"pip install -e '.[test,cuda{version}]'."
    )


def parts(args: argparse.Namespace) -> list[Part]:
    """Returns the tests and the benchmark."""
    tests = ["-m", "pytest", "tests/device/test_gpu.py", "-v", "-p", "no:cacheprovider"]
    limit = args.benchmark_seconds
    benchmark = ["benchmarks/gpu.py", "--repeats", "5", "--time-limit", str(limit - 15)]
    saved = ["--save", str(args.out / "gpu.json")]
    return [
        Part("tests", tests, args.out / "gpu_tests.log", args.test_seconds),
        Part("benchmark", [*benchmark, *saved], args.out / "gpu_benchmark.log", limit),
    ]


def succeeds(part: Part) -> bool:
    """Runs a part, and prints how it ended; returns True if it ended well in time."""
    print(f"{part.name}: at most {part.seconds:.0f} s, log in {part.log}", flush=True)
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1"}
    with part.log.open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, *part.command],
            cwd=PROJECT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            code = process.wait(part.seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            print(f"{part.name}: stopped after {part.seconds:.0f} s")
            return False
    last = part.log.read_text(encoding="utf-8", errors="replace").splitlines()[-1:]
    print(f"{part.name}: {'done' if code == 0 else f'exit code {code}'}", *last)
    return code == 0


def main() -> None:
    """Runs all parts."""
    args = parse_arguments()
    if missing := missing_parts():
        print(f"make gpu: {missing}", file=sys.stderr)
        raise SystemExit(MISSING)
    left_out = [p for module, p in FRAMEWORKS.items() if not is_installed(module)]
    if left_out:
        print(f"Not compared, since they are not installed: {', '.join(left_out)}.")
    args.out = args.out.resolve()
    args.out.mkdir(parents=True, exist_ok=True)
    ended_well = [succeeds(part) for part in parts(args)]
    raise SystemExit(0 if all(ended_well) else 1)


if __name__ == "__main__":
    main()
