"""Pattern generation: outputs of a recurrent network follow three curves.

Five groups of four input neurons spike one after the other, 200 ms each, as a clock.
Three outputs learn sums of sinusoids of 1, 2, 3 and 5 Hz with random amplitudes and
phases (Bellec et al. 2020). A picture shows outputs, targets and the error over epochs.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import matplotlib
import numpy as np

from ml_genn import Connection, Network, Population
from ml_genn.callbacks import Callback, VarRecorder
from ml_genn.compilers import EPropCompiler, EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import preprocess_spikes
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire
from ml_genn.optimisers import Adam
from ml_genn.synapses import Delta, Exponential

NUM_INPUT, NUM_HIDDEN, NUM_OUTPUT = 20, 256, 3
STEPS = 1000  # of 1 ms
GROUPS, INTERVAL = 5, 10  # groups of inputs; time steps between spikes of a neuron


@dataclass(frozen=True)
class Rule:
    """Compiler of a learning rule, with its network.

    Args:
        compiler, options: compiler, and arguments of its own.
        synapse: of all connections.
        gains: deviations of input, recurrent and output weights, times root fan-in.
        tau_refrac: refractory period [ms].
        rate: learning rate; it is multiplied by 0.7 every 100 epochs.
    """

    compiler: Any
    options: dict[str, Any]
    synapse: Any
    gains: tuple[float, float, float]
    tau_refrac: float | None
    rate: float


REGULARISATION = {
    "reg_lambda_upper": 1e-8,
    "reg_lambda_lower": 1e-8,
    "reg_nu_upper": 50,
}
RULES = {
    "eprop": Rule(EPropCompiler, {"c_reg": 3.0}, Delta(), (3.0, 1.0, 0.1), 5.0, 0.002),
    "eventprop": Rule(
        EventPropCompiler,
        REGULARISATION,
        Exponential(20.0),
        (5.0, 1.0, 0.1),
        None,
        0.003,
    ),
}


class ErrorHistory(Callback):
    """Error of each epoch; also lowers the learning rate."""

    def __init__(self, optimiser: Any) -> None:
        self.optimiser = optimiser
        self.errors: list[float] = []

    def on_epoch_end(self, epoch: int, metrics: Any) -> None:
        """Records the error."""
        (error,) = metrics.values()
        self.errors.append(error.result)
        if (epoch + 1) % 100 == 0:
            self.optimiser.alpha *= 0.7


def parse_arguments() -> argparse.Namespace:
    """Returns the arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rule", choices=sorted(RULES), default="eprop")
    parser.add_argument("--epochs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--picture", type=Path, default=Path("pattern_generation.png"))
    return parser.parse_args()


def clock_spikes() -> Any:
    """Returns input spikes: groups of neurons spike one after the other."""
    duration = STEPS // GROUPS
    neurons = np.arange(NUM_INPUT)
    start = neurons // (NUM_INPUT // GROUPS) * duration
    times = start[:, np.newaxis] + np.arange(0, duration, INTERVAL)
    ids = np.repeat(neurons, times.shape[1])
    return preprocess_spikes(times.ravel().astype(float), ids, NUM_INPUT)


def target_curves(rng: np.random.Generator) -> np.ndarray:
    """Returns random sums of sinusoids, (steps, outputs)."""
    t = np.arange(STEPS)[:, np.newaxis] * 1e-3
    result = np.zeros((STEPS, NUM_OUTPUT))
    for frequency in (1, 2, 3, 5):
        phase = rng.uniform(0, 2 * np.pi, NUM_OUTPUT)
        result += rng.uniform(0.5, 2, NUM_OUTPUT) * np.sin(
            2 * np.pi * frequency * t + phase
        )
    return result


def build(rule: Rule) -> tuple[Network, Population]:
    """Returns the network and its output."""

    def weights(gain: float, fan_in: int) -> Dense:
        return Dense(Normal(sd=gain / np.sqrt(fan_in)))

    with Network() as network:
        inputs = Population("spike_input", NUM_INPUT)
        neuron = LeakyIntegrateFire(
            v_thresh=0.61, tau_refrac=rule.tau_refrac, relative_reset=True
        )
        hidden = Population(neuron, NUM_HIDDEN)
        output = Population(LeakyIntegrate(readout="var"), NUM_OUTPUT)
        first, recurrent, last = rule.gains
        Connection(inputs, hidden, weights(first, NUM_INPUT), rule.synapse)
        Connection(hidden, hidden, weights(recurrent, NUM_HIDDEN), rule.synapse)
        Connection(hidden, output, weights(last, NUM_HIDDEN), rule.synapse)
    return network, output


def draw(path: Path, output: np.ndarray, y: np.ndarray, errors: list[float]) -> None:
    """Saves a picture of targets, outputs and the errors of all epochs."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    layout = "0e;1e;2e"
    figure, axes = plt.subplot_mosaic(layout, figsize=(10, 4), layout="constrained")
    for k in range(NUM_OUTPUT):
        ax = axes[str(k)]
        ax.plot(y[:, k], color="0.75", linewidth=4, label="target")
        ax.plot(output[:, k], color=f"C{k}", linewidth=1.2, label="output")
        ax.set(xlim=(0, STEPS), ylabel=f"output {k + 1}")
        ax.label_outer()
        ax.spines[["top", "right"]].set_visible(False)
    axes["0"].set_title("After training")
    axes["2"].set_xlabel("time [ms]")
    ax = axes["e"]
    ax.semilogy(np.arange(1, len(errors) + 1), errors, color="0.3", linewidth=1)
    ax.set(xlabel="epoch", title="Mean square error")
    ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)


def main() -> None:
    """Trains and draws."""
    args = parse_arguments()
    rule = RULES[args.rule]
    network, output = build(rule)
    optimiser = Adam(rule.rate)
    compiled = rule.compiler(
        STEPS, "mean_square_error", optimiser, rng_seed=args.seed, **rule.options
    ).compile(network)
    x, y = [clock_spikes()], target_curves(np.random.default_rng(args.seed))

    start = perf_counter()
    errors = ErrorHistory(compiled.optimiser)
    compiled.train(
        x,
        y[np.newaxis],
        num_epochs=args.epochs,
        metrics="mean_square_error",
        callbacks=[errors],
    )
    seconds = perf_counter() - start
    recorder = VarRecorder(output, "v", key="output")
    _, recorded = compiled.evaluate(
        x, y[np.newaxis], "mean_square_error", callbacks=[recorder]
    )
    first, last = errors.errors[0], np.mean(errors.errors[-10:])
    print(f"Trained for {args.epochs} epochs in {seconds:.1f} s.")
    print(
        f"Mean square error: {first:.3f} in the first epoch, {last:.3f} in the last 10."
    )
    print(f"It fell by {100 * (1 - last / first):.2f} %.")
    draw(args.picture, recorded["output"][0], y, errors.errors)
    print(f"Picture: {args.picture.resolve()}")


if __name__ == "__main__":
    main()
