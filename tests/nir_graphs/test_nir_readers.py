"""Exported networks make the same predictions in other programs that read NIR."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("nir", reason="needs the library nir")

from nir_graphs.numpy_reader import run
from nir_graphs.trained import (
    KINDS,
    STEPS,
    Trained,
    compile_like,
    padded,
    recorded,
    trained,
)

from ml_genn import nir

CURRENTS = pytest.mark.parametrize("current", [True, False], ids=["cuba", "plain"])
EACH = pytest.mark.parametrize("kind", KINDS)


def imported_voltages(like: Trained) -> np.ndarray:
    """Returns output voltages (examples, steps, digits) from the first input on."""
    compiled = compile_like(
        nir.import_graph(nir.export(like.compiled)), like, like.layers
    )
    records = recorded(compiled, padded(like.spikes, like.layers))
    return np.asarray(records["v"][:, like.layers :])


def check(voltages: np.ndarray, like: Trained) -> None:
    """Checks that voltages and predictions are those of the imported network."""
    expected = imported_voltages(like)
    assert voltages.shape == expected.shape == (len(like.labels), STEPS, 10)
    predicted = expected.mean(axis=1).argmax(axis=1)
    assert np.mean(predicted == like.labels) > 0.75
    np.testing.assert_array_equal(voltages.mean(axis=1).argmax(axis=1), predicted)
    # Rounding delays a spike by a step in few examples.
    wrong = np.abs(voltages - expected).max(axis=(1, 2)) > 1e-4 * np.abs(expected).max()
    assert wrong.sum() <= 2


@EACH
@CURRENTS
def test_numpy(kind: str, current: bool, tmp_path: Path) -> None:
    like = trained(kind, current)
    nir.write(tmp_path / "net.nir", nir.export(like.compiled))
    graph = nir.read(tmp_path / "net.nir")
    check(run(graph, like.channels_first, 1e-3), like)


def stepped(net: Any, spikes: np.ndarray, voltage: Callable[[Any], Any]) -> np.ndarray:
    """Returns voltages of a torch module that runs examples one by one."""
    import torch

    voltages = []
    with torch.no_grad():
        for example in torch.as_tensor(spikes, dtype=torch.float32):
            state, steps = None, []
            for x in example:
                _, state = net(x, state)
                steps.append(voltage(state).numpy().ravel().copy())
            voltages.append(steps)
    return np.array(voltages)


@pytest.mark.slow
@EACH
@CURRENTS
def test_norse(kind: str, current: bool, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs torch")
    module = pytest.importorskip("norse.torch.utils.import_nir", reason="needs Norse")
    like = trained(kind, current)
    nir.write(tmp_path / "net.nir", nir.export(like.compiled, dialect="norse"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import nir as library

        net = module.from_nir(library.read(tmp_path / "net.nir"), dt=1e-3)

    def voltage(state: Any) -> Any:
        inner = state.state["digits"]
        while not hasattr(inner, "v"):
            inner = inner[-1]
        return inner.v

    check(stepped(net, like.channels_first, voltage), like)


@pytest.mark.slow
@EACH
@CURRENTS
def test_snntorch(kind: str, current: bool, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs torch")
    module = pytest.importorskip("snntorch.import_nir", reason="needs snnTorch")
    like = trained(kind, current)
    nir.write(tmp_path / "net.nir", nir.export(like.compiled, dialect="snntorch"))
    with contextlib.redirect_stdout(io.StringIO()):
        import nir as library

        net = module.import_from_nir(library.read(tmp_path / "net.nir"))
    voltages = []
    for example in like.channels_first:  # the state persists between examples
        for part in net.modules():
            if hasattr(part, "reset_mem"):
                part.reset_mem()
        voltages.append(stepped(net, example[None], lambda _: net.digits.mem)[0])
    check(np.array(voltages), like)
