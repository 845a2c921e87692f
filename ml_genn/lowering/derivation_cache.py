"""Derivations stored on disk, so that a second run of a script needs no SymPy.

A file's name is a hash of the equations, the learning rule, and the versions of
everything that takes part in a derivation. Its content is JSON, after a line with its
digest, which tells whether it is complete.
"""

from __future__ import annotations

import hashlib
import json
import sys
from contextlib import suppress
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import ml_genn.model
from ml_genn.backends.host.cache import cache_folder, is_own
from ml_genn.errors import CheckpointError, FileError
from ml_genn.model.equations.system import System
from ml_genn.model.plan import Derivation
from ml_genn.model.spike_gradients import SpikeGradient
from ml_genn.utils.files import write_atomically
from ml_genn.utils.records import parse_json, plain_of, record_of

_MODEL = Path(ml_genn.model.__file__).parent


@lru_cache(maxsize=256)
def cached_derivation(
    system: System,
    where: str,
    spike_gradient: SpikeGradient | None,
    learned: tuple[str, ...] = (),
) -> Derivation:
    """Returns a derivation from memory, from disk, or made anew.

    Args:
        system, where, spike_gradient, learned: as for
            `ml_genn.model.derivation.derivation.derive`.

    Raises:
        EquationError, UnsupportedError: as for ``derive``.
    """
    text = f"{system!r} {spike_gradient!r} {learned!r}\n{_versions()}"
    sources = _other_sources(type(spike_gradient))
    name = hashlib.sha256(f"{text}{sources}".encode()).hexdigest()[:32]
    path = cache_folder() / f"{name}.derived"
    stored = None if sources is None else _read(path)
    if stored is not None:
        return stored
    from ml_genn.model.derivation.derivation import derive

    derivation = derive(system, where, spike_gradient, learned)
    if sources is not None:
        _write(path, derivation)
    return derivation


@lru_cache(maxsize=1)
def _versions() -> str:
    """Returns the versions of Python and SymPy, and the sources of `ml_genn.model`."""
    sources = [path.read_text("utf-8") for path in sorted(_MODEL.rglob("*.py"))]
    return "\n".join([sys.version, _sympy_release(), *sources])


def _sympy_release() -> str:
    """Returns SymPy's file of its version, without the time to import SymPy."""
    spec = find_spec("sympy")
    if spec is None or spec.origin is None:
        return ""
    release = Path(spec.origin).with_name("release.py")
    return release.read_text("utf-8") if release.exists() else str(spec.origin)


def _other_sources(cls: type) -> str | None:
    """Returns the modules that define a class and its bases outside `ml_genn.model`.

    A learning rule of another package takes part in the derivation as well. None for
    classes without a file (typed into an interpreter), whose changes go unnoticed.
    """
    sources = []
    for base in cls.__mro__:
        if issubclass(base, SpikeGradient):
            file = getattr(sys.modules[base.__module__], "__file__", None)
            if file is None:
                return None
            if not Path(file).is_relative_to(_MODEL):
                sources.append(Path(file).read_text("utf-8"))
    return "\n".join(sources)


def _read(path: Path) -> Derivation | None:
    """Returns the content of a file; None if there is none or it is incomplete."""
    try:
        digest, _, content = path.read_bytes().partition(b"\n")
        if digest != _digest(content) or not is_own(path):
            return None
        return record_of(Derivation, parse_json(content, str(path)), str(path))
    except (OSError, CheckpointError):
        return None


def _write(path: Path, derivation: Derivation) -> None:
    """Writes a file; goes without if the disk is full, since it only saves time."""
    content = json.dumps(plain_of(derivation)).encode()
    with suppress(FileError):
        write_atomically(path, _digest(content) + b"\n" + content)


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()
