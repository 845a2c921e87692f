"""ConnVarRecorder."""

from __future__ import annotations

import numpy as np
import pytest
from training.callbacks.callback_runs import train_two_batches
from training.small_nets import (
    CLASSES,
    CROSS_ENTROPY,
    HIDDEN,
    INPUTS,
    STEPS,
    labels,
    small,
)

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.callbacks import (
    ConnVarRecorder,
)
from ml_genn.compilers import EventPropCompiler
from ml_genn.connectivity import Conv2D, FixedProbability
from ml_genn.errors import (
    UnknownNameError,
    UnsupportedError,
)
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate
from ml_genn.optimisers import Adam
from ml_genn.synapses import Exponential


def test_weights_of_a_connection_are_recorded() -> None:
    net = small()
    compiled = net.compile_training(optimiser=Adam(0.05))
    initial = compiled.weights(net.output)
    filters = {"src_neuron_filter": [0, 3], "trg_neuron_filter": 2}
    _, data = train_two_batches(
        compiled,
        [
            ConnVarRecorder(net.output, "g", "all"),
            ConnVarRecorder(net.output, "weight", "some", [1, 6], **filters),
            ConnVarRecorder(net.output, "d", "delays"),
        ],
    )
    recorded = data["all"]
    assert len(recorded) == 8
    assert recorded[0].shape == (STEPS, HIDDEN, CLASSES)
    for n in (0, STEPS - 1):
        assert np.array_equal(recorded[3][n], initial)
    assert not np.array_equal(recorded[4], recorded[3])
    assert not np.array_equal(recorded[7][0], compiled.weights(net.output))
    assert len(data["some"]) == 2
    for k, example in zip((1, 6), data["some"], strict=True):
        assert np.array_equal(example, recorded[k][:, [0, 3]][:, :, [2]])
    assert np.all(data["delays"][0] == 0)


def test_weights_of_sparse_connections_are_recorded() -> None:
    """All of them or those between some neurons; Deep-R may replace synapses."""
    with SequentialNetwork() as network:
        InputLayer("spike_input", INPUTS)
        sparse = Layer(
            FixedProbability(0.6, Normal(0.0, 0.01)),
            LeakyIntegrate(readout="avg_var"),
            CLASSES,
            Exponential(5.0),
        )
    arguments = {"batch_size": 4, "num_threads": 1, "deep_r_conns": sparse}
    compiler = EventPropCompiler(STEPS, CROSS_ENTROPY, Adam(0.05), **arguments)
    compiled = compiler.compile(network)
    before, (sources, targets) = compiled.weights(sparse), compiled.indices(sparse)
    _, data = train_two_batches(
        compiled,
        [
            ConnVarRecorder(sparse, "g", "all"),
            ConnVarRecorder(sparse, "g", "some", 0, [0, 3], 1),
            ConnVarRecorder(sparse, "d", "delays", 0),
        ],
    )
    assert len(data["all"]) == 8
    assert data["all"][0].shape == (STEPS, len(before))
    np.testing.assert_array_equal(data["all"][3][STEPS - 1], before)
    assert not np.array_equal(data["all"][4], data["all"][3])
    selected = np.isin(sources, [0, 3]) & (targets == 1)
    assert 0 < selected.sum() < len(before)
    np.testing.assert_array_equal(data["some"][0][0], before[selected])
    np.testing.assert_array_equal(data["delays"][0], np.zeros((STEPS, len(before))))


def test_weights_of_kernels_are_recorded() -> None:
    with SequentialNetwork() as network:
        InputLayer("spike_input", (2, 2, 1))
        conv = Layer(
            Conv2D(Normal(0.1, 0.1), 2, 2),
            LeakyIntegrate(readout="avg_var"),
            synapse=Exponential(5.0),
        )
    arguments = {"batch_size": 4, "num_threads": 1}
    compiler = EventPropCompiler(STEPS, CROSS_ENTROPY, **arguments)
    compiled = compiler.compile(network)
    before = compiled.weights(conv)
    x, y = np.ones((8, STEPS, 2, 2, 1)), labels(8, 2)
    _, data = compiled.train(x, y, callbacks=[ConnVarRecorder(conv, "g", "g")])
    assert data["g"][0].shape == (STEPS, 2, 2, 1, 2)
    np.testing.assert_array_equal(data["g"][3][STEPS - 1], before)
    assert not np.array_equal(data["g"][4], data["g"][3])
    recorder = ConnVarRecorder(conv, "g", trg_neuron_filter=[0])
    with pytest.raises(UnsupportedError, match="kernel that all neurons share"):
        compiled.train(x, y, callbacks=[recorder])


def test_unknown_variables_are_refused() -> None:
    net = small()
    with pytest.raises(UnknownNameError, match="unknown variable 'e'"):
        ConnVarRecorder(net.output, "e")
