"""Few-spike neurons send the binary digits of their values."""

from __future__ import annotations

import numpy as np
import pytest
from few_spike.codes import RNG, recorded, sent, spikes_of

from ml_genn import Connection, Network, Population
from ml_genn.compilers import FewSpikeCompiler
from ml_genn.connectivity import OneToOne
from ml_genn.neurons import FewSpikeRelu, FewSpikeReluInput

SIZE = 300


def chain(k: int, alpha: float, signed: bool, last: FewSpikeRelu) -> Network:
    """Returns a network of an input and a population that receives its values."""
    with Network() as network:
        source = FewSpikeReluInput(k, alpha, signed)
        first = Population(source, SIZE, record_spikes=True, name="first")
        second = Population(last, SIZE, record_spikes=True, name="second")
        Connection(first, second, OneToOne(1.0))
    return network


def numbers(k: int, alpha: float) -> np.ndarray:
    """Returns values within and beyond the range, and multiples of the last digit."""
    values = RNG.uniform(-1.5 * alpha, 1.5 * alpha, (3, SIZE))
    values[1] = RNG.integers(-(2**k), 2**k, SIZE) * np.float32(alpha) * 2.0**-k
    values[2, :4] = 0.0, alpha, -alpha, alpha * (1 - 2.0**-k)
    return values.astype(np.float32)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("k", "alpha"), [(10, 25), (8, 0.3), (24, 1.0), (2, 4.0)])
def test_spikes_and_values(k: int, alpha: float, signed: bool) -> None:
    """Spikes of the input and of its target are exactly those of the reference."""
    network = chain(k, alpha, signed, FewSpikeRelu(k, 2 * alpha, "var"))
    first, second = network.populations
    x = numbers(k, alpha)
    compiled = FewSpikeCompiler(k, batch_size=2, num_threads=1).compile(network)
    spikes = recorded(compiled, x, [first, second])
    expected = np.zeros((3, 2 * k, SIZE), dtype=bool)
    expected[:, :k] = spikes_of(x, k, alpha, signed).swapaxes(0, 1)
    np.testing.assert_array_equal(spikes[first], expected)

    fx = compiled.predict(x, callbacks=[])[0][second]
    value = sent(x, k, alpha, signed)
    np.testing.assert_allclose(fx, value, rtol=2e-7, atol=alpha * 1e-7)
    inside = (np.abs(x) < alpha) if signed else (x >= 0) & (x < alpha)
    unit = alpha * 2.0 ** -(k // 2 if signed else k)
    assert np.all(np.abs(x - fx)[inside] <= unit + alpha * 1e-6)

    expected = np.zeros((3, 2 * k, SIZE), dtype=bool)
    expected[:, k:] = spikes_of(fx, k, 2 * alpha).swapaxes(0, 1)
    np.testing.assert_array_equal(spikes[second], expected)


@pytest.mark.parametrize("form", ["number", "array", "image"])
def test_bias(form: str) -> None:
    """The bias is added to the input once per example."""
    bias = {
        "number": -0.75,
        "array": np.linspace(-1, 1, SIZE),
        "image": np.linspace(-1, 1, SIZE).tolist(),
    }[form]
    network = chain(6, 4.0, False, FewSpikeRelu(6, 4.0, "var", bias))
    x = RNG.uniform(0, 4, (5, SIZE))
    compiled = FewSpikeCompiler(6, batch_size=3, num_threads=1).compile(network)
    (actual,) = compiled.predict(x, callbacks=[])[0].values()
    np.testing.assert_allclose(actual, sent(x, 6, 4.0) + np.float32(bias), rtol=1e-6)


def test_digits_and_ranges_are_arguments() -> None:
    """Networks that differ in digits and ranges have the same plan."""
    plans = [
        FewSpikeCompiler(k).compile(chain(k, a, False, FewSpikeRelu(k))).lowered.plan
        for k, a in ((6, 1.0), (9, 25))
    ]
    assert plans[0] == plans[1]


def test_spike_times() -> None:
    """Populations spike one after the other, k steps each; times are in ms."""
    network = chain(4, 1.0, False, FewSpikeRelu(4, 1.0))
    compiled = FewSpikeCompiler(4, dt=0.5).compile(network)
    first, second = network.populations
    spikes = recorded(compiled, np.full((1, SIZE), 0.75), [first, second])
    assert compiled.starts == {first: 0, second: 4}
    assert compiled.num_steps == 8
    assert spikes[first][0, :, 0].tolist() == [1, 1, 0, 0, 0, 0, 0, 0]
    assert spikes[second][0, :, 0].tolist() == [0, 0, 0, 0, 1, 1, 0, 0]
