"""Callbacks that write down loss and metrics."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from ml_genn.callbacks.callback import Callback
from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.utils.checks import file_path, flag, shown


class CSVLogger(Callback):
    """Writes a line per epoch to a file.

    Args:
        filename: the file.
        separator: between columns, a comma by default.
        append: whether lines are added to a file that there is; no by default.

    Raises:
        ValidationError: if the separator is no single character.
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
        """Reads which columns a file that is added to has."""
        self._columns = []
        if self._append and self._path.exists():
            with self._path.open(newline="") as file:
                rows = csv.reader(file, delimiter=self._separator)
                self._columns = next(rows, [])

    def on_epoch_logs(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Writes a line; before the first one of a file, the names of columns."""
        fresh = not self._columns
        self._columns = self._columns or ["epoch", *logs]
        with self._path.open("w" if fresh else "a", newline="") as file:
            to = csv.DictWriter(
                file, self._columns, delimiter=self._separator, extrasaction="ignore"
            )
            if fresh:
                to.writeheader()
            to.writerow({"epoch": epoch, **logs})

    def __repr__(self) -> str:
        return f"CSVLogger({str(self._path)!r}, {self._separator!r}, {self._append!r})"


#: Modules with a SummaryWriter, in the order in which they are tried.
WRITERS = ("tensorboardX", "torch.utils.tensorboard")


class TensorBoard(Callback):
    """Writes loss and metrics of each epoch for TensorBoard.

    Args:
        log_dir: folder, "logs" by default.

    Raises:
        UnsupportedError: if neither tensorboardX nor torch's writer is installed.
    """

    first_process_only = True

    def __init__(self, log_dir: str | Path = "logs") -> None:
        self._folder = str(file_path("TensorBoard: log_dir", log_dir))
        self._make = _writer()
        self._to: Any = None

    def on_train_begin(self) -> None:
        """Opens the folder."""
        self._to = self._make(self._folder)

    def on_epoch_logs(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Writes the numbers of an epoch."""
        for name, value in logs.items():
            self._to.add_scalar(name, value, epoch)

    def on_train_end(self, metrics: Mapping[Any, Any]) -> None:
        """Closes the folder."""
        self._to.close()

    def on_exception(self, error: BaseException) -> None:
        """Closes the folder."""
        self._to.close()

    def __repr__(self) -> str:
        return f"TensorBoard({self._folder!r})"


def _writer() -> Any:
    for module in WRITERS:
        try:
            return import_module(module).SummaryWriter
        except ImportError:
            continue
    raise UnsupportedError(
        "TensorBoard: nothing that writes its files is installed. "
        "pip install 'ml_genn[logs]'"
    )
