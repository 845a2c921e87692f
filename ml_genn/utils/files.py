"""Atomic writing of files, and text as part of a file's name."""

from __future__ import annotations

import os
from pathlib import Path

from ml_genn.utils.interrupts import deferred_interrupts


def write_atomically(path: Path, content: bytes) -> None:
    """Replaces a file as a whole: writes another one, syncs it to disk, renames it.

    Whenever the process ends, the file has either its former or its new content. Ctrl-C
    takes effect once the file is written.

    Args:
        path: the file; its folder is created if it does not exist.
        content: bytes of the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.part")
    with deferred_interrupts():
        _write(scratch, path, content)


def _write(scratch: Path, path: Path, content: bytes) -> None:
    with scratch.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(scratch, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # makes the new name durable, too
    finally:
        os.close(folder)


def file_name_part(part: object) -> str:
    """Returns text of a value with characters that file names may not have escaped.

    Args:
        part: a key of a checkpoint, for example an epoch.
    """
    text = str(part).replace("%", "%25")
    for character in '/\\:*?"<>|\0':
        text = text.replace(character, f"%{ord(character):02X}")
    return text
