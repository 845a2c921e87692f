"""The kernels of a plan: the text that the CPU engine runs, with headers for a GPU."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ml_genn.backends.host.include import INCLUDE as SHARED
from ml_genn.codegen.layout import Layout
from ml_genn.codegen.program import source

INCLUDE = Path(__file__).parent / "include"

#: Options of NVRTC; as on the CPU, denormal numbers are flushed to zero.
OPTIONS = (
    "--std=c++17",
    "--device-as-default-execution-space",
    "--ftz=true",
    "--disable-warnings",
)


@dataclass(frozen=True)
class DeviceLayout(Layout):
    """As on the CPU, but weights are kept by source only: a warp reads a row as one."""

    @property
    def transposed_weights(self) -> dict[str, int]:
        """No weights are kept by target."""
        return {}


def text(layout: DeviceLayout) -> str:
    """The CUDA source of a plan, in one piece, so that CuPy's cache sees all of it."""
    return _with_headers(source(layout), set())


def _with_headers(program: str, included: set[str]) -> str:
    """A text with the headers that it includes, each where it is first included."""

    def header(include: re.Match[str]) -> str:
        name = include[1]
        if name in included:
            return ""
        included.add(name)
        path = next(f / name for f in (INCLUDE, SHARED) if (f / name).exists())
        return _with_headers(path.read_text(), included)

    program = program.replace("#pragma once\n", "")
    return re.sub(r'^#include "([\w./]+)"\n', header, program, flags=re.MULTILINE)
