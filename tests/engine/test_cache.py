"""Finding a compiler, keeping what it builds, and saying what went wrong."""

from __future__ import annotations

import os
import pickle
import tempfile
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest
import sympy
from engine.processes import finish, start
from engine.small_networks import Chain

from ml_genn.errors import BuildError
from ml_genn.lowering import derivation_cache

Folder = Path

SCRIPT = """
import numpy as np
from engine.small_networks import Chain
chain = Chain()
print(chain.predict(chain.compile(num_threads=2)).tobytes().hex())
"""


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    folder = tmp_path / "cache"
    monkeypatch.setenv("ML_GENN_CACHE", str(folder))
    return folder


MakeCompiler = Callable[[str], Path]


@pytest.fixture
def compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeCompiler:
    """Makes CXX a shell script of the given text."""

    def make(text: str) -> Path:
        path = tmp_path / "compiler"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        monkeypatch.setenv("CXX", str(path))
        return path

    return make


def logging_compiler(log: Path) -> str:
    return f'echo call >> "{log}"\nexec {os.environ.get("CXX", "g++")} "$@"'


def test_second_use_does_not_invoke_the_compiler(
    tmp_path: Path, empty_cache: Folder, compiler: MakeCompiler
) -> None:
    """Neither for other numbers, nor in another process; for another size it does."""
    log = tmp_path / "log"
    path = compiler(logging_compiler(log))
    chain = Chain()
    found = chain.predict(chain.compile())
    assert log.read_text().split() == ["call"]
    for options in (
        {"dt": 0.5},
        {"batch_size": 2},
        {"num_threads": 3},
        {"rng_seed": 4},
    ):
        chain.predict(chain.compile(**options))
    other = Chain(seed=5)
    other.predict(other.compile())
    printed = finish(start(SCRIPT, CXX=str(path)))
    assert printed == found.tobytes().hex()
    assert log.read_text().split() == ["call"]
    larger = Chain(size=12)
    larger.predict(larger.compile())
    assert log.read_text().split() == ["call", "call"]
    assert len(list(empty_cache.glob("*.so"))) == 2


def test_another_compiler_or_flag_builds_anew(
    tmp_path: Path,
    empty_cache: Folder,
    compiler: MakeCompiler,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """CXX may have arguments, which belong to what is cached."""
    log = tmp_path / "log"
    path = compiler(logging_compiler(log))
    chain = Chain()
    first = chain.predict(chain.compile())
    monkeypatch.setenv("CXX", f"{path} -DUNUSED=1")
    second = chain.predict(chain.compile())
    assert log.read_text().split() == ["call", "call"]
    np.testing.assert_array_equal(first, second)


def test_two_processes_build_the_same_at_the_same_moment(empty_cache: Folder) -> None:
    running = [start(SCRIPT) for _ in range(2)]
    printed = [finish(process) for process in running]
    assert printed[0] == printed[1] != ""
    assert len(list(empty_cache.glob("*.so"))) == 1
    assert not list(empty_cache.glob("build-*"))
    left = {path.suffix for path in empty_cache.iterdir()}
    assert left <= {".so", ".cpp", ".derived"}


def test_spoilt_derivations_are_derived_again(empty_cache: Folder) -> None:
    """Files that are empty, cut short, or differ from the derivation."""
    expected = finish(start(SCRIPT))
    kept = sorted(empty_cache.glob("*.derived"))
    whole = {path: path.read_bytes() for path in kept}
    other = {path: text.replace(b">= 0.0F", b">= 9.0F") for path, text in whole.items()}
    assert len(kept) >= 2
    assert other != whole
    assert all(pickle.loads(text) for text in other.values())
    empty = dict.fromkeys(kept, b"")
    half = {path: text[: len(text) // 2] for path, text in whole.items()}
    for spoilt in (empty, half, other):
        for path, text in spoilt.items():
            path.write_bytes(text)
        assert finish(start(SCRIPT)) == expected != ""
        assert [pickle.loads(path.read_bytes()) for path in kept] == [
            pickle.loads(text) for text in whole.values()
        ]


@pytest.fixture
def forgetful() -> Iterator[None]:
    """A process that remembers no derivation, neither now nor afterwards."""
    for known in (derivation_cache.cached_derivation, derivation_cache._versions):
        known.cache_clear()
    yield
    for known in (derivation_cache.cached_derivation, derivation_cache._versions):
        known.cache_clear()


def test_another_sympy_derives_anew(
    empty_cache: Folder,
    forgetful: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert sympy.__version__ in derivation_cache._sympy_release()
    Chain().compile()
    first = set(empty_cache.glob("*.derived"))
    derivation_cache.cached_derivation.cache_clear()
    Chain().compile()
    assert set(empty_cache.glob("*.derived")) == first != set()
    derivation_cache.cached_derivation.cache_clear()
    derivation_cache._versions.cache_clear()
    (tmp_path / "release.py").write_text('__version__ = "99"')
    other = ModuleSpec("sympy", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(derivation_cache, "find_spec", {"sympy": other}.get)
    Chain().compile()
    second = set(empty_cache.glob("*.derived")) - first
    assert len(second) == len(first)


def test_a_compiler_that_is_not_there(
    empty_cache: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler --fast")
    chain = Chain()
    with pytest.raises(BuildError, match="no-such-compiler") as caught:
        chain.predict(chain.compile())
    assert "unset" in str(caught.value)
    monkeypatch.undo()
    assert np.isfinite(chain.predict(chain.compile())).all()


def test_no_compiler_at_all(
    tmp_path: Path, empty_cache: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what to install."""
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    chain = Chain()
    with pytest.raises(BuildError, match="No C\\+\\+ compiler") as caught:
        chain.compile().model  # noqa: B018
    assert "apt install g++" in str(caught.value)
    assert "pip install ziglang" in str(caught.value)


def test_a_compile_that_fails(empty_cache: Folder, compiler: MakeCompiler) -> None:
    """The error has the compiler's words and the path of the source that is kept."""
    compiler('echo "model.cpp:7: error: strange machine" >&2\nexit 3')
    chain = Chain()
    with pytest.raises(BuildError, match="strange machine") as caught:
        chain.compile().model  # noqa: B018
    (source,) = empty_cache.glob("*.cpp")
    assert str(source) in str(caught.value)
    assert "engine.h" in source.read_text()
    assert not list(empty_cache.glob("*.so"))
    assert not list(empty_cache.glob("build-*"))


def test_a_compiler_that_writes_nothing(
    empty_cache: Folder, compiler: MakeCompiler
) -> None:
    compiler("exit 0")
    chain = Chain()
    with pytest.raises(BuildError):
        chain.compile().model  # noqa: B018


def test_a_library_that_cannot_be_loaded(
    empty_cache: Folder, compiler: MakeCompiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a compiler for other machines; it is named, and not kept for later."""
    compiler('for last; do :; done\necho "not a library" > "$last"')
    chain = Chain()
    with pytest.raises(BuildError):
        chain.compile().model  # noqa: B018


def test_cache_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Models are kept in a private folder among temporary files instead."""
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("ML_GENN_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    chain = Chain()
    chain.predict(chain.compile())
    (library,) = tmp_path.glob("*/*.so")
    assert str(os.getuid()) in library.parent.name
    assert library.parent.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_others_may_write_to_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Among temporary files anybody could have put libraries into it beforehand."""
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("ML_GENN_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    chain = Chain()
    chain.predict(chain.compile())
    (library,) = tmp_path.glob("*/*.so")
    library.unlink()
    library.parent.chmod(0o777)
    chain.predict(chain.compile())
    (library,) = tmp_path.glob("*/*.so")
    assert not library.parent.stat().st_mode & 0o022
