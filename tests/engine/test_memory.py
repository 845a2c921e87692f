"""Memory of training follows the spikes there are, not time steps times neurons."""

from __future__ import annotations

import sys

import pytest
from engine.processes import finish, start

SCRIPT = """
import re
from pathlib import Path

import numpy as np

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.compilers import EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.neurons import LeakyIntegrate
from ml_genn.synapses import Exponential
from ml_genn.data import preprocess_spikes

STEPS, HIDDEN, INPUTS = 20000, 1024, 20


def peak():
    found = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())
    return float(found.group(1)) / 1024


with SequentialNetwork() as network:
    InputLayer("spike_input", INPUTS)
    Layer(Dense(0.4), "leaky_integrate_fire", HIDDEN, Exponential(5.0))
    Layer(Dense(0.01), LeakyIntegrate(readout="avg_var"), 2, Exponential(5.0))
compiled = EventPropCompiler(
    STEPS, "sparse_categorical_crossentropy", batch_size=2, num_threads=2
).compile(network)
rng = np.random.default_rng(0)
found = []
for spikes in (200, 20000):
    times = rng.uniform(0, STEPS - 1, spikes)
    data = [preprocess_spikes(times, rng.integers(0, INPUTS, spikes), INPUTS)] * 2
    compiled.gradients(data[:1], [0]) if not found else None
    before = peak()
    compiled.train(data, [0, 1], 1, callbacks=[])
    found.append(peak() - before)
print(*found)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_follows_spikes() -> None:
    """The state of every step would take 80 MB a thread, whatever spikes there are."""
    few, many = map(float, finish(start(SCRIPT)).split())
    assert few < 10.0
    assert many > few
