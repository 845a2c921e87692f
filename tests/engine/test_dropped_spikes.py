"""Runs that forget spikes as soon as nothing needs them any more."""

from __future__ import annotations

import numpy as np
import pytest
from engine.helpers import random_input

from ml_genn import Connection, Network, Population
from ml_genn.backends.cpu.model import CpuModel
from ml_genn.callbacks import SpikeRecorder
from ml_genn.compilers import InferenceCompiler
from ml_genn.connectivity import Dense
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from ml_genn.synapses import Exponential


@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize("delay", [0, 3, 17, "each"])
def test_results_do_not_depend_on_it(
    reset: bool, delay: int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run whose spikes are recorded keeps them all; delays outlast blocks."""
    monkeypatch.setattr(CpuModel, "block_steps", 5)
    rng = np.random.default_rng(0)
    delays = rng.integers(0, 20, (9, 9)) if delay == "each" else delay
    with Network() as network:
        source = Population(SpikeInput(), 6, record_spikes=True)
        fire = Population(LeakyIntegrateFire(), 9, record_spikes=True)
        output = Population(LeakyIntegrate(readout="sum_var"), 2)
        Connection(source, fire, Dense(rng.normal(1, 1, (6, 9)), 7), Exponential(3.0))
        back = Dense(rng.normal(0, 0.5, (9, 9)), delays)
        Connection(fire, fire, back, Exponential(3.0))
        Connection(fire, output, Dense(rng.normal(0, 0.5, (9, 2)), 2))
    x = random_input(rng, 6, 0.2, examples=6, steps=43)
    compiler = InferenceCompiler(
        43, batch_size=2, num_threads=1, reset_vars_between_batches=reset
    )
    recorder = SpikeRecorder(fire, key="spikes")
    selected, data = compiler.compile(network).predict(x, callbacks=[recorder])
    assert sum(len(np.concatenate(times)) for times in data["spikes"]) > 100
    forgotten, _ = compiler.compile(network).predict(x, callbacks=[])
    np.testing.assert_array_equal(selected[output], forgotten[output])
