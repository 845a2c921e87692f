"""Mutated graphs and damaged files are imported or refused with errors of ml_genn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("nir", reason="needs the library nir")

import nir as library
from nir_graphs.mutations import damage, mutate, outcome
from nir_graphs.test_flatten_and_bias import conv, flat, lif, linear, pool, sequence

from ml_genn import nir
from ml_genn.errors import CheckpointError, UnsupportedError, ValidationError
from ml_genn.nir import hdf5_worker


def graph() -> Any:
    parts = conv(2, 4, 0.1), lif(4, 4, 5), pool(library.SumPool2d, 2), flat(4, 2, 2)
    mutant = sequence(*parts, linear(5, 16, 0.1), lif(5))
    mutant.nodes["n0"].input_shape = (6, 7)
    return mutant


def test_mutated_graphs_are_imported_or_refused() -> None:
    results = []
    for seed in range(60):
        mutated, _ = mutate(graph(), np.random.default_rng((3, seed)))
        results.append(outcome(mutated))
    assert {"imported", "UnsupportedError", "ValidationError"} <= set(results)


def test_damaged_files_are_imported_or_refused(tmp_path: Path) -> None:
    file = tmp_path / "net.nir"
    nir.write(file, graph())
    content, results = file.read_bytes(), []
    for seed in range(3):
        file.write_bytes(damage(content, np.random.default_rng((4, seed))))
        results.append(outcome(file))
    assert set(results) <= {"imported", "CheckpointError"}


def test_crash_of_the_file_library_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "crash.py"
    program.write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    monkeypatch.setattr(hdf5_worker, "__file__", str(program))
    (tmp_path / "net.nir").write_bytes(b"")
    with pytest.raises(CheckpointError, match="HDF5 crashed"):
        nir.read(tmp_path / "net.nir")


def _huge_padding(mutant: Any) -> None:
    mutant.nodes["n0"].padding = (10**6, 10**6)


def _many_branches(mutant: Any) -> None:
    """Thirteen times two parallel nodes have 2 to the power of 13 paths."""
    names = ["n3"]
    for k in range(13):
        for name in (f"a{k}", f"b{k}", f"c{k}"):
            mutant.nodes[name] = library.Linear(np.eye(16))
        mutant.edges += [(names[-1], f"a{k}"), (names[-1], f"b{k}")]
        mutant.edges += [(f"a{k}", f"c{k}"), (f"b{k}", f"c{k}")]
        names.append(f"c{k}")
    mutant.edges.remove(("n3", "n4"))
    mutant.edges.append((names[-1], "n4"))


def _loop_without_neurons(mutant: Any) -> None:
    mutant.nodes["back"] = library.Linear(np.eye(16))
    mutant.edges += [("n3", "back"), ("back", "n3")]


def _changed(node: str, **fields: Any) -> Any:
    def change(mutant: Any) -> None:
        for name, value in fields.items():
            setattr(mutant.nodes[node], name, value)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_huge_padding, "between one and 67,108,864 values"),
        (_many_branches, "more than 4096 paths"),
        (_loop_without_neurons, "leads to itself without any neurons"),
        (_changed("n0", weight=np.full((4, 2, 3, 3), np.nan)), "not finite"),
        (_changed("n0", stride=(0, 1)), "stride is a whole number of at least 1"),
        (_changed("n0", bias=np.ones(3)), "a bias has one number for each of 4"),
        (_changed("n1", tau=-np.ones((4, 4, 5))), "tau is above zero"),
        (_changed("n1", r=np.ones((4, 4, 4))), "all parameters have the shape"),
        (_changed("n2", kernel_size=np.array([9, 9])), "do not fit into images"),
        (_changed("n3", start_dim=2, end_dim=1), "start_dim and end_dim are axes"),
        (_changed("n4", weight=None), "field 'weight', which is missing"),
        (_changed("n5", v_threshold=np.array(["1"])), "v_threshold is a number"),
    ],
)
def test_impossible_graphs(change: Any, message: str) -> None:
    mutant = graph()
    change(mutant)
    with pytest.raises((UnsupportedError, ValidationError), match=message):
        nir.import_graph(mutant)
