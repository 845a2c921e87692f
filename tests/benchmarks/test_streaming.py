"""Training on a stream of spikes takes memory that does not grow with the stream."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "streaming.py"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read as on Linux")
def test_memory_of_a_stream_of_200_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    command = [sys.executable, str(BENCHMARK), "--megabytes=200", f"--save={path}"]
    subprocess.run(command, check=True, capture_output=True)
    memory = json.loads(path.read_text())["tables"]["Memory"]
    assert memory["spikes"]["MB"] >= 200
    assert memory["growth after 20 batches"]["MB"] < 10
    peak, before = memory["peak of the process"], memory["peak before training"]
    assert peak["MB"] - before["MB"] < 50
