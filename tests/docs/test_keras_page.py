"""The script on the page for users of Keras runs as printed, and learns."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs.pages import DOCS, blocks, run


def test_the_script_of_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (script,) = blocks(DOCS / "keras.md")
    names = run(script, {})
    history, scores = names["history"], names["scores"]
    assert list(history.history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert scores["accuracy"] > 0.85
    assert {p.name for p in tmp_path.iterdir()} == {
        "best.safetensors",
        "model.safetensors",
    }
    x, y = names["x_test"], names["y_test"]
    again = names["model"].evaluate(x, y, verbose=0)
    assert abs(again["accuracy"] - scores["accuracy"]) < 0.1
    out, err = capsys.readouterr()
    assert "Test accuracy: " in out
    lines = err.splitlines()
    assert re.match(r"Epoch 1/20 - .* - val_accuracy 0\.\d{4}$", lines[0])
    assert len([line for line in lines if " - loss " in line]) == len(history.epoch)
