"""The error of the pattern-generation example falls by more than 95 %."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "pattern_generation.py"


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["eprop", "eventprop"])
def test_error_falls(rule: str, tmp_path: Path) -> None:
    picture = tmp_path / "pattern.png"
    result = subprocess.run(
        [
            sys.executable,
            str(EXAMPLE),
            f"--rule={rule}",
            "--epochs=800",
            f"--picture={picture}",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    match = re.search(r"It fell by ([\d.]+) %", result.stdout)
    assert match is not None and float(match.group(1)) > 95.0
    assert picture.stat().st_size > 10_000
