"""Derived systems, kept on disk so that a second run of a script needs no SymPy."""

from __future__ import annotations

import hashlib
import os
import pickle
import tempfile
from functools import lru_cache
from pathlib import Path

import ml_genn.model
from ml_genn.backends.cache import cache_folder
from ml_genn.model.plan import Derived
from ml_genn.model.rules import SpikeRule
from ml_genn.model.system import System


@lru_cache(maxsize=1)
def _model_sources() -> str:
    folder = Path(ml_genn.model.__file__).parent
    return "".join(path.read_text() for path in sorted(folder.glob("*.py")))


@lru_cache(maxsize=256)
def derived(
    system: System, where: str, rule: SpikeRule | None, learned: tuple[str, ...] = ()
) -> Derived:
    """What follows from a system; see `ml_genn.model.derive.derive`."""
    text = f"{system!r} {rule!r} {learned!r}\n{_model_sources()}"
    name = hashlib.sha256(text.encode()).hexdigest()[:32]
    path = cache_folder() / f"{name}.derived"
    known = _read(path)
    if known is not None:
        return known
    from ml_genn.model.derive import derive

    fresh = derive(system, where, rule, learned)
    _write(path, fresh)
    return fresh


def _read(path: Path) -> Derived | None:
    try:
        with path.open("rb") as file:
            loaded: Derived = pickle.load(file)
        return loaded
    except (OSError, pickle.UnpicklingError, EOFError, AttributeError, ImportError):
        return None


def _write(path: Path, value: Derived) -> None:
    handle, scratch = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        pickle.dump(value, file)
    os.replace(scratch, path)
