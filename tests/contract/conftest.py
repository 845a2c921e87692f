"""Stand-ins for libraries that need not be installed."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from unittest.mock import Mock

import pytest


@pytest.fixture(autouse=True)
def _tensorboard(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for tensorboardX, which writes files of TensorBoard."""
    writer = SimpleNamespace(SummaryWriter=Mock())
    monkeypatch.setitem(sys.modules, "tensorboardX", writer)
