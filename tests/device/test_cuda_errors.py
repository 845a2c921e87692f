"""Without CuPy, a GPU or its memory: plain errors, and the process goes on."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest
from device.nets import inference, training
from eprop.nets import NETS

from ml_genn.backends.cuda import device
from ml_genn.backends.cuda.device import DeviceError
from ml_genn.compilers import BPTTCompiler
from ml_genn.errors import BuildError, UnsupportedError

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


def fails(kind: type[Exception]) -> Any:
    def fail(*_: Any, **__: Any) -> Any:
        raise kind("as CuPy says it")

    return fail


@pytest.mark.parametrize("count", [None, 0], ids=["no driver", "none"])
def test_no_gpu(
    simulated: ModuleType, monkeypatch: pytest.MonkeyPatch, count: int | None
) -> None:
    wrong = fails(simulated.CUDARuntimeError)
    found = wrong if count is None else lambda: count
    monkeypatch.setattr(simulated.cuda.runtime, "getDeviceCount", found)
    compiled, x = inference("dense", backend="cuda")
    with pytest.raises(BuildError, match="found no GPU") as caught:
        compiled.predict(x, callbacks=[])
    assert CPU in str(caught.value)


def test_kernels_that_do_not_compile(
    simulated: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulated, "RawModule", fails(simulated.CompileException))
    compiled, x = inference("dense", backend="cuda")
    with pytest.raises(BuildError, match="as CuPy says it") as caught:
        compiled.predict(x, callbacks=[])
    assert CPU in str(caught.value)


@pytest.mark.parametrize("raised", ["OutOfMemoryError", "CUDADriverError"])
def test_a_gpu_that_fails(
    simulated: ModuleType, monkeypatch: pytest.MonkeyPatch, raised: str
) -> None:
    """A batch that fails says so; the next one runs."""
    compiled, x = inference("dense", backend="cuda")
    wanted = MemoryError if raised == "OutOfMemoryError" else DeviceError
    good = compiled.predict(x, callbacks=[])[0]
    with monkeypatch.context() as wrong:
        wrong.setattr(simulated, "asarray", fails(getattr(simulated, raised)))
        with pytest.raises(wanted, match="as CuPy says it") as caught:
            compiled.predict(x, callbacks=[])
        assert CPU in str(caught.value)
    again = compiled.predict(x, callbacks=[])[0]
    assert all((again[p] == good[p]).all() for p in good)


@pytest.mark.usefixtures("simulated")
def test_what_is_refused() -> None:
    """What the engine does not run is named, with a reason and what to do."""
    online = NETS["lif"].compile("online", backend="cuda")
    with pytest.raises(UnsupportedError, match=r"'hidden'.*event_driven"):
        online.gradients(*NETS["lif"].data(online))
    kept, x = inference("dense", backend="cuda", reset_vars_between_batches=False)
    with pytest.raises(UnsupportedError, match="reset_vars_between_batches") as caught:
        kept.predict(x, callbacks=[])
    assert CPU in str(caught.value)
    with pytest.raises(UnsupportedError, match="communicator") as caught:
        training("event_prop", backend="cuda")[0].model.set_all_sum(lambda _: None)
    assert CPU in str(caught.value)


@pytest.mark.usefixtures("simulated")
def test_rewired_synapses_are_refused() -> None:
    compiled, x, y = training("sparse", backend="cuda")
    network = compiled.network
    rewired = BPTTCompiler(
        30,
        "sparse_categorical_crossentropy",
        deep_r_conns=[network.connections[0]],
        backend="cuda",
    ).compile(network)
    with pytest.raises(UnsupportedError, match=r"'Conn_in_a'.*rewire") as caught:
        rewired.gradients(x, y)
    assert CPU in str(caught.value)
