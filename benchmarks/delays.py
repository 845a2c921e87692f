"""Learned delays against fixed ones: Yin-Yang, 5 inputs, 30 hidden neurons, 3 outputs.

Both networks start with the same weights and the same random delays of up to 15 ms from
the inputs to the hidden neurons; in one of them the delays are learned too.
"""

from __future__ import annotations

import argparse
from statistics import mean
from typing import Any

import numpy as np

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.callbacks import Callback
from ml_genn.compilers import EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import generate_yin_yang_dataset
from ml_genn.initializers import Normal, Uniform
from ml_genn.neurons import LeakyIntegrate
from ml_genn.optimisers import Adam
from ml_genn.synapses import Exponential

DT, LATEST, LONGEST = 0.5, 42.0, 15.0  # [ms]: time step, end of an example, delay
NUM_HIDDEN = 30


class Decay(Callback):
    """Lowers learning rates after each epoch."""

    def __init__(self, *optimisers: Adam, factor: float = 0.95) -> None:
        self.optimisers = optimisers
        self.factor = factor

    def on_epoch_end(self, epoch: int, metrics: Any) -> None:
        """Lowers them."""
        for optimiser in self.optimisers:
            optimiser.alpha *= self.factor


def accuracy(learned: bool, seed: int, epochs: int = 40) -> float:
    """Test accuracy of a network whose delays are learned, or fixed."""
    longest = round(LONGEST / DT)
    synapse = Exponential(5.0)
    with SequentialNetwork() as network:
        InputLayer("spike_input", 5)
        hidden = Layer(
            Dense(Normal(2.0, 1.5), delay=Uniform(0, longest)),
            "leaky_integrate_fire",
            NUM_HIDDEN,
            synapse,
            max_delay_steps=longest,
        )
        Layer(Dense(Normal(0.0, 0.5)), LeakyIntegrate(readout="avg_var"), 3, synapse)
    weights, delays = Adam(0.005), Adam(0.05 / DT)
    compiler = EventPropCompiler(
        round((LATEST + LONGEST) / DT),
        "sparse_categorical_crossentropy",
        weights,
        dt=DT,
        batch_size=32,
        rng_seed=seed,
        delay_optimiser=delays,
        delay_learn_conns=[hidden] if learned else [],
    )
    compiled = compiler.compile(network)
    np.random.seed(seed)
    x, y = generate_yin_yang_dataset(5000, 30.0, 2.0, seed=1)
    compiled.train(x, y, epochs, callbacks=[Decay(weights, delays)])
    x, y = generate_yin_yang_dataset(1000, 30.0, 2.0, seed=2)
    (metric,) = compiled.evaluate(x, y, callbacks=[])[0].values()
    return float(metric.result)


def main() -> None:
    """Prints test accuracies of both, and their means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=40)
    arguments = parser.parse_args()
    found: dict[bool, list[float]] = {False: [], True: []}
    for seed in range(1, arguments.seeds + 1):
        for learned, accuracies in found.items():
            accuracies.append(100 * accuracy(learned, seed, arguments.epochs))
    for name, accuracies in (("fixed", found[False]), ("learned", found[True])):
        listed = ", ".join(f"{a:.1f}" for a in accuracies)
        print(f"{name} delays: {listed} %; mean {mean(accuracies):.1f} %")


if __name__ == "__main__":
    main()
