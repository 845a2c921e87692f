"""NVRTC compiles the kernels for two generations of GPUs."""

from __future__ import annotations

import ctypes
import importlib.util
import re
import subprocess
from collections.abc import Sequence
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


def compile_kernels(
    code: str, architecture: str, options: Sequence[str] = OPTIONS
) -> tuple[str, bytes]:
    """Returns the messages of NVRTC, and the cubin; it is empty after an error."""
    library, program = nvrtc(), ctypes.c_void_p()
    words = [o.encode() for o in (*options, f"--gpu-architecture={architecture}")]
    library.nvrtcCreateProgram(
        ctypes.byref(program), code.encode(), b"plan.cu", 0, None, None
    )
    option_array = (ctypes.c_char_p * len(words))(*words)
    status = library.nvrtcCompileProgram(program, len(words), option_array)

    def result(kind: str) -> bytes:
        size = ctypes.c_size_t()
        assert getattr(library, f"nvrtcGet{kind}Size")(program, ctypes.byref(size)) == 0
        buffer = ctypes.create_string_buffer(size.value)
        assert getattr(library, f"nvrtcGet{kind}")(program, buffer) == 0
        return buffer.raw

    log, cubin = result("ProgramLog"), b"" if status else result("CUBIN")
    library.nvrtcDestroyProgram(ctypes.byref(program))
    return log.rstrip(b"\0").decode(), cubin


def compile_error(code: str, architecture: str, kernel: str = "mlg_run") -> str:
    """Returns the errors of NVRTC; empty if the cubin contains the kernel."""
    log, cubin = compile_kernels(code, architecture)
    if not cubin:
        return log
    assert kernel.encode() in cubin
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


def test_launch_bounds_leave_enough_registers() -> None:
    """With half as many registers, EventProp's kernel spills 836 bytes of a thread."""
    code = cuda_source(DeviceLayout(plan_of("event_prop")))
    options = [o for o in OPTIONS if o != "--disable-warnings"]
    log, _ = compile_kernels(code, "sm_90", [*options, "--ptxas-options=-v"])
    (kernel,) = re.findall(r"Compiling entry function 'mlg_run'.*?registers", log, re.S)
    spilled, registers = (
        int(re.findall(pattern, kernel)[0])
        for pattern in (r"(\d+) bytes spill stores", r"Used (\d+) registers")
    )
    assert registers > 64
    assert spilled < 200


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
