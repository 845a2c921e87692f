"""Fixtures: a simulated CuPy, whose kernels run on the CPU, and engine settings."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import ModuleType

import pytest
from device import simulated_cupy

from ml_genn.backends.cuda.launch.settings import Settings
from ml_genn.backends.cuda.model import CudaModel

#: Small sizes, with which networks of tests need several passes over a thread block,
#: several blocks of steps, and tapes that grow.
SMALL = Settings(
    max_threads=64,
    update_blocks=2,
    gradient_window=8,
    steps_per_block=7,
    tape_fraction=0.01,
)


@pytest.fixture(params=[False, True], ids=["ascending", "descending"])
def simulated(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> ModuleType:
    """The simulated CuPy; threads run in ascending or in descending order."""
    monkeypatch.setitem(sys.modules, "cupy", simulated_cupy)
    monkeypatch.setattr(simulated_cupy, "DESCENDING", request.param)
    monkeypatch.setattr(CudaModel, "settings", SMALL)
    return simulated_cupy


@pytest.fixture
def several_blocks(simulated: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes several thread blocks run an example that one block could run."""
    settings = replace(SMALL, max_single_block_neurons=1)
    monkeypatch.setattr(CudaModel, "settings", settings)
