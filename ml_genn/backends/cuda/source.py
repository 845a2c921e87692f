"""The kernels of a plan: the text that the CPU engine runs, with headers for a GPU."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ml_genn.backends.cpu.toolchain import INCLUDE as SHARED
from ml_genn.codegen.layout import Layout
from ml_genn.codegen.program import source

INCLUDE = Path(__file__).parent / "include"

#: NVRTC brings no C headers.
_NUMBERS = """\
#ifdef __CUDACC_RTC__
typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long long int64_t;
typedef unsigned long long uint64_t;
#else
#include <stdint.h>
#endif
"""
#: What stands in a header's place, where it is not a file beside this one.
_INSTEAD = {
    "stdint.h": _NUMBERS,
    "ml_genn_kernel.h": "",  # kernels are sent back over neuron by neuron
}
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
    def packed(self) -> dict[str, int]:
        """No weights are kept by target."""
        return {}


def text(layout: DeviceLayout) -> str:
    """The CUDA source of a plan, in one piece, so that CuPy's cache sees all of it."""
    return _whole(source(layout))


def _whole(given: str) -> str:
    return re.sub(
        r'^#include [<"]([\w.]+)[>"]\n',
        lambda found: _INSTEAD[found[1]] if found[1] in _INSTEAD else _file(found[1]),
        given.replace("#pragma once\n", ""),
        flags=re.MULTILINE,
    )


def _file(name: str) -> str:
    own = INCLUDE / name
    return _whole((own if own.exists() else SHARED / name).read_text())
