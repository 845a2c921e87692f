"""The folder of built models: which one is used, and what is done where it fails."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from engine.processes import environment
from engine.small_networks import Chain

from ml_genn.backends.cpu import toolchain
from ml_genn.backends.host import cache
from ml_genn.errors import BuildError, FileError

#: Prints the cache folder.
FOLDER_SCRIPT = """
import warnings
warnings.simplefilter("always")
from ml_genn.backends.host.cache import cache_folder
print(cache_folder())
"""
#: Builds a network first.
SCRIPT = """
import warnings
warnings.simplefilter("always")
from engine.small_networks import Chain
from ml_genn.backends.host.cache import cache_folder
chain = Chain()
chain.predict(chain.compile(num_threads=1))
print(cache_folder())
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of temporary files of its own; no folder was refused so far."""
    folder = tmp_path / "temporary"
    folder.mkdir(mode=0o700)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(cache, "_unusable", {})
    cache._private_folder.cache_clear()
    return folder


Choose = Callable[[Path], None]


@pytest.fixture
def choose(monkeypatch: pytest.MonkeyPatch) -> Choose:
    """Makes a folder the one that the user chose."""
    return lambda folder: monkeypatch.setenv("ML_GENN_CACHE", str(folder))


def _in_the_way(folder: Path) -> None:
    folder.write_text("a file")


def _dangling(folder: Path) -> None:
    folder.symlink_to(folder.with_name("nowhere"))


def _writable_by_all(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)


def _of_another_user(folder: Path) -> None:
    folder.mkdir()
    os.chown(folder, 12345, -1)


def _unreadable(folder: Path) -> None:
    folder.with_name("read-only").mkdir(mode=0o500)
    folder.symlink_to(folder.with_name("read-only") / "missing" / "folder")


OBSTACLES = {
    "a file": (_in_the_way, "file exists"),
    "a dangling link": (_dangling, "file exists"),
    "writable by all": (_writable_by_all, "other users may write to it"),
    "of another user": (_of_another_user, "it belongs to another user"),
    "a link into a read-only folder": (_unreadable, "file exists"),
}


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_an_unusable_folder_is_replaced_and_reported_once(
    obstacle: str, tmp_path: Path, temporary: Path, choose: Choose
) -> None:
    make, reason = OBSTACLES[obstacle]
    if make is _of_another_user and os.getuid() != 0:
        pytest.skip("only root can make folders of other users")
    make(tmp_path / "chosen")
    choose(tmp_path / "chosen")
    with pytest.warns(UserWarning, match=f"(?i)chosen' .{reason}") as caught:
        folder = cache.cache_folder()
        assert cache.cache_folder() == folder
    assert len(caught) == 1
    assert folder == temporary / f"ml_genn-{os.getuid()}"
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_an_unusable_fallback_is_replaced_by_a_private_folder(
    obstacle: str, tmp_path: Path, temporary: Path, choose: Choose
) -> None:
    """Anybody may have made the fallback, since its name can be guessed."""
    make, reason = OBSTACLES[obstacle]
    if make is _of_another_user and os.getuid() != 0:
        pytest.skip("only root can make folders of other users")
    choose(tmp_path / "chosen")
    cache._unusable[tmp_path / "chosen"] = "refused before"
    make(temporary / f"ml_genn-{os.getuid()}")
    with pytest.warns(UserWarning, match=f"(?i)ml_genn-[0-9]+' .{reason}"):
        folder = cache.cache_folder()
    assert folder.parent == temporary
    assert folder.stat().st_mode & 0o777 == 0o700
    assert not list(folder.iterdir())


def test_a_link_that_somebody_else_may_have_made_is_not_followed(
    tmp_path: Path, temporary: Path, choose: Choose
) -> None:
    """One in a folder of the user's own is."""
    (tmp_path / "own").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "own")
    choose(tmp_path / "link")
    assert cache.cache_folder() == tmp_path / "link"
    public = tmp_path / "public"
    public.mkdir()
    public.chmod(0o1777)
    (public / "link").symlink_to(tmp_path / "own")
    choose(public / "link")
    with pytest.warns(UserWarning, match="a link that another user may have made"):
        assert cache.cache_folder().parent == temporary


def test_the_group_of_a_folder_is_excluded(
    tmp_path: Path, temporary: Path, choose: Choose
) -> None:
    """With the umask 002, folders of earlier versions were writable by a group."""
    folder = tmp_path / "chosen"
    folder.mkdir()
    folder.chmod(0o775)
    choose(folder)
    assert cache.cache_folder() == folder
    assert folder.stat().st_mode & 0o777 == 0o755


def test_a_disk_that_does_not_run_programs_is_not_used(
    tmp_path: Path,
    temporary: Path,
    choose: Choose,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The error blames the disks, and not the compiler, where all are such."""
    choose(tmp_path / "chosen")
    usual = os.statvfs

    def noexec(path: Path) -> SimpleNamespace:
        flags = usual(path).f_flag
        inside = "chosen" in str(path)
        return SimpleNamespace(f_flag=flags | (os.ST_NOEXEC if inside else 0))

    monkeypatch.setattr(os, "statvfs", noexec)
    with pytest.warns(UserWarning, match="noexec"):
        assert cache.cache_folder().parent == temporary
    everywhere = SimpleNamespace(f_flag=os.ST_NOEXEC)
    monkeypatch.setattr(os, "statvfs", lambda path: everywhere)
    monkeypatch.setattr(toolchain, "_compile", _writes_text)
    chain = Chain()
    with (
        pytest.warns(UserWarning, match="noexec"),
        pytest.raises(BuildError, match=r"could not be loaded.*noexec"),
    ):
        chain.predict(chain.compile())


def _writes_text(arguments: list[str], source: str, text: Path, parts: int) -> Path:
    path = text.with_suffix(".so")
    path.write_text("not a library")
    return path


FULL = {
    "text": ("pathlib.Path.write_text", OSError(28, "No space left on device")),
    "library": (
        "ml_genn.backends.cpu.toolchain.move_into_place",
        OSError(122, "Disk quota exceeded"),
    ),
}


@pytest.mark.parametrize("moment", FULL)
def test_a_full_disk_is_replaced_and_reported_once(
    moment: str,
    tmp_path: Path,
    temporary: Path,
    choose: Choose,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    choose(tmp_path / "chosen")
    name, error = FULL[moment]
    module, _, attribute = name.rpartition(".")
    usual = getattr(Path if module == "pathlib.Path" else toolchain, attribute)

    def write(path: Path, *arguments: object) -> object:
        if "chosen" in str(path):
            raise error
        return usual(path, *arguments)

    monkeypatch.setattr(name, write)
    chain = Chain()
    with pytest.warns(UserWarning, match=str(error.strerror)) as caught:
        chain.predict(chain.compile())
    assert len(caught) == 1
    assert not list((tmp_path / "chosen").glob("*.so"))
    assert not list((tmp_path / "chosen").glob(".*"))
    assert len(list(temporary.glob("*/*.so"))) == 1


def test_without_any_room_the_error_says_so(
    tmp_path: Path,
    temporary: Path,
    choose: Choose,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    choose(tmp_path / "chosen")

    def full(path: Path, *arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    chain = Chain()
    with (
        pytest.warns(UserWarning, match="No space left"),
        pytest.raises(FileError, match=r"No space left.*ML_GENN_CACHE"),
    ):
        chain.predict(chain.compile())


def _run(script: str, **changes: str | None) -> tuple[str, str]:
    """Returns what a process prints to its outputs; None unsets a variable."""
    words = {**environment(), **changes}
    result = subprocess.run(
        [sys.executable, "-c", script],
        env={name: word for name, word in words.items() if word is not None},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip(), result.stderr


def test_without_home_and_user_a_temporary_folder_is_used(tmp_path: Path) -> None:
    script = """
import pwd
def getpwuid(uid): raise KeyError(uid)
pwd.getpwuid = getpwuid
"""
    printed, errors = _run(
        f"{script}{FOLDER_SCRIPT}print(cache_folder())",
        HOME=None,
        ML_GENN_CACHE=None,
        XDG_CACHE_HOME=None,
        TMPDIR=str(tmp_path),
    )
    first, second = printed.split()
    assert first == second == str(tmp_path / f"ml_genn-{os.getuid()}")
    assert errors.count("has no home folder") == 1


def test_a_home_that_cannot_be_written_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("in the way, as a home that is read-only")
    printed, errors = _run(
        FOLDER_SCRIPT,
        HOME=str(tmp_path / "home"),
        ML_GENN_CACHE=" ",
        XDG_CACHE_HOME="relative",
        TMPDIR=str(tmp_path),
    )
    assert Path(printed).parent == tmp_path
    assert errors.count("Not a directory") == 1


def test_names_of_folders_in_any_locale(tmp_path: Path) -> None:
    """``~`` is the user's folder; blanks, quotes and letters are as any other."""
    printed, errors = _run(
        SCRIPT.replace("print(cache_folder())", "print(ascii(str(cache_folder())))"),
        HOME=str(tmp_path / "home"),
        ML_GENN_CACHE="~/ünï-文/with 'quotes\"",
        LC_ALL="C",
        PYTHONUTF8="0",
    )
    assert errors == ""
    folder = tmp_path / "home" / "ünï-文" / "with 'quotes\""
    assert len(list(folder.glob("*.so"))) == 1
    assert printed.endswith("\"'")


def test_private_folders_are_removed_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("in the way")
    (tmp_path / f"ml_genn-{os.getuid()}").write_text("in the way")
    printed, _ = _run(
        FOLDER_SCRIPT,
        HOME=str(tmp_path / "home"),
        ML_GENN_CACHE=None,
        XDG_CACHE_HOME=None,
        TMPDIR=str(tmp_path),
    )
    assert Path(printed).parent == tmp_path
    assert not Path(printed).exists()


def test_a_limit_of_file_sizes_is_an_error_of_ours(
    tmp_path: Path, temporary: Path, choose: Choose
) -> None:
    """The limit stops the compiler as a disk that is full does."""
    choose(tmp_path / "chosen")
    chain = Chain(size=11)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limits[1]))
    try:
        with (
            pytest.warns(UserWarning, match="File too large"),
            pytest.raises((BuildError, FileError)),
        ):
            chain.predict(chain.compile())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list((tmp_path / "chosen").glob("*.so"))
    assert not list((tmp_path / "chosen").glob(".*"))
