"""The program for a machine with a GPU says what it lacks, and keeps to its limits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "harness" / "gpu_day.py"


@pytest.fixture
def gpu_day(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(PROGRAM.parent))
    import gpu_day

    return gpu_day


def add_program(folder: Path, text: str) -> None:
    """Writes a program ``nvidia-smi`` that prints a text."""
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\necho '{text}'\n")
    program.chmod(0o755)


def test_without_a_gpu_it_says_so_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(PROGRAM)],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "needs an NVIDIA GPU" in line


@pytest.mark.parametrize("version", [12, 13])
def test_missing_packages_are_named(
    version: int, gpu_day: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_program(tmp_path, f"Driver Version: 580.1  CUDA Version: {version}.0")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(gpu_day, "is_installed", lambda name: name == "numpy")
    message = gpu_day.missing_parts()
    assert "sympy, pycparser, pytest, " in message
    assert f"cupy-cuda{version}x" in message
    assert f"'.[test,cuda{version}]'" in message
    monkeypatch.setattr(gpu_day, "is_installed", lambda name: True)
    assert gpu_day.missing_parts() is None


@pytest.mark.parametrize(
    ("code", "seconds", "ends_well"),
    [
        ("print('first')", 30.0, True),
        ("print('first'); raise SystemExit(3)", 30.0, False),
        ("print('first'); import time; time.sleep(60)", 1.0, False),
    ],
)
def test_a_part_keeps_its_limit_and_its_log(
    code: str, seconds: float, ends_well: bool, gpu_day: Any, tmp_path: Path
) -> None:
    part = gpu_day.Part("part", ["-c", code], tmp_path / "log", seconds)
    assert gpu_day.succeeds(part) is ends_well
    assert part.log.read_text() == "first\n"
