"""Training resumed from a checkpoint is bit-identical; damaged ones are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saving.saved_nets import KINDS, arrays_of, assert_equal, data, make, train
from training.small_nets import CLASSES, small, spikes

from ml_genn.callbacks import (
    Checkpoint,
    OptimiserParamSchedule,
    TerminateOnNaN,
)
from ml_genn.errors import CheckpointError, TrainingWarning, UnsupportedError
from ml_genn.optimisers import Adam, CosineDecay
from ml_genn.serialisers import Numpy, Safetensors, Serialiser, get_serialiser

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
    uninterrupted = make(kind).compile()
    before = arrays_of(uninterrupted)
    train(uninterrupted, 4)
    serialiser = SERIALISERS[name](tmp_path)
    train(make(kind).compile(), 2, callbacks=[Checkpoint(serialiser)])
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
    uninterrupted = make("plain", num_threads=2).compile()
    train(uninterrupted, 3)
    train(
        make("plain", num_threads=2).compile(),
        2,
        callbacks=[Checkpoint(Numpy(tmp_path))],
    )
    resumed = make("plain", num_threads=2).compile()
    train(resumed, 1, resumed.resume(Numpy(tmp_path)))
    assert_equal(resumed, uninterrupted)


def test_resumed_training_with_validation(tmp_path: Path) -> None:
    """Poisson inputs draw random numbers in training and in validation."""
    x, y = data()
    validation = {"validation_x": x, "validation_y": y, "validation_callbacks": []}
    uninterrupted = make("plain").compile()
    train(uninterrupted, 3, **validation)
    first = make("plain").compile()
    train(first, 2, callbacks=[Checkpoint(Numpy(tmp_path))], **validation)
    resumed = make("plain").compile()
    train(resumed, 1, resumed.resume(Numpy(tmp_path)), **validation)
    assert_equal(resumed, uninterrupted)
    for name, numbers in uninterrupted.history.items():
        assert numbers[2:] == resumed.history[name]


def test_changed_learning_rates_are_restored(tmp_path: Path) -> None:
    first = make("plain").compile()
    first.optimiser.alpha = 0.004
    train(first, 1, callbacks=[Checkpoint(Numpy(tmp_path))])
    resumed = make("plain").compile()
    resumed.resume(Numpy(tmp_path))
    assert resumed.optimiser.alpha == 0.004


def steps_taken(compiled: Any) -> int:
    """Returns the number of optimiser steps."""
    return int(compiled.snapshot().info["progress"]["steps_taken"])


@pytest.mark.filterwarnings("ignore::ml_genn.errors.TrainingWarning")
@pytest.mark.parametrize("threads", [1, 2])
def test_batches_without_a_step_do_not_count(threads: int, tmp_path: Path) -> None:
    """The learning rate and Adam's bias correction follow the number of steps.

    One target is so large that the loss of its batch is not finite.
    """
    x, y = spikes(12), np.random.default_rng(0).normal(size=(12, CLASSES))
    y[5] = 1e30

    def learner() -> Any:
        return small().compile_training(
            losses="mean_square_error",
            optimiser=Adam(CosineDecay(0.05, 30)),
            num_threads=threads,
        )

    def learn(compiled: Any, epochs: int, start: int = 0, *callbacks: Any) -> None:
        options = {"metrics": "mse", "callbacks": [TerminateOnNaN(99), *callbacks]}
        compiled.train(x, y, num_epochs=epochs, start_epoch=start, **options)

    uninterrupted, resumed = learner(), learner()
    learn(uninterrupted, 4)
    learn(learner(), 2, 0, Checkpoint(Numpy(tmp_path)))
    learn(resumed, 2, resumed.resume(Numpy(tmp_path)))
    assert steps_taken(resumed) == steps_taken(uninterrupted) == 8
    assert_equal(resumed, uninterrupted)


@pytest.mark.parametrize("kind", ["plain", "deep_r", "parameters"])
def test_epochs_with_another_number_of_batches(kind: str, tmp_path: Path) -> None:
    """Training goes on with a part of the data, as in a curriculum."""
    x, y = data()

    def learn_part(compiled: Any, start: int) -> None:
        schedule = OptimiserParamSchedule("alpha", lambda _, alpha: 0.9 * alpha)
        compiled.train(x[:9], y[:9], 2, start_epoch=start, callbacks=[schedule])

    uninterrupted, resumed = make(kind).compile(), make(kind).compile()
    train(uninterrupted, 2)
    learn_part(uninterrupted, 2)
    train(make(kind).compile(), 2, callbacks=[Checkpoint(Numpy(tmp_path))])
    learn_part(resumed, resumed.resume(Numpy(tmp_path)))
    assert steps_taken(resumed) == 2 * 3 + 2 * 2
    assert_equal(resumed, uninterrupted)


def test_start_epoch_counts_steps_of_a_network_that_was_not_trained() -> None:
    compiled = make("plain").compile()
    train(compiled, 1, 4)
    assert steps_taken(compiled) == 5 * 3
    train(compiled, 1, 9)
    assert steps_taken(compiled) == 6 * 3


def test_another_seed_is_warned_of(tmp_path: Path) -> None:
    train(make("plain").compile(), 1, callbacks=[Checkpoint(Numpy(tmp_path))])
    compiled = make("plain", rng_seed=3).compile()
    with pytest.warns(TrainingWarning, match=r"rng_seed=0, .*rng_seed=3") as record:
        compiled.resume(Numpy(tmp_path))
    assert record[0].filename == __file__


def changed(compiled: Any, **progress: Any) -> Any:
    """Returns a snapshot with other progress of training; None removes an entry."""
    snapshot = compiled.snapshot()
    entries = {**snapshot.info["progress"], **progress}
    entries = {key: value for key, value in entries.items() if value is not None}
    return replace(snapshot, info={**snapshot.info, "progress": entries})


def test_checkpoints_of_the_global_generator_are_restored_without_it() -> None:
    compiled, trained = make("plain").compile(), make("plain").compile()
    train(trained, 1)
    older = changed(trained, random=None, numpy_random={"bit_generator": "MT19937"})
    with pytest.warns(TrainingWarning, match="their order is that of this network"):
        compiled.restore(older)
    np.testing.assert_equal(arrays_of(compiled), arrays_of(trained))
    assert compiled.epoch == 0


@pytest.mark.parametrize(
    "progress",
    [
        {"random": None},
        {"random": [1]},
        {"random": {"seed": 0}},
        {"random": {"seed": -1, "generators": {"shuffle": 0}}},
        {"random": {"seed": 0, "generators": {"shuffle": 1.5}}},
        {"random": {"seed": 0, "generators": {"shuffle": True}}},
        {"random": {"seed": 0, "generators": {}}},
        {"random": {"seed": 0, "generators": {"shuffle": 0, "more": 0}}},
        {"epoch": "1"},
        {"epoch": -1},
        {"steps_taken": None},
        {"steps_taken": 2.0},
    ],
)
def test_damaged_progress_is_refused(progress: Any) -> None:
    compiled = make("plain").compile()
    damaged = changed(compiled, **progress)
    train(compiled, 1)
    before = compiled.snapshot()
    with pytest.raises(CheckpointError, match="Checkpoint: "):
        compiled.restore(damaged)
    assert compiled.snapshot().info == before.info


@pytest.mark.parametrize(
    "state", [None, {}, "x", {"bit_generator": "MT19937"}, {"state": {"state": -1}}]
)
def test_damaged_random_states_of_deep_r_are_refused(state: Any) -> None:
    compiled = make("deep_r").compile()
    snapshot = compiled.snapshot()
    (name,) = snapshot.info["engine"]["rewiring"]
    if isinstance(state, dict) and state:
        state = {**snapshot.info["engine"]["rewiring"][name], **state}
    engine = {**snapshot.info["engine"], "rewiring": {name: state}}
    damaged = replace(snapshot, info={**snapshot.info, "engine": engine})
    with pytest.raises(CheckpointError, match=f"'{name}' is rewired"):
        compiled.restore(damaged)
    assert_equal(compiled, make("deep_r").compile())


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
    refused("plain", serialiser, r"1-Conn_hidden_Pop2-g\.v\.npy'")


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
    with pytest.raises(ValueError, match="keep"):
        Checkpoint(keep=0)


@pytest.mark.parametrize("name", [*SERIALISERS, "folder"])
def test_older_checkpoints_are_deleted(name: str, tmp_path: Path) -> None:
    """The latest three stay, also those of an earlier run, and training continues."""
    place = SERIALISERS.get(name, str)(tmp_path)
    train(make("plain").compile(), 4, callbacks=[Checkpoint(place, keep=3)])
    listed = get_serialiser(place)
    assert listed.epochs() == [1, 2, 3]
    assert not [p for p in tmp_path.iterdir() if p.name.startswith("0")]
    compiled = make("plain").compile()
    assert compiled.resume(place) == 4
    train(compiled, 1, 4, callbacks=[Checkpoint(place, keep=3)])
    assert listed.epochs() == [2, 3, 4]


def test_checkpoints_of_later_epochs_stay(tmp_path: Path) -> None:
    """They are of a run that trained for longer, in the same folder."""
    train(make("plain").compile(), 1, 7, callbacks=[Checkpoint(tmp_path)])
    train(make("plain").compile(), 3, callbacks=[Checkpoint(tmp_path, keep=1)])
    assert Safetensors(tmp_path).epochs() == [2, 7]


def test_a_folder_stands_for_a_serialiser(tmp_path: Path) -> None:
    for folder in (tmp_path / "numpy", "./numpy", "run 3", Path("numpy")):
        assert get_serialiser(folder).path == Path(folder)
    for name in ("nunpy", "safetensros"):
        with pytest.raises(ValueError, match="unknown serialiser"):
            get_serialiser(name)


def test_a_serialiser_that_cannot_delete_is_refused() -> None:
    class Memory(Serialiser):
        def serialise(self, keys: Any, data: Any) -> None: ...

        def deserialise(self, keys: Any) -> np.ndarray:
            return np.zeros(1)

        def deserialise_all(self, keys: Any) -> dict[str, np.ndarray]:
            return {}

        def epochs(self) -> list[int]:
            return [0, 1]

    with pytest.raises(UnsupportedError, match="Memory: it cannot delete"):
        train(make("plain").compile(), 1, 1, callbacks=[Checkpoint(Memory(), keep=1)])
