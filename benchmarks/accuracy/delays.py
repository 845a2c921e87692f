"""Learned delays against fixed ones: Yin-Yang, 5 inputs, 30 hidden neurons, 3 outputs.

Both networks start with the same weights and the same random delays of up to 15 ms from
the inputs to the hidden neurons; in one of them the delays are learned, too.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.callbacks import Callback
from ml_genn.compilers import EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import generate_yin_yang_dataset
from ml_genn.initializers import Normal, Uniform
from ml_genn.neurons import LeakyIntegrate
from ml_genn.optimisers import Adam
from ml_genn.synapses import Exponential

sys.path.insert(0, str(Path(__file__).parents[1]))
from harness.results import benchmark_parser, measurement, report

DT = 0.5  # [ms]
LAST_SPIKE, LONGEST_DELAY = 42.0, 15.0  # [ms]
NUM_HIDDEN = 30


class ExponentialDecay(Callback):
    """Multiplies learning rates by a factor after each epoch."""

    def __init__(self, factor: float = 0.95) -> None:
        self.factor = factor

    def set_params(self, **kwargs: Any) -> None:
        """Stores the optimisers."""
        self.optimisers = [o for o, _ in kwargs["compiled_network"].optimisers]

    def on_epoch_end(self, epoch: int, metrics: Any) -> None:
        """Multiplies the rates."""
        for optimiser in self.optimisers:
            optimiser.alpha *= self.factor


def accuracy(learned: bool, seed: int, epochs: int = 40) -> float:
    """Returns the test accuracy of a network whose delays are learned, or fixed."""
    max_delay = round(LONGEST_DELAY / DT)
    synapse = Exponential(5.0)
    with SequentialNetwork() as network:
        InputLayer("spike_input", 5)
        hidden = Layer(
            Dense(Normal(2.0, 1.5), delay=Uniform(0, max_delay)),
            "leaky_integrate_fire",
            NUM_HIDDEN,
            synapse,
            max_delay_steps=max_delay,
        )
        Layer(Dense(Normal(0.0, 0.5)), LeakyIntegrate(readout="avg_var"), 3, synapse)
    weights, delays = Adam(0.005), Adam(0.05 / DT)
    compiler = EventPropCompiler(
        round((LAST_SPIKE + LONGEST_DELAY) / DT),
        "sparse_categorical_crossentropy",
        weights,
        dt=DT,
        batch_size=32,
        rng_seed=seed,
        delay_optimiser=delays,
        delay_learn_conns=[hidden] if learned else [],
    )
    compiled = compiler.compile(network)
    x, y = generate_yin_yang_dataset(5000, 30.0, 2.0, seed=1)
    compiled.train(x, y, epochs, callbacks=[ExponentialDecay()])
    x, y = generate_yin_yang_dataset(1000, 30.0, 2.0, seed=2)
    (metric,) = compiled.evaluate(x, y, callbacks=[])[0].values()
    return float(metric.result)


def main() -> None:
    """Trains with each seed and reports."""
    args = benchmark_parser(__doc__, seeds=5, epochs=40).parse_args()
    seeds = range(1, args.seeds + 1)
    accuracies = {
        name: [100 * accuracy(learned, seed, args.epochs) for seed in seeds]
        for name, learned in (("fixed", False), ("learned", True))
    }
    table = {
        name: {"test accuracy [%]": measurement(each)}
        for name, each in accuracies.items()
    }
    report("Learned delays against fixed ones", {"Delays": table}, args)


if __name__ == "__main__":
    main()
