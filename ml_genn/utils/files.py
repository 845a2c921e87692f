"""Files that appear as a whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from ml_genn.utils.interrupts import uninterrupted


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file under another name, waits for the disk and renames it.

    Whenever the process ends, the file is what it was before or what it should be.
    Ctrl-C waits until it is written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.part")
    with uninterrupted():
        _write(scratch, path, content)


def _write(scratch: Path, path: Path, content: bytes) -> None:
    with scratch.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(scratch, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def file_name(part: object) -> str:
    """A key as part of a file's name, without what separates folders."""
    text = str(part).replace("%", "%25")
    for character in '/\\:*?"<>|\0':
        text = text.replace(character, f"%{ord(character):02X}")
    return text
