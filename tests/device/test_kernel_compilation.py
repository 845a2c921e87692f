"""NVRTC compiles the kernels for two generations of GPUs."""

from __future__ import annotations

import ctypes
import importlib.util
import subprocess
from pathlib import Path

import pytest
from device.networks import EPROP, NETWORKS, TRAINED, plan_of
from device.simulated_cupy import FLAGS
from device.simulated_cupy import HEADER as SIMULATED_BLOCK

from ml_genn.backends.cuda.source import (
    INCLUDE,
    OPTIONS,
    SHARED_INCLUDE,
    DeviceLayout,
    cuda_source,
)


def nvrtc() -> ctypes.CDLL:
    """Returns NVRTC from NVIDIA's wheel; it needs neither GPU nor driver."""
    spec = importlib.util.find_spec("nvidia")
    folders = [] if spec is None else [*(spec.submodule_search_locations or ())]
    pattern = "cuda_nvrtc/lib/libnvrtc.so.*"
    libraries = [path for folder in folders for path in Path(folder).glob(pattern)]
    if not libraries:
        pytest.skip("needs NVRTC (extra 'cuda-check')")
    return ctypes.CDLL(str(min(libraries, key=lambda path: len(path.name))))


def compile_error(code: str, architecture: str, kernel: str = "mlg_run") -> str:
    """Returns the errors of NVRTC; empty if the cubin contains the kernel."""
    library, program = nvrtc(), ctypes.c_void_p()
    options = [o.encode() for o in (*OPTIONS, f"--gpu-architecture={architecture}")]
    library.nvrtcCreateProgram(
        ctypes.byref(program), code.encode(), b"plan.cu", 0, None, None
    )
    option_array = (ctypes.c_char_p * len(options))(*options)
    status = library.nvrtcCompileProgram(program, len(options), option_array)
    size = ctypes.c_size_t()
    kind = "ProgramLog" if status else "CUBIN"
    assert getattr(library, f"nvrtcGet{kind}Size")(program, ctypes.byref(size)) == 0
    buffer = ctypes.create_string_buffer(size.value)
    assert getattr(library, f"nvrtcGet{kind}")(program, buffer) == 0
    library.nvrtcDestroyProgram(ctypes.byref(program))
    if status:
        return buffer.value.decode()
    assert kernel.encode() in buffer.raw
    return ""


NAMES = [*NETWORKS, *TRAINED, *EPROP]
assert len({*NAMES}) == len(NAMES)
QUICK = ("event_prop", "online")


@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
@pytest.mark.parametrize(
    "name",
    [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in NAMES],
)
def test_kernels_compile(name: str, architecture: str) -> None:
    assert compile_error(cuda_source(DeviceLayout(plan_of(name))), architecture) == ""


def test_errors_are_reported() -> None:
    assert "undefined" in compile_error("__global__ void k() { nothing(); }", "sm_80")


HEADERS = sorted(path.relative_to(INCLUDE).as_posix() for path in INCLUDE.rglob("*.h"))


@pytest.mark.parametrize("header", HEADERS)
def test_each_header_compiles_alone(header: str) -> None:
    """The compiler of the simulation reads the header and what it includes."""
    folders = (word for f in (INCLUDE, SHARED_INCLUDE) for word in ("-iquote", str(f)))
    done = subprocess.run(
        ["g++", *FLAGS, *folders, "-fsyntax-only", "-x", "c++", "-"],
        input=(
            f'#include "{SIMULATED_BLOCK}"\n'
            "#undef __shared__  // static, in the simulation; not for an extern array\n"
            "#define __shared__\n"
            f'#include "{header}"\n'
        ),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
