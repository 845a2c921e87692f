"""Three networks trained on scikit-learn's digits, and their test examples."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from ml_genn import Connection, Network, Population
from ml_genn.callbacks import SpikeRecorder, VarRecorder
from ml_genn.compilers import BPTTCompiler, EventPropCompiler, InferenceCompiler
from ml_genn.connectivity import Conv2D, Dense
from ml_genn.data import linear_latency_encode_data
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire
from ml_genn.optimisers import Adam
from ml_genn.synapses import Exponential

STEPS, EXAMPLES, TRAINED = 30, 100, 1200
#: {kind: layers between input and output; each delays spikes by a step}
KINDS = {"feedforward": 2, "recurrent": 2, "convolutional": 3}


@dataclass(frozen=True, eq=False)
class Trained:
    """Trained network and its test examples.

    Args:
        compiled: the compiled network.
        spikes: examples of shape (examples, steps) + shape of the input.
        labels: digit of each example.
        layers: number of layers, see `KINDS`.
    """

    compiled: Any
    spikes: np.ndarray
    labels: np.ndarray
    layers: int

    @property
    def channels_first(self) -> np.ndarray:
        """Examples in the shape of a graph's input."""
        if self.spikes.ndim < 5:
            return self.spikes
        return self.spikes.transpose(0, 1, 4, 2, 3)


@cache
def trained(kind: str, current: bool = True) -> Trained:
    """Trains a network: with synaptic currents by EventProp, without by BPTT."""
    digits = load_digits()
    shape = (8, 8, 1) if kind == "convolutional" else (64,)
    encoded = linear_latency_encode_data(
        digits.images, max_time=20.0, thresh=0, max_value=16
    )
    spikes = np.zeros((len(encoded), STEPS, 64), bool)
    for raster, example in zip(spikes, encoded, strict=True):
        ids = np.repeat(np.arange(64), np.diff(example.end_spikes, prepend=0))
        raster[np.ceil(example.spike_times).astype(int), ids] = True
    spikes = spikes.reshape(len(spikes), STEPS, *shape)
    compiler = EventPropCompiler if current else BPTTCompiler
    compiled = compiler(
        STEPS,
        "sparse_categorical_crossentropy",
        Adam(0.01),
        batch_size=32,
        rng_seed=3,
        num_threads=1,
    ).compile(untrained(kind, shape, current))
    compiled.train(spikes[:TRAINED], digits.target[:TRAINED], 6, callbacks=[])
    test = slice(-EXAMPLES, None)
    return Trained(compiled, spikes[test], digits.target[test], KINDS[kind])


def untrained(kind: str, shape: tuple[int, ...], current: bool) -> Network:
    """Returns the network before training."""
    synapse = Exponential(5.0) if current else "delta"
    scale_i = None if current else False
    fire = LeakyIntegrateFire(relative_reset=False, scale_i=scale_i)
    integrate = LeakyIntegrate(scale_i=scale_i, readout="avg_var")
    scale = 1.0 if current else 0.5  # of weights
    with Network() as network:
        inputs = Population("spike_input", shape, name="pixels")
        output = Population(integrate, 10, name="digits")
        if kind == "convolutional":
            first = Population(fire, name="edges")
            hidden = Population(fire, name="shapes")
            weight = Normal(0.8 * scale, 0.8 * scale)
            edges = Conv2D(weight, 6, 3, conv_padding="same")
            Connection(inputs, first, edges, synapse)
            weight = Normal(0.15 * scale, 0.3 * scale)
            Connection(first, hidden, Conv2D(weight, 12, 4, conv_strides=2), synapse)
        else:
            hidden = Population(fire, 48, name="hidden")
            weight = Normal(0.3 * scale, 0.4 * scale)
            Connection(inputs, hidden, Dense(weight), synapse)
        if kind == "recurrent":
            Connection(hidden, hidden, Dense(Normal(0.0, 0.1 * scale)), synapse)
        Connection(hidden, output, Dense(Normal(0.0, 0.3)), synapse)
    return network


def compile_like(network: Network, like: Trained, extra_steps: int = 0) -> Any:
    """Compiles a network for inference with the time step of a trained one."""
    steps = STEPS + extra_steps
    compiler = InferenceCompiler(
        steps, batch_size=50, dt=like.compiled.dt, num_threads=1
    )
    return compiler.compile(network)


def padded(spikes: np.ndarray, extra_steps: int) -> np.ndarray:
    """Returns examples with silent steps at the end."""
    return np.pad(spikes, [(0, 0), (0, extra_steps), *[(0, 0)] * (spikes.ndim - 2)])


def recorded(compiled: Any, spikes: np.ndarray) -> dict[str, Any]:
    """Returns spikes of hidden neurons, voltages and predictions of the output."""
    populations = compiled.network.populations
    inner = [p for p in populations if p in compiled.spiking]
    (output,) = compiled.outputs
    for population in inner:
        population.record_spikes = True
    callbacks: list[Any] = [SpikeRecorder(p, key=p.name) for p in inner]
    callbacks.append(VarRecorder(output, "v", key="v"))
    predictions, data = compiled.predict(spikes, callbacks=callbacks)
    return {
        "predictions": predictions[output],
        "v": np.array(data["v"]),
        **{p.name: data[p.name] for p in inner},
    }
