"""C++ compiler and a cache of the shared libraries that it builds."""

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
#: Optimising code with sanitizers takes several times as long as running it.
SANITIZE_FLAGS = [
    "-g1",
    "-O0",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer",
]


#: True if the parts of a text are compiled at the same time.
IN_PARTS = available_cores() > 1


@dataclass(frozen=True, slots=True)
class Compiler:
    """A C++ compiler.

    Args:
        command: words of the command.
        identity: path, size and date; changes when the compiler is replaced.
    """

    command: tuple[str, ...]
    identity: str

    def arguments(self) -> list[str]:
        """Returns the command and its flags, without files."""
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
    """Returns the processor features that generated code depends on."""
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
    """Returns the compiler: ``CXX``, g++, clang++, or the one of the ziglang package.

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
    """Returns the shared library of a source text; builds it unless it is cached.

    Args:
        source: the text.
        parts: number of parts that can be compiled separately. Part k is the text with
            ``MLG_PARTS`` defined as 2**k; without it the text is the whole model.

    The library is renamed into place, so several processes may build the same model at
    the same time.

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
    """Runs (command, output file) pairs at the same time."""
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
            process.kill()  # after an interrupt, some still run
    for process, words, (command, built) in zip(running, said, commands, strict=True):
        called = f"{text}.\nCommand: {' '.join([*command, '-o', str(built)])}"
        if process.returncode != 0:
            raise BuildError(f"The C++ compiler failed on {called}\n{words.strip()}")
        if not built.exists():
            raise BuildError(
                f"The C++ compiler reported success but wrote nothing for {called}"
            )
