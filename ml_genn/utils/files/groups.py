"""Groups of files that are replaced together, whatever happens in between.

New files are written to a scratch folder. Renaming it is the moment from which they
count; then they take the places of the former ones. If the process is killed before
they all did, whoever reads or writes the folder next goes on.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ml_genn.utils.files.writing import as_file_error, scratch_folder, sync

_PREFIX, _SUFFIX = ".ml_genn-", ".ready"  #: of folders with complete groups


@contextmanager
def replaced_together(folder: Path, name: str) -> Iterator[Path]:
    """Yields a folder for new files, which take their places at the end of the block.

    If there is an error in the block, the former files stay.

    Args:
        folder: the folder in which the files take their places.
        name: name of the group.

    Raises:
        FileError: if files cannot be written.
    """
    ready = folder / f"{_PREFIX}{hashlib.sha256(name.encode()).hexdigest()}{_SUFFIX}"
    with as_file_error(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with scratch_folder(folder) as scratch:
            yield scratch
            sync(scratch)
            _rename_folder(scratch, ready)
            sync(folder)
        finish_replacing(folder)


def finish_replacing(folder: Path) -> None:
    """Moves complete groups of files to their places.

    Args:
        folder: the folder; nothing happens if it does not exist.
    """
    for ready in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        with suppress(OSError):  # another process may do the same; a disk to read only
            for file in sorted(ready.iterdir()):
                with suppress(FileNotFoundError):
                    os.replace(file, folder / file.name)
            sync(folder)
            ready.rmdir()


def _rename_folder(scratch: Path, ready: Path) -> None:
    """Renames a folder, after a group of that name is where it belongs."""
    while True:
        try:
            os.rename(scratch, ready)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            finish_replacing(ready.parent)
