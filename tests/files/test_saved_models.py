"""Saving that fails or is killed leaves the former files, or the new ones."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine.processes import environment, finish, start
from saving.saved_nets import arrays_of, assert_equal, make, train

import ml_genn
from ml_genn.errors import FileError
from ml_genn.serialisers import Numpy, Safetensors
from ml_genn.utils.files import groups


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def versions() -> tuple[Any, Any]:
    """Two snapshots of a network, after one epoch and after two."""
    compiled = make("plain").compile()
    train(compiled, 1)
    first = compiled.snapshot()
    train(compiled, 1, 1)
    return first, compiled.snapshot()


def _same(loaded: Any, saved: Any) -> bool:
    return all(np.array_equal(loaded.arrays[k], a) for k, a in saved.arrays.items())


@pytest.mark.parametrize("kind", [Numpy, Safetensors])
def test_a_full_disk_leaves_the_former_checkpoint(
    kind: Any, versions: tuple[Any, Any], tmp_path: Path
) -> None:
    serialiser = kind(tmp_path)
    serialiser.save((1,), versions[0])
    names = _names(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, limits[1]))
    try:
        with pytest.raises(FileError, match="File too large"):
            serialiser.save((1,), versions[1])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert _names(tmp_path) == names
    assert _same(serialiser.load((1,)), versions[0])


def test_a_full_disk_leaves_the_former_model(tmp_path: Path) -> None:
    compiled = make("plain").compile()
    ml_genn.save_model(compiled, tmp_path / "x")
    content = (tmp_path / "x").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, limits[1]))
    try:
        with pytest.raises(FileError, match="File too large"):
            ml_genn.save_model(compiled, tmp_path / "x")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert _names(tmp_path) == ["x"]
    assert (tmp_path / "x").read_bytes() == content


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("moment", range(6))
def test_a_checkpoint_of_several_files_is_replaced_as_a_whole(
    moment: int,
    versions: tuple[Any, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A process is killed after any number of files took their places."""
    serialiser = Numpy(tmp_path)
    serialiser.save((1,), versions[0])
    names = _names(tmp_path)
    usual, moves = os.replace, iter(range(1000))

    def replace(source: Path, target: Path) -> None:
        if target.parent == tmp_path and next(moves) == moment:
            raise Killed
        usual(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        with pytest.raises(Killed):
            serialiser.save((1,), versions[1])
    assert len(_names(tmp_path)) > len(names)
    assert serialiser.epochs() == [1]
    assert _same(serialiser.load((1,)), versions[1])
    assert _names(tmp_path) == names


def test_a_group_of_files_waits_for_a_former_one(tmp_path: Path) -> None:
    """The former one was complete when its process was killed."""
    for content in ("first", "second"):
        with groups.replaced_together(tmp_path, "group") as scratch:
            (scratch / "a").write_text(content)
            (scratch / content).write_text(content)
    assert _names(tmp_path) == ["a", "first", "second"]
    assert (tmp_path / "a").read_text() == "second"


def test_an_error_in_a_group_of_files_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("former")
    with pytest.raises(KeyError), groups.replaced_together(tmp_path, "x") as new:
        (new / "a").write_text("new")
        raise KeyError
    assert _names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "former"


#: Saves a model to one file, and a checkpoint to one name, again and again.
SAVER = """
import sys
from saving.saved_nets import make, train
import ml_genn
from ml_genn.serialisers import Numpy
folder, times = sys.argv[1], int(sys.argv[2])
compiled = make("plain").compile()
compiled.model
print("ready", flush=True)
sys.stdin.readline()
for epoch in range(times):
    ml_genn.save_model(compiled, folder + "/model")
    compiled.save((1,), Numpy(folder + "/arrays"))
print("saved")
"""


def _start_saver(folder: Path, times: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", SAVER, str(folder), str(times)],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_two_processes_save_to_one_path(tmp_path: Path) -> None:
    savers = [_start_saver(tmp_path, 12) for _ in range(2)]
    for saver in savers:
        assert saver.stdin is not None
        saver.stdin.write("\n")
        saver.stdin.flush()
    for saver in savers:
        printed, errors = saver.communicate(timeout=60)
        assert printed == "saved\n", errors
    assert _names(tmp_path) == ["arrays", "model"]
    compiled = make("plain").compile()
    assert_equal(ml_genn.load_model(tmp_path / "model"), compiled)
    assert _same(Numpy(tmp_path / "arrays").load((1,)), compiled.snapshot())
    assert not list((tmp_path / "arrays").glob(".*"))


def _killed_while_saving(folder: Path, delay: float) -> None:
    saver = _start_saver(folder, 10_000)
    assert saver.stdin is not None
    saver.stdin.write("\n")
    saver.stdin.flush()
    try:
        saver.wait(timeout=delay)
    except subprocess.TimeoutExpired:
        saver.send_signal(signal.SIGKILL)
    saver.communicate()


@pytest.mark.parametrize(
    "kills", [2, pytest.param(20, marks=pytest.mark.slow)], ids="kills={}".format
)
def test_saving_that_is_killed_leaves_whole_files(kills: int, tmp_path: Path) -> None:
    rng, compiled = np.random.default_rng(0), make("plain").compile()
    ml_genn.save_model(compiled, tmp_path / "model")
    compiled.save((1,), Numpy(tmp_path / "arrays"))
    for _ in range(kills):
        _killed_while_saving(tmp_path, rng.uniform(0, 0.2))
        assert_equal(ml_genn.load_model(tmp_path / "model"), compiled)
        assert _same(Numpy(tmp_path / "arrays").load((1,)), compiled.snapshot())
    saver = _start_saver(tmp_path, 1)
    saver.communicate("\n", timeout=60)
    assert _names(tmp_path) == ["arrays", "model"]
    assert not list((tmp_path / "arrays").glob(".*"))


#: Trains and saves a network whose names need UTF-8.
LOCALE_SCRIPT = """
import numpy as np, ml_genn, sys
from pathlib import Path
from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.callbacks import Checkpoint, CSVLogger
from ml_genn.compilers import EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.neurons import LeakyIntegrate
from ml_genn.serialisers import Numpy
folder = Path({folder!a})
with SequentialNetwork() as network:
    InputLayer("spike_input", 3, name="größe")
    Layer(Dense(1.0), LeakyIntegrate(readout="avg_var"), 2, name="文")
compiler = EventPropCompiler(5, "mean_square_error", num_threads=1)
compiled = compiler.compile(network)
callbacks = [Checkpoint(Numpy(folder / "ä")), CSVLogger(folder / "ä" / "log.csv")]
x, y = np.ones((2, 5, 3), bool), np.ones((2, 2))
compiled.train(x, y, metrics="mean_square_error", callbacks=callbacks)
compiled.resume(Numpy(folder / "ä"))
ml_genn.save_model(compiled, folder / "文")
print(ascii([p.name for p in ml_genn.load_model(folder / "文").network.populations]))
"""


def test_names_in_a_locale_without_their_letters(tmp_path: Path) -> None:
    """Files written there are in UTF-8, and no encoding is left to the locale."""
    options = {
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONWARNDEFAULTENCODING": "1",
        "PYTHONWARNINGS": "error::EncodingWarning",
    }
    script = tmp_path / "script.py"
    script.write_text(LOCALE_SCRIPT.format(folder=str(tmp_path)), "utf-8")
    run = f"import runpy; runpy.run_path({str(script)!r})"
    printed = finish(start(run, **options))
    assert printed == ascii(["größe", "文"])
    loaded = ml_genn.load_model(tmp_path / "文")
    arrays = Numpy(tmp_path / "ä").load((0,)).arrays
    assert {key: a.shape for key, a in arrays.items()} == {
        key: a.shape for key, a in arrays_of(loaded).items()
    }
