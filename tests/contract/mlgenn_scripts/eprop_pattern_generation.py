"""e-prop that learns to generate two sine waves."""

from __future__ import annotations

import numpy as np
import pytest

from ml_genn import Connection, Network, Population
from ml_genn.callbacks import OptimiserParamSchedule, VarRecorder
from ml_genn.compilers import EPropCompiler
from ml_genn.compilers.eprop_compiler import default_params
from ml_genn.connectivity import Dense
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from ml_genn.optimisers import Adam
from ml_genn.utils.data import preprocess_spikes

NUM_INPUT, NUM_HIDDEN, NUM_OUTPUT, STEPS = 8, 40, 2, 100
t = np.arange(STEPS)
y_star = np.stack([np.sin(2 * np.pi * t / p) for p in (50, 100)], axis=1)
times = np.concatenate([np.arange(k * 25, (k + 1) * 25, 5) for k in range(4)] * 2)
ids = np.concatenate([np.repeat([k, k + 4], 5) for k in range(4)])
times = np.sort(times)
in_spikes = preprocess_spikes(times, ids, NUM_INPUT)

network = Network(default_params)
with network:
    inputs = Population(SpikeInput(max_spikes=len(times)), NUM_INPUT)
    hidden = Population(
        LeakyIntegrateFire(v_thresh=0.61, tau_mem=20.0, tau_refrac=5.0), NUM_HIDDEN
    )
    output = Population(
        LeakyIntegrate(tau_mem=20.0, bias=0.0, readout="var"), NUM_OUTPUT
    )
    Connection(inputs, hidden, Dense(Normal(sd=1.0 / np.sqrt(NUM_INPUT))))
    Connection(hidden, hidden, Dense(Normal(sd=1.0 / np.sqrt(NUM_HIDDEN))))
    Connection(hidden, output, Dense(Normal(sd=1.0 / np.sqrt(NUM_HIDDEN))))

compiler = EPropCompiler(
    example_timesteps=STEPS,
    losses="mean_square_error",
    optimiser=Adam(0.02),
    c_reg=0.1,
)
compiled_net = compiler.compile(network)


def alpha_schedule(epoch: int, alpha: float) -> float:
    return alpha * 0.7 if epoch and epoch % 40 == 0 else alpha


with compiled_net:
    callbacks = [
        VarRecorder(output, "v", key="output_v"),
        OptimiserParamSchedule("alpha", alpha_schedule),
    ]
    metrics, cb_data = compiled_net.train(
        {inputs: [in_spikes]},
        {output: [y_star]},
        num_epochs=80,
        callbacks=callbacks,
        metrics="mean_square_error",
    )
assert len(cb_data["output_v"]) == 80
errors = [np.mean((v - y_star) ** 2) for v in cb_data["output_v"]]
assert metrics[output].result == pytest.approx(errors[-1], rel=1e-4)
assert errors[-1] < 0.3 * errors[0]
assert compiled_net.optimisers[0][0].alpha == pytest.approx(0.02 * 0.7)
saved = compiled_net.neuron_populations[output].vars["Bias"].values
assert saved.shape == (NUM_OUTPUT,)
assert np.any(saved != 0)
