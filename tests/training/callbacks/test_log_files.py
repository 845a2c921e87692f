"""CSVLogger and TensorBoard."""

from __future__ import annotations

import csv
import struct
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from training.callbacks.callback_runs import train_two_batches
from training.small_nets import (
    small,
)

from ml_genn.callbacks import (
    Callback,
    CSVLogger,
    TensorBoard,
)
from ml_genn.errors import (
    UnsupportedError,
    ValidationError,
)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def test_csv_logger_writes_a_row_per_epoch(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    compiled = small().compile_training()
    train_two_batches(compiled, [CSVLogger(path, ";")], 2, validation_split=0.25)
    rows = _rows(path)
    assert [row["epoch"] for row in rows] == ["1", "2"]
    for name, values in compiled.history.items():
        assert [float(row[name]) for row in rows] == values
    train_two_batches(compiled, [CSVLogger(path, ";", append=True)], start_epoch=2)
    assert [row["epoch"] for row in _rows(path)] == ["1", "2", "3"]
    assert _rows(path)[-1]["val_loss"] == ""
    train_two_batches(compiled, [CSVLogger(path, ";")])
    assert [row["epoch"] for row in _rows(path)] == ["1"]


def test_appended_files_get_the_columns_that_they_lack(tmp_path: Path) -> None:
    """A run that goes on with validation or another metric loses nothing."""
    path = tmp_path / "log.csv"
    text = 'loss;epoch;größe\n1.5;0;"a;b"\n'.encode("latin-1")
    path.write_bytes(text)
    compiled = small().compile_training()
    logger = CSVLogger(path, ";", append=True)
    train_two_batches(compiled, [logger], start_epoch=1, validation_split=0.25)
    header, former, new = path.read_bytes().split()
    names = ["loss", "epoch", "größe", *list(compiled.history)[1:]]
    assert header.decode("latin-1").split(";") == names
    assert former.decode("latin-1") == f'1.5;0;"a;b"{";" * (len(names) - 3)}'
    values = dict(zip(names, new.decode().split(";"), strict=True))
    assert values.pop("epoch") == "2" and values.pop("größe") == ""
    assert {k: [float(v)] for k, v in values.items()} == compiled.history


def test_metrics_without_a_number_add_their_column_later(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    logger = CSVLogger(path, ";")
    logger.on_train_begin()
    for epoch, logs in enumerate(({"loss": 1.0}, {"loss": 2.0, "x": 3.0}, {"x": 4.0})):
        logger.on_epoch_logs(epoch, logs)
    assert [row["loss"] for row in _rows(path)] == ["1.0", "2.0", ""]
    assert [row["x"] for row in _rows(path)] == ["", "3.0", "4.0"]


@pytest.mark.parametrize("text", ["epoch,loss\n0,1.5\n", "loss\n1.5\n"])
def test_files_that_are_no_logs_are_not_appended_to(text: str, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(text)
    compiled = small().compile_training()
    with pytest.raises(ValidationError, match="a column 'epoch' and the separator"):
        train_two_batches(compiled, [CSVLogger(path, ";", append=True)])
    assert path.read_text() == text
    assert not compiled.history


class FakeWriter:
    """Stand-in for TensorBoard's SummaryWriter; records scalars."""

    def __init__(self, folder: str) -> None:
        self.folder, self.open = folder, True
        self.scalars: list[tuple[str, float, int]] = []
        WRITERS.append(self)

    def add_scalar(self, name: str, value: float, epoch: int) -> None:
        """Records a scalar."""
        self.scalars.append((name, value, epoch))

    def close(self) -> None:
        """Closes the file."""
        self.open = False


WRITERS: list[Any] = []


@pytest.mark.parametrize("module", ["tensorboardX", "torch.utils.tensorboard"])
def test_tensorboard_writes_scalars_and_closes(
    monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    for name in ("tensorboardX", "torch.utils.tensorboard"):
        library = SimpleNamespace(SummaryWriter=FakeWriter) if name == module else None
        monkeypatch.setitem(sys.modules, name, library)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "torch.utils", SimpleNamespace())
    compiled = small().compile_training()
    train_two_batches(compiled, [TensorBoard("folder")], 2)
    (writer,) = [WRITERS.pop() for _ in range(len(WRITERS))]
    assert (writer.folder, writer.open) == ("folder", False)
    assert ("loss", compiled.history["loss"][1], 2) in writer.scalars
    assert len(writer.scalars) == 4
    with pytest.raises(KeyboardInterrupt):
        train_two_batches(compiled, [TensorBoard(), _Interrupt()])
    assert not WRITERS.pop().open


class _Interrupt(Callback):
    def on_batch_begin(self, batch: int) -> None:
        raise KeyboardInterrupt


def test_tensorboard_needs_a_library(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tensorboardX", "torch.utils.tensorboard"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UnsupportedError, match=r"ml_genn\[logs\]"):
        TensorBoard()


def test_tensorboard_files_contain_the_history(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed")
    compiled = small().compile_training()
    train_two_batches(compiled, [TensorBoard(tmp_path)], 3, validation_split=0.5)
    (file,) = tmp_path.iterdir()
    scalars = scalars_of(file.read_bytes())
    assert set(scalars) == set(compiled.history)
    for name, numbers in compiled.history.items():
        assert list(scalars[name]) == [1, 2, 3]
        np.testing.assert_allclose(list(scalars[name].values()), numbers, rtol=1e-6)


def scalars_of(data: bytes) -> dict[str, dict[int, float]]:
    """Returns {name: {epoch: number}} of a TensorBoard file.

    Each record is a length (8 bytes), its checksum (4), an event, its checksum (4).
    """
    from tensorboardX.proto.event_pb2 import Event

    scalars: dict[str, dict[int, float]] = {}
    offset = 0
    while offset < len(data):
        (length,) = struct.unpack_from("<Q", data, offset)
        event = Event.FromString(data[offset + 12 : offset + 12 + length])
        offset += length + 16
        for value in event.summary.value:
            scalars.setdefault(value.tag, {})[event.step] = value.simple_value
    return scalars


def test_csv_files_are_readable_by_pandas(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    compiled = small().compile_training()
    train_two_batches(
        compiled, [CSVLogger(tmp_path / "log.csv")], 3, validation_split=0.5
    )
    frame = pandas.read_csv(tmp_path / "log.csv", index_col="epoch")
    pandas.testing.assert_frame_equal(frame, compiled.history.to_pandas())
