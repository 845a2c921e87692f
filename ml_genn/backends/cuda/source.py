"""CUDA source of a plan: the text that the CPU engine compiles, with other headers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ml_genn.backends.host.include import INCLUDE as SHARED_INCLUDE
from ml_genn.codegen.formats import TransposedWeights
from ml_genn.codegen.layout import Layout
from ml_genn.codegen.program import source

INCLUDE = Path(__file__).parent / "include"

#: Options of NVRTC; denormal numbers are flushed to zero, as on the CPU.
OPTIONS = (
    "--std=c++17",
    "--device-as-default-execution-space",
    "--ftz=true",
    "--disable-warnings",
)


@dataclass(frozen=True)
class DeviceLayout(Layout):
    """Layout without transposed weights: the lanes of a warp read a row of weights."""

    @property
    def transposed_weights(self) -> dict[str, TransposedWeights]:
        """Empty."""
        return {}


def cuda_source(layout: DeviceLayout) -> str:
    """Returns the CUDA source of a plan.

    Headers are part of the text, so the cache of CuPy, whose key is the text, sees
    their changes.
    """
    return with_headers(source(layout))


def with_headers(text: str) -> str:
    """Returns a text with the headers that it includes, each where it comes first."""
    return _with_headers(text, set())


def _with_headers(text: str, included: set[str]) -> str:
    def header(include: re.Match[str]) -> str:
        name = include[1]
        if name in included:
            return ""
        included.add(name)
        folders = (INCLUDE, SHARED_INCLUDE)
        path = next(f / name for f in folders if (f / name).exists())
        return _with_headers(path.read_text("utf-8"), included)

    text = text.replace("#pragma once\n", "")
    return re.sub(r'^#include "([\w./]+)"\n', header, text, flags=re.MULTILINE)
