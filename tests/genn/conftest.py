"""Fixture of the fake PyGeNN."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from genn.fake import library


@pytest.fixture
def pygenn(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Installs the fake as ``pygenn`` for the time of a test."""
    fake = library.module()
    monkeypatch.setitem(sys.modules, "pygenn", fake)
    monkeypatch.setattr(library.installation, "default_backend", "cuda")
    return fake
