"""What a machine may lack."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from unittest.mock import Mock

import pytest


@pytest.fixture(autouse=True)
def _tensorboard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands in for what writes files of TensorBoard, which need not be installed."""
    writer = SimpleNamespace(SummaryWriter=Mock())
    monkeypatch.setitem(sys.modules, "tensorboardX", writer)
