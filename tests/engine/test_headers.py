"""Each C++ header of the engine compiles alone."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ml_genn.backends.cpu.toolchain import (
    FLAGS,
    INCLUDE_FLAGS,
    INCLUDES,
    find_compiler,
)

HEADERS = [h for folder in INCLUDES for h in sorted(folder.rglob("*.h"))]


def errors(header: Path) -> str:
    """Returns what the compiler says about a file that includes one header."""
    (folder,) = (f for f in INCLUDES if header.is_relative_to(f))
    done = subprocess.run(
        [
            *find_compiler().command,
            *(flag for flag in FLAGS if flag != "-shared"),
            *INCLUDE_FLAGS,
            *("-fsyntax-only", "-x", "c++", "-"),
        ],
        input=f'#include "{header.relative_to(folder)}"\n',
        capture_output=True,
        text=True,
    )
    return done.stderr if done.returncode else ""


def test_each_header_compiles_alone() -> None:
    with ThreadPoolExecutor(2) as threads:
        texts = threads.map(errors, HEADERS)
    wrong = {h.name: text for h, text in zip(HEADERS, texts, strict=True) if text}
    assert not wrong


def test_no_header_includes_a_folder_of_another_engine() -> None:
    for header in HEADERS:
        for line in header.read_text().splitlines():
            if line.startswith('#include "'):
                name = line.split('"')[1]
                folders = [folder for folder in INCLUDES if (folder / name).exists()]
                assert len(folders) == 1, f"{header.name} includes {name}"
