"""Networks with learned delays are more accurate than those with fixed ones."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from statistics import mean

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "accuracy" / "delays.py"

pytestmark = pytest.mark.slow


def test_learned_delays_are_more_accurate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])  # the program adds its folder
    accuracy = runpy.run_path(str(BENCHMARK))["accuracy"]
    fixed, learned = (
        mean(accuracy(learned, seed, epochs=25) for seed in (1, 2))
        for learned in (False, True)
    )
    assert learned > fixed + 0.02
    assert learned > 0.9
