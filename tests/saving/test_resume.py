"""Training that goes on from a checkpoint, as if nothing had happened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saving.saved_nets import KINDS, assert_equal, data, everything, make, train

from ml_genn.callbacks import Checkpoint
from ml_genn.errors import CheckpointError
from ml_genn.serialisers import Numpy, Safetensors

SERIALISERS = {"numpy": Numpy, "safetensors": Safetensors}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", SERIALISERS)
def test_resumed_training_is_bit_identical(kind: str, how: str, tmp_path: Path) -> None:
    """Four epochs, and two with two more from the checkpoint, in another order of
    random numbers in between."""
    np.random.seed(7)
    whole = make(kind).compile()
    before = everything(whole)
    train(whole, 4)
    np.random.seed(7)
    place = SERIALISERS[how](tmp_path)
    train(make(kind).compile(), 2, callbacks=[Checkpoint(place)])
    np.random.seed(99)
    resumed = make(kind).compile()
    train(resumed, 1)
    epoch = resumed.resume(place)
    assert epoch == 2
    train(resumed, 2, epoch)
    assert_equal(resumed, whole)
    changed = [
        k for k, a in before.items() if not np.array_equal(a, everything(whole)[k])
    ]
    assert len(changed) > 4


def test_with_two_threads(tmp_path: Path) -> None:
    np.random.seed(7)
    whole = make("plain", num_threads=2).compile()
    train(whole, 3)
    np.random.seed(7)
    train(
        make("plain", num_threads=2).compile(),
        2,
        callbacks=[Checkpoint(Numpy(tmp_path))],
    )
    resumed = make("plain", num_threads=2).compile()
    train(resumed, 1, resumed.resume(Numpy(tmp_path)))
    assert_equal(resumed, whole)


def test_evaluation_in_between_does_not_matter(tmp_path: Path) -> None:
    """Checkpoints are made before validation; Poisson inputs draw in both."""
    x, y = data()
    held = {"validation_x": x, "validation_y": y, "validation_callbacks": []}
    np.random.seed(7)
    whole = make("plain").compile()
    train(whole, 3, **held)
    np.random.seed(7)
    first = make("plain").compile()
    train(first, 2, callbacks=[Checkpoint(Numpy(tmp_path))], **held)
    resumed = make("plain").compile()
    train(resumed, 1, resumed.resume(Numpy(tmp_path)))
    for key, array in everything(resumed).items():
        np.testing.assert_array_equal(array, everything(whole)[key])


def test_what_callbacks_changed_of_an_optimiser_is_restored(tmp_path: Path) -> None:
    first = make("plain").compile()
    first.optimiser.alpha = 0.004
    train(first, 1, callbacks=[Checkpoint(Numpy(tmp_path))])
    resumed = make("plain").compile()
    resumed.resume(Numpy(tmp_path))
    assert resumed.optimiser.alpha == 0.004


def test_interval_and_names(tmp_path: Path) -> None:
    """Files are named as mlGeNN names them."""
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


def test_resume_without_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        make("plain").compile().resume(Numpy(tmp_path))


def saved(tmp_path: Path, how: str, epochs: int = 2) -> Any:
    place = SERIALISERS[how](tmp_path)
    train(make("plain").compile(), epochs, callbacks=[Checkpoint(place)])
    return place


def refused(kind: str, place: Any, message: str, **changes: Any) -> None:
    """A checkpoint is refused, and nothing changes."""
    compiled = make(kind, **changes).compile()
    train(compiled, 1)
    before, random = compiled.snapshot(), np.random.get_state()
    with pytest.raises(CheckpointError, match=message):
        compiled.resume(place, keys=1)
    for key, array in compiled.snapshot().arrays.items():
        np.testing.assert_array_equal(array, before.arrays[key])
    assert compiled.snapshot().info == before.info
    np.testing.assert_array_equal(np.random.get_state()[1], random[1])


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    place = saved(tmp_path, "numpy")
    (tmp_path / "1-Conn_hidden_Pop2-g.v.npy").unlink()
    refused("plain", place, r"no file '.*1-Conn_hidden_Pop2-g\.v\.npy'")


@pytest.mark.parametrize("part", [0.0, 0.3, 0.99])
@pytest.mark.parametrize("how", SERIALISERS)
def test_truncated_files_are_refused(part: float, how: str, tmp_path: Path) -> None:
    place = saved(tmp_path, how)
    name = {"numpy": "1-Conn_hidden_Pop2-g.npy", "safetensors": "1.safetensors"}[how]
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(part * len(content))])
    refused("plain", place, name.replace(".", r"\."))


@pytest.mark.parametrize("how", SERIALISERS)
def test_changed_numbers_are_refused(how: str, tmp_path: Path) -> None:
    place = saved(tmp_path, how)
    name = {"numpy": "1-Conn_hidden_Pop2-g.npy", "safetensors": "1.safetensors"}[how]
    content = bytearray((tmp_path / name).read_bytes())
    content[-5] ^= 4
    (tmp_path / name).write_bytes(bytes(content))
    refused("plain", place, "is not the one that was saved")


def test_a_mixture_of_two_checkpoints_is_refused(tmp_path: Path) -> None:
    """As it is left behind where saving over an older one is interrupted."""
    place = saved(tmp_path, "numpy")
    older, newer = [tmp_path / f"{k}-Conn_hidden_Pop2-g.npy" for k in (0, 1)]
    newer.write_bytes(older.read_bytes())
    refused("plain", place, "Conn_hidden_Pop2/g' is not the one that was saved")


def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path) -> None:
    place = saved(tmp_path, "numpy", 3)
    (tmp_path / "2-Conn_hidden_Pop2-g.npy").write_bytes(b"")
    compiled = make("plain").compile()
    with pytest.warns(UserWarning, match="Passed over"):
        assert compiled.resume(place) == 2


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


def test_a_checkpoint_with_more_is_refused(tmp_path: Path) -> None:
    place = Numpy(tmp_path)
    train(make("bptt").compile(), 2, callbacks=[Checkpoint(place)])
    refused("plain", place, "'Conn_hidden_hidden/g.*' belongs to nothing")


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match=r"unknown serialiser 'nunpy'.*'numpy'"):
        Checkpoint("nunpy")
    with pytest.raises(ValueError, match="epoch_interval"):
        Checkpoint(epoch_interval=0)
