"""The BPTT network of ``examples/spoken_digits.py`` trained in torch.

Time steps, surrogate, data, augmentation, initial weights and learning rates are the
same; torch computes the gradients. The accuracy is what `BPTTCompiler` is compared
with. Loss and gradients of a batch are compared before training.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from ml_genn.compilers import BPTTCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import PreprocessedSpikes, encode_events
from ml_genn.optimisers import Adam

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
import spoken_digits as example
from harness.results import benchmark_parser, report
from torch_models.leaky import Spike

SETTING = example.SETTINGS["bptt"]
STEPS, DT = SETTING.num_steps, SETTING.dt
TEST_TAKES, TRAINING_TAKES = range(5), range(5, 50)


def to_raster(spikes: list[PreprocessedSpikes]) -> torch.Tensor:
    """Returns spikes as numbers 0 and 1, (steps, examples, channels)."""
    result = torch.zeros(STEPS, len(spikes), example.NUM_CHANNELS)
    for k, one in enumerate(spikes):
        events = encode_events(one, STEPS, DT)
        result[events.steps, k, events.ids.astype(np.int64)] = 1.0
    return result


def decay(tau: Any) -> torch.Tensor:
    """Returns the decay factor of a time step."""
    return torch.as_tensor(np.exp(-DT / np.asarray(tau)), dtype=torch.float32)


def mean_voltages(weights: list[torch.Tensor], inputs: torch.Tensor) -> torch.Tensor:
    """Returns the mean voltages of the outputs, (examples, digits).

    A spike arrives one time step after it was emitted.
    """
    w_in, w_rec, w_out = weights
    alpha, alpha_out = decay(SETTING.hidden.tau_mem), decay(SETTING.output.tau_mem)
    beta = decay(SETTING.synapse.tau)
    mean = SETTING.synapse.tau / DT * (1.0 - beta)  # of a current over a time step
    batch = inputs.shape[1]
    i = v = spikes = torch.zeros(batch, example.NUM_HIDDEN)
    i_out = v_out = total = torch.zeros(batch, example.NUM_DIGITS)
    input_currents = inputs @ w_in
    for step in range(STEPS):
        arriving = spikes @ w_rec
        if step:
            arriving = arriving + input_currents[step - 1]
        i = i + arriving
        v = alpha * v + (1.0 - alpha) * mean * i
        i_out = i_out + spikes @ w_out
        v_out = alpha_out * v_out + (1.0 - alpha_out) * mean * i_out
        i, i_out = beta * i, beta * i_out
        spikes = Spike.apply(v - SETTING.hidden.v_thresh)
        v = v * (1.0 - spikes.detach())
        total = total + v_out / STEPS
    return total


def initial_weights(seed: int) -> list[np.ndarray]:
    """Returns weights drawn as in the example."""
    sizes = (example.NUM_CHANNELS, example.NUM_HIDDEN, example.NUM_HIDDEN)
    targets = (example.NUM_HIDDEN, example.NUM_HIDDEN, example.NUM_DIGITS)
    rng = np.random.default_rng(seed)
    return [
        rng.normal(*weight, shape).astype(np.float32)
        for weight, *shape in zip(SETTING.weights, sizes, targets, strict=True)
    ]


def compare(
    weights: list[torch.Tensor], spikes: list[PreprocessedSpikes], digits: np.ndarray
) -> None:
    """Prints the differences of loss and gradients from those of `BPTTCompiler`."""
    network, _ = example.build(SETTING)
    for connection, w in zip(network.connections, weights, strict=True):
        connection.connectivity = Dense(w.detach().numpy())
    compiled = BPTTCompiler(
        STEPS,
        "sparse_categorical_crossentropy",
        dt=DT,
        batch_size=example.BATCH_SIZE,
        num_threads=1,
    ).compile(network)
    ours = compiled.gradients(spikes, digits)
    outputs = mean_voltages(weights, to_raster(spikes))
    loss = cross_entropy(outputs, torch.as_tensor(digits))
    print(f"loss: {compiled.loss(spikes, digits):.6f}, in torch {loss.item():.6f}")
    theirs = torch.autograd.grad(loss, weights)
    for connection, gradient in zip(network.connections, theirs, strict=True):
        expected = gradient.numpy()
        error = np.linalg.norm(ours[connection] - expected) / np.linalg.norm(expected)
        print(f"relative difference of a gradient: {error:.1e}")


def train(weights: list[torch.Tensor], batches: Any, epochs: int) -> None:
    """Trains the weights; prints the training accuracy of each epoch."""
    decay_schedule = example.CosineDecay(Adam(SETTING.rate), epochs * len(batches))
    optimiser = torch.optim.Adam(weights, SETTING.rate)
    batch = 0
    for epoch in range(epochs):
        correct = 0
        for examples, digits in batches:
            target = torch.as_tensor(digits)
            outputs = mean_voltages(weights, to_raster(examples))
            optimiser.param_groups[0]["lr"] = decay_schedule.rates[batch]
            optimiser.zero_grad()
            cross_entropy(outputs, target).backward()
            optimiser.step()
            correct += int((outputs.argmax(1) == target).sum())
            batch += 1
        accuracy = 100 * correct / len(batches.recordings.digits)
        print(f"Epoch {epoch}: training accuracy {accuracy:.2f} %", flush=True)


def parse_arguments() -> argparse.Namespace:
    """Returns the arguments of the command line."""
    parser = benchmark_parser(
        __doc__, epochs=SETTING.epochs, seed=1, threads=torch.get_num_threads()
    )
    parser.add_argument("--data", type=Path, default=example.DATA)
    return parser.parse_args()


def main() -> None:
    """Compares, trains, tests and reports."""
    args = parse_arguments()
    torch.set_num_threads(args.threads)
    recordings = example.load(args.data)
    batches = example.Augmented(
        recordings.select(TRAINING_TAKES), SETTING, np.random.default_rng(args.seed)
    )
    weights = [torch.tensor(w, requires_grad=True) for w in initial_weights(args.seed)]
    test = recordings.select(TEST_TAKES)
    spikes = [example.cut(one) for one in test.spikes]
    compare(weights, spikes[: example.BATCH_SIZE], test.digits[: example.BATCH_SIZE])
    start = perf_counter()
    train(weights, batches, args.epochs)
    seconds = perf_counter() - start
    with torch.no_grad():
        predicted = mean_voltages(weights, to_raster(spikes)).argmax(1).numpy()
    accuracy = 100 * float(np.mean(predicted == test.digits))
    row = {"test accuracy [%]": accuracy, "training [s]": seconds}
    report(
        "Spoken digits in torch", {"BPTT in torch": {f"seed {args.seed}": row}}, args
    )


if __name__ == "__main__":
    main()
