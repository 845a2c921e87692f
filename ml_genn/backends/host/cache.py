"""Cache folder of built models.

What is in the folder is run as code, so it is used only if nobody else can write to it.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import stat
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from ml_genn.errors import FileError, stacklevel_of_user

CACHE = "ML_GENN_CACHE"
_PRIVATE = 0o700  #: mode of folders that are made here

T = TypeVar("T")

#: {folder: why this process does not use it}
_unusable: dict[Path, str] = {}


def cache_folder() -> Path:
    """Returns the cache folder, which is made if it does not exist.

    It is ``ML_GENN_CACHE`` or else the user's cache folder. If that cannot be written,
    belongs to somebody else, is writable by all or is on a disk without programs, it is
    a private folder among temporary files; a warning says so once.

    Raises:
        FileError: if no folder at all can be written.
    """
    refused = []
    for folder in _candidates():
        problem = _unusable.get(folder) or _problem(folder)
        if problem is None:
            break
        refused.append((folder, problem))
    else:
        folder = _private_folder()
    for other, problem in refused:
        if other not in _unusable:
            _do_not_use(other, problem, folder)
    return folder


def in_cache_folder(action: Callable[[Path], T]) -> T:
    """Returns the result of an action in the cache folder.

    If the system refuses it, for example because the disk is full, it is repeated in
    the next folder.

    Args:
        action: function of the folder.

    Raises:
        FileError: if it is refused in all folders.
    """
    while True:
        folder = cache_folder()
        try:
            return action(folder)
        except OSError as error:
            if folder in _unusable:
                raise FileError(
                    f"Built models cannot be stored in '{folder}': {_reason(error)}. "
                    f"Make room there, or set {CACHE} to another folder."
                ) from error
            _do_not_use(folder, _reason(error))


#: names of files in the folder: hashes of what they were built from
_CACHED = re.compile(r"[0-9a-f]{32}(-[0-9a-f]+)?\.(cpp|so|built|derived)")


def cached_files(folder: Path) -> list[Path]:
    """Returns the files of a cache folder that were stored by ml_genn.

    Args:
        folder: the folder; it may contain other files.
    """
    return [path for path in folder.iterdir() if _CACHED.fullmatch(path.name)]


def no_programs(folder: Path) -> bool:
    """True if the disk of a folder is mounted without permission to run programs."""
    return bool(os.statvfs(folder).f_flag & os.ST_NOEXEC)


def is_own(path: Path) -> bool:
    """True if a file belongs to the user of this process."""
    return path.stat().st_uid == os.getuid()


def _do_not_use(folder: Path, problem: str, instead: Path | None = None) -> None:
    """Excludes a cache folder for the rest of the process, and warns."""
    _unusable[folder] = problem
    warnings.warn(
        f"ml_genn: built models are not stored in '{folder}' ({problem}), but in "
        f"'{instead or cache_folder()}'. Set {CACHE} to a folder of your own.",
        stacklevel=stacklevel_of_user(),
    )


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


def _candidates() -> Iterator[Path]:
    """Yields cache folders in the order of preference; they may not exist."""
    chosen = os.environ.get(CACHE, "").strip()
    base = os.environ.get("XDG_CACHE_HOME", "")
    if chosen:
        folder = chosen
    elif sys.platform == "darwin":
        folder = "~/Library/Caches/ml_genn"
    else:
        # the standard ignores a base that is not absolute
        folder = f"{base if os.path.isabs(base) else '~/.cache'}/ml_genn"
    home = os.path.expanduser(folder)
    # "~" stays where nobody knows the user's folder
    yield Path(home if home.startswith("~") else os.path.abspath(home))
    yield _temporary_folder() / f"ml_genn-{os.getuid()}"


def _problem(folder: Path) -> str | None:
    """Returns why a folder cannot be the cache; None if it can."""
    if str(folder).startswith("~"):
        return "this user has no home folder"
    try:
        folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        status = _without_group(folder)
        programs = not no_programs(folder)
        public_link = folder.is_symlink() and _is_public(folder.parent.stat())
    except (OSError, ValueError) as error:  # ValueError: names that no system allows
        return _reason(error)
    problems = {
        "it belongs to another user": status.st_uid != os.getuid(),
        "other users may write to it": _is_public(status),
        "it is a link that another user may have made": public_link,
        "it cannot be written to": not os.access(folder, os.W_OK | os.X_OK),
        "its disk does not run programs (noexec)": not programs,
    }
    return next((text for text, holds in problems.items() if holds), None)


def _is_public(status: os.stat_result) -> bool:
    return bool(status.st_mode & (stat.S_IWOTH | stat.S_IWGRP))


def _without_group(folder: Path) -> os.stat_result:
    """Returns the status of a folder; one of this user no longer admits its group.

    Where the umask is 002, folders are made writable by a group of only this user.
    """
    status = folder.stat()
    if status.st_uid == os.getuid() and not status.st_mode & stat.S_IWOTH:
        folder.chmod(stat.S_IMODE(status.st_mode) & ~stat.S_IWGRP)
    return folder.stat()


def _temporary_folder() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except OSError as error:
        raise FileError(
            f"ml_genn: no folder can be written to ({error}). Set {CACHE} or TMPDIR to "
            "one."
        ) from error


@lru_cache(maxsize=1)
def _private_folder() -> Path:
    """Returns a new folder of this process, which removes it at its end."""
    folder = Path(tempfile.mkdtemp(prefix="ml_genn-"))
    atexit.register(_remove_in_process, os.getpid(), folder)
    return folder


def _remove_in_process(process: int, folder: Path) -> None:
    """Removes a folder, but not in a forked child of the process."""
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
