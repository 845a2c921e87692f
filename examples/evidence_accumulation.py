"""Evidence accumulation: on which side were more cues? (Bellec et al. 2018, 2020)

Seven cues, left or right, are followed by a delay; in the last 150 ms the network
decides. 50 LIF neurons and 50 with adaptive thresholds learn it by BPTT, or by e-prop
with errors in this last window only.
"""

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np

from ml_genn import Connection, Network, Population
from ml_genn.compilers import BPTTCompiler, EPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.initializers import Normal
from ml_genn.neurons import (
    AdaptiveLeakyIntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
)
from ml_genn.optimisers import Adam, CosineDecay
from ml_genn.readouts import AvgVar

CUES, CUE, PAUSE, DECISION = 7, 100, 50, 150  # number; time steps of 1 ms
CHANNELS, BATCH = 10, 64  # channels each for left, right, decision and noise
RATE, NOISE = 0.04, 0.01  # spikes per step and channel
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--rule", choices=["bptt", "eprop"], default="bptt")
parser.add_argument("--feedback", default="symmetric", help="of e-prop")
parser.add_argument("--epochs", type=int, default=15)
parser.add_argument("--examples", type=int, default=1280, help="in an epoch")
parser.add_argument("--delay", type=int, default=500, help="[ms]")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--threads", type=int)
args = parser.parse_args()
steps = CUES * (CUE + PAUSE) + args.delay + DECISION
rng = np.random.default_rng(args.seed)


def trials(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns spikes (trials, steps, neurons) and labels."""
    is_right = rng.random((number, CUES)) < rng.choice([0.3, 0.7], (number, 1))
    rates = np.zeros((number, steps, 4))
    for k, first in enumerate(range(0, CUES * (CUE + PAUSE), CUE + PAUSE)):
        rates[np.arange(number), first : first + CUE, is_right[:, k] * 1] = RATE
    rates[:, -DECISION:, 2], rates[:, :, 3] = RATE, NOISE
    spikes = rng.random((number, steps, 4 * CHANNELS)) < rates.repeat(CHANNELS, axis=2)
    return spikes, (is_right.sum(axis=1) > CUES / 2).astype(int)


def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Returns the batches of an epoch: new trials."""
    return (trials(BATCH) for _ in range(-(-args.examples // BATCH)))


neuron: dict[str, Any] = {"v_thresh": 0.6, "tau_refrac": 5.0, "scale_i": False}
neuron |= {"relative_reset": True, "integrate_during_refrac": True}
decision = AvgVar(window=(steps - DECISION, None))
with Network() as network:
    inputs = Population("spike_input", 4 * CHANNELS)
    regular = Population(LeakyIntegrateFire(**neuron), 50)
    adaptive = Population(AdaptiveLeakyIntegrateFire(**neuron), 50)
    output = Population(LeakyIntegrate(scale_i=False, readout=decision), 2)
    for hidden in (regular, adaptive):
        Connection(inputs, hidden, Dense(Normal(sd=0.16)))
        Connection(regular, hidden, Dense(Normal(sd=0.03)))
        Connection(adaptive, hidden, Dense(Normal(sd=0.03)))
        Connection(hidden, output, Dense(Normal(sd=0.1)))
rate = CosineDecay(5e-3, args.epochs * -(-args.examples // BATCH))
of_rule = {"feedback": args.feedback} if args.rule == "eprop" else {}
compiler = (EPropCompiler if args.rule == "eprop" else BPTTCompiler)(
    steps, "sparse_categorical_crossentropy", Adam(rate, clip_norm=1.0),
    batch_size=BATCH, rng_seed=args.seed, num_threads=args.threads, **of_rule,
)  # fmt: skip
compiled = compiler.compile(network)
compiled.train(batches, num_epochs=args.epochs)
metrics, _ = compiled.evaluate(*trials(512))
print(f"Test accuracy: {100 * metrics[output].result:.2f} %")
