"""Files are written as a whole, by one process at a time, and leave nothing behind."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from engine.processes import environment

from ml_genn import Network, load_model, save_model
from ml_genn.callbacks import CSVLogger
from ml_genn.errors import CheckpointError, FileError, ValidationError
from ml_genn.serialisers import Numpy, Safetensors
from ml_genn.utils.files import file_name, write_atomically, writing


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@contextmanager
def _largest_file(size: int) -> Iterator[None]:
    """Files of this process cannot be larger, as on a disk that is full."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_new_files_have_the_usual_permissions(tmp_path: Path) -> None:
    for mask, mode in ((0o022, 0o644), (0o077, 0o600), (0o002, 0o664)):
        usual = os.umask(mask)
        try:
            write_atomically(tmp_path / "x", b"content")
        finally:
            os.umask(usual)
        assert (tmp_path / "x").stat().st_mode & 0o777 == mode
    assert _names(tmp_path) == ["x"]


def test_links_are_replaced_and_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / "x").symlink_to(victim)
    write_atomically(tmp_path / "x", b"content")
    assert victim.read_bytes() == b"precious"
    assert not (tmp_path / "x").is_symlink()
    assert (tmp_path / "x").read_bytes() == b"content"


def test_a_scratch_name_that_exists_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if it is a link that somebody made beforehand."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    monkeypatch.setattr(writing.os, "urandom", lambda size: b"guessed!")
    name = f".ml_genn-{b'guessed!'.hex()}.part"
    (tmp_path / name).symlink_to(victim)
    with pytest.raises(FileError, match="File exists"):
        write_atomically(tmp_path / "x", b"content")
    assert victim.read_bytes() == b"precious"


OBSTACLES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a folder": (
        lambda path: path.mkdir(),
        "Is a directory. Add the name of a file to it.",
    ),
    "a file as folder": (
        lambda path: path.parent.rmdir() or path.parent.write_bytes(b""),
        "(File exists|Not a directory). Use another path.",
    ),
    "a name that is too long": (lambda path: None, "long. Use a shorter name."),
}


@pytest.mark.parametrize("case", OBSTACLES)
def test_paths_that_cannot_be_written(case: str, tmp_path: Path) -> None:
    make, message = OBSTACLES[case]
    path = tmp_path / "folder" / ("x" * (256 if "long" in case else 1))
    path.parent.mkdir()
    make(path)
    with pytest.raises(FileError, match=message):
        write_atomically(path, b"content")
    assert not list(tmp_path.glob("**/.*"))


def test_special_files_are_not_replaced(tmp_path: Path) -> None:
    """A pipe and a socket stand for devices such as /dev/null."""
    pipe, name = tmp_path / "pipe", tmp_path / "socket"
    os.mkfifo(pipe)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(name))
        for path in (pipe, name):
            with pytest.raises(FileError, match="a device, a pipe or a socket"):
                write_atomically(path, b"content")
    assert pipe.is_fifo() and name.is_socket()
    assert _names(tmp_path) == ["pipe", "socket"]


@pytest.mark.parametrize("path", ["a\0b", 3, b"bytes", "~nobody-of-this-name/x", ""])
def test_what_is_no_path(path: object) -> None:
    """An empty text is mostly a variable that nobody set."""
    for kind in (Numpy, Safetensors):
        with pytest.raises(ValidationError, match=f"{kind.__name__}: path"):
            kind(path)  # type: ignore[arg-type]
    for use in (lambda: save_model(Network(), path), lambda: load_model(path)):  # type: ignore[arg-type]
        with pytest.raises(ValidationError, match="_model: path"):
            use()


def test_folders_are_no_model_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in (".", tmp_path):
        with pytest.raises(CheckpointError, match="no such file, but a folder"):
            load_model(folder)
        with pytest.raises(FileError, match="Add the name of a file to it"):
            save_model(Network(), folder)
    assert _names(tmp_path) == []


def test_the_current_folder_has_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Numpy().serialise(("x",), np.ones(1))
    Numpy(".").serialise(("y",), np.ones(1))
    assert _names(tmp_path) == ["x.npy", "y.npy"]


def test_a_full_disk_leaves_the_former_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_atomically(path, b"former")
    too_large = "File too large. Use another path."
    with _largest_file(4096), pytest.raises(FileError, match=too_large):
        write_atomically(path, bytes(10_000))
    assert path.read_bytes() == b"former"
    assert _names(tmp_path) == ["x"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_other_errors_of_the_system_leave_the_former_file(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    write_atomically(path, b"former")

    def refuse(*arguments: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, step, refuse)
        with pytest.raises(FileError, match="Input/output error") as caught:
            write_atomically(path, b"new")
    assert isinstance(caught.value, OSError)
    assert path.read_bytes() == b"former"
    assert _names(tmp_path) == ["x"]


#: Writes one of two contents to one file, again and again, and reads it in between.
WRITER = """
import sys
from pathlib import Path
from ml_genn.utils.files import write_atomically
path, letter = Path(sys.argv[1]), sys.argv[2].encode()
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[3])):
    write_atomically(path, letter * 50_000)
    content = path.read_bytes()
    assert len(content) == 50_000 and len(set(content)) == 1
"""


def _start_writer(path: Path, letter: str, times: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), letter, str(times)],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def test_two_processes_write_one_file(tmp_path: Path) -> None:
    """Nobody fails, and readers always see one of the contents."""
    writers = [_start_writer(tmp_path / "x", letter, 100) for letter in "ab"]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(b"\n")
        writer.stdin.flush()
    for writer in writers:
        _, errors = writer.communicate(timeout=60)
        assert writer.returncode == 0, errors
    assert _names(tmp_path) == ["x"]


def test_scratch_files_of_killed_writers_are_removed(tmp_path: Path) -> None:
    """By the next process that writes there; those of running writers stay."""
    path = tmp_path / "x"
    path.write_bytes(b"a" * 50_000)
    for _ in range(3):
        writer = _start_writer(path, "a", 100_000)
        assert writer.stdin is not None
        writer.stdin.write(b"\n")
        writer.stdin.flush()
        while not list(tmp_path.glob(".ml_genn-*.part")):
            pass
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        assert path.read_bytes() == b"a" * 50_000
    writing._remove_abandoned.cache_clear()
    with writing.scratch_folder(tmp_path) as running:
        writing._remove_abandoned.cache_clear()
        write_atomically(path, b"new")
        assert _names(tmp_path) == sorted([running.name, "x"])
    assert _names(tmp_path) == ["x"]


@pytest.mark.parametrize("name", ["n" * 250, "ü" * 200, "a-" * 140], ids=len)
@pytest.mark.parametrize("kind", [Numpy, Safetensors])
def test_long_names(kind: type[Numpy | Safetensors], name: str, tmp_path: Path) -> None:
    """File systems have names of at most 255 bytes."""
    serialiser = kind(tmp_path)
    for k, ending in enumerate(("a", "b")):
        serialiser.serialise((9, name, ending), np.full(3, k))
    for k, ending in enumerate(("a", "b")):
        read = serialiser.deserialise((9, name, ending))
        np.testing.assert_array_equal(read, np.full(3, k))
    assert len(_names(tmp_path)) == 2


def test_names_that_fit_are_not_changed() -> None:
    assert file_name((9, "hidden", "g"), ".npy") == "9-hidden-g.npy"
    assert file_name(("n" * 251,), ".npy") == f"{'n' * 251}.npy"
    assert len(file_name(("n" * 252,), ".npy")) == 255


def test_home_folders_in_names_of_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    Numpy("~/arrays").serialise(("x",), np.ones(2))
    assert (tmp_path / "arrays" / "x.npy").exists()


def test_csv_files_are_tested_before_training(tmp_path: Path) -> None:
    """Their folders are made, and a file that cannot be written is an error then."""
    logger = CSVLogger(tmp_path / "new" / "ü" / "log.csv")
    logger.on_train_begin()
    logger.on_epoch_logs(0, {"größe": 1.5})
    text = (tmp_path / "new" / "ü" / "log.csv").read_bytes().decode("utf-8")
    assert text.split() == ["epoch,größe", "1,1.5"]
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FileError, match="cannot be written"):
        CSVLogger(tmp_path / "file" / "log.csv").on_train_begin()
    with pytest.raises(FileError, match="Is a directory"):
        CSVLogger(tmp_path).on_train_begin()
