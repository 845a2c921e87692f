"""Finds a C++ compiler, builds shared libraries, keeps them in a cache on disk."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ml_genn.backends.host.cache import cache_folder
from ml_genn.backends.host.cores import available_cores
from ml_genn.backends.host.include import INCLUDE as SHARED
from ml_genn.errors import BuildError

#: Folders of headers: of this engine, and of both engines.
INCLUDES = (Path(__file__).parent / "include", SHARED)
#: Folders for quoted includes only, so that no header of ours hides one of the system.
INCLUDE_FLAGS = [word for folder in INCLUDES for word in ("-iquote", str(folder))]
SANITIZE = "ML_GENN_SANITIZE"

#: Arithmetic may be reordered so that sums vectorise; NaN and infinity stay themselves.
FLAGS = [
    "-std=c++17",
    "-O3",
    "-fPIC",
    "-shared",
    "-fvisibility=hidden",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-signed-zeros",
    "-fassociative-math",
    "-ffp-contract=fast",
    "-fno-exceptions",
    "-fno-rtti",
    "-w",
    "-pthread",
    # The C headers declare less, so that reading them takes half as long.
    "-U_GNU_SOURCE",
    "-D_DEFAULT_SOURCE",
]
#: What sanitizers add to code takes several times as long to optimise as to run.
SANITIZE_FLAGS = [
    "-g1",
    "-O0",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer",
]


#: Whether the parts of a text that has several are compiled at the same time.
IN_PARTS = available_cores() > 1


@dataclass(frozen=True, slots=True)
class Compiler:
    """A C++ compiler.

    Args:
        command: how it is called.
        identity: changes when the compiler does.
    """

    command: tuple[str, ...]
    identity: str

    def arguments(self) -> list[str]:
        """Command and flags, without files."""
        machine = platform.machine().lower()
        arm = machine in {"arm64", "aarch64"}
        native = [] if "ziglang" in self.command else ["-march=native"]
        if arm and native:
            native = ["-mcpu=native"]
        if not arm and native and "512" in _processor():
            native.append("-mprefer-vector-width=512")
        extra = SANITIZE_FLAGS if os.environ.get(SANITIZE) else []
        return [*self.command, *FLAGS, *native, *extra]


@lru_cache(maxsize=1)
def _processor() -> str:
    """What the processor can do, as far as generated code depends on it."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() + platform.machine()
    for line in text.splitlines():
        if line.startswith(("flags", "Features")):
            flags = line.split(":", 1)[1].split()
            if "avx512f" in flags:
                flags.append("512")
            return " ".join(sorted(flags))
    return platform.machine()


def find_compiler() -> Compiler:
    """The compiler: ``CXX``, g++, clang++, or the one in the ziglang package.

    Raises:
        BuildError: if there is none.
    """
    chosen = os.environ.get("CXX")
    if chosen:
        words = chosen.split()
        path = shutil.which(words[0])
        if path is None:
            raise BuildError(
                f"The compiler named by CXX was not found: '{chosen}'. Set CXX to the "
                "path of a C++ compiler, or unset it to have one found."
            )
        return Compiler((path, *words[1:]), _identity(path))
    for name in ("g++", "clang++"):
        path = shutil.which(name)
        if path is not None:
            return Compiler((path,), _identity(path))
    spec = importlib.util.find_spec("ziglang")
    if spec is not None and spec.origin is not None:
        command = (sys.executable, "-m", "ziglang", "c++")
        return Compiler(command, _identity(spec.origin))
    raise BuildError(
        "No C++ compiler was found (looked for CXX, g++, clang++ and the ziglang "
        "package). Install one: 'apt install g++' on Debian or Ubuntu, "
        "'xcode-select --install' on macOS, or 'pip install ziglang' anywhere."
    )


def _identity(path: str) -> str:
    real = os.path.realpath(path)
    status = os.stat(real)
    return f"{real}:{status.st_size}:{status.st_mtime_ns}"


@lru_cache(maxsize=1)
def _headers() -> str:
    return "".join(
        path.read_text() for folder in INCLUDES for path in sorted(folder.rglob("*.h"))
    )


def build(source: str, parts: int = 1) -> Path:
    """The shared library of a source text, built unless the cache has it.

    Args:
        source: the text.
        parts: how many it has that can be compiled by themselves: part k is what
            remains of it where ``MLG_PARTS`` is 2**k, and all of it where it is not
            defined.

    The library appears under its final name in one step, so processes that build the
    same model at the same moment do not disturb each other.

    Raises:
        BuildError: if there is no compiler or it fails.
    """
    compiler = find_compiler()
    arguments = compiler.arguments()
    key = "\n".join([source, _headers(), compiler.identity, *arguments, _processor()])
    name = hashlib.sha256(key.encode()).hexdigest()[:32]
    folder = cache_folder()
    library = folder / f"{name}.so"
    if not library.exists():
        _compile(arguments, source, library, parts if IN_PARTS else 1)
    return library


def _compile(arguments: list[str], source: str, library: Path, parts: int) -> None:
    text = library.with_suffix(".cpp")
    with tempfile.TemporaryDirectory(dir=library.parent, prefix="build-") as scratch:
        fresh = Path(scratch) / "model.cpp"
        fresh.write_text(source)
        built = Path(scratch) / "model.so"
        command = [*arguments, *INCLUDE_FLAGS]
        try:
            if parts == 1:
                _run([([*command, str(fresh)], built)], text)
            else:
                objects = [Path(scratch) / f"part{k}.o" for k in range(parts)]
                _run(
                    [
                        ([*command, f"-DMLG_PARTS={2**k}", "-c", str(fresh)], part)
                        for k, part in enumerate(objects)
                    ],
                    text,
                )
                _run([([*arguments, *map(str, objects)], built)], text)
        finally:
            os.replace(fresh, text)
        os.replace(built, library)


def _run(commands: list[tuple[list[str], Path]], text: Path) -> None:
    """Runs compilers at the same time, each with the file it writes."""
    running = [
        subprocess.Popen(
            [*command, "-o", str(built)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for command, built in commands
    ]
    try:
        said = [process.communicate()[0] for process in running]
    finally:
        for process in running:
            process.kill()  # those left where we are interrupted
    for process, words, (command, built) in zip(running, said, commands, strict=True):
        called = f"{text}.\nCommand: {' '.join([*command, '-o', str(built)])}"
        if process.returncode != 0:
            raise BuildError(f"The C++ compiler failed on {called}\n{words.strip()}")
        if not built.exists():
            raise BuildError(
                f"The C++ compiler reported success but wrote nothing for {called}"
            )
