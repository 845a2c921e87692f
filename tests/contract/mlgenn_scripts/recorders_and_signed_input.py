"""Recorders with filters, two analog inputs, and spikes of both signs."""

from __future__ import annotations

import numpy as np

from ml_genn import Connection, Network, Population
from ml_genn.callbacks import ConnVarRecorder, SpikeRecorder, VarRecorder
from ml_genn.compilers import InferenceCompiler
from ml_genn.connectivity import Dense, OneToOne
from ml_genn.neurons import BinarySpikeInput, LeakyIntegrate, PoissonInput

network = Network()
with network:
    signed = Population(
        BinarySpikeInput(signed_spikes=True), 6, True, True, name="signed"
    )
    rates = Population(PoissonInput(), 6, record_spikes=True)
    target = Population(LeakyIntegrate(tau_mem=10.0, readout="sum_var"), 6)
    one = Connection(signed, target, OneToOne(0.5))
    Connection(rates, target, Dense(np.zeros((6, 6))))
x = np.array([[1.0, -1.0, 0.0, 2.0, -0.5, 0.0]])
compiled_net = InferenceCompiler(12, dt=1.0).compile(network)
with compiled_net:
    predictions, cb_data = compiled_net.predict(
        {signed: x, rates: np.full((1, 6), 0.5)},
        [target],
        callbacks=[
            SpikeRecorder(signed, key="up"),
            SpikeRecorder(signed, key="down", record_spike_events=True),
            SpikeRecorder(rates, key="count", record_counts=True),
            VarRecorder(target, "v", key="v", neuron_filter=[0, 1]),
            ConnVarRecorder(one, "g", key="g"),
        ],
    )
assert np.unique(cb_data["up"][1][0]).tolist() == [0, 3]
assert np.unique(cb_data["down"][1][0]).tolist() == [1, 4]
assert cb_data["count"][0].sum() > 10
v = cb_data["v"][0]
assert v.shape == (12, 2)
np.testing.assert_array_equal(v[:, 0], -v[:, 1])
np.testing.assert_array_equal(cb_data["g"][0], np.full((12, 6), 0.5))
assert predictions[target][0, 2] == 0.0 < predictions[target][0, 0]
