"""Links, titles and lists of the pages are complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs.pages import DOCS, ROOT


def test_links_point_to_existing_files() -> None:
    documents = [ROOT / "README.md", *DOCS.rglob("*.md")]
    num_links = 0
    for document in documents:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document}: {target}"
                num_links += 1
    assert num_links >= 5


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.md")), ids=lambda path: path.stem)
def test_a_page_has_one_title(path: Path) -> None:
    """A second title would be an entry of the navigation."""
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    assert len(re.findall(r"^# ", text, flags=re.MULTILINE)) == 1


def test_functions_listed_in_the_docs_are_those_of_the_parser() -> None:
    from ml_genn.model.equations.expression import FUNCTIONS

    text = (DOCS / "own_neurons.md").read_text()
    for name in FUNCTIONS:
        assert re.search(rf"\b{name}\b", text), name


def test_readouts_and_connectivity_are_listed() -> None:
    """Pages list all names of a kind."""
    from ml_genn import connectivity
    from ml_genn.readouts import default_readouts

    networks = (DOCS / "networks.md").read_text()
    for name in default_readouts:
        assert f'| `"{name}"` |' in networks, name
    text = (DOCS / "connectivity.md").read_text()
    for name in set(connectivity.__all__) - {"Connectivity", "default_connectivity"}:
        assert f"| `{name}(" in text, name


def test_layers_and_converters_are_listed() -> None:
    pytest.importorskip("conversion.keras_nets")
    from ml_genn_tf import converters
    from ml_genn_tf.layers.table import LAYERS

    text = (DOCS / "conversion.md").read_text()
    for name in (*LAYERS, *converters.__all__):
        assert f"`{name}" in text, name


def test_every_hook_is_listed() -> None:
    from ml_genn.callbacks import Callback

    text = (DOCS / "callbacks.md").read_text()
    for name in vars(Callback):
        if name.startswith("on_") and name != "on_recorded":
            assert f"`{name}(" in text, name
