"""genn_model, custom updates and recorded constants, as scripts for mlGeNN use them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from ml_genn import Connection, Network, Population
from ml_genn.callbacks import (
    Callback,
    CustomUpdateOnBatchBegin,
    CustomUpdateOnTimestepEnd,
    SpikeRecorder,
    VarRecorder,
)
from ml_genn.compilers import InferenceCompiler
from ml_genn.connectivity import Dense
from ml_genn.errors import TrainingWarning, UnsupportedError, ValidationError
from ml_genn.neurons import IntegrateFire, LeakyIntegrate, SpikeInput

STEPS = 6
THRESHOLDS = [1.5, 2.5]


class Small:
    """Two inputs that spike in every step, and two neurons that count them."""

    def __init__(self, neuron: Any = None, **options: Any) -> None:
        neuron = neuron or IntegrateFire(THRESHOLDS, v=0.25, readout="spike_count")
        with Network() as network:
            self.source = Population(SpikeInput(), 1)
            self.target = Population(neuron, 2, record_spikes=True)
            Connection(self.source, self.target, Dense(1.0))
        self.compiled = InferenceCompiler(STEPS, **options).compile(network)
        self.x = np.ones((1, STEPS, 1), dtype=bool)

    def predict(self, *callbacks: Any) -> Any:
        return self.compiled.predict(self.x, callbacks=list(callbacks))[1]


def test_recording_buffers_are_pulled_after_the_last_step() -> None:
    net = Small()
    model = net.compiled.genn_model
    group = net.compiled.neuron_populations[net.target]
    expected = net.predict(SpikeRecorder(net.target, key="s"))["s"]
    net.compiled.set_input(net.x)
    for step in range(STEPS):
        assert model.timestep == step
        net.compiled.step_time()
        if step < STEPS - 1:
            with pytest.raises(ValidationError, match="after the last time step"):
                model.pull_recording_buffers_from_device()
    model.pull_recording_buffers_from_device()
    times, ids = group.spike_recording_data[0]
    np.testing.assert_array_equal(times, expected[0][0])
    np.testing.assert_array_equal(ids, expected[1][0])
    assert len(ids) > 0
    model.timestep = 0
    net.compiled.step_time()
    assert model.timestep == 1
    with pytest.raises(ValidationError, match="only 0 can be assigned"):
        model.timestep = 3


def test_callbacks_read_the_spikes_of_a_batch() -> None:
    class Reader(Callback):
        def set_params(self, compiled_network: Any, **_: Any) -> None:
            self.network = compiled_network

        def on_batch_end(self, batch: int, metrics: Any) -> None:
            self.network.genn_model.pull_recording_buffers_from_device()
            group = self.network.neuron_populations[net.target]
            self.data = group.spike_recording_data

    net, reader = Small(), Reader()
    _, data = net.compiled.evaluate(
        net.x, [0], callbacks=[reader, SpikeRecorder(net.target, key="s")]
    )
    np.testing.assert_array_equal(reader.data[0][1], data["s"][1][0])


def test_spikes_that_were_not_kept_are_an_error() -> None:
    net = Small()
    net.predict()
    with pytest.raises(ValidationError, match="kept no spikes"):
        _ = net.compiled.neuron_populations[net.target].spike_recording_data


def test_times_that_are_not_measured_are_nan() -> None:
    model = Small().compiled.genn_model
    assert math.isnan(model.init_sparse_time) and math.isnan(model.init_time)


def test_reset_begins_neurons_anew_within_an_example() -> None:
    net = Small(IntegrateFire(100.0, v=0.25, readout="var"))
    every_third = CustomUpdateOnTimestepEnd("Reset", lambda step: step == 2)
    recorder = VarRecorder(net.target, "v", key="v")
    v = net.predict(recorder, every_third)["v"][0]
    np.testing.assert_array_equal(v[:, 0], [0.25, 1.25, 2.25, 1.25, 2.25, 3.25])


def test_reset_between_batches_is_what_happens_anyway() -> None:
    net = Small()
    recorder = SpikeRecorder(net.target, key="s")
    expected = net.predict(recorder)["s"]
    after_reset = net.predict(recorder, CustomUpdateOnBatchBegin("Reset"))["s"]
    np.testing.assert_array_equal(after_reset[1][0], expected[1][0])
    continuing = Small(reset_vars_between_batches=False)
    with pytest.raises(UnsupportedError, match="needs reset_vars_between_batches=True"):
        continuing.predict(CustomUpdateOnBatchBegin("Reset"))


@pytest.mark.parametrize("name", ["Vthresh", "v_thresh"])
def test_constant_parameters_are_recorded(name: str) -> None:
    net = Small()
    everything = VarRecorder(net.target, genn_var=name, key="all")
    second = VarRecorder(net.target, name, key="one", neuron_filter=[1])
    data = net.predict(everything, second)
    np.testing.assert_array_equal(data["all"][0], [THRESHOLDS] * STEPS)
    np.testing.assert_array_equal(data["one"][0], [THRESHOLDS[1:]] * STEPS)


def test_a_population_without_spikes_has_empty_recordings() -> None:
    net = Small(LeakyIntegrate(readout="var"))
    recorders = [
        SpikeRecorder(net.target, key="spikes"),
        SpikeRecorder(net.target, key="counts", record_counts=True),
    ]
    with pytest.warns(TrainingWarning, match="never spikes") as caught:
        data = net.predict(*recorders)
    assert {warning.filename for warning in caught} == {__file__}
    assert [len(part[0]) for part in data["spikes"]] == [0, 0]
    np.testing.assert_array_equal(data["counts"][0], [0, 0])
