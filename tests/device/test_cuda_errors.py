"""Without CuPy, a GPU or its memory: plain errors, and the process goes on."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest
from device.nets import inference

from ml_genn.backends.cuda import device
from ml_genn.backends.cuda.device import DeviceError
from ml_genn.errors import BuildError

CPU = "backend='cpu'"


def test_ordinary_use_does_not_import_cupy() -> None:
    code = "import sys, ml_genn.compilers; assert 'cupy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor PyGeNN: the embedded engine runs, with a warning."""
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.warns(UserWarning, match=r"ml_genn\[cuda\].*'cpu' goes without"):
        compiled, x = inference("dense", backend="cuda")
    assert compiled.predict(x, callbacks=[])


def test_a_cupy_that_cannot_be_imported(
    simulated: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled, x = inference("dense", backend="cuda")
    monkeypatch.setattr(device, "import_module", fails(ImportError))
    with pytest.raises(BuildError, match=r"ml_genn\[cuda\]") as caught:
        compiled.predict(x, callbacks=[])
    assert CPU in str(caught.value)


def fails(kind: type[Exception], said: str = "as CuPy says it") -> Any:
    def fail(*_: Any, **__: Any) -> Any:
        raise kind(said)

    return fail


def breaks(simulated: ModuleType, wrong: pytest.MonkeyPatch, what: str) -> None:
    """Makes CuPy fail as it does where something is wrong with a GPU."""
    runtime, cuda_error = simulated.cuda.runtime, simulated.CUDARuntimeError
    if what == "no device":
        wrong.setattr(runtime, "getDeviceCount", lambda: 0)
    elif what == "driver mismatch":
        said = "cudaErrorInsufficientDriver: CUDA driver version is insufficient"
        wrong.setattr(runtime, "getDeviceCount", fails(cuda_error, said))
    elif what == "newer kernels":
        said = "CUDA_ERROR_UNSUPPORTED_PTX_VERSION: the PTX is too new"
        wrong.setattr(simulated, "RawModule", fails(simulated.CUDADriverError, said))
    elif what == "does not compile":
        wrong.setattr(simulated, "RawModule", fails(simulated.CompileException))
    elif what in ("no NVRTC", "no cudadevrt"):
        said = {
            "no NVRTC": "CuPy failed to load libnvrtc.so.12: OSError: No such file",
            "no cudadevrt": "Relocatable PTX code is requested, but cudadevrt is not",
        }[what]
        wrong.setattr(simulated.RawModule, "get_function", fails(RuntimeError, said))
    elif what == "out of memory":
        wrong.setattr(simulated, "zeros", fails(simulated.OutOfMemoryError))
    else:
        said = "cudaErrorIllegalAddress: an illegal memory access was encountered"
        wrong.setattr(simulated.Stream, "synchronize", fails(cuda_error, said))


@pytest.mark.parametrize(
    ("what", "kind", "said"),
    [
        ("no device", BuildError, "found no GPU"),
        ("driver mismatch", BuildError, "InsufficientDriver.*Does the driver suit"),
        ("newer kernels", DeviceError, "UNSUPPORTED_PTX_VERSION"),
        ("does not compile", BuildError, "NVRTC failed: as CuPy says it"),
        ("no NVRTC", BuildError, "compiles kernels.*libnvrtc.*pip install 'cupy"),
        ("no cudadevrt", BuildError, "compiles kernels.*Install the CUDA toolkit"),
        ("out of memory", MemoryError, "ran out of memory.*smaller batch"),
        ("a kernel fails", DeviceError, "The GPU failed: cudaErrorIllegalAddress"),
    ],
)
def test_the_process_goes_on(
    simulated: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
    kind: type[Exception],
    said: str,
) -> None:
    """The error says what is wrong and what to do; backend='cpu' then runs."""
    compiled, x = inference("dense", backend="cuda")
    with monkeypatch.context() as wrong:
        breaks(simulated, wrong, what)
        with pytest.raises(kind, match=said) as caught:
            compiled.predict(x, callbacks=[])
    assert CPU in str(caught.value)
    instead, x = inference("dense", backend="cpu", num_threads=1)
    assert instead.predict(x, callbacks=[])[0]


def test_a_batch_that_does_not_fit(
    simulated: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only that batch is lost: the next one runs on the GPU."""
    compiled, x = inference("dense", backend="cuda")
    good = compiled.predict(x, callbacks=[])[0]
    with monkeypatch.context() as wrong:
        breaks(simulated, wrong, "out of memory")
        with pytest.raises(MemoryError, match="smaller batch"):
            compiled.predict(x, callbacks=[])
    again = compiled.predict(x, callbacks=[])[0]
    assert all((again[p] == good[p]).all() for p in good)


def test_processes_take_gpus_in_turn(
    simulated: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MPI_LOCALRANKID", "5")
    monkeypatch.setattr(simulated.cuda.runtime, "getDeviceCount", lambda: 4)
    monkeypatch.setattr(simulated, "DEVICES", [])
    device.load_cupy()
    assert simulated.DEVICES == [1]
