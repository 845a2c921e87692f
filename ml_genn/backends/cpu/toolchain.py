"""C++ compiler and a cache of the shared libraries that it builds."""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ml_genn.backends.host.cache import in_cache_folder, is_own
from ml_genn.backends.host.cores import available_cores
from ml_genn.backends.host.include import INCLUDE as SHARED
from ml_genn.errors import BuildError
from ml_genn.utils.files import move_into_place, scratch_folder, write_atomically

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
#: Sums and products of integers that are too large for their type wrap around.
WRAP_FLAG = "-fwrapv"
#: {value of ML_GENN_SANITIZE: sanitizers}
SANITIZERS = {
    "address": "address,undefined,float-cast-overflow",
    "thread": "thread",
}
#: Optimising code with sanitizers takes several times as long as running it.
SANITIZE_FLAGS = ["-g1", "-O0", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]


_RECORD = ".built"  #: ending of files with the digest of a library
#: less free space than this [bytes] is why a compiler failed
_ROOM = 2**20

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
        return [*self.command, *FLAGS, *native, *_sanitizer_flags()]


def _sanitizer_flags() -> list[str]:
    """Returns the flags of the sanitizers that ML_GENN_SANITIZE names, for tests."""
    name = os.environ.get(SANITIZE)
    if not name:
        return []
    if name not in SANITIZERS:
        raise BuildError(f"{SANITIZE} is one of {', '.join(SANITIZERS)}, not '{name}'.")
    return [f"-fsanitize={SANITIZERS[name]}", *SANITIZE_FLAGS]


@lru_cache(maxsize=1)
def _processor() -> str:
    """Returns the processor features that generated code depends on."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8", "replace")
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
    chosen = os.environ.get("CXX", "").strip()
    if chosen:
        words = _words(chosen)
        path = shutil.which(words[0])
        if path is None:
            raise BuildError(
                f"The compiler named by CXX was not found: '{chosen}'. Set CXX to the "
                "path of a C++ compiler, or unset it to have one found. Quote a path "
                "with blanks if arguments follow it."
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


def _words(command: str) -> list[str]:
    """Returns the words of a command; one word if it is the path of a file."""
    if shutil.which(command) is not None:
        return [command]
    try:
        return shlex.split(command)
    except ValueError as error:
        raise BuildError(
            f"CXX is a command as in a shell. Received '{command}' ({error})."
        ) from None


def _identity(path: str) -> str:
    real = os.path.realpath(path)
    status = os.stat(real)
    return f"{real}:{status.st_size}:{status.st_mtime_ns}"


@lru_cache(maxsize=1)
def _headers() -> str:
    return "".join(
        path.read_text("utf-8")
        for folder in INCLUDES
        for path in sorted(folder.rglob("*.h"))
    )


def build(source: str, parts: int = 1, flags: Sequence[str] = ()) -> Path:
    """Returns the shared library of a source text; builds it unless it is cached.

    Args:
        source: the text.
        parts: number of parts that can be compiled separately. Part k is the text with
            ``MLG_PARTS`` defined as 2**k; without it the text is the whole model.
        flags: further flags of the compiler.

    The library is renamed into place, so several processes may build the same model at
    the same time. The digest of its content is part of its name, so a damaged one is
    noticed, and built again.

    Raises:
        BuildError: if there is no compiler or it fails.
        FileError: if no cache folder can be written.
    """
    compiler = find_compiler()
    arguments = [*compiler.arguments(), *flags]
    key = "\n".join([source, _headers(), compiler.identity, *arguments, _processor()])
    name = _digest(key.encode())
    used_parts = parts if IN_PARTS else 1

    def library(folder: Path) -> Path:
        text = folder / f"{name}.cpp"
        return _cached(text) or _compile(arguments, source, text, used_parts)

    return in_cache_folder(library)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def _library_path(text: Path, digest: str) -> Path:
    """Returns the path of a library by the path of its text and its own digest."""
    return text.with_name(f"{text.stem}-{digest}.so")


def _cached(text: Path) -> Path | None:
    """Returns the library of a text; removes a damaged one."""
    try:
        digest = text.with_suffix(_RECORD).read_text("ascii")
        if not digest.isalnum():
            return None
        library = _library_path(text, digest)
        if _digest(library.read_bytes()) == digest and is_own(library):
            return library
    except (FileNotFoundError, UnicodeError):
        return None
    library.unlink(missing_ok=True)
    return None


def _compile(arguments: list[str], source: str, text: Path, parts: int) -> Path:
    """Returns the new library of a source, which is stored as ``text`` as well."""
    with scratch_folder(text.parent) as scratch:
        fresh = scratch / "model.cpp"
        fresh.write_text(source, "utf-8")
        built = scratch / "model.so"
        command = [*arguments, *INCLUDE_FLAGS]
        try:
            if parts == 1:
                _run([([*command, str(fresh)], built)], text)
            else:
                objects = [scratch / f"part{k}.o" for k in range(parts)]
                _run(
                    [
                        ([*command, f"-DMLG_PARTS={2**k}", "-c", str(fresh)], part)
                        for k, part in enumerate(objects)
                    ],
                    text,
                )
                _run([([*arguments, *map(str, objects)], built)], text)
        except BuildError:
            _check_room(scratch)
            raise
        finally:
            os.replace(fresh, text)
        digest = _digest(built.read_bytes())
        library = _library_path(text, digest)
        move_into_place(built, library)
    write_atomically(text.with_suffix(_RECORD), digest.encode())
    return library


def _check_room(folder: Path) -> None:
    """Raises the system's error if the disk of a folder is full."""
    if shutil.disk_usage(folder).free < _ROOM:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _run(commands: list[tuple[list[str], Path]], text: Path) -> None:
    """Runs (command, output file) pairs at the same time."""
    called = [[*command, "-o", str(built)] for command, built in commands]
    running: list[subprocess.Popen[str]] = []
    try:
        for (_, built), words in zip(commands, called, strict=True):
            running.append(_start(words, built.parent))
        printed = [process.communicate()[0] for process in running]
    finally:
        for process in running:
            process.kill()  # after an interrupt, some still run
            process.wait()
    outputs = (built for _, built in commands)
    for process, words, output, built in zip(
        running, called, printed, outputs, strict=True
    ):
        subject = f"{text}.\nCommand: {shlex.join(words)}"
        if process.returncode < 0:
            raise BuildError(
                f"The C++ compiler was killed by signal {-process.returncode} on "
                f"{subject}\nPerhaps there was not enough memory. {output.strip()}"
            )
        if process.returncode != 0:
            raise BuildError(f"The C++ compiler failed on {subject}\n{output.strip()}")
        if not built.exists():
            raise BuildError(
                f"The C++ compiler reported success but wrote nothing for {subject}"
            )


def _start(words: list[str], scratch: Path) -> subprocess.Popen[str]:
    """Starts a compiler, whose temporary files are in a scratch folder."""
    try:
        return subprocess.Popen(
            words,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "TMPDIR": str(scratch)},
        )
    except OSError as error:
        raise BuildError(
            f"The C++ compiler '{words[0]}' cannot be run: {error}. Set CXX to the "
            "path of another one, or unset it to have one found."
        ) from error
