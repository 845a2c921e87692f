"""The README's code runs, each block in a process of its own, and prints its output."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from engine.processes import environment

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

README = (Path(__file__).parents[2] / "README.md").read_text()
MAX_LINES = 25
#: Block of Python, and the block of its output if one follows.
BLOCK = re.compile(r"```python\n(.*?)```\n(?:\n```\n(.*?)```)?", flags=re.DOTALL)
#: File that each block writes.
FILES = ("learning_curve.png", "sweeps.safetensors", "spikes.png")


def run(code: str, folder: Path) -> str:
    """Runs a block in a process of its own and returns its output."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        env=environment(MPLBACKEND="Agg"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def without_numbers(text: str) -> str:
    """Returns a text with its numbers replaced."""
    return re.sub(r"[\d.]+", "#", text)


def test_the_example_is_short() -> None:
    code, _ = BLOCK.findall(README)[0]
    assert len(code.splitlines()) <= MAX_LINES


def test_blocks_run_in_order_and_print_their_output(tmp_path: Path) -> None:
    blocks = BLOCK.findall(README)
    assert len(blocks) == len(FILES)
    for (code, expected), file in zip(blocks, FILES, strict=True):
        printed = run(code, tmp_path)
        assert expected and without_numbers(printed) == without_numbers(expected)
        for documented, measured in zip(
            re.findall(r"[\d.]+ %", expected),
            re.findall(r"[\d.]+ %", printed),
            strict=True,
        ):
            accuracy = float(documented[:-2])
            assert float(measured[:-2]) == pytest.approx(accuracy, abs=4.0)
        assert (tmp_path / file).stat().st_size > 1000
