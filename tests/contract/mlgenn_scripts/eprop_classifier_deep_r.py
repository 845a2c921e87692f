"""e-prop with adaptive neurons, Deep-R and a validation split."""

from __future__ import annotations

import numpy as np
from contract.script_data import recordings

from ml_genn import Connection, Network, Population
from ml_genn.callbacks import Checkpoint
from ml_genn.compilers import EPropCompiler, InferenceCompiler
from ml_genn.compilers.eprop_compiler import default_params
from ml_genn.connectivity import Dense, FixedProbability
from ml_genn.initializers import Normal
from ml_genn.neurons import (
    AdaptiveLeakyIntegrateFire,
    LeakyIntegrate,
    SpikeInput,
)
from ml_genn.serialisers import Numpy
from ml_genn.utils.data import preprocess_tonic_spikes

raw, labels = recordings(96)
spikes = [preprocess_tonic_spikes(e, e.dtype.names, (20, 1, 1)) for e in raw]
network = Network(default_params)
with network:
    inputs = Population(SpikeInput(max_spikes=10000), 20, name="input")
    hidden = Population(
        AdaptiveLeakyIntegrateFire(
            v_thresh=0.6, tau_refrac=5.0, tau_mem=20.0, tau_adapt=2000.0
        ),
        32,
        name="hidden",
    )
    output = Population(LeakyIntegrate(tau_mem=20.0, readout="sum_var"), 2)
    sparse = Connection(
        inputs, hidden, FixedProbability(0.5, Normal(sd=1.0 / np.sqrt(10)))
    )
    Connection(hidden, hidden, Dense(Normal(sd=1.0 / np.sqrt(32))))
    Connection(hidden, output, Dense(Normal(sd=1.0 / np.sqrt(32))))
compiler = EPropCompiler(
    40,
    "sparse_categorical_crossentropy",
    "adam",
    batch_size=16,
    deep_r_conns=[sparse],
    deep_r_l1_strength=1e-8,
    deep_r_record_rewirings={sparse: "rewired"},
)
compiled_net = compiler.compile(network)
serialiser = Numpy("shd_checkpoints")
with compiled_net:
    result = compiled_net.train(
        {inputs: spikes},
        {output: labels},
        num_epochs=12,
        validation_split=0.25,
        callbacks=[Checkpoint(serialiser, epoch_interval=11)],
        validation_callbacks=["batch_progress_bar"],
    )
    compiled_net.save_connectivity((11,), serialiser)
train_metrics, validation_metrics, train_data, validation_data = result
assert train_metrics[output].result > 0.9
assert validation_metrics[output].result > 0.85
assert len(train_data["rewired"]) == 12 * 5
assert len(train_data["rewired"][0]) == 2
assert validation_data == {}

network.load((11,), serialiser)
accuracies = []
for reset in (True, False):
    compiled_net = InferenceCompiler(
        evaluate_timesteps=40, reset_vars_between_batches=reset, batch_size=16
    ).compile(network)
    with compiled_net:
        for _ in range(2):
            metrics, _ = compiled_net.evaluate({inputs: spikes}, {output: labels})
    accuracies.append(metrics[output].result)
assert accuracies[0] > 0.85
assert accuracies[0] >= accuracies[1] > 0.5  # training starts each example anew
