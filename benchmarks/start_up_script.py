"""The script whose start `start_up.py` times: it builds a network and runs one batch.

Arguments: learning rule, 1 if hidden layers are recurrent or else 0, sizes of layers.
It prints the seconds from the network to a built model.
"""

import itertools
import sys
import time

import numpy as np

from ml_genn import Connection, Network, Population, compilers
from ml_genn.connectivity import Dense
from ml_genn.data import preprocess_spikes
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate
from ml_genn.synapses import Delta, Exponential

NUM_STEPS, BATCH, RATE = 500, 32, 11.4e-3

rule, recurrent = sys.argv[1], sys.argv[2] == "1"
num_input, *num_hidden, num_output = map(int, sys.argv[3:])
rng = np.random.default_rng(0)
spikes = round(RATE * NUM_STEPS * num_input)
x = [
    preprocess_spikes(
        rng.integers(0, NUM_STEPS, spikes),
        rng.integers(0, num_input, spikes),
        num_input,
    )
    for _ in range(BATCH)
]
y = np.arange(BATCH) % num_output

start = time.perf_counter()
synapse, forward, recurrent_weight = (
    Exponential(5.0),
    Normal(0.03, 0.01),
    Normal(0.0, 0.02),
)
if rule == "EProp":
    synapse, forward, recurrent_weight = (
        Delta(),
        Normal(0.0073, 0.0025),
        Normal(0.0, 0.005),
    )
with Network() as network:
    layers = [
        Population("spike_input", num_input),
        *(Population("leaky_integrate_fire", size) for size in num_hidden),
        Population(LeakyIntegrate(readout="avg_var"), num_output),
    ]
    for source, target in itertools.pairwise(layers):
        Connection(source, target, Dense(forward), synapse)
    for hidden in layers[1:-1] if recurrent else ():
        Connection(hidden, hidden, Dense(recurrent_weight), synapse)
compiler = getattr(compilers, f"{rule}Compiler")
if rule == "Inference":
    compiled = compiler(NUM_STEPS, batch_size=BATCH).compile(network)
    run = compiled.evaluate
else:
    loss = "sparse_categorical_crossentropy"
    compiled = compiler(NUM_STEPS, loss, batch_size=BATCH).compile(network)
    run = compiled.train
_ = compiled.model
print(time.perf_counter() - start)
run(x, y)
