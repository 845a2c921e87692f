"""Yin-Yang with spiking outputs, learned delays and positional arguments of Adam."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.callbacks import OptimiserParamSchedule, SpikeRecorder, VarRecorder
from ml_genn.compilers import EventPropCompiler
from ml_genn.compilers.event_prop_compiler import default_params
from ml_genn.connectivity import Dense
from ml_genn.initializers import Normal
from ml_genn.losses import RelativeMeanSquareError
from ml_genn.neurons import LeakyIntegrateFire, SpikeInput
from ml_genn.optimisers import Adam
from ml_genn.synapses import Exponential
from ml_genn.utils.data import generate_yin_yang_dataset

DT, EXAMPLE_TIME, N = 0.1, 30.0, 320
spikes, labels = generate_yin_yang_dataset(N, EXAMPLE_TIME - 4 * DT, 2 * DT, seed=1234)
assert len(spikes) == len(labels) == N
network = SequentialNetwork(default_params)
with network:
    inputs = InputLayer(SpikeInput(max_spikes=32 * 5), 5, record_spikes=True)
    hidden = Layer(
        Dense(Normal(mean=1.9, sd=0.78)),
        LeakyIntegrateFire(v_thresh=1.0, tau_mem=20.0, tau_refrac=None),
        30,
        Exponential(5.0),
        record_spikes=True,
        max_delay_steps=100,
    )
    output = Layer(
        Dense(Normal(mean=0.93, sd=0.1)),
        LeakyIntegrateFire(
            v_thresh=1.0,
            tau_mem=20.0,
            tau_refrac=None,
            readout="first_spike_time",
        ),
        3,
        Exponential(5.0),
        record_spikes=True,
    )
losses: list[Any] = [
    RelativeMeanSquareError(1.0),
    "sparse_categorical_crossentropy",
]
for loss in losses:
    compiler = EventPropCompiler(
        int(np.ceil(EXAMPLE_TIME / DT)),
        loss,
        Adam(0.003, 0.9, 0.99),
        softmax_temperature=0.5,
        ttfs_alpha=0.1,
        dt=DT,
        batch_size=32,
        delay_optimiser=Adam(0.1),
        delay_learn_conns=hidden,
    )
    compiled_net = compiler.compile(network)
    with compiled_net:
        metrics, cb_data = compiled_net.train(
            {inputs: spikes},
            {output: labels},
            num_epochs=3,
            callbacks=[
                OptimiserParamSchedule("alpha", lambda e, a: a * 0.998),
                SpikeRecorder(inputs, key="in", example_filter=[0, 1]),
                VarRecorder(hidden, genn_var="LambdaV", key="l", example_filter=0),
            ],
        )
    assert len(cb_data["in"][0]) == 3 * 2
    assert [v.shape for v in cb_data["l"]] == [(300, 30)] * 3
    assert np.any(cb_data["l"][-1] != 0)
    assert metrics[output].result > 0.35
    assert metrics.loss < metrics.history["loss"][0]
    assert np.any(compiled_net.delays(hidden) > 0)
