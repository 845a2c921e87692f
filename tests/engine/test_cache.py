"""Finding a compiler, keeping what it builds, and saying what went wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest
import sympy
from engine.processes import environment, finish, start
from engine.small_networks import Chain

from ml_genn.backends.cpu import toolchain
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
    outputs = chain.predict(chain.compile())
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
    assert printed == outputs.tobytes().hex()
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
    left = {path.suffix for path in empty_cache.iterdir()}
    assert left <= {".so", ".cpp", ".built", ".derived"}


def test_damaged_derivations_are_derived_again(empty_cache: Folder) -> None:
    """Files that are empty, cut short, or differ from the derivation."""
    expected = finish(start(SCRIPT))
    stored = sorted(empty_cache.glob("*.derived"))
    whole = {path: path.read_bytes() for path in stored}
    other = {path: text.replace(b">= 0.0F", b">= 9.0F") for path, text in whole.items()}
    assert len(stored) >= 2
    assert other != whole
    empty = dict.fromkeys(stored, b"")
    half = {path: text[: len(text) // 2] for path, text in whole.items()}
    for damaged in (empty, half, other):
        for path, text in damaged.items():
            path.write_bytes(text)
        assert finish(start(SCRIPT)) == expected != ""
        assert {path: path.read_bytes() for path in stored} == whole


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
    assert not list(empty_cache.glob(".*"))


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


def test_damaged_libraries_are_built_again(
    tmp_path: Path, empty_cache: Folder, compiler: MakeCompiler
) -> None:
    """Files that are empty, cut short, longer or of other bytes; a short one would
    end the process when it is opened.
    """
    log = tmp_path / "log"
    compiler(logging_compiler(log))
    first = toolchain.build(TEXT)
    whole = first.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    cases = (b"", whole[: len(whole) // 2], whole + b"\0", bytes(flipped))
    for calls, damaged in enumerate(cases, start=2):
        first.write_bytes(damaged)
        assert toolchain.build(TEXT) == first
        assert first.read_bytes() == whole
        assert len(log.read_text().split()) == calls
    (record,) = empty_cache.glob("*.built")
    for damaged in (b"", b"\xff", b"../x", b"0" * 32):
        record.write_bytes(damaged)
        assert toolchain.build(TEXT) == first
    assert len(log.read_text().split()) == len(cases) + 5
    assert toolchain.build(TEXT) == first
    assert len(log.read_text().split()) == len(cases) + 5


#: The smallest text that is a library.
TEXT = 'extern "C" int mlg_answer() { return 42; }'


def test_scratch_folders_of_killed_processes_are_removed(empty_cache: Folder) -> None:
    """Another process was building when it was killed; one that runs is not touched."""
    script = f"""
import os, sys
from ml_genn.backends.cpu import toolchain
start = toolchain._start
def announced(words, scratch):
    print("building", flush=True)
    sys.stdin.read()
toolchain._start = announced
toolchain.build({TEXT!r})
"""
    building = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    for process in building:
        assert process.stdout is not None
        assert process.stdout.readline() == b"building\n"
    assert len(list(empty_cache.glob(".ml_genn-*.part"))) == 2
    building[0].kill()
    building[0].wait()
    toolchain.build(TEXT)
    assert len(list(empty_cache.glob(".ml_genn-*.part"))) == 1
    building[1].kill()
    for process in building:
        process.communicate()


COMPILERS = {
    "a path with blanks": ("my compiler", "'{}'"),
    "a path with blanks and arguments": ("my compiler", "'{}' -DUNUSED=1"),
    "a path with blanks without quotes": ("my compiler", "{}"),
    "blanks around": ("compiler", "  {}  "),
    "quoted arguments": ("compiler", "{} '-DTEXT=\"a b\"'"),
}


@pytest.mark.parametrize("case", COMPILERS)
def test_cxx_is_a_command_as_in_a_shell(
    case: str, tmp_path: Path, empty_cache: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, command = COMPILERS[case]
    path, log = tmp_path / name, tmp_path / "log"
    path.write_text(f"#!/bin/sh\n{logging_compiler(log)}\n")
    path.chmod(0o755)
    monkeypatch.setenv("CXX", command.format(path))
    assert toolchain.build(TEXT).exists()
    assert log.read_text().split() == ["call"]


def test_a_blank_cxx_counts_as_unset(
    empty_cache: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "   ")
    assert toolchain.find_compiler() == _without_cxx(monkeypatch)


def _without_cxx(monkeypatch: pytest.MonkeyPatch) -> toolchain.Compiler:
    monkeypatch.delenv("CXX")
    return toolchain.find_compiler()


BROKEN_COMPILERS = {
    "another encoding": (r"printf 'caf\351 \377\n'; exit 1", "caf\ufffd"),
    "killed midway": ("kill -9 $$", "killed by signal 9"),
    "a quote too many": (None, "No closing quotation"),
    "no program": ("", "cannot be run"),
}


@pytest.mark.parametrize("case", BROKEN_COMPILERS)
def test_errors_of_compilers_say_what_happened(
    case: str,
    tmp_path: Path,
    empty_cache: Folder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text, message = BROKEN_COMPILERS[case]
    path = tmp_path / "compiler"
    shebang = "#!/no/such/shell" if text == "" else "#!/bin/sh"
    path.write_text(f"{shebang}\n{text}\n")
    path.chmod(0o755)
    monkeypatch.setenv("CXX", f"{path} '" if text is None else str(path))
    with pytest.raises(BuildError, match=message):
        toolchain.build(TEXT)
    assert not list(empty_cache.glob("*.so"))
    assert not list(empty_cache.glob(".*"))
