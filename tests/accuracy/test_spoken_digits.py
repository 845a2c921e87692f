"""Each learning rule tells spoken digits apart, in fewer epochs than the example's."""

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
    ("rule", "epochs", "bar"),
    [("eventprop", 20, 85.0), ("bptt", 20, 92.0), ("eprop", 20, 90.0)],
)
def test_spoken_digits(rule: str, epochs: int, bar: float) -> None:
    if not DATA.exists():
        pytest.skip(f"needs {DATA.name} in the folder of shared data")
    done = subprocess.run(
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
    found = re.search(r"Test accuracy: ([\d.]+) %", done.stdout)
    assert found is not None and float(found.group(1)) >= bar
    assert "SparseCategoricalAccuracy" in done.stderr
