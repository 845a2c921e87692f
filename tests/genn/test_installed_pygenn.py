"""PyGeNN, if it is installed, gives the results of the CPU engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from backend_comparison import compare, spike_count
from contract.test_every_class_runs import inputs, network
from test_pygenn_online import SHORT, compiler_of, inputs_and_targets
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
    net = network(connectivity=connectivity, hidden=LeakyIntegrateFire(v_thresh=0.05))
    voltages = []

    def compile_for(backend: str) -> Any:
        return InferenceCompiler(15, backend=backend, num_threads=1).compile(net)

    other, result = compare(compile_for, inputs(net), device=DEVICE)
    assert spike_count(result, "hidden") > 20
    for compiled in (compile_for("cpu"), other):
        recorder = VarRecorder(net.populations[-1], "v", key="v")
        _, recorded = compiled.predict(inputs(net), callbacks=[recorder])
        voltages.append(np.asarray(recorded["v"]))
    np.testing.assert_allclose(voltages[1], voltages[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_gradients(case: Case) -> None:
    x, y = case.data()

    def compile_for(backend: str) -> Any:
        return case.compile(backend, batch_size=1)

    if "reg_lambda_upper" in case.settings:
        x, y = x[:1], y[:1]
    compare(compile_for, x, y, device=DEVICE, epochs=1)


@pytest.mark.parametrize("name", SHORT)
def test_online_gradients(name: str) -> None:
    net = SHORT[name]
    data = inputs_and_targets(net)
    compare(compiler_of(net, batch_size=1), *data, device=DEVICE, epochs=1)
