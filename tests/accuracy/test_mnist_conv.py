"""Minimum accuracy of the convolutional example."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("ML_GENN_SHARED", ROOT.parent / "shared"))
DATA = SHARED / "data" / "mnist10k.npz"

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("rule", ["eventprop", "bptt"])
def test_mnist_conv(rule: str) -> None:
    if not DATA.exists():
        pytest.skip(f"needs {DATA.name} in the folder of shared data")
    example = ROOT / "examples" / "mnist_conv.py"
    result = subprocess.run(
        [sys.executable, str(example), f"--rule={rule}"],
        capture_output=True,
        text=True,
        check=True,
    )
    match = re.search(r"Test accuracy: ([\d.]+) %", result.stdout)
    assert match is not None and float(match.group(1)) >= 95.0
    assert " - accuracy 0." in result.stderr
    counts = [line.split()[-2:] for line in result.stdout.splitlines() if "->" in line]
    assert counts[1:] == [["400", "57,600"], ["23,040", "23,040"]]
