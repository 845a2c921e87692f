"""PyGeNN itself, where it is installed, does what the engine does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from backend_comparison import compare, spikes
from contract.test_every_class_runs import inputs, network
from test_pygenn_online import SHORT, given, maker
from test_pygenn_training import CASES, Case

from ml_genn.callbacks import VarRecorder
from ml_genn.compilers import InferenceCompiler
from ml_genn.connectivity import Conv2D
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrateFire

pytest.importorskip("pygenn", reason="needs PyGeNN, which is built from source")
DEVICE = "single_threaded_cpu"


@pytest.mark.parametrize("strides", [1, 2])
def test_spikes_and_voltages(strides: int) -> None:
    connectivity = Conv2D(Normal(0.2, 0.1), 3, 2, conv_strides=strides)
    made = network(connectivity=connectivity, hidden=LeakyIntegrateFire(v_thresh=0.05))
    recorded = []

    def make(backend: str) -> Any:
        return InferenceCompiler(15, backend=backend, num_threads=1).compile(made)

    other, found = compare(make, inputs(made), device=DEVICE)
    assert spikes(found, "hidden") > 20
    for one in (make("cpu"), other):
        recorder = VarRecorder(made.populations[-1], "v", key="v")
        _, seen = one.predict(inputs(made), callbacks=[recorder])
        recorded.append(np.asarray(seen["v"]))
    np.testing.assert_allclose(recorded[1], recorded[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_gradients(case: Case) -> None:
    x, y = case.data()

    def make(backend: str) -> Any:
        return case.compile(backend, batch_size=1)

    if "reg_lambda_upper" in case.settings:
        x, y = x[:1], y[:1]
    compare(make, x, y, device=DEVICE, epochs=1)


@pytest.mark.parametrize("name", SHORT)
def test_online_gradients(name: str) -> None:
    net = SHORT[name]
    compare(maker(net, batch_size=1), *given(net), device=DEVICE, epochs=1)
