"""Files that are written as a whole, one by one or in groups, and their names."""

from ml_genn.utils.files.writing import (
    as_file_error,
    delete,
    file_name,
    file_name_part,
    in_utf8,
    move_into_place,
    read_bytes,
    scratch_folder,
    stem_of,
    sync,
    write_atomically,
)

__all__ = [
    "as_file_error",
    "delete",
    "file_name",
    "file_name_part",
    "in_utf8",
    "move_into_place",
    "read_bytes",
    "scratch_folder",
    "stem_of",
    "sync",
    "write_atomically",
]
