"""EventProp with recurrence, learned delays, and callbacks of the script.

After each epoch it raises the weights of silent neurons on the device.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from contract.script_data import recordings

from ml_genn import Connection, Network, Population
from ml_genn.callbacks import (
    Callback,
    OptimiserParamSchedule,
    SpikeRecorder,
)
from ml_genn.compilers import EventPropCompiler
from ml_genn.compilers.event_prop_compiler import default_params
from ml_genn.connectivity import Dense
from ml_genn.initializers import Normal, Uniform
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from ml_genn.optimisers import Adam
from ml_genn.synapses import Exponential
from ml_genn.utils.data import (
    calc_latest_spike_time,
    calc_max_spikes,
    preprocess_tonic_spikes,
)


class EaseInSchedule(Callback):
    def set_params(self, compiled_network: Any, **kwargs: Any) -> None:
        self._optimisers = [o for o, _ in compiled_network.optimisers]

    def on_batch_begin(self, batch: int) -> None:
        for o in self._optimisers:
            if o.alpha < 0.03:
                o.alpha = 1.25 * o.alpha


raw, labels = recordings(64)
ordering, sensor_size = raw[0].dtype.names, (20, 1, 1)
spikes = [preprocess_tonic_spikes(e, ordering, sensor_size) for e in raw]
num_input, num_hidden = int(np.prod(sensor_size)), 16

network = Network(default_params)
with network:
    inputs = Population(SpikeInput(max_spikes=16 * calc_max_spikes(spikes)), 20)
    hidden = Population(
        LeakyIntegrateFire(v_thresh=1.0, tau_mem=20.0),
        num_hidden,
        record_spikes=True,
    )
    output = Population(LeakyIntegrate(20.0, readout="avg_var_exp_weight"), 2)
    input_hidden = Connection(
        inputs,
        hidden,
        Dense(Normal(mean=0.5, sd=1.0), delay=Uniform(0, 8)),
        Exponential(5.0),
        max_delay_steps=10,
    )
    Connection(hidden, hidden, Dense(Normal(0.0, 0.02)), Exponential(5.0))
    Connection(hidden, output, Dense(Normal(0.0, 0.3)), Exponential(5.0))

schedule = EaseInSchedule()
optimiser = Adam(0.001)
compiler = EventPropCompiler(
    example_timesteps=int(np.ceil(calc_latest_spike_time(spikes))) + 10,
    losses="sparse_categorical_crossentropy",
    optimiser=optimiser,
    reg_lambda_upper=1e-9,
    reg_lambda_lower=1e-9,
    reg_nu_upper=4,
    max_spikes=1500,
    delay_optimiser=Adam(0.1),
    delay_learn_conns=[input_hidden],
    batch_size=16,
)
compiled_net = compiler.compile(network)
raised = 0
with compiled_net:
    first_delays = compiled_net.delays(input_hidden)
    for e in range(6):
        metrics, cb_data = compiled_net.train(
            {inputs: spikes},
            {output: labels},
            num_epochs=1,
            start_epoch=e,
            shuffle=True,
            callbacks=[
                "batch_progress_bar",
                SpikeRecorder(hidden, key="hidden", record_counts=True),
                schedule,
                OptimiserParamSchedule("beta1", lambda epoch, beta: beta),
            ],
        )
        counts = np.sum(np.asarray(cb_data["hidden"]), axis=0)
        assert counts.shape == (num_hidden,)
        silent = counts == 0
        raised += int(silent.sum())
        g = compiled_net.connection_populations[input_hidden].vars["g"]
        g.pull_from_device()
        g_view = g.view.reshape((num_input, num_hidden))
        before = g_view.copy()
        g_view[:, silent] += 0.02
        g.push_to_device()
        g.pull_from_device()
        now = g.values.reshape((num_input, num_hidden))
        np.testing.assert_allclose((now - before)[:, silent], 0.02, atol=1e-6)
        np.testing.assert_array_equal(now[:, ~silent], before[:, ~silent])
assert raised > 0
assert compiled_net.genn_model.timestep == compiled_net.example_timesteps
assert compiled_net.optimisers[0][0].alpha >= 0.03
assert np.any(compiled_net.delays(input_hidden) != first_delays)
assert metrics[output].result > 0.9
