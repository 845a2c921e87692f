"""Converted Keras models reach the accuracy of the ANN."""

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
    """Few-spike codes lose at most 0.3 percentage points, rate codes 1."""
    if not DATA.exists():
        pytest.skip(f"needs {DATA.name} in the folder of shared data")
    example = ROOT / "examples" / "convert_keras_mnist.py"
    command = [sys.executable, str(example), "--test=1000"]
    command += ["--converter=few-spike", "--converter=data-norm"]
    command += ["--epochs=2", "--timesteps=200"]
    threads = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    result = subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ | threads
    )
    ann, few_spike, second_ann, data_norm = map(
        float, re.findall(r"NN accuracy: ([\d.]+) %", result.stdout)
    )
    assert ann == second_ann > 90.0
    assert ann - few_spike <= 0.3
    assert ann - data_norm <= 1.0
