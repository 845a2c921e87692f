"""Python processes that import ml_genn as this one does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import ml_genn


def environment(**changes: str) -> dict[str, str]:
    """This process's environment, with ml_genn and these tests importable."""
    paths = [Path(ml_genn.__file__).parents[1], Path(__file__).parents[1]]
    path = os.pathsep.join([*map(str, paths), *filter(None, sys.path)])
    return {**os.environ, "PYTHONPATH": path, **changes}


def start(script: str, **changes: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script],
        env=environment(**changes),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    """Output of a process, which has to end without an error."""
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return output.strip()
