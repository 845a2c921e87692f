"""Inputs that are given numbers, against NumPy."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from engine.helpers import arrivals, raster_of
from engine.input_models import binary, integrate_fire, leaky, poisson, shown
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ml_genn import Connection, Network, Population
from ml_genn.callbacks import SpikeRecorder, VarRecorder
from ml_genn.compilers import InferenceCompiler
from ml_genn.connectivity import Dense, Sparse
from ml_genn.errors import ValidationError
from ml_genn.initializers import Uniform
from ml_genn.neurons import (
    BinarySpikeInput,
    IntegrateFireInput,
    LeakyIntegrate,
    LeakyIntegrateFireInput,
    Neuron,
    PoissonInput,
)
from ml_genn.synapses import Exponential

SIZE, STEPS, EXAMPLES = 5, 17, 4
DRAWS = 1 << 17  # the random numbers of a group come this far after the last group's


def run(
    neuron: Neuron,
    data: Any,
    *,
    steps: int = STEPS,
    dt: float = 1.0,
    shape: Any = SIZE,
    variable: str = "v",
    **options: Any,
) -> tuple[np.ndarray, np.ndarray]:
    """Spikes and a variable of an input: (examples, steps, neurons)."""
    with Network() as network:
        source = Population(neuron, shape, record_spikes=True)
        target = Population(LeakyIntegrate(readout="var"), 1)
        Connection(source, target, Dense(1.0))
    arguments = {"batch_size": EXAMPLES, "num_threads": 1, **options}
    compiled = InferenceCompiler(steps, dt=dt, **arguments).compile(network)
    recorders = [SpikeRecorder(source, "spikes"), VarRecorder(source, variable, "v")]
    _, recorded = compiled.predict(data, callbacks=recorders)
    return (
        raster_of(recorded["spikes"], steps, source.size, dt),
        np.stack(recorded["v"]),
    )


# the engine takes denormal numbers for zero
values = st.floats(-1.0, 2.0, width=32, allow_subnormal=False)


@settings(max_examples=40, deadline=None)
@given(arrays(np.float32, (EXAMPLES, SIZE), elements=values))
def test_integrate_fire_input(data: np.ndarray) -> None:
    model = integrate_fire(shown(data, STEPS))
    assume(model.margin > 1e-4)
    spikes, v = run(IntegrateFireInput(), data)
    np.testing.assert_array_equal(spikes, model.spikes)
    np.testing.assert_allclose(v, model.v, rtol=1e-5, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(2, 6),
    st.integers(1, 7),
    st.data(),
)
def test_frames_are_shown_in_turn(frames: int, each: int, draw: Any) -> None:
    """Frame k from step k * input_frame_timesteps on, the last one to the end."""
    data = draw.draw(arrays(np.float32, (EXAMPLES, frames, SIZE), elements=values))
    model = integrate_fire(shown(data, STEPS, frames, each), v_thresh=0.8, v_reset=0.1)
    assume(model.margin > 1e-4)
    neuron = IntegrateFireInput(
        0.8, 0.1, input_frames=frames, input_frame_timesteps=each
    )
    spikes, v = run(neuron, data)
    np.testing.assert_array_equal(spikes, model.spikes)
    np.testing.assert_allclose(v, model.v, rtol=1e-5, atol=1e-5)


LEAKY = [
    {},
    {"relative_reset": False, "v_thresh": 0.2, "v_reset": 0.1, "scale_i": True},
    {"tau_refrac": 3.0},
    {"tau_refrac": 2.0, "integrate_during_refrac": False},
    {
        "tau_mem": np.linspace(2.0, 30.0, SIZE),
        "v_thresh": [0.5, 0.6, 0.7, 0.8, 0.9],
        "v": np.linspace(-0.4, 0.4, SIZE),
    },
]


@pytest.mark.parametrize("arguments", LEAKY, ids=lambda a: "-".join(a) or "plain")
@pytest.mark.parametrize("dt", [1.0, 0.5])
def test_leaky_integrate_fire_input(arguments: dict[str, Any], dt: float) -> None:
    neuron = LeakyIntegrateFireInput(**arguments)
    data = np.random.default_rng(3).uniform(-0.2, 0.9, (EXAMPLES, SIZE))
    model = leaky(shown(data, STEPS), neuron, dt)
    assert model.margin > 1e-5
    assert 5 <= model.spikes.sum() < model.spikes.size
    spikes, v = run(neuron, data, dt=dt)
    np.testing.assert_array_equal(spikes, model.spikes)
    np.testing.assert_allclose(v, model.v, rtol=1e-5, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(
    arrays(np.float32, (EXAMPLES, SIZE), elements=st.floats(0, 3, width=32)),
    st.sampled_from([0.25, 1.0]),
    st.integers(0, 2**62),
)
def test_poisson_input(data: np.ndarray, dt: float, seed: int) -> None:
    """Spikes follow the random number of the seed, example, step and neuron."""
    model = poisson(shown(data, STEPS), dt, seed) > 0
    spikes, _ = run(PoissonInput(), data, dt=dt, variable="input", rng_seed=seed)
    assert np.mean(spikes != model) < 2e-3  # the engine's exp may differ in a bit


@pytest.mark.parametrize(("batch_size", "num_threads"), [(4, 2), (3, 2), (1, 1)])
def test_poisson_spikes_belong_to_examples(batch_size: int, num_threads: int) -> None:
    data = np.random.default_rng(1).uniform(0, 1, (6, SIZE))
    options = {"batch_size": batch_size, "num_threads": num_threads}
    actual, _ = run(PoissonInput(), data, variable="input", **options)
    usual, _ = run(PoissonInput(), data, variable="input")
    np.testing.assert_array_equal(actual, usual)
    assert usual.any()


def test_poisson_rate() -> None:
    """P(spike) = 1 - exp(-x dt) in each step, at any rate."""
    rates = np.array([0.0, 0.05, 0.3, 1.0, 5.0])
    steps, dt = 2000, 0.5
    data = np.tile(rates, (EXAMPLES, 1))
    spikes, _ = run(PoissonInput(), data, steps=steps, dt=dt, variable="input")
    chance = 1.0 - np.exp(-rates * dt)
    error = np.sqrt(chance * (1 - chance) / (EXAMPLES * steps))
    assert np.all(np.abs(spikes.mean(axis=(0, 1)) - chance) <= 4 * error)


def test_two_poisson_inputs_do_not_spike_alike() -> None:
    """Each population has random numbers of its own."""
    with Network() as network:
        sources = [
            Population(PoissonInput(), SIZE, record_spikes=True) for _ in range(2)
        ]
        target = Population(LeakyIntegrate(readout="var"), 1)
        for source in sources:
            Connection(source, target, Dense(1.0))
    compiled = InferenceCompiler(500, num_threads=1).compile(network)
    data = dict.fromkeys(sources, np.full((1, SIZE), 0.7))
    recorders = [SpikeRecorder(p, p.name) for p in sources]
    _, recorded = compiled.predict(data, callbacks=recorders)
    first, second = [raster_of(recorded[p.name], 500, SIZE) for p in sources]
    correlation = np.corrcoef(first.ravel(), second.ravel())[0, 1]
    assert abs(correlation) < 4.0 / np.sqrt(first.size)


@settings(max_examples=25, deadline=None)
@given(arrays(np.float32, (EXAMPLES, 3, SIZE), elements=values))
def test_binary_spike_input(data: np.ndarray) -> None:
    neuron = BinarySpikeInput(input_frames=3, input_frame_timesteps=5)
    spikes, _ = run(neuron, data, variable="input")
    np.testing.assert_array_equal(spikes, shown(data, STEPS, 3, 5) > 0)


SYNAPSES = {
    "dense": lambda w: Dense(w),
    "delayed": lambda w: Dense(w, 2),
    "delays": lambda w: Dense(w, np.arange(w.size).reshape(w.shape) % 4),
    "sparse": lambda w: Sparse(*np.nonzero(w), w[np.nonzero(w)]),
    "sparse-delays": lambda w: Sparse(
        *np.nonzero(w), w[np.nonzero(w)], np.arange(np.count_nonzero(w)) % 3
    ),
}


def delivered(spikes: np.ndarray, connectivity: Any, shape: Any) -> np.ndarray:
    """Input by signed spikes in each step: (examples, steps, targets)."""
    weight, delay = np.zeros(shape), np.zeros(shape, dtype=int)
    at: Any = ...
    if isinstance(connectivity, Sparse):
        at = (connectivity.pre_ind, connectivity.post_ind)
    weight[at] = connectivity.weight
    delay[at] = connectivity.delay
    return sum(
        arrivals(spikes, weight * (delay == d), d) for d in range(delay.max() + 1)
    )


@cache
def weights() -> np.ndarray:
    rng = np.random.default_rng(2)
    return rng.normal(0, 1, (SIZE, 3)) * (rng.random((SIZE, 3)) < 0.7)


@pytest.mark.parametrize("kind", SYNAPSES)
@pytest.mark.parametrize("neuron", [PoissonInput, BinarySpikeInput])
def test_negative_spikes_deliver_negated_weights(kind: str, neuron: Any) -> None:
    data = np.random.default_rng(5).uniform(-1, 1, (EXAMPLES, 2, SIZE))
    connectivity = SYNAPSES[kind](weights())
    with Network() as network:
        options = {"record_spikes": True, "record_spike_events": True}
        source = Population(neuron(True, 2, 8), SIZE, **options)
        target = Population(LeakyIntegrate(tau_mem=1e9, readout="var"), 3)
        Connection(source, target, connectivity, Exponential(4.0))
    compiled = InferenceCompiler(STEPS, batch_size=3, num_threads=2).compile(network)
    recorders = [
        SpikeRecorder(source, "spikes"),
        SpikeRecorder(source, "negative", record_spike_events=True),
        SpikeRecorder(source, "counts", None, [0, 3], True, True),
        VarRecorder(target, "v", "v"),
    ]
    _, recorded = compiled.predict(data, callbacks=recorders)
    x = shown(data, STEPS, 2, 8)
    spikes = binary(x)
    if neuron is PoissonInput:
        spikes = np.where(x > 0, poisson(x, 1.0), poisson(x, 1.0, draw=DRAWS))
    np.testing.assert_array_equal(
        raster_of(recorded["spikes"], STEPS, SIZE), spikes > 0
    )
    below = raster_of(recorded["negative"], STEPS, SIZE)
    np.testing.assert_array_equal(below, spikes < 0)
    np.testing.assert_array_equal(recorded["counts"], below.sum(axis=1)[:, [0, 3]])
    assert (spikes < 0).any()
    into = delivered(spikes, connectivity, (SIZE, 3))
    current = np.zeros_like(into)
    for n in range(STEPS):
        before = current[:, n - 1] * np.exp(-1 / 4.0) if n else 0.0
        current[:, n] = before + into[:, n]
    np.testing.assert_allclose(
        np.stack(recorded["v"]), np.cumsum(current, axis=1), rtol=1e-4, atol=1e-4
    )


def test_without_signed_spikes_numbers_below_zero_are_silent() -> None:
    data = np.full((EXAMPLES, SIZE), -5.0)
    for neuron in (PoissonInput(), BinarySpikeInput()):
        assert not run(neuron, data, variable="input")[0].any()


def test_negative_spikes_are_recorded_where_there_may_be_some() -> None:
    with Network() as network:
        unasked = Population(BinarySpikeInput(True), SIZE, record_spikes=True)
        source = Population(BinarySpikeInput(), SIZE, record_spike_events=True)
        Connection(source, Population(LeakyIntegrate(readout="var"), 1), Dense(1.0))
    compiled = InferenceCompiler(STEPS, num_threads=1).compile(network)
    with pytest.raises(ValidationError, match="record_spike_events=True to record its"):
        SpikeRecorder(unasked, record_spike_events=True)
    with pytest.raises(
        ValidationError, match="record_spikes=True to record its spikes"
    ):
        SpikeRecorder(source)
    recorder = SpikeRecorder(source, record_spike_events=True)
    with pytest.raises(ValidationError, match="has no negative spikes"):
        data = dict.fromkeys((unasked, source), np.ones((1, SIZE)))
        compiled.predict(data, callbacks=[recorder])


def test_shapes_and_types_of_data() -> None:
    """Populations with several dimensions; whole numbers; a frame axis of one."""
    image = np.random.default_rng(0).integers(0, 3, (EXAMPLES, 2, 3))
    usual, _ = run(IntegrateFireInput(2.5), image.reshape(EXAMPLES, 6), shape=6)
    for data in (image, image[:, None], image.astype(np.uint8), image.tolist()):
        actual, _ = run(IntegrateFireInput(2.5), data, shape=(2, 3))
        np.testing.assert_array_equal(actual, usual)


@pytest.mark.parametrize(
    ("neuron", "data", "message"),
    [
        (PoissonInput(), np.zeros((2, SIZE + 1)), r"shape \(examples, 5\)"),
        (PoissonInput(), np.zeros((2, 3, SIZE)), r"shape \(examples, 5\)"),
        (PoissonInput(input_frames=3), np.zeros((2, SIZE)), r"\(examples, 3, 5\)"),
        (
            IntegrateFireInput(),
            np.array([[0, 0, 0, 0, 0], [0, 0, np.nan, 0, 0]]),
            "nan in example 1, frame 0, neuron 2",
        ),
        (IntegrateFireInput(), np.full((1, SIZE), 1e39), "finite in single"),
        (BinarySpikeInput(), np.full((1, SIZE), "a"), "numbers"),
    ],
    ids=["size", "frames", "no frames", "nan", "too large", "text"],
)
def test_data_that_do_not_fit_are_refused(
    neuron: Neuron, data: Any, message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        run(neuron, data, variable="input")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PoissonInput(input_frames=0), "PoissonInput: input_frames"),
        (lambda: BinarySpikeInput(input_frame_timesteps=1.5), "input_frame_timesteps"),
        (lambda: IntegrateFireInput(input_frames=-1), "IntegrateFireInput: input_fr"),
        (lambda: LeakyIntegrateFireInput(tau_mem=0.0), "tau_mem is greater"),
        (lambda: PoissonInput(signed_spikes="yes"), "signed_spikes is True or False"),
    ],
)
def test_bad_arguments(make: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        make()


@pytest.mark.parametrize("start", ["array", "initializer"])
def test_states_that_are_arrays_are_reset_between_batches(start: str) -> None:
    """The same example does the same in every batch; potentials start as given."""
    v = np.linspace(0.1, 0.9, SIZE) if start == "array" else Uniform(0.1, 0.9)
    neuron = IntegrateFireInput(v_thresh=100.0, v=v)
    data = np.tile(np.linspace(0.1, 0.5, SIZE), (6, 1))
    _, actual = run(neuron, data, batch_size=2)
    np.testing.assert_array_equal(actual, actual[:1].repeat(6, axis=0))
    begin = actual[0, 0] - data[0]
    if start == "array":
        np.testing.assert_allclose(begin, v, atol=1e-6)
    else:
        assert len(np.unique(begin)) == SIZE
        assert np.all((begin > 0.1 - 1e-6) & (begin < 0.9 + 1e-6))
