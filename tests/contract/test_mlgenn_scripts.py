"""Scripts in the style of mlGeNN's documented API run as they are, on small data."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from pkgutil import iter_modules

import numpy as np
import pytest

PACKAGE = "contract.mlgenn_scripts"
pytest.register_assert_rewrite(PACKAGE)
FOLDER = Path(__file__).with_name("mlgenn_scripts")
SCRIPTS = sorted(module.name for module in iter_modules([str(FOLDER)]))


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripts write their checkpoints into an empty folder."""
    monkeypatch.chdir(tmp_path)
    np.random.seed(1234)


@pytest.fixture(autouse=True)
def _without_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    """ "cuda" is a backend of PyGeNN for these scripts, and one of ours with CuPy."""
    monkeypatch.setitem(sys.modules, "cupy", None)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_runs(script: str) -> None:
    """Scripts hold their own assertions."""
    name = f"{PACKAGE}.{script}"
    try:
        importlib.import_module(name)
    finally:
        sys.modules.pop(name, None)
