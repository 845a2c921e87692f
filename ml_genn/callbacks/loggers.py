"""Callbacks that write loss and metrics to files."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO, cast

from ml_genn.callbacks.callback import Callback
from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.utils.checks import file_path, flag, shown
from ml_genn.utils.files import as_file_error, write_atomically

_EPOCH = "epoch"  #: name of the first column
#: of files; bytes of a file in another encoding are written as they were read
_ENCODING = ("utf-8", "surrogateescape")


class CSVLogger(Callback):
    """Writes loss and metrics of each epoch, counted from 1, as a line of a CSV file.

    Args:
        filename: the file, in UTF-8; its folder is made before training if it is
            missing.
        separator: character between columns, a comma by default.
        append: True to append to an existing file, which gets the columns that it
            lacks, empty in its former lines; False (default) to replace it.

    Raises:
        ValidationError: if the separator is not one character; when training begins, if
            the file to append to has no column "epoch".
        FileError: when training begins, if the file cannot be written.
    """

    first_process_only = True

    def __init__(
        self, filename: str | Path, separator: str = ",", append: bool = False
    ) -> None:
        self._path = file_path("CSVLogger: filename", filename)
        if not isinstance(separator, str) or len(separator) != 1:
            raise ValidationError(
                f"CSVLogger: separator is one character. Received {shown(separator)}."
            )
        self._separator = separator
        self._append = flag("CSVLogger: append", append)
        self._columns: list[str] = []

    def on_train_begin(self) -> None:
        """Tests that the file can be written, and reads its columns to append."""
        with as_file_error(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._open("a+") as file:
                file.seek(0)
                rows = csv.reader(file, delimiter=self._separator)
                self._columns = next(rows, []) if self._append else []
        if self._columns and _EPOCH not in self._columns:
            raise ValidationError(
                f"CSVLogger: to append to file '{self._path}', it has a column "
                f"'{_EPOCH}' and the separator {self._separator!r}. Its first line is "
                f"{shown(self._separator.join(self._columns))}. Give its separator, or "
                "another file."
            )

    def on_epoch_logs(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Writes a line; the names of columns precede the first one of a file."""
        line = {_EPOCH: epoch + 1, **logs}
        missing = [name for name in line if name not in self._columns]
        with as_file_error(self._path):
            if missing and self._columns:
                self._add_columns(missing)
            with self._open("a" if self._columns else "w") as file:
                if not self._columns:
                    self._columns = missing
                    self._writer(file).writeheader()
                self._writer(file).writerow(line)

    def _add_columns(self, names: Sequence[str]) -> None:
        """Adds columns to the file, which are empty in its lines."""
        with self._open("r") as file:
            lines = list(csv.reader(file, delimiter=self._separator))[1:]
        self._columns = [*self._columns, *names]
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=self._separator)
        empty = [""] * len(names)
        writer.writerows([self._columns, *([*line, *empty] for line in lines)])
        write_atomically(self._path, text.getvalue().encode(*_ENCODING))

    def _writer(self, file: TextIO) -> csv.DictWriter[str]:
        return csv.DictWriter(file, self._columns, delimiter=self._separator)

    def _open(self, mode: str) -> TextIO:
        encoding, errors = _ENCODING
        file = self._path.open(mode, encoding=encoding, errors=errors, newline="")
        return cast(TextIO, file)

    def __repr__(self) -> str:
        return f"CSVLogger({str(self._path)!r}, {self._separator!r}, {self._append!r})"


#: modules with a SummaryWriter, in order of preference
WRITERS = ("tensorboardX", "torch.utils.tensorboard")


class TensorBoard(Callback):
    """Writes loss and metrics of each epoch, counted from 1, for TensorBoard.

    Args:
        log_dir: folder, "logs" by default.

    Raises:
        UnsupportedError: if neither tensorboardX nor torch's writer is installed.
    """

    first_process_only = True

    def __init__(self, log_dir: str | Path = "logs") -> None:
        self._folder = str(file_path("TensorBoard: log_dir", log_dir))
        _summary_writer_class()  # raises an error if there is none
        self._writer: Any = None

    def on_train_begin(self) -> None:
        """Opens the folder."""
        self._writer = _summary_writer_class()(self._folder)

    def on_epoch_logs(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Writes loss and metrics of an epoch."""
        for name, value in logs.items():
            self._writer.add_scalar(name, value, epoch + 1)

    def on_train_end(self, metrics: Mapping[Any, Any]) -> None:
        """Closes the folder."""
        self._close()

    def on_exception(self, error: BaseException) -> None:
        """Closes the folder."""
        self._close()

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = None  # a copy of the callback has no open files

    def __repr__(self) -> str:
        return f"TensorBoard({self._folder!r})"


def _summary_writer_class() -> Any:
    for module in WRITERS:
        try:
            return import_module(module).SummaryWriter
        except ImportError:
            continue
    raise UnsupportedError(
        "TensorBoard: nothing that writes its files is installed. "
        "pip install 'ml_genn[logs]'"
    )
