"""Inference with weights from files and analog input, also batch by batch."""

from __future__ import annotations

import numpy as np
from contract.script_data import CLASSES, SIDE, images

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.callbacks import SpikeRecorder
from ml_genn.compilers import InferenceCompiler
from ml_genn.connectivity import Dense
from ml_genn.neurons import IntegrateFire, IntegrateFireInput

templates = np.zeros((CLASSES, SIDE, SIDE), dtype=np.float32)
templates[np.arange(CLASSES), np.arange(CLASSES)] = 1.0
np.save("weights_0_1.npy", templates.reshape(CLASSES, -1).T)
weights = [np.load("weights_0_1.npy"), np.eye(CLASSES)]

network = SequentialNetwork()
with network:
    inputs = InputLayer(IntegrateFireInput(v_thresh=5.0), SIDE * SIDE)
    hidden = Layer(
        Dense(weight=weights[0]), IntegrateFire(v_thresh=5.0), record_spikes=True
    )
    output = Layer(
        Dense(weight=weights[1]), IntegrateFire(v_thresh=1.0, readout="spike_count")
    )
assert [layer.population().shape for layer in network.layers] == [(16,), (3,), (3,)]
compiler = InferenceCompiler(
    dt=1.0, batch_size=32, evaluate_timesteps=60, prefer_in_memory_connect=True
)
compiled_net = compiler.compile(network, "simple_mnist")
data, labels = images(100)
testing_images = data.reshape(100, -1) * 0.01
with compiled_net:
    metrics, cb_data = compiled_net.evaluate(
        {inputs: testing_images},
        {output: labels},
        callbacks=[SpikeRecorder(hidden, key="hidden_spikes")],
    )
    assert metrics[output].result > 0.95
    times, ids = cb_data["hidden_spikes"]
    assert len(times) == len(ids) == 100
    predictions, _ = compiled_net.predict({inputs: testing_images}, output)
    assert predictions[output].shape == (100, 3)
    counted = [np.bincount(i, minlength=3) for i in ids]
    assert np.argmax(counted, axis=1).tolist() == np.argmax(
        predictions[output], axis=1
    ).tolist() or np.all(np.abs(np.asarray(counted) - predictions[output]) <= 2)

    batches = (
        (testing_images[k : k + 32], labels[k : k + 32]) for k in range(0, 100, 32)
    )
    by_iter, _ = compiled_net.evaluate_batch_iter(
        inputs, output, batches, num_batches=4
    )
    one, _ = compiled_net.evaluate_batch(
        {inputs: testing_images[:32]}, {output: labels[:32]}
    )
    assert by_iter[output].result == metrics[output].result
    assert 0 < one[output].result <= 1

    compiled_net.set_input({inputs: testing_images[:32]})
    while compiled_net.genn_model.timestep < 60:
        compiled_net.step_time()
    count = compiled_net.get_readout(output)
    np.testing.assert_array_equal(count, predictions[output][:32])
