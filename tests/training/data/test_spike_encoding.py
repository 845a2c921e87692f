"""The engine's encoding of spikes as events, compared with NumPy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_genn import Connection, Network, Population
from ml_genn.compilers import InferenceCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import PreprocessedSpikes, encode_events, preprocess_spikes
from ml_genn.data.events import latest_allowed
from ml_genn.errors import ValidationError
from ml_genn.model.batch import SpikeTimes
from ml_genn.neurons import LeakyIntegrate
from ml_genn.utils.time_steps import STEP_TOLERANCE

NEURONS = 5
STEPS = 12
DT = 0.5


@pytest.fixture(scope="module")
def compiled():
    with Network() as network:
        inputs = Population("spike_input", NEURONS)
        output = Population(LeakyIntegrate(readout="avg_var"), 2)
        Connection(inputs, output, Dense(0.1))
    return InferenceCompiler(STEPS, dt=DT).compile(network)


def spike_times(spikes: PreprocessedSpikes) -> SpikeTimes:
    latest = latest_allowed(STEPS * DT)
    return SpikeTimes(*spikes, latest, STEPS, DT, STEP_TOLERANCE)


spike = st.tuples(
    st.integers(0, NEURONS - 1),
    st.one_of(
        st.floats(0.0, STEPS * DT),
        st.integers(0, STEPS).map(lambda n: n * DT),  # exactly at a time step
    ),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(spike, max_size=40), st.sampled_from([np.float64, np.float32]))
def test_events_equal_those_of_numpy(compiled, spikes, kind):
    ids = np.array([i for i, _ in spikes], dtype=int)
    times = np.array([t for _, t in spikes], dtype=kind)
    example = preprocess_spikes(times, ids, NEURONS)
    expected = encode_events(example, STEPS, DT)
    events = compiled.model.encode(spike_times(example))
    np.testing.assert_array_equal(events.steps, expected.steps)
    np.testing.assert_array_equal(events.ids, expected.ids)


@pytest.mark.parametrize(
    ("ends", "times"),
    [
        ([1, 2, 2, 2, 2], [np.nan, 1.0]),
        ([1, 2, 2, 2, 2], [-0.1, 1.0]),
        ([0, 2, 2, 2, 2], [STEPS * DT + 0.1, STEPS * DT + 0.2]),
        ([2, 2, 2, 2, 2], [1.0, 0.5]),
        ([2, 1, 2, 2, 2], [0.5, 1.0]),
        ([1, 1, 1, 1, 1], [0.5, 1.0]),
        ([1, 3, 3, 3, 3], [0.5, 1.0]),
        ([-1, 2, 2, 2, 2], [0.5, 1.0]),
    ],
)
def test_invalid_spikes_are_refused(compiled, ends, times):
    spikes = PreprocessedSpikes(np.array(ends), np.array(times))
    assert compiled.model.encode(spike_times(spikes)) is None
    with pytest.raises(ValidationError, match="example 0"):
        compiled.predict([spikes])
