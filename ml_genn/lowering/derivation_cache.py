"""Derivation systems, kept on disk so that a second run of a script needs no SymPy."""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
import tempfile
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import ml_genn.model
from ml_genn.backends.host.cache import cache_folder
from ml_genn.model.equations.system import System
from ml_genn.model.plan import Derivation
from ml_genn.model.rules import SpikeRule


@lru_cache(maxsize=1)
def _tools() -> str:
    """What derives: versions of SymPy and Python, our sources."""
    folder = Path(ml_genn.model.__file__).parent
    sources = [path.read_text() for path in sorted(folder.rglob("*.py"))]
    return "\n".join([sys.version, _sympy(), *sources])


def _sympy() -> str:
    """SymPy's file of its version: neither it nor importlib.metadata is imported."""
    found = find_spec("sympy")
    if found is None or found.origin is None:
        return ""
    release = Path(found.origin).with_name("release.py")
    return release.read_text() if release.exists() else str(found.origin)


@lru_cache(maxsize=256)
def cached_derivation(
    system: System, where: str, rule: SpikeRule | None, learned: tuple[str, ...] = ()
) -> Derivation:
    """What follows from a system; see `ml_genn.model.derivation.derive`."""
    text = f"{system!r} {rule!r} {learned!r}\n{_tools()}"
    name = hashlib.sha256(text.encode()).hexdigest()[:32]
    path = cache_folder() / f"{name}.derived"
    known = _read(path)
    if known is not None:
        return known
    from ml_genn.model.derivation.derive import derive

    fresh = derive(system, where, rule, learned)
    _write(path, fresh)
    return fresh


def _read(path: Path) -> Derivation | None:
    """What was written; None if nothing was, or if the file is no longer the same."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    pickled, digest = content[:-_DIGEST], content[-_DIGEST:]
    if hashlib.sha256(pickled).digest() != digest:
        return None
    known: Derivation = pickle.loads(pickled)
    return known


def _write(path: Path, value: Derivation) -> None:
    """Writes in one step, so that no other process sees part of it."""
    pickled = pickle.dumps(value)
    handle, scratch = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(pickled + hashlib.sha256(pickled).digest())
    os.replace(scratch, path)


_DIGEST = hashlib.sha256().digest_size
