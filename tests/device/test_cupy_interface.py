"""Interface of the installed CuPy: names and parameters that the engine uses."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import reduce
from typing import Any

import pytest
from device import simulated_cupy as stand_in
from device.networks import inference, plan_of

from ml_genn.backends.cuda.device import load_cupy, plain_errors
from ml_genn.backends.cuda.source import OPTIONS, DeviceLayout, cuda_source
from ml_genn.errors import BuildError, MlGennError

cupy = pytest.importorskip("cupy", reason="needs CuPy (extra 'cuda')")

try:
    load_cupy()
    GPU = True
except MlGennError:
    GPU = False

#: {function of CuPy that the engine calls: its stand-in in other tests}
CALLS: dict[str, Callable[..., Any]] = {
    "RawModule": stand_in.RawModule,
    "RawModule.get_function": stand_in.RawModule.get_function,
    "RawKernel.__call__": stand_in.Function.__call__,
    "asarray": stand_in.asarray,
    "cuda.Device": lambda device: None,
    "cuda.Device.use": lambda: None,
    "cuda.Stream": stand_in.Stream,
    "cuda.Stream.begin_capture": stand_in.Stream.begin_capture,
    "cuda.Stream.end_capture": stand_in.Stream.end_capture,
    "cuda.Stream.record": stand_in.Stream.record,
    "cuda.Stream.synchronize": stand_in.Stream.synchronize,
    "cuda.Stream.wait_event": stand_in.Stream.wait_event,
    "cuda.alloc_pinned_memory": stand_in.alloc_pinned_memory,
    "cuda.get_current_stream": lambda: None,
    "cuda.graph.Graph.launch": stand_in.Graph.launch,
    "cuda.runtime.getDevice": lambda: 0,
    "cuda.runtime.getDeviceCount": lambda: 1,
    "cuda.runtime.deviceGetPCIBusId": lambda device: "",
    "cuda.runtime.getDeviceProperties": lambda device: {},
    "empty": stand_in.empty,
    "ndarray.get": stand_in.ndarray.get,
    "ndarray.set": stand_in.ndarray.set,
    "zeros": stand_in.zeros,
}
ERRORS = {
    "cuda.compiler.CompileException": stand_in.CompileException,
    "cuda.driver.CUDADriverError": stand_in.CUDADriverError,
    "cuda.memory.OutOfMemoryError": stand_in.OutOfMemoryError,
    "cuda.runtime.CUDARuntimeError": stand_in.CUDARuntimeError,
}


#: Attributes that the engine reads.
READ = ("cuda.Device.attributes", "cuda.MemoryPointer.ptr", "ndarray.data")
ENTERED = ("cuda.Stream.__enter__", "cuda.Stream.__exit__")


def attribute(path: str) -> Any:
    """Returns an attribute of CuPy."""
    return reduce(getattr, path.split("."), cupy)


def parameters(function: Any) -> list[str]:
    """Returns the names of a function's parameters.

    Those of a Cython function are in the first line of its documentation, further
    keyword parameters below.
    """
    try:
        names = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        documentation = str(function.__doc__)
        inside = re.search(r"\((.*)\)", documentation.splitlines()[0])
        assert inside is not None, documentation
        names = [re.split("[ *]", p.split("=")[0])[-1] for p in inside[1].split(", ")]
    if "kwargs" in names:
        names += re.findall(r"^ *(\w+)(?: \([^)]*\))?: ", str(function.__doc__), re.M)
    return names


@pytest.mark.parametrize("path", CALLS)
def test_functions_have_the_parameters_of_stand_ins(path: str) -> None:
    names = [name for name in parameters(CALLS[path]) if name != "self"]
    assert set(names) <= set(parameters(attribute(path)))


@pytest.mark.parametrize("path", [*READ, *ENTERED])
def test_attributes_exist(path: str) -> None:
    attribute(path)


def test_names_of_nccl() -> None:
    nccl = pytest.importorskip("cupy.cuda.nccl")
    if not nccl.available:
        pytest.skip("needs NCCL (pip install nvidia-nccl-cu12)")
    assert {"ndev", "commId", "rank"} <= set(parameters(nccl.NcclCommunicator))
    names = ["sendbuf", "recvbuf", "count", "datatype", "op", "stream"]
    assert parameters(nccl.NcclCommunicator.allReduce)[-6:] == names
    assert {nccl.NCCL_FLOAT32, nccl.NCCL_INT32} == {7, 2}
    assert nccl.NCCL_SUM == 0
    name = nccl.get_unique_id()
    assert type(name)(list(name)) == name  # as processes exchange it


@pytest.mark.parametrize("path", ERRORS)
def test_errors_have_the_base_classes_of_stand_ins(path: str) -> None:
    assert issubclass(attribute(path), ERRORS[path].__bases__[0])


@pytest.mark.parametrize("architecture", ["80", "90"])
def test_cupy_compiles_the_kernels(
    architecture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CuPy adds options of its own. It would ask a GPU for the architecture."""
    compiler = cupy.cuda.compiler
    target = f"-arch=sm_{architecture}", "cubin"
    monkeypatch.setattr(compiler, "_get_arch_for_options_for_nvrtc", lambda _: target)
    code = cuda_source(DeviceLayout(plan_of("event_prop")))
    options = (*OPTIONS, "-ftz=true")  # as RawModule adds
    try:
        with plain_errors(cupy):
            cubin, _ = compiler.compile_using_nvrtc(
                code, options, architecture, "plan.cu"
            )
    except BuildError as error:
        if "did not find what compiles" in str(error):  # CuPy 13 does not search wheels
            pytest.skip(str(error))
        raise
    assert cubin.startswith(b"\x7fELF")
    assert b"mlg_run" in cubin
    with (
        pytest.raises(BuildError, match=r"NVRTC failed: (.|\n)*no_such_thing"),
        plain_errors(cupy),
    ):
        compiler.compile_using_nvrtc("no_such_thing x;", options, architecture)


@pytest.mark.skipif(GPU, reason="there is a GPU")
def test_no_gpu() -> None:
    """The error of CuPy without a driver is translated, and the CPU engine runs."""
    compiled, x = inference("dense", backend="cuda")
    with pytest.raises(BuildError, match=r"found no GPU.*Use backend='cpu'"):
        compiled.predict(x, callbacks=[])
    compiled, x = inference("dense", backend="cpu")
    assert compiled.predict(x, callbacks=[])
