"""Arguments inputs and outputs of compile and evaluate_batch_iter, as in mlGeNN."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.compilers import (
    BPTTCompiler,
    EPropCompiler,
    EventPropCompiler,
    InferenceCompiler,
)
from ml_genn.connectivity import Dense
from ml_genn.errors import ValidationError
from ml_genn.neurons import IntegrateFire, IntegrateFireInput, LeakyIntegrate
from ml_genn.synapses import Exponential

STEPS = 10
CROSS_ENTROPY = "sparse_categorical_crossentropy"


def network(synapse: Any = "delta", neuron: Any = None) -> SequentialNetwork:
    net = SequentialNetwork()
    with net:
        InputLayer(IntegrateFireInput(v_thresh=1.0), 3)
        neuron = neuron or LeakyIntegrate(readout="avg_var")
        Layer(Dense(0.5), neuron, 2, synapse)
    return net


@pytest.mark.parametrize(
    ("compiler", "synapse"),
    [
        (InferenceCompiler(STEPS), "delta"),
        (EventPropCompiler(STEPS, CROSS_ENTROPY), Exponential(5.0)),
        (BPTTCompiler(STEPS, CROSS_ENTROPY), "delta"),
        (EPropCompiler(STEPS, CROSS_ENTROPY), "delta"),
    ],
    ids=lambda c: type(c).__name__,
)
def test_every_compiler_accepts_inputs_and_outputs(compiler: Any, synapse: Any) -> None:
    net = network(synapse)
    first, last = net.layers
    compiled = compiler.compile(net, "name", inputs=[first], outputs=[last])
    assert compiled.outputs == (last.population(),)
    with pytest.raises(ValidationError, match="inputs are all populations"):
        compiler.compile(net, inputs=[last])
    with pytest.raises(ValidationError, match="with a readout"):
        compiler.compile(net, outputs=[first])


def test_training_needs_all_outputs() -> None:
    net = network()
    compiler = BPTTCompiler(STEPS, CROSS_ENTROPY)
    with pytest.raises(ValidationError, match=r"outputs are all.*Missing: \['Pop1'\]"):
        compiler.compile(net, outputs=[])


def batches(as_list: bool) -> Iterator[Any]:
    rng = np.random.default_rng(1)
    for _ in range(2):
        x, y = rng.random((2, 3)), np.zeros(2, dtype=int)
        yield ([x], [y]) if as_list else (x, y)


@pytest.mark.parametrize("as_list", [False, True])
@pytest.mark.parametrize("in_lists", [False, True])
def test_one_item_stands_for_a_list_of_one(as_list: bool, in_lists: bool) -> None:
    net = network(neuron=IntegrateFire(readout="spike_count"))
    first, last = net.layers
    compiled = InferenceCompiler(STEPS, batch_size=2).compile(net)
    keys: tuple[Any, Any] = ([first], [last]) if in_lists or as_list else (first, last)
    metrics, _ = compiled.evaluate_batch_iter(*keys, batches(as_list), callbacks=[])
    assert metrics[last].result == 1.0


def test_a_list_of_one_example_is_no_list_of_parts() -> None:
    net = network(neuron=IntegrateFire(readout="spike_count"))
    first, last = net.layers
    compiled = InferenceCompiler(STEPS).compile(net)
    x = np.ones((1, 3))
    metrics, _ = compiled.evaluate_batch_iter(
        [first], [last], iter([(x, [0]), (x, [1])]), callbacks=[]
    )
    assert metrics[last].result == 0.5
