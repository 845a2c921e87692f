"""State that is reset between batches, and state that continues."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from engine.helpers import Bool, random_input, raster_of
from engine.small_networks import Chain

from ml_genn import Connection, Network, Population
from ml_genn.callbacks import SpikeRecorder, VarRecorder
from ml_genn.compilers import InferenceCompiler
from ml_genn.connectivity import Dense
from ml_genn.errors import MlGennError, UnsupportedError
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from ml_genn.synapses import Exponential

READOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sum_var": lambda v: v.sum(axis=1),
    "avg_var": lambda v: v.mean(axis=1),
    "max_var": lambda v: np.maximum(v.max(axis=1), 0.0),
    "var": lambda v: v[:, -1],
}


def run_continued(
    parts: list[Bool], delay: Any
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Spikes, potentials and readouts of batches that carry on from each other.

    ``parts`` are one batch each, (examples, steps, inputs); what comes back has one
    batch after the other along the axis of steps, readouts along the first axis.
    """
    rng = np.random.default_rng(1)
    into, out = rng.normal(0.2, 0.2, (6, 4)), rng.normal(0.0, 0.5, (4, 2))
    with Network() as network:
        source = Population(SpikeInput(), 6, name="input")
        neuron = LeakyIntegrateFire(tau_refrac=4.0)
        fire = Population(neuron, 4, name="fire", record_spikes=True)
        Connection(source, fire, Dense(into, delay), Exponential(2.0))
        outputs = {
            name: Population(LeakyIntegrate(readout=name), 2) for name in READOUTS
        }
        for output in outputs.values():
            Connection(fire, output, Dense(out))
    examples, steps = parts[0].shape[:2]
    compiler = InferenceCompiler(
        steps, batch_size=examples, num_threads=2, reset_vars_between_batches=False
    )
    recorders = [SpikeRecorder(fire, "spikes"), VarRecorder(outputs["var"], "v", "v")]
    predictions, data = compiler.compile(network).predict(
        np.concatenate(parts), callbacks=recorders
    )
    spikes, v = [
        np.concatenate(np.split(np.asarray(values), len(parts)), axis=1)
        for values in (raster_of(data["spikes"], steps, 4), data["v"])
    ]
    return spikes, v, {name: predictions[p] for name, p in outputs.items()}


def halves(silent: int) -> tuple[Bool, list[Bool]]:
    """Input of 40 steps, and in parts of 20 that end with some silent steps."""
    whole = random_input(np.random.default_rng(2), 6, 0.3, examples=3, steps=40)
    parts = np.split(whole, 2, axis=1)
    for part in parts:
        part[:, 20 - silent :] = False
    return np.concatenate(parts, axis=1), parts


def test_state_continues_over_batches() -> None:
    """Nothing being under way between them, two batches are one of twice the length."""
    whole, parts = halves(silent=15)
    spikes, v, _ = run_continued([whole], 0)
    assert spikes[:, 20:].sum() > 10
    assert not spikes[:, 19].any()
    actual, potential, _ = run_continued(parts, 0)
    np.testing.assert_array_equal(actual, spikes)
    np.testing.assert_allclose(potential, v, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "delay", [0, 3, np.arange(24).reshape(6, 4) % 7], ids=["none", "3", "synapses'"]
)
def test_spikes_under_way_continue_over_batches(delay: Any) -> None:
    """Synapses are not reset, so what they have been sent arrives in the next batch."""
    whole, parts = halves(silent=0)
    spikes, v, _ = run_continued([whole], delay)
    actual, potential, _ = run_continued(parts, delay)
    np.testing.assert_array_equal(actual, spikes)
    np.testing.assert_allclose(potential, v, rtol=1e-5, atol=1e-6)


def test_delays_over_several_batches_continue_or_are_refused() -> None:
    """None of the spikes is lost without a word."""
    whole, _ = halves(silent=0)
    spikes, v, _ = run_continued([whole], 25)
    assert spikes.sum() > 10
    try:
        actual, potential, _ = run_continued(np.split(whole, 4, axis=1), 25)
    except UnsupportedError as error:
        assert "delay" in str(error)
        return
    np.testing.assert_array_equal(actual, spikes)
    np.testing.assert_allclose(potential, v, rtol=1e-5, atol=1e-6)


def test_readouts_start_anew_in_each_batch() -> None:
    _, parts = halves(silent=15)
    _, v, actual = run_continued(parts, 0)
    for name, reduce in READOUTS.items():
        expected = np.concatenate([reduce(part) for part in np.split(v, 2, axis=1)])
        np.testing.assert_allclose(
            actual[name], expected, rtol=1e-5, atol=1e-5, err_msg=name
        )


def test_the_first_batch_starts_in_the_initial_state() -> None:
    """Whatever was in the memory before."""
    chain = Chain()
    expected = chain.predict(chain.compile())
    for _ in range(3):
        fresh = chain.compile(reset_vars_between_batches=False)
        np.testing.assert_array_equal(chain.predict(fresh), expected)


def test_state_is_reset_unless_asked_otherwise() -> None:
    chain = Chain()
    compiled = chain.compile()
    first, second = chain.predict(compiled), chain.predict(compiled)
    np.testing.assert_array_equal(first, second)


def test_time_starts_anew_in_each_batch() -> None:
    with pytest.raises(MlGennError, match="reset_time_between_batches"):
        InferenceCompiler(5, reset_time_between_batches=False)
