"""Minimum accuracies of each learning rule on spoken digits."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("ML_GENN_SHARED", ROOT.parent / "shared"))
DATA = SHARED / "data" / "spoken_digits_spikes.npz"

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("rule", "epochs", "minimum"),
    [("eventprop", 20, 85.0), ("bptt", 20, 92.0), ("eprop", 20, 90.0)],
)
def test_spoken_digits(rule: str, epochs: int, minimum: float) -> None:
    if not DATA.exists():
        pytest.skip(f"needs {DATA.name} in the folder of shared data")
    result = subprocess.run(
        [
            sys.executable,
            str(ROOT / "examples" / "spoken_digits.py"),
            f"--rule={rule}",
            f"--epochs={epochs}",
            f"--data={DATA}",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    match = re.search(r"Test accuracy: ([\d.]+) %", result.stdout)
    assert match is not None and float(match.group(1)) >= minimum
    assert " - accuracy 0." in result.stderr
