"""Files of safetensors and NumPy: other libraries read and write the same."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_genn.errors import CheckpointError, UnsupportedError
from ml_genn.model.snapshot import Snapshot
from ml_genn.serialisers import Numpy, Safetensors
from ml_genn.serialisers.npy_format import read_npy
from ml_genn.serialisers.safetensors_format import DTYPES, decode, encode


def arrays() -> dict[str, np.ndarray]:
    """Returns arrays of all types, and of unusual shapes."""
    values: dict[str, Any] = {
        name: np.arange(6).reshape(2, 3).astype(dtype) for name, dtype in DTYPES.items()
    }
    return {
        **values,
        "empty": np.zeros((0, 4)),
        "scalar": np.array(1.5),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big endian": np.arange(3).astype(">i4"),
        "ä/文": np.array([np.nan, np.inf, -0.0]),
    }


def assert_same(actual: Any, expected: dict[str, np.ndarray]) -> None:
    assert actual.keys() == expected.keys()
    for name, array in expected.items():
        assert actual[name].shape == array.shape, name
        np.testing.assert_array_equal(actual[name], array, err_msg=name)


def test_safetensors_reads_our_files(tmp_path: Path) -> None:
    numpy = pytest.importorskip("safetensors.numpy")
    content = encode(arrays(), {"a": "ü"})
    assert_same(numpy.load(content), arrays())
    assert_same(decode(content, "x")[0], arrays())
    assert decode(content, "x")[1] == {"a": "ü"}


def test_files_of_safetensors_are_read() -> None:
    numpy = pytest.importorskip("safetensors.numpy")
    usual = {k: np.ascontiguousarray(a) for k, a in arrays().items()}
    del usual["big endian"]  # not converted by every version of the library
    usual["scalar"] = np.array(1.5)
    read, metadata = decode(numpy.save(usual, {"a": "ü"}), "x")
    assert_same(read, usual)
    assert metadata == {"a": "ü"}


def test_types_that_files_do_not_have(tmp_path: Path) -> None:
    for wrong in (np.ones(2, complex), np.array(["a"]), np.array([None])):
        with pytest.raises(UnsupportedError, match="type"):
            Safetensors(tmp_path).save((1,), Snapshot({("a", "b"): wrong}))
        with pytest.raises(UnsupportedError, match="type"):
            Numpy(tmp_path).serialise(("a",), wrong)
    with pytest.raises(UnsupportedError, match="finite"):
        Numpy(tmp_path).save((1,), Snapshot({}, {"x": [float("nan")]}))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_files_of_numpy_are_read(version: tuple[int, int]) -> None:
    for name, array in arrays().items():
        content = io.BytesIO()
        np.lib.format.write_array(content, array, version)
        read = read_npy(content.getvalue(), "x")
        assert read.dtype == array.dtype and read.shape == array.shape, name
        np.testing.assert_array_equal(read, array)
        assert read.flags.writeable


@pytest.mark.parametrize("data", [np.array([{}], object), np.zeros(2, "i4,f4")])
def test_objects_and_structures_are_refused(data: np.ndarray) -> None:
    content = io.BytesIO()
    np.save(content, data, allow_pickle=True)
    with pytest.raises(CheckpointError, match="x: header"):
        read_npy(content.getvalue(), "x")


def test_a_folder_or_pipe_is_no_file(tmp_path: Path) -> None:
    """Reading a pipe would wait for its writer."""
    (tmp_path / "a.npy").mkdir()
    os.mkfifo(tmp_path / "b.npy")
    for name in "ab":
        with pytest.raises(CheckpointError, match="no such file"):
            Numpy(tmp_path).deserialise((name,))
