"""A stream of spikes trains in memory that does not grow with it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "streaming.py"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read as on Linux")
def test_200_megabytes_of_spikes(tmp_path: Path) -> None:
    """Of which training keeps next to nothing, in a process of its own."""
    written = tmp_path / "figures.json"
    command = [sys.executable, str(BENCHMARK), "--megabytes=200", f"--json={written}"]
    subprocess.run(command, check=True, capture_output=True)
    found = json.loads(written.read_text())["training on a stream of spikes"][
        "EventProp"
    ]
    assert found["spikes [MB]"] >= 200
    assert found["growth after the first batches [MB]"] < 10
    assert found["peak [MB]"] - found["before training [MB]"] < 50
