"""A CuPy whose kernels run on the CPU."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from device import simulated_cupy

from ml_genn.backends.cuda.model import CudaModel


@pytest.fixture(params=[False, True], ids=["forwards", "backwards"])
def simulated(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> ModuleType:
    """CuPy, simulated; threads run in order, or from the last to the first.

    Blocks are small, so that they take several turns, and tapes must grow; a few steps
    are kept of what is over.
    """
    monkeypatch.setitem(sys.modules, "cupy", simulated_cupy)
    monkeypatch.setattr(simulated_cupy, "BACKWARDS", request.param)
    monkeypatch.setattr(CudaModel, "most_threads", 64)
    monkeypatch.setattr(CudaModel, "update_blocks", 2)
    monkeypatch.setattr(CudaModel, "share", 0.01)
    monkeypatch.setattr(CudaModel, "gradient_window", 8)
    monkeypatch.setattr(CudaModel, "block", 7)
    return simulated_cupy
