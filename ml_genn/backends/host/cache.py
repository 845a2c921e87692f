"""Cache folder of built models."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

CACHE = "ML_GENN_CACHE"


def cache_folder() -> Path:
    """Returns the cache folder: ``ML_GENN_CACHE``, or the user's cache folder."""
    chosen = os.environ.get(CACHE)
    if chosen:
        folder = Path(chosen)
    elif sys.platform == "darwin":
        folder = Path.home() / "Library" / "Caches" / "ml_genn"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        folder = Path(base) / "ml_genn"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    fallback = Path(tempfile.gettempdir()) / f"ml_genn-{os.getuid()}"
    fallback.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = fallback.lstat()
    ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
    if ours and not status.st_mode & 0o022:
        return fallback
    return _private_folder()


@lru_cache(maxsize=1)
def _private_folder() -> Path:
    """Returns a new folder of this process, which holds no files of other users."""
    return Path(tempfile.mkdtemp(prefix="ml_genn-"))
