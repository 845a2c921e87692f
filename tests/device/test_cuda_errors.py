"""Errors without CuPy, a GPU or memory are plain, and the process can continue."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest
from device.networks import inference

from ml_genn.backends.cuda import device
from ml_genn.backends.cuda.device import DeviceError
from ml_genn.errors import BuildError

CPU = "backend='cpu'"


def test_ordinary_use_does_not_import_cupy() -> None:
    code = "import sys, ml_genn.compilers; assert 'cupy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PyGeNN too, the CPU engine runs, with a warning."""
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.warns(UserWarning, match=r"ml_genn\[cuda\].*'cpu' goes without"):
        compiled, x = inference("dense", backend="cuda")
    assert compiled.predict(x, callbacks=[])


def test_import_error_of_cupy(
    simulated: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled, x = inference("dense", backend="cuda")
    monkeypatch.setattr(device, "import_module", fails(ImportError))
    with pytest.raises(BuildError, match=r"ml_genn\[cuda\]") as caught:
        compiled.predict(x, callbacks=[])
    assert CPU in str(caught.value)


def fails(kind: type[Exception], text: str = "text of CuPy") -> Any:
    """Returns a function that raises an error."""

    def fail(*_: Any, **__: Any) -> Any:
        raise kind(text)

    return fail


def break_cupy(simulated: ModuleType, patch: pytest.MonkeyPatch, failure: str) -> None:
    """Makes the simulated CuPy fail as CuPy does."""
    runtime, cuda_error = simulated.cuda.runtime, simulated.CUDARuntimeError
    if failure == "no device":
        patch.setattr(runtime, "getDeviceCount", lambda: 0)
    elif failure == "driver mismatch":
        text = "cudaErrorInsufficientDriver: CUDA driver version is insufficient"
        patch.setattr(runtime, "getDeviceCount", fails(cuda_error, text))
    elif failure == "newer kernels":
        text = "CUDA_ERROR_UNSUPPORTED_PTX_VERSION: the PTX is too new"
        patch.setattr(simulated, "RawModule", fails(simulated.CUDADriverError, text))
    elif failure == "does not compile":
        patch.setattr(simulated, "RawModule", fails(simulated.CompileException))
    elif failure in ("no NVRTC", "no cudadevrt"):
        text = {
            "no NVRTC": "CuPy failed to load libnvrtc.so.12: OSError: No such file",
            "no cudadevrt": "Relocatable PTX code is requested, but cudadevrt is not",
        }[failure]
        patch.setattr(simulated.RawModule, "get_function", fails(RuntimeError, text))
    elif failure == "out of memory":
        patch.setattr(simulated, "zeros", fails(simulated.OutOfMemoryError))
    else:
        text = "cudaErrorIllegalAddress: an illegal memory access was encountered"
        patch.setattr(simulated.Stream, "synchronize", fails(cuda_error, text))


@pytest.mark.parametrize(
    ("failure", "kind", "text"),
    [
        ("no device", BuildError, "found no GPU"),
        ("driver mismatch", BuildError, "InsufficientDriver.*Does the driver suit"),
        ("newer kernels", DeviceError, "UNSUPPORTED_PTX_VERSION"),
        ("does not compile", BuildError, "NVRTC failed: text of CuPy"),
        ("no NVRTC", BuildError, "compiles kernels.*libnvrtc.*pip install 'cupy"),
        ("no cudadevrt", BuildError, "compiles kernels.*Install the CUDA toolkit"),
        ("out of memory", MemoryError, "ran out of memory.*smaller batch"),
        ("a kernel fails", DeviceError, "The GPU failed: cudaErrorIllegalAddress"),
    ],
)
def test_process_continues_after_an_error(
    simulated: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    failure: str,
    kind: type[Exception],
    text: str,
) -> None:
    """The error names the failure and a remedy; backend='cpu' then runs."""
    compiled, x = inference("dense", backend="cuda")
    with monkeypatch.context() as patch:
        break_cupy(simulated, patch, failure)
        with pytest.raises(kind, match=text) as caught:
            compiled.predict(x, callbacks=[])
    assert CPU in str(caught.value)
    on_cpu, x = inference("dense", backend="cpu", num_threads=1)
    assert on_cpu.predict(x, callbacks=[])[0]


def test_training_continues_after_a_batch_out_of_memory(
    simulated: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only that batch fails; the next one runs on the GPU."""
    compiled, x = inference("dense", backend="cuda")
    expected = compiled.predict(x, callbacks=[])[0]
    with monkeypatch.context() as patch:
        break_cupy(simulated, patch, "out of memory")
        with pytest.raises(MemoryError, match="smaller batch"):
            compiled.predict(x, callbacks=[])
    again = compiled.predict(x, callbacks=[])[0]
    assert all((again[p] == expected[p]).all() for p in expected)


def test_processes_use_gpus_in_turn(
    simulated: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MPI_LOCALRANKID", "5")
    monkeypatch.setattr(simulated.cuda.runtime, "getDeviceCount", lambda: 4)
    monkeypatch.setattr(simulated, "DEVICES", [])
    device.load_cupy()
    assert simulated.DEVICES == [1]
