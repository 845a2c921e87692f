"""The BPTT network of ``examples/spoken_digits.py`` trained in torch.

The same steps, surrogate, data, changes of the data, initial weights and rates of Adam,
differentiated by torch: what it reaches is what `BPTTCompiler` is compared with. Before
training, loss and gradients of a batch are compared.
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
from torch_lif import Spike

from ml_genn.compilers import BPTTCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import PreprocessedSpikes, encode_events
from ml_genn.optimisers import Adam

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
import spoken_digits as example

SETTING = example.SETTINGS["bptt"]
STEPS, DT = SETTING.num_steps, SETTING.dt


def raster(spikes: list[PreprocessedSpikes]) -> torch.Tensor:
    """Spikes as an array (steps, examples, channels)."""
    result = torch.zeros(STEPS, len(spikes), example.NUM_CHANNELS)
    for k, one in enumerate(spikes):
        events = encode_events(one, STEPS, DT)
        result[events.steps, k, events.ids.astype(np.int64)] = 1.0
    return result


def decay(tau: Any) -> torch.Tensor:
    """What is left after a time step."""
    return torch.as_tensor(np.exp(-DT / np.asarray(tau)), dtype=torch.float32)


def outputs(weights: list[torch.Tensor], inputs: torch.Tensor) -> torch.Tensor:
    """Mean voltages of the outputs; a spike arrives one step after it was emitted."""
    w_in, w_rec, w_out = weights
    alpha, alpha_out = decay(SETTING.hidden.tau_mem), decay(SETTING.output.tau_mem)
    beta = decay(SETTING.synapse.tau)
    mean = SETTING.synapse.tau / DT * (1.0 - beta)
    batch = inputs.shape[1]
    i = v = spikes = torch.zeros(batch, example.NUM_HIDDEN)
    i_out = v_out = total = torch.zeros(batch, example.NUM_DIGITS)
    driven = inputs @ w_in
    for step in range(STEPS):
        arrived = spikes @ w_rec
        if step:
            arrived = arrived + driven[step - 1]
        i = i + arrived
        v = alpha * v + (1.0 - alpha) * mean * i
        i_out = i_out + spikes @ w_out
        v_out = alpha_out * v_out + (1.0 - alpha_out) * mean * i_out
        i, i_out = beta * i, beta * i_out
        spikes = Spike.apply(v - SETTING.hidden.v_thresh)
        v = v * (1.0 - spikes.detach())
        total = total + v_out / STEPS
    return total


def initial_weights(seed: int) -> list[np.ndarray]:
    """Weights drawn as the example draws them."""
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
    """Prints how far loss and gradients are from those of `BPTTCompiler`."""
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
    loss = cross_entropy(outputs(weights, raster(spikes)), torch.as_tensor(digits))
    print(f"loss: {compiled.loss(spikes, digits):.6f}, in torch {loss.item():.6f}")
    theirs = torch.autograd.grad(loss, weights)
    for connection, gradient in zip(network.connections, theirs, strict=True):
        expected = gradient.numpy()
        error = np.linalg.norm(ours[connection] - expected) / np.linalg.norm(expected)
        print(f"relative difference of a gradient: {error:.1e}")


def main() -> None:
    """Compares, trains and tests."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=SETTING.epochs)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--data", type=Path, default=example.DATA)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    recordings = example.load(args.data)
    batches = example.Changed(
        recordings.among(range(5, 50)), SETTING, np.random.default_rng(args.seed)
    )
    weights = [torch.tensor(w, requires_grad=True) for w in initial_weights(args.seed)]
    held = recordings.among(range(5))
    spikes = [example.cut(one) for one in held.spikes]
    compare(weights, spikes[: example.BATCH_SIZE], held.digits[: example.BATCH_SIZE])

    rates = example.Cosine(Adam(SETTING.rate), args.epochs * len(batches)).rates
    optimiser = torch.optim.Adam(weights, SETTING.rate)
    start, batch = perf_counter(), 0
    for epoch in range(args.epochs):
        right = 0
        for examples, digits in batches:
            target = torch.as_tensor(digits)
            predicted = outputs(weights, raster(examples))
            optimiser.param_groups[0]["lr"] = rates[batch]
            optimiser.zero_grad()
            cross_entropy(predicted, target).backward()
            optimiser.step()
            right += int((predicted.argmax(1) == target).sum())
            batch += 1
        accuracy = 100 * right / len(batches.recordings.digits)
        print(f"Epoch {epoch}: training accuracy {accuracy:.2f} %", flush=True)
    seconds = perf_counter() - start
    with torch.no_grad():
        predicted = outputs(weights, raster(spikes)).argmax(1).numpy()
    print(f"Trained for {args.epochs} epochs in {seconds:.1f} s.")
    print(f"Test accuracy: {100 * np.mean(predicted == held.digits):.2f} %")


if __name__ == "__main__":
    main()
