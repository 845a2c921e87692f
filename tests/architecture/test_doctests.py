"""Examples in docstrings run, in layers that need no toolchain."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest
from architecture.modules import MODULES, dotted
from architecture.test_layers import layer

LAYERS = ("errors", "utils", "frontend", "training", "model", "codegen")
WITH_EXAMPLES = [
    path
    for path in MODULES
    if layer(dotted(path)) in LAYERS and ">>> " in path.read_text()
]


def test_there_are_examples() -> None:
    assert "ml_genn.network" in {dotted(path) for path in WITH_EXAMPLES}
    assert len(WITH_EXAMPLES) >= 4


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=dotted)
def test_examples_of_docstrings_run(path: Path) -> None:
    module = importlib.import_module(dotted(path))
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
