"""Training resumed from a checkpoint is bit-identical; damaged ones are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saving.saved_nets import KINDS, arrays_of, assert_equal, data, make, train

from ml_genn.callbacks import Checkpoint
from ml_genn.errors import CheckpointError
from ml_genn.serialisers import Numpy, Safetensors

SERIALISERS = {"numpy": Numpy, "safetensors": Safetensors}
#: {serialiser: file with weights of the checkpoint of epoch 1}
FILES = {"numpy": "1-Conn_hidden_Pop2-g.npy", "safetensors": "1.safetensors"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SERIALISERS)
def test_resumed_training_is_bit_identical(
    kind: str, name: str, tmp_path: Path
) -> None:
    """Four epochs equal two epochs and two resumed ones.

    Other random numbers are drawn before training resumes.
    """
    np.random.seed(7)
    uninterrupted = make(kind).compile()
    before = arrays_of(uninterrupted)
    train(uninterrupted, 4)
    np.random.seed(7)
    serialiser = SERIALISERS[name](tmp_path)
    train(make(kind).compile(), 2, callbacks=[Checkpoint(serialiser)])
    np.random.seed(99)
    resumed = make(kind).compile()
    train(resumed, 1)
    epoch = resumed.resume(serialiser)
    assert epoch == 2
    train(resumed, 2, epoch)
    assert_equal(resumed, uninterrupted)
    changed = [
        k
        for k, a in before.items()
        if not np.array_equal(a, arrays_of(uninterrupted)[k])
    ]
    assert len(changed) > 4


def test_resumed_training_with_two_threads(tmp_path: Path) -> None:
    np.random.seed(7)
    uninterrupted = make("plain", num_threads=2).compile()
    train(uninterrupted, 3)
    np.random.seed(7)
    train(
        make("plain", num_threads=2).compile(),
        2,
        callbacks=[Checkpoint(Numpy(tmp_path))],
    )
    resumed = make("plain", num_threads=2).compile()
    train(resumed, 1, resumed.resume(Numpy(tmp_path)))
    assert_equal(resumed, uninterrupted)


def test_resumed_training_with_validation(tmp_path: Path) -> None:
    """Checkpoints precede validation; Poisson inputs draw random numbers in both."""
    x, y = data()
    validation = {"validation_x": x, "validation_y": y, "validation_callbacks": []}
    np.random.seed(7)
    uninterrupted = make("plain").compile()
    train(uninterrupted, 3, **validation)
    np.random.seed(7)
    first = make("plain").compile()
    train(first, 2, callbacks=[Checkpoint(Numpy(tmp_path))], **validation)
    resumed = make("plain").compile()
    train(resumed, 1, resumed.resume(Numpy(tmp_path)))
    for key, array in arrays_of(resumed).items():
        np.testing.assert_array_equal(array, arrays_of(uninterrupted)[key])


def test_changed_learning_rates_are_restored(tmp_path: Path) -> None:
    first = make("plain").compile()
    first.optimiser.alpha = 0.004
    train(first, 1, callbacks=[Checkpoint(Numpy(tmp_path))])
    resumed = make("plain").compile()
    resumed.resume(Numpy(tmp_path))
    assert resumed.optimiser.alpha == 0.004


def test_epoch_interval_and_file_names(tmp_path: Path) -> None:
    """Files have the names of mlGeNN."""
    compiled = make("deep_r").compile()
    train(compiled, 5, callbacks=[Checkpoint(Numpy(tmp_path), 2)])
    assert Numpy(tmp_path).epochs() == [0, 2, 4]
    names = {p.name for p in tmp_path.iterdir()}
    first = "4-Conn_in-put_hidden"
    for name in ("g", "pre_ind", "post_ind", "g.m", "g.v"):
        assert f"{first}-{name}.npy" in names
    assert not any(name.endswith(".part") for name in names)
    saved = np.load(tmp_path / "4-Conn_hidden_Pop2-g.npy")
    weights = compiled.weights(compiled.network.connections[1])
    assert saved.shape == (weights.size,)
    np.testing.assert_array_equal(saved, weights.reshape(-1))


def test_resuming_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        make("plain").compile().resume(Numpy(tmp_path))


def saved(tmp_path: Path, name: str, epochs: int = 2) -> Any:
    """Saves checkpoints of some epochs and returns the serialiser."""
    serialiser = SERIALISERS[name](tmp_path)
    train(make("plain").compile(), epochs, callbacks=[Checkpoint(serialiser)])
    return serialiser


def refused(kind: str, serialiser: Any, message: str, **changes: Any) -> None:
    """Checks that a network refuses a checkpoint and does not change."""
    compiled = make(kind, **changes).compile()
    train(compiled, 1)
    before, random = compiled.snapshot(), np.random.get_state()
    with pytest.raises(CheckpointError, match=message):
        compiled.resume(serialiser, keys=1)
    for key, array in compiled.snapshot().arrays.items():
        np.testing.assert_array_equal(array, before.arrays[key])
    assert compiled.snapshot().info == before.info
    np.testing.assert_array_equal(np.random.get_state()[1], random[1])


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    serialiser = saved(tmp_path, "numpy")
    (tmp_path / "1-Conn_hidden_Pop2-g.v.npy").unlink()
    refused("plain", serialiser, r"no file '.*1-Conn_hidden_Pop2-g\.v\.npy'")


@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.99])
@pytest.mark.parametrize("name", SERIALISERS)
def test_truncated_files_are_refused(
    fraction: float, name: str, tmp_path: Path
) -> None:
    serialiser = saved(tmp_path, name)
    file = tmp_path / FILES[name]
    content = file.read_bytes()
    file.write_bytes(content[: int(fraction * len(content))])
    refused("plain", serialiser, file.name.replace(".", r"\."))


@pytest.mark.parametrize("name", SERIALISERS)
def test_changed_bytes_are_refused(name: str, tmp_path: Path) -> None:
    serialiser = saved(tmp_path, name)
    file = tmp_path / FILES[name]
    content = bytearray(file.read_bytes())
    content[-5] ^= 4
    file.write_bytes(bytes(content))
    refused("plain", serialiser, "is not the one that was saved")


def test_a_mixture_of_two_checkpoints_is_refused(tmp_path: Path) -> None:
    """Files of an interrupted save over an older checkpoint look like that."""
    serialiser = saved(tmp_path, "numpy")
    older, newer = [tmp_path / f"{k}-Conn_hidden_Pop2-g.npy" for k in (0, 1)]
    newer.write_bytes(older.read_bytes())
    refused("plain", serialiser, "Conn_hidden_Pop2/g' is not the one that was saved")


def test_damaged_checkpoints_are_skipped_with_a_warning(tmp_path: Path) -> None:
    serialiser = saved(tmp_path, "numpy", 3)
    (tmp_path / "2-Conn_hidden_Pop2-g.npy").write_bytes(b"")
    compiled = make("plain").compile()
    with pytest.warns(UserWarning, match="Passed over"):
        assert compiled.resume(serialiser) == 2


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("deep_r", {}, "Conn_in-put_hidden/g' of this network has shape"),
        ("delays", {}, "as many optimisers"),
        ("bptt", {}, "Conn_hidden_hidden/g' is missing"),
        ("parameters", {}, "as many optimisers"),
    ],
)
def test_a_checkpoint_of_another_network_is_refused(
    kind: str, changes: Any, message: str, tmp_path: Path
) -> None:
    refused(kind, saved(tmp_path, "numpy"), message, **changes)


def test_a_checkpoint_with_additional_arrays_is_refused(tmp_path: Path) -> None:
    serialiser = Numpy(tmp_path)
    train(make("bptt").compile(), 2, callbacks=[Checkpoint(serialiser)])
    refused("plain", serialiser, "'Conn_hidden_hidden/g.*' belongs to nothing")


def test_invalid_arguments_of_checkpoint_are_refused() -> None:
    with pytest.raises(ValueError, match=r"unknown serialiser 'nunpy'.*'numpy'"):
        Checkpoint("nunpy")
    with pytest.raises(ValueError, match="epoch_interval"):
        Checkpoint(epoch_interval=0)
