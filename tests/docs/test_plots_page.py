"""The code of the page on plots draws its pictures."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

DOCS = Path(__file__).parents[2] / "docs"
MAX_BYTES = 60_000


def test_code_of_the_page_draws_its_pictures(tmp_path: Path) -> None:
    from ml_genn import plot

    spec = importlib.util.spec_from_file_location(
        "make_images", DOCS / "make_images.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    drawn = module.draw(DOCS / "plots.md", tmp_path)
    assert len(drawn) == 7
    for picture in drawn:
        stored = DOCS / picture.relative_to(tmp_path)
        assert picture.read_bytes()[:4] == stored.read_bytes()[:4] == b"\x89PNG"
        assert 1000 < picture.stat().st_size < MAX_BYTES
    text = (DOCS / "plots.md").read_text()
    for name in plot.__all__:
        assert re.search(rf"plot\.{name}\(", text), name


def test_pictures_are_small() -> None:
    pictures = [*DOCS.glob("images/plot_*.png"), *DOCS.glob("images/readme_*.png")]
    assert len(pictures) == 9
    assert max(picture.stat().st_size for picture in pictures) < MAX_BYTES
