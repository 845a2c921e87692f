"""The stand-in for PyGeNN, for tests that ask for it."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from genn.fake import library


@pytest.fixture
def pygenn(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """PyGeNN as far as the backend can tell."""
    made = library.module()
    monkeypatch.setitem(sys.modules, "pygenn", made)
    monkeypatch.setattr(library.installation, "default_backend", "cuda")
    return made
