"""NVIDIA's compiler takes the kernels, for two generations of GPUs."""

from __future__ import annotations

import ctypes
import importlib.util
from pathlib import Path

import pytest
from device.nets import EPROP, NETWORKS, TRAINED, plan_of

from ml_genn.backends.cuda.source import OPTIONS, DeviceLayout, cuda_source


def nvrtc() -> ctypes.CDLL:
    """NVRTC from NVIDIA's wheel; it needs neither GPU nor driver."""
    spec = importlib.util.find_spec("nvidia")
    folders = [] if spec is None else [*(spec.submodule_search_locations or ())]
    found = [p for f in folders for p in Path(f).glob("cuda_nvrtc/lib/libnvrtc.so.*")]
    if not found:
        pytest.skip("needs NVRTC (extra 'cuda-check')")
    return ctypes.CDLL(str(min(found, key=lambda path: len(path.name))))


def compile_error(code: str, architecture: str, kernel: str = "mlg_run") -> str:
    """What NVRTC says of a text that it refuses; empty if it makes a cubin."""
    library, program = nvrtc(), ctypes.c_void_p()
    options = [o.encode() for o in (*OPTIONS, f"--gpu-architecture={architecture}")]
    library.nvrtcCreateProgram(
        ctypes.byref(program), code.encode(), b"plan.cu", 0, None, None
    )
    given = (ctypes.c_char_p * len(options))(*options)
    status = library.nvrtcCompileProgram(program, len(options), given)
    size = ctypes.c_size_t()
    kind = "ProgramLog" if status else "CUBIN"
    assert getattr(library, f"nvrtcGet{kind}Size")(program, ctypes.byref(size)) == 0
    buffer = ctypes.create_string_buffer(size.value)
    assert getattr(library, f"nvrtcGet{kind}")(program, buffer) == 0
    library.nvrtcDestroyProgram(ctypes.byref(program))
    if status:
        return buffer.value.decode()
    assert kernel.encode() in buffer.raw, "the cubin has the kernel"
    return ""


NAMES = [*NETWORKS, *TRAINED, *EPROP]
assert len({*NAMES}) == len(NAMES)
QUICK = ("event_prop", "online")


@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
@pytest.mark.parametrize(
    "name",
    [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in NAMES],
)
def test_compiles(name: str, architecture: str) -> None:
    assert compile_error(cuda_source(DeviceLayout(plan_of(name))), architecture) == ""


def test_an_error_is_seen() -> None:
    assert "undefined" in compile_error("__global__ void k() { nothing(); }", "sm_80")
