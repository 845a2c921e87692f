"""The report of ``python -m ml_genn``, and the names that ``dir`` lists."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import ml_genn
import ml_genn.__main__ as report
from ml_genn import neurons
from ml_genn.errors import MlGennError


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ML_GENN_CACHE", str(tmp_path))
    return tmp_path


def test_the_command_reports_and_tests(cache: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ml_genn"], capture_output=True, text=True, check=False
    )
    lines = {line[:15].strip(): line[16:] for line in done.stdout.splitlines()}
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(lines) == [
        "ml_genn",
        "compiler",
        "cores",
        "cache",
        "backend cpu",
        "backend cuda",
        "backend pygenn",
        "self-test",
    ]
    assert lines["ml_genn"].startswith(ml_genn.__version__)
    assert str(cache) in lines["cache"]
    assert lines["backend cpu"] == "available"
    assert lines["self-test"].startswith("passed in ")


def test_backends_say_why_they_are_not_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], cache: Path
) -> None:
    for module in ("cupy", "pygenn"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert report.main(["--no-test"]) == 1
    text = capsys.readouterr().out
    assert "compiler        not available: The compiler named by CXX" in text
    assert "backend cpu     not available: no compiler" in text
    assert "backend cuda    not available: backend='cuda' needs CuPy" in text
    assert "backend pygenn  not available: backend 'pygenn' needs PyGeNN 5" in text


def test_clearing_the_cache_leaves_other_files(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "0" * 32
    for own in (f"{name}.cpp", f"{name}-ab12.so", f"{name}.built", f"{name}.derived"):
        (cache / own).write_bytes(bytes(500_000))
    (cache / "thesis.cpp").write_text("mine")
    assert report.main(["--clear-cache"]) == 0
    assert f"Deleted 4 files (2.0 MB) from {cache}." in capsys.readouterr().out
    assert [path.name for path in cache.iterdir()] == ["thesis.cpp"]


def test_a_wrong_gradient_fails_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "_gradient_error", lambda *_: 0.5)
    monkeypatch.setattr(report, "EPOCHS", 1)
    with pytest.raises(MlGennError, match=r"error of a gradient 5.0e-01.*Clear"):
        report.self_test()


def test_dir_lists_public_names() -> None:
    assert not [name for name in dir(ml_genn) if name.startswith("_")]
    assert {"Network", "plot", "load_model", "sklearn"} <= {*dir(ml_genn)}
    assert not {"Any", "import_module", "network", "errors"} & {*dir(ml_genn)}
    assert dir(neurons) == sorted(neurons.__all__)
