"""The stand-in for PyGeNN, for tests that ask for it."""

from __future__ import annotations

import sys
from types import ModuleType

import fake_pygenn
import pytest


@pytest.fixture
def pygenn(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """PyGeNN as far as the backend can tell."""
    made = fake_pygenn.module()
    monkeypatch.setitem(sys.modules, "pygenn", made)
    monkeypatch.setattr(fake_pygenn.module_state, "default_backend", "cuda")
    return made
