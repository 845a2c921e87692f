"""Example scripts run with small settings, without the folder of data."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
QUICK = ("--epochs=1", "--examples=50", "--threads=1")
RUNS = [
    ("dvs_gesture.py",),
    ("evidence_accumulation.py", "--delay=50"),
    ("evidence_accumulation.py", "--rule=eprop", "--delay=50"),
    ("latency_mnist.py",),
    ("latency_mnist.py", "--rule=eprop"),
    ("latency_mnist.py", "--augment"),
    ("latency_mnist_deep_r.py",),
    ("mnist_conv.py",),
    ("nmnist.py",),
    ("shd.py",),
    ("shd_delay_shift_blend.py",),
    ("simple_mnist.py",),
    ("yin_yang.py",),
    ("yin_yang.py", "--delays"),
]
#: Examples with tests in other files or below.
TESTED_ELSEWHERE = {
    "convert_keras_cifar10.py",
    "convert_keras_imagenet.py",
    "convert_keras_mnist.py",
    "digits.py",
    "pattern_generation.py",
    "spoken_digits.py",
}


def run(*words: str, path: Path, status: int = 0) -> str:
    """Runs an example and returns its output."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / words[0]), *words[1:]],
        capture_output=True,
        text=True,
        check=False,
        cwd=path,
        env={**os.environ, "ML_GENN_SHARED": str(path), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == status, done.stderr[-2000:]
    return done.stdout + (done.stderr if status else "")


@pytest.mark.slow
@pytest.mark.parametrize("words", RUNS, ids=" ".join)
def test_examples_run(words: tuple[str, ...], tmp_path: Path) -> None:
    printed = run(*words, *QUICK, path=tmp_path)
    accuracy = re.search(r"Test accuracy: ([\d.]+) %", printed)
    assert accuracy is not None
    assert 0.0 <= float(accuracy[1]) <= 100.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "lowest"),
    [
        (("dvs_gesture.py", "--epochs=3"), 90.0),
        (("latency_mnist.py", "--rule=eventprop"), 85.0),
        (("nmnist.py", "--epochs=4"), 60.0),
    ],
)
def test_examples_learn(words: tuple[str, ...], lowest: float, tmp_path: Path) -> None:
    accuracy = re.search(r"Test accuracy: ([\d.]+) %", run(*words, path=tmp_path))
    assert accuracy is not None and float(accuracy[1]) >= lowest


@pytest.mark.slow
def test_a_deep_keras_model_is_converted(tmp_path: Path) -> None:
    pytest.importorskip("keras", reason="needs keras (extra 'tf')")
    small = ("--filters=2", "--epochs=1", "--examples=60", "--test=10")
    printed = run("convert_keras_cifar10.py", *small, path=tmp_path)
    ann, snn = map(float, re.findall(r"NN accuracy: ([\d.]+) %", printed))
    assert abs(ann - snn) <= 10.0
    assert "re_lu_18" in printed


@pytest.mark.slow
def test_a_keras_model_for_a_folder_of_pictures_is_converted(tmp_path: Path) -> None:
    pytest.importorskip("keras", reason="needs keras (extra 'tf')")
    imsave = pytest.importorskip("matplotlib.image", reason="needs matplotlib").imsave
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for picture in range(20):
            imsave(tmp_path / name / f"{picture}.png", rng.random((40, 60, 3)))
    small = (
        "--filters=2",
        "--size=32",
        "--epochs=0",
        "--norm=8",
        f"--dataset={tmp_path}",
    )
    printed = run("convert_keras_imagenet.py", *small, path=tmp_path)
    ann, snn = map(float, re.findall(r"NN accuracy: ([\d.]+) %", printed))
    assert abs(ann - snn) <= 12.5
    assert "re_lu_32" in printed


@pytest.mark.slow
def test_error_names_the_folder_of_pictures(tmp_path: Path) -> None:
    pytest.importorskip("keras", reason="needs keras (extra 'tf')")
    words = ("convert_keras_imagenet.py", "--dataset=missing")
    printed = run(*words, path=tmp_path, status=1)
    assert "Put them in missing/CLASS/PICTURE.jpg" in printed
    assert "Traceback" not in printed


def test_all_examples_are_tested_and_on_the_page() -> None:
    tested = {words[0] for words in RUNS} | TESTED_ELSEWHERE
    scripts = {path.name for path in EXAMPLES.glob("*.py")}
    assert tested == scripts
    page = (EXAMPLES.parent / "docs" / "examples.md").read_text()
    for name in scripts:
        assert f"`{name}" in page, name


@pytest.mark.parametrize(
    "name", ["dvs_gesture.py", "nmnist.py", "shd.py", "shd_delay_shift_blend.py"]
)
def test_error_of_a_download_names_files_and_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / "tonic.py").write_text(
        "class datasets:\n"
        "    def refuse(*_, **__):\n"
        "        raise OSError('no connection')\n"
        "    DVSGesture = NMNIST = SHD = refuse\n"
        "import sys\n"
        "sys.modules['tonic.datasets'] = datasets\n"
        "sys.modules['tonic.transforms'] = type('transforms', (), {\n"
        "    k: lambda *_, **__: 0 for k in ('Compose', 'CropTime', 'Downsample')})\n"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(
            [str(tmp_path), os.environ.get("PYTHONPATH", "")]
        ),
    }
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), "--dataset=here"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=environment,
    )
    assert done.returncode == 1
    assert "No download (no connection). Get " in done.stderr
    assert "put them in here/" in done.stderr
    assert "Traceback" not in done.stderr
