"""Atomic writing of files, names of files, and scratch files that leave nothing behind.

Whatever is written goes to a scratch file in the same folder first, whose name no other
process uses. Its writer holds a lock on it. A scratch file without a lock belongs to a
process that was killed; the next process that writes into the folder removes it.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from ml_genn.errors import CheckpointError, FileError
from ml_genn.utils.interrupts import deferred_interrupts

_PREFIX, _SUFFIX = ".ml_genn-", ".part"  #: of the names of scratch files
_NEW_FILE_MODE, _PRIVATE_MODE = 0o666, 0o700  #: the umask applies to both
#: longest name of a file [bytes] in the file systems of Linux and macOS
_LONGEST_NAME = 255
_DIGEST_DIGITS = 32  #: hexadecimal digits that stand for the end of a long name
_NO_ROOM = "Make room on its disk, or use a path on another one"
_NO_RIGHT = "Use a path that you may write to"
#: {number of an error of the system: what to do}; others need another path
_ADVICE = {
    errno.ENOSPC: _NO_ROOM,
    errno.EDQUOT: _NO_ROOM,
    errno.EACCES: _NO_RIGHT,
    errno.EPERM: _NO_RIGHT,
    errno.EROFS: _NO_RIGHT,
    errno.EISDIR: "Add the name of a file to it",
    errno.ENAMETOOLONG: "Use a shorter name",
}


# ---------------------------------------------------------------- writing
def write_atomically(path: Path, content: bytes) -> None:
    """Replaces a file as a whole: writes another one, syncs it to disk, renames it.

    Whenever the process ends, the file has either its former or its new content. If
    several processes write the same file, one of their contents remains. A symbolic
    link is replaced, not followed. Ctrl-C takes effect once the file is written.

    Args:
        path: the file; its folder is created if it does not exist.
        content: bytes of the file.

    Raises:
        FileError: if the file cannot be written; it has its former content then.
    """
    if not path.name:
        raise FileError(
            f"Path '{path}' is the current folder. Add the name of a file to it."
        )
    with as_file_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with deferred_interrupts(), _scratch(path.parent) as (scratch, handle):
            with open(handle, "wb", closefd=False) as file:
                file.write(content)
            move_into_place(scratch, path)


def delete(path: Path) -> None:
    """Deletes a file, if there is one.

    Raises:
        FileError: if it cannot be deleted.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise FileError(
            f"File '{path}' cannot be deleted: {error.strerror}. Check the permissions "
            "of its folder."
        ) from error


@contextmanager
def as_file_error(path: Path) -> Iterator[None]:
    """Turns errors of the system inside a block into a `FileError`.

    Args:
        path: the file that the block writes.
    """
    try:
        yield
    except FileError:
        raise
    except (OSError, UnicodeError) as error:  # UnicodeError: a locale without the name
        reason = getattr(error, "strerror", None) or error
        advice = _ADVICE.get(getattr(error, "errno", 0), "Use another path")
        raise FileError(
            f"Path '{path}' cannot be written: {reason}. {advice}."
        ) from error


def move_into_place(scratch: Path, path: Path) -> None:
    """Renames a file of the same disk, after its content is safely on the disk.

    Args:
        scratch: a file that is completely written.
        path: its new name; an existing file is replaced.

    Raises:
        FileError: if the path is a device, a pipe or a socket, which is left as it is.
    """
    _refuse_special_file(path)
    sync(scratch)
    os.replace(scratch, path)
    with suppress(OSError):  # the file is there; some systems cannot sync folders
        sync(path.parent)  # makes the new name durable, too


def _refuse_special_file(path: Path) -> None:
    """Raises FileError if a path is neither free nor a file, a folder or a link."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)):
        raise FileError(
            f"File '{path}' is a device, a pipe or a socket, which no file replaces. "
            "Use another path."
        )


def sync(path: Path) -> None:
    """Waits until a file, or the names in a folder, are safely on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# ---------------------------------------------------------------- reading
def read_bytes(path: Path) -> bytes:
    """Returns the content of a file.

    Args:
        path: a file, not a folder, pipe or device.

    Raises:
        CheckpointError: if there is no such file, or it cannot be read.
    """
    try:
        if path.is_dir():
            raise CheckpointError(
                f"File '{path}': there is no such file, but a folder of that name. Use "
                "the path of a file."
            )
        if not path.is_file():
            raise CheckpointError(f"File '{path}': there is no such file.")
        return path.read_bytes()
    except (OSError, UnicodeError) as error:
        raise CheckpointError(f"File '{path}': it cannot be read ({error}).") from None


# ---------------------------------------------------------------- scratch files
@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Yields a new private folder, which is removed at the end of the block.

    Args:
        parent: the folder that contains it.
    """
    with _scratch(parent, is_folder=True) as (folder, _):
        yield folder


@contextmanager
def _scratch(parent: Path, is_folder: bool = False) -> Iterator[tuple[Path, int]]:
    """Yields a new file or folder, removed unless renamed, and its locked handle."""
    _remove_abandoned(parent)
    path, handle = _locked_scratch(parent, is_folder)
    try:
        yield path, handle
    finally:
        _remove(path)
        os.close(handle)


def _locked_scratch(parent: Path, is_folder: bool) -> tuple[Path, int]:
    """Returns a new file or folder, and the open handle that locks it."""
    while True:
        path = parent / f"{_PREFIX}{os.urandom(8).hex()}{_SUFFIX}"
        if is_folder:
            path.mkdir(mode=_PRIVATE_MODE)
            handle = os.open(path, os.O_RDONLY)
        else:  # O_EXCL: fails where something is, and never follows a link
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
            handle = os.open(path, flags, _NEW_FILE_MODE)
        with suppress(OSError):  # disks without locks: then nobody removes the file
            fcntl.flock(handle, fcntl.LOCK_EX)
        if path.exists():  # another process may have removed it before it was locked
            return path, handle
        os.close(handle)


@lru_cache(maxsize=256)
def _remove_abandoned(folder: Path) -> None:
    """Removes scratch files of killed processes; once for each folder."""
    with suppress(OSError):
        names = [n for n in os.listdir(folder) if n.startswith(_PREFIX)]
        for path in (folder / name for name in names if name.endswith(_SUFFIX)):
            _remove_if_abandoned(path)


def _remove_if_abandoned(path: Path) -> None:
    # O_NONBLOCK: a named pipe would wait for its writer
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    with suppress(OSError):
        handle = os.open(path, flags)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(path)
        finally:
            os.close(handle)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


# ---------------------------------------------------------------- names
def file_name(parts: tuple[object, ...], ending: str) -> str:
    """Returns the name of a file: parts joined by "-", and an ending.

    The end of a name that is too long for a file system is replaced by a digest.

    Args:
        parts: keys of a checkpoint, for example an epoch and names.
        ending: for example ".npy".
    """
    stem = "-".join(map(file_name_part, parts))
    room = _LONGEST_NAME - len(ending)
    content = stem.encode(errors="backslashreplace")
    if len(content) > room:
        digest = hashlib.sha256(content).hexdigest()[:_DIGEST_DIGITS]
        start = content[: room - len(digest) - 1].decode(errors="ignore")
        content = f"{start}~{digest}".encode()
    return os.fsdecode(content + ending.encode())


def in_utf8(path: str) -> str:
    """Returns a path whose letters are stored as UTF-8, whatever the locale.

    Args:
        path: text of a path.
    """
    return os.fsdecode(path.encode(errors="surrogateescape"))


def stem_of(path: Path) -> str:
    """Returns the name of a file without its ending, as `file_name` received it.

    Args:
        path: a path that the system returned.
    """
    return os.fsencode(path.stem).decode(errors="surrogateescape")


def file_name_part(part: object) -> str:
    """Returns text of a value with characters that file names may not have escaped.

    Args:
        part: a key of a checkpoint, for example an epoch.
    """
    text = str(part).replace("%", "%25")
    for character in '/\\:*?"<>|\0':
        text = text.replace(character, f"%{ord(character):02X}")
    return text
