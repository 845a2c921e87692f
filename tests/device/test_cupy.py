"""CuPy itself, where it is installed: what can be seen of it without a GPU."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import reduce
from typing import Any

import pytest
from device import simulated_cupy as stand_in
from device.nets import inference, plan_of

from ml_genn.backends.cuda.device import load_cupy, plain_errors
from ml_genn.backends.cuda.source import OPTIONS, DeviceLayout, cuda_source
from ml_genn.errors import BuildError, MlGennError

cupy = pytest.importorskip("cupy", reason="needs CuPy (extra 'cuda')")

try:
    load_cupy()
    GPU = True
except MlGennError:
    GPU = False

#: {what we call: what stands in for it in other tests}
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


#: What we only look at.
READ = ("cuda.Device.attributes", "cuda.MemoryPointer.ptr", "ndarray.data")
ENTERED = ("cuda.Stream.__enter__", "cuda.Stream.__exit__")


def found(path: str) -> Any:
    return reduce(getattr, path.split("."), cupy)


def parameters(function: Any) -> list[str]:
    """Names of a function's parameters; Cython says them in the first line of what it
    documents, and those that go on as keywords further down."""
    try:
        names = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        said = str(function.__doc__)
        inside = re.search(r"\((.*)\)", said.splitlines()[0])
        assert inside is not None, said
        names = [re.split("[ *]", p.split("=")[0])[-1] for p in inside[1].split(", ")]
    if "kwargs" in names:
        names += re.findall(r"^ *(\w+)(?: \([^)]*\))?: ", str(function.__doc__), re.M)
    return names


@pytest.mark.parametrize("path", CALLS)
def test_calls_are_those_of_the_stand_in(path: str) -> None:
    wanted = [name for name in parameters(CALLS[path]) if name != "self"]
    assert set(wanted) <= set(parameters(found(path)))


@pytest.mark.parametrize("path", [*READ, *ENTERED])
def test_it_is_there(path: str) -> None:
    found(path)


def test_names_of_nccl() -> None:
    nccl = pytest.importorskip("cupy.cuda.nccl")
    if not nccl.available:
        pytest.skip("needs NCCL (pip install nvidia-nccl-cu12)")
    assert {"ndev", "commId", "rank"} <= set(parameters(nccl.NcclCommunicator))
    wanted = ["sendbuf", "recvbuf", "count", "datatype", "op", "stream"]
    assert parameters(nccl.NcclCommunicator.allReduce)[-6:] == wanted
    assert {nccl.NCCL_FLOAT32, nccl.NCCL_INT32} == {7, 2}
    assert nccl.NCCL_SUM == 0
    name = nccl.get_unique_id()
    assert type(name)(list(name)) == name  # as it goes from process to process


@pytest.mark.parametrize("path", ERRORS)
def test_errors_are_of_the_same_kind(path: str) -> None:
    assert issubclass(found(path), ERRORS[path].__bases__[0])


@pytest.mark.parametrize("architecture", ["80", "90"])
def test_cupy_compiles_the_kernels(
    architecture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the options that CuPy adds to ours; it asks a GPU for the architecture."""
    compiler = cupy.cuda.compiler
    chosen = f"-arch=sm_{architecture}", "cubin"
    monkeypatch.setattr(compiler, "_get_arch_for_options_for_nvrtc", lambda _: chosen)
    code = cuda_source(DeviceLayout(plan_of("event_prop")))
    options = (*OPTIONS, "-ftz=true")  # as RawModule adds
    try:
        with plain_errors(cupy):
            made, _ = compiler.compile_using_nvrtc(
                code, options, architecture, "plan.cu"
            )
    except BuildError as error:
        if "did not find what compiles" in str(
            error
        ):  # CuPy 13 does not look at wheels
            pytest.skip(str(error))
        raise
    assert made.startswith(b"\x7fELF")
    assert b"mlg_run" in made
    with (
        pytest.raises(BuildError, match=r"NVRTC failed: (.|\n)*no_such_thing"),
        plain_errors(cupy),
    ):
        compiler.compile_using_nvrtc("no_such_thing x;", options, architecture)


@pytest.mark.skipif(GPU, reason="there is a GPU")
def test_no_gpu() -> None:
    """What its driver's absence is called is CuPy's own; the process goes on."""
    compiled, x = inference("dense", backend="cuda")
    with pytest.raises(BuildError, match=r"found no GPU.*Use backend='cpu'"):
        compiled.predict(x, callbacks=[])
    compiled, x = inference("dense", backend="cpu")
    assert compiled.predict(x, callbacks=[])
