"""Notebooks run from top to bottom with few epochs; they are stored without outputs."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from docs.pages import DOCS, ROOT

NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))
notebooks = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
EPOCHS = 3
#: {notebook: lowest test accuracy [%] after so few epochs}
ACCURACY = {
    "first_network": 80,
    "learning_rules_compared": 60,
    "own_neuron": 60,
    "scikit_learn": 85,
}


def cells(path: Path) -> list[dict[str, Any]]:
    """Returns the cells of a notebook."""
    result: list[dict[str, Any]] = json.loads(path.read_text())["cells"]
    return result


def test_all_notebooks_are_tested() -> None:
    assert {path.stem for path in NOTEBOOKS} == set(ACCURACY)


@notebooks
def test_notebook_is_stored_without_outputs(path: Path) -> None:
    code = [cell for cell in cells(path) if cell["cell_type"] == "code"]
    assert len(code) > 4
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)


@notebooks
def test_links_of_notebook_point_to_existing_files(path: Path) -> None:
    text = "".join("".join(cell["source"]) for cell in cells(path))
    for target in re.findall(r"\]\(([^)#]+)\)", text.replace("\n", " ")):
        assert (path.parent / target).exists(), target


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Kernel is running over TCP")
@notebooks
def test_notebook_runs(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nbformat = pytest.importorskip("nbformat", reason="extra 'docs'")
    nbclient = pytest.importorskip("nbclient", reason="extra 'docs'")
    pytest.importorskip("ipykernel", reason="extra 'docs'")
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    book = nbformat.read(path, as_version=4)
    (parameters,) = [
        c for c in book.cells if "parameters" in c.metadata.get("tags", [])
    ]
    assert re.fullmatch(r"epochs = \d+", parameters.source)
    parameters.source = f"epochs = {EPOCHS}"
    where = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(book, timeout=120, resources=where).execute()
    outputs = [out for cell in book.cells for out in cell.get("outputs", [])]
    text = "".join(out.text for out in outputs if out.output_type == "stream")
    pictures = [out for out in outputs if "image/png" in out.get("data", {})]
    accuracies = [float(a) for a in re.findall(r"test accuracy:? +([\d.]+) %", text)]
    assert accuracies
    assert min(accuracies) > ACCURACY[path.stem]
    assert len(pictures) >= 2
    assert not [out for out in outputs if out.get("name") == "stderr"]
