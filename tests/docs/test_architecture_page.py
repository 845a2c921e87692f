"""The page on architecture has the picture of the script, and names what exists."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from architecture.test_sizes import FLAT_FOLDERS
from docs.pages import DOCS, ROOT

sys.path.insert(0, str(DOCS))
make_flow: Any = importlib.import_module("make_flow")
sys.path.remove(str(DOCS))

PAGE = (DOCS / "architecture.md").read_text()
PACKAGE = ROOT / "ml_genn"
BASES = (ROOT, PACKAGE, PACKAGE / "training", PACKAGE / "compiled")
BASES += (PACKAGE / "model" / "derivation", PACKAGE / "backends" / "pygenn")
BASES += (PACKAGE / "training" / "data", PACKAGE / "backends" / "pygenn" / "runtime")


def test_the_picture_is_made_by_the_script() -> None:
    assert make_flow.PICTURE.read_text() == make_flow.picture()
    assert f"(images/{make_flow.PICTURE.name})" in PAGE


def test_folders_in_the_picture_exist() -> None:
    for box in make_flow.BOXES.values():
        for name in re.findall(r"[a-z_]+(?:/[a-z_.]+)?", box.lines[-1]):
            if "/" in name:
                assert (PACKAGE / name).exists(), name


@pytest.mark.parametrize(
    "name", sorted(set(re.findall(r"`([\w/]+(?:/[\w.]+|\.py|\.h))`", PAGE)))
)
def test_files_and_folders_exist(name: str) -> None:
    assert any((base / name).exists() for base in BASES)


def test_every_folder_of_the_package_has_a_section() -> None:
    headings = " ".join(re.findall(r"^###? (.*)$", PAGE, flags=re.MULTILINE))
    for path in PACKAGE.iterdir():
        if path.is_dir() and (path / "__init__.py").exists():
            assert f"`{path.name}`" in headings, path.name


def test_large_folders_have_a_reason() -> None:
    for folder in FLAT_FOLDERS:
        assert f"| `{folder}` |" in PAGE, folder


def test_every_layer_is_listed() -> None:
    for path in PACKAGE.iterdir():
        if path.suffix == ".py" and path.name not in ("__init__.py",):
            assert f"`{path.name}`" in PAGE, path.name


def test_the_picture_is_small() -> None:
    assert Path(make_flow.PICTURE).stat().st_size < 20_000
