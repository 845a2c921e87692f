"""Order of tests and compiler flags that make all tests take less time."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_genn.backends.cpu import toolchain

#: Folders of tests of what is above the engine, whose code need not be fast there: it
#: is built in half the time. Tests of the engine itself build it as users do, and so do
#: those that compare another process with this one.
ABOVE_THE_ENGINE = {
    "contract",
    "conversion",
    "docs",
    "data",
    "frontend",
    "genn",
    "model",
    "nir_graphs",
    "plot",
    "training",
}
FOLDER = Path(__file__).parent
OPTIMISE = toolchain.FLAGS.index("-O3")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts slow tests first, so that no worker is left with one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_runtest_setup(item: pytest.Item) -> None:
    folder = item.path.relative_to(FOLDER).parts[0]
    toolchain.FLAGS[OPTIMISE] = "-O1" if folder in ABOVE_THE_ENGINE else "-O3"
    toolchain.IN_PARTS = False  # all cores have tests to run
