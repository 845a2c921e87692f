"""The example that converts Keras models reaches their accuracy."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("keras", reason="needs keras (extra 'tf')")
ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("ML_GENN_SHARED", ROOT.parent / "shared"))
DATA = SHARED / "data" / "mnist10k.npz"

pytestmark = pytest.mark.slow


def test_conversion() -> None:
    """Few-spike codes lose at most 0.3 points, rates (with 500 digits) 1."""
    if not DATA.exists():
        pytest.skip(f"needs {DATA.name} in the folder of shared data")
    example = ROOT / "examples" / "convert_keras_mnist.py"
    losses = {}
    for converter, count, steps in (("few-spike", 2000, 0), ("data-norm", 500, 300)):
        command = [sys.executable, str(example), f"--converter={converter}"]
        command += [f"--test={count}", "--epochs=2"]
        command += [f"--timesteps={steps}"] if steps else []
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        ann, snn = map(float, re.findall(r"NN accuracy: ([\d.]+) %", done.stdout))
        assert ann > 90.0
        losses[converter] = ann - snn
    assert losses["few-spike"] <= 0.3
    assert losses["data-norm"] <= 1.0
