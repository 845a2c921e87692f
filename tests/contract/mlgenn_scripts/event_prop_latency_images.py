"""EventProp on latency-coded images, evaluated from a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract.script_data import CLASSES, CUDA, SIDE, images

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.callbacks import Checkpoint
from ml_genn.compilers import EventPropCompiler, InferenceCompiler
from ml_genn.compilers.event_prop_compiler import default_params
from ml_genn.connectivity import Dense
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from ml_genn.optimisers import Adam
from ml_genn.serialisers import Numpy
from ml_genn.synapses import Exponential
from ml_genn.utils.data import (
    calc_latest_spike_time,
    calc_max_spikes,
    linear_latency_encode_data,
)

NUM_EPOCHS, BATCH_SIZE, EXAMPLE_TIME, DT = 8, 16, 20.0, 1.0
data, labels = images(160)
spikes = linear_latency_encode_data(data, EXAMPLE_TIME - (2.0 * DT), 2.0 * DT)

serialiser = Numpy("latency_mnist_checkpoints")
network = SequentialNetwork(default_params)
with network:
    inputs = InputLayer(
        SpikeInput(max_spikes=BATCH_SIZE * calc_max_spikes(spikes)), SIDE * SIDE
    )
    Layer(
        Dense(Normal(mean=1.2, sd=0.6)),
        LeakyIntegrateFire(v_thresh=1.0, tau_mem=20.0, tau_refrac=None),
        24,
        Exponential(5.0),
    )
    output = Layer(
        Dense(Normal(mean=0.2, sd=0.37)),
        LeakyIntegrate(tau_mem=20.0, readout="avg_var"),
        CLASSES,
        Exponential(5.0),
    )

max_example_timesteps = int(np.ceil(calc_latest_spike_time(spikes) / DT))
compiler_arguments: dict[str, Any] = {
    "example_timesteps": max_example_timesteps,
    "losses": "sparse_categorical_crossentropy",
    "optimiser": Adam(1e-2),
    "batch_size": BATCH_SIZE,
    **CUDA,
}
with pytest.warns(UserWarning, match="needs CuPy|belongs? to GeNN"):
    compiler = EventPropCompiler(**compiler_arguments)
compiled_net = compiler.compile(network)

with compiled_net:
    callbacks = ["batch_progress_bar", Checkpoint(serialiser)]
    metrics, _ = compiled_net.train(
        {inputs: spikes},
        {output: labels},
        num_epochs=NUM_EPOCHS,
        shuffle=True,
        callbacks=callbacks,
    )
    compiled_net.save_connectivity((NUM_EPOCHS - 1,), serialiser)
    trained = metrics[output].result
assert trained > 0.85

test_data, test_labels = images(80, 1)
test_spikes = linear_latency_encode_data(test_data, EXAMPLE_TIME - (2.0 * DT), 2.0 * DT)
network.load((NUM_EPOCHS - 1,), serialiser)
with pytest.warns(UserWarning, match="needs CuPy|belongs? to GeNN"):
    inference = InferenceCompiler(
        evaluate_timesteps=max_example_timesteps,
        reset_in_syn_between_batches=True,
        batch_size=BATCH_SIZE,
        **CUDA,
    )
compiled_net = inference.compile(network)
with compiled_net:
    metrics, cb_data = compiled_net.evaluate(
        {inputs: test_spikes}, {output: test_labels}
    )
    assert metrics[output].result > 0.85
assert cb_data == {}
files = {path.name for path in Path("latency_mnist_checkpoints").iterdir()}
assert f"{NUM_EPOCHS - 1}-Conn_Pop0_Pop1-g.npy" in files
