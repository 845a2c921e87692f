"""Files with mutations are refused with an error of ours, or loaded; nothing else."""

from __future__ import annotations

import json
import os
import random
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from files.mutations import (
    mutated_array,
    mutated_bytes,
    mutated_json,
    mutated_npy,
)
from saving.all_parts import network_with_all_parts
from saving.saved_nets import make, train

import ml_genn
from ml_genn import Network
from ml_genn.errors import CheckpointError, MlGennError
from ml_genn.model.snapshot import Snapshot
from ml_genn.serialisers import Numpy
from ml_genn.serialisers.safetensors import read_file, write_file

#: mutated files of each kind; 1,000 by hand: ML_GENN_MUTATIONS=1000 pytest ...
MUTATIONS = int(os.environ.get("ML_GENN_MUTATIONS", "30"))
LONG_RUN = 400


@contextmanager
def nothing_global_changes(folder: Path) -> Iterator[None]:
    """Random states, environment, folder, locale of numbers and files stay."""

    def state() -> list[Any]:
        numpy = np.random.get_state(legacy=False)
        files = {p: p.stat().st_mtime_ns for p in sorted(folder.rglob("*"))}
        return [
            json.dumps(numpy, default=lambda v: v.tolist()),
            random.getstate(),
            dict(os.environ),
            os.getcwd(),
            np.geterr(),
            files,
        ]

    before = state()
    yield
    assert state() == before


class Files:
    """A model file, a checkpoint and a network, and what loads them.

    Args:
        folder: folder for files.
    """

    def __init__(self, folder: Path) -> None:
        self.model, self.network = folder / "model", folder / "network"
        self.checkpoint = Numpy(folder / "checkpoint")
        compiled = make("deep_r").compile()
        train(compiled, 1)
        ml_genn.save_model(compiled, self.model)
        ml_genn.save_model(network_with_all_parts(), self.network)
        compiled.save((1,), self.checkpoint)
        self.compiled = compiled
        self.config = json.dumps(network_with_all_parts().to_config())

    def load(self, path: Path) -> None:
        model = ml_genn.load_model(path, allow_code=True, num_threads=1)
        if not isinstance(model, Network):
            model.model  # noqa: B018

    def resume(self) -> None:
        self.compiled.resume(self.checkpoint, keys=1)

    def load_arrays(self) -> None:
        self.compiled.network.load((1,), self.checkpoint)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("files"))


def _mutate_bytes_of_model(files: Files, rng: np.random.Generator, path: Path) -> Any:
    original = files.model if rng.integers(2) else files.network
    path.write_bytes(mutated_bytes(original.read_bytes(), rng))
    return lambda: files.load(path)


def _mutate_info_of_model(files: Files, rng: np.random.Generator, path: Path) -> Any:
    """Checksums are those of the mutated content."""
    contents = read_file(files.model if rng.integers(2) else files.network)
    text = mutated_json(json.dumps(dict(contents.info)), rng)
    try:
        write_file(path, Snapshot(contents.arrays, json.loads(text)))
    except (MlGennError, AttributeError, RecursionError, TypeError, ValueError):
        path.write_text(text)  # what our writer refuses to write
    return lambda: files.load(path)


def _mutate_header_of_model(files: Files, rng: np.random.Generator, path: Path) -> Any:
    content = files.network.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = mutated_json(content[8 : 8 + length].decode(), rng).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + content[8 + length :])
    return lambda: files.load(path)


def _mutate_arrays_of_model(files: Files, rng: np.random.Generator, path: Path) -> Any:
    contents = read_file(files.model)
    arrays = dict(contents.arrays)
    key = list(arrays)[rng.integers(len(arrays))]
    arrays[key] = mutated_array(arrays[key], rng)
    write_file(path, Snapshot(arrays, contents.info))
    return lambda: files.load(path)


def _mutate_config(files: Files, rng: np.random.Generator, path: Path) -> Any:
    text = mutated_json(files.config, rng)

    def load() -> None:
        try:
            config = json.loads(text)
        except (RecursionError, ValueError):
            return
        Network.from_config(config, allow_code=True)

    return load


def _mutate_checkpoint(files: Files, rng: np.random.Generator, path: Path) -> Any:
    """Files of one checkpoint; the mutated one is put back by the next case."""
    contents = files.checkpoint.load((1,))
    arrays, text = dict(contents.arrays), json.dumps(dict(contents.info))
    if rng.integers(2):
        text = mutated_json(text, rng)
    else:
        key = list(arrays)[rng.integers(len(arrays))]
        arrays[key] = mutated_array(arrays[key], rng)
    try:
        info = json.loads(text)
        Numpy(path).save((1,), Snapshot(arrays, info))
    except (MlGennError, AttributeError, RecursionError, TypeError, ValueError):
        return lambda: None
    if rng.integers(2):
        return lambda: files.compiled.resume(Numpy(path), keys=1)
    return lambda: files.compiled.network.load((1,), Numpy(path))


def _mutate_npy(files: Files, rng: np.random.Generator, path: Path) -> Any:
    contents = files.checkpoint.load((1,))
    Numpy(path).save((1,), contents)
    written = sorted(path.glob("*.npy"))
    one = written[rng.integers(len(written))]
    one.write_bytes(mutated_npy(one.read_bytes(), rng))
    if rng.integers(2):
        return lambda: files.compiled.resume(Numpy(path), keys=1)
    return lambda: Numpy(path).deserialise(one.stem.split("-", 1))


KINDS = {
    "bytes of model files": _mutate_bytes_of_model,
    "info of model files": _mutate_info_of_model,
    "headers of model files": _mutate_header_of_model,
    "arrays of model files": _mutate_arrays_of_model,
    "configurations": _mutate_config,
    "checkpoints": _mutate_checkpoint,
    "files of NumPy": _mutate_npy,
}


def run(kind: str, files: Files, folder: Path, count: int) -> Counter[str]:
    """Loads mutated files; returns how often which error was raised."""
    results: Counter[str] = Counter()
    for seed in range(count):
        rng = np.random.default_rng([seed, len(kind)])
        load = KINDS[kind](files, rng, folder / f"{kind}{seed}")
        with nothing_global_changes(folder), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of other optimisers, seeds and time steps
            try:
                load()
                results["loaded"] += 1
            except CheckpointError as error:
                results["refused"] += 1
                assert len(str(error)) < 2000, f"{kind} {seed}"
            except Exception as error:
                raise AssertionError(f"{kind}, seed {seed}: {error!r}") from error
    return results


@pytest.mark.parametrize("kind", KINDS)
def test_mutated_files_are_refused(kind: str, files: Files, tmp_path: Path) -> None:
    results = run(kind, files, tmp_path, MUTATIONS)
    assert results["refused"] > 0.3 * MUTATIONS
    assert results.total() == MUTATIONS


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_many_mutated_files_are_refused(
    kind: str, files: Files, tmp_path: Path
) -> None:
    assert run(kind, files, tmp_path, LONG_RUN).total() == LONG_RUN


def test_damaged_bytes_are_noticed(files: Files, tmp_path: Path) -> None:
    """No changed digit of a network or its arrays passes for what was saved."""
    content = files.network.read_bytes()
    start = content.index(b"format")
    digits = [k for k in range(start, len(content)) if content[k : k + 1].isdigit()]
    for place in digits[:: max(1, len(digits) // 40)]:
        changed = bytearray(content)
        changed[place] ^= 1
        (tmp_path / "x").write_bytes(bytes(changed))
        with pytest.raises(CheckpointError):
            ml_genn.load_model(tmp_path / "x", allow_code=True)
