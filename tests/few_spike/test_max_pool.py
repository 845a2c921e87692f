"""Max pooling: exact for few-spike codes, maxima of spike counts for rate codes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from few_spike.codes import RNG, recorded, sent, spikes_of

from ml_genn import Connection, Network, Population
from ml_genn.compilers import (
    BPTTCompiler,
    EPropCompiler,
    EventPropCompiler,
    FewSpikeCompiler,
    InferenceCompiler,
)
from ml_genn.connectivity import Dense, MaxPool2D, OneToOne
from ml_genn.errors import MlGennError, UnsupportedError, ValidationError
from ml_genn.neurons import (
    FewSpikeMaxPool,
    FewSpikeRelu,
    FewSpikeReluInput,
    IntegrateFireInput,
    LeakyIntegrate,
    SpikingMaxPool,
)
from ml_genn.synapses import Exponential

SHAPE = 9, 8, 3
SIZES: list[tuple[Any, Any, str]] = [
    (2, None, "valid"),
    (3, 2, "same"),
    ((4, 6), (3, 1), "valid"),
    (2, 3, "same"),
    (1, 2, "valid"),
]


def pooled(x: np.ndarray, size: Any, stride: Any, padding: str) -> np.ndarray:
    """Returns max pooling of axes 1 and 2 with Keras' padding, filled with -1."""
    sizes = (size, size) if isinstance(size, int) else size
    strides = stride if isinstance(stride, tuple) else (stride or size,) * 2
    for axis, (n, s) in enumerate(zip(sizes, strides, strict=True), start=1):
        pixels = x.shape[axis]
        if padding == "same":
            zeros = max((-(-pixels // s) - 1) * s + n - pixels, 0)
            widths = [(0, 0)] * x.ndim
            widths[axis] = zeros // 2, zeros - zeros // 2
            x = np.pad(x, widths, constant_values=-1)
        x = np.lib.stride_tricks.sliding_window_view(x, n, axis).max(-1)
        x = x.take(range(0, x.shape[axis], s), axis)
    return x


@pytest.mark.parametrize(("size", "stride", "padding"), SIZES)
def test_digits(size: Any, stride: Any, padding: str) -> None:
    """Values and digits are exactly those of the maxima of the values sent."""
    k = 7
    with Network() as network:
        first = Population(FewSpikeReluInput(k, 3.0), SHAPE)
        pool = Population(FewSpikeMaxPool("var"), record_spikes=True, name="pool")
        last = Population(FewSpikeRelu(k, 3.0, "var"))
        connectivity = MaxPool2D(size, pool_strides=stride, pool_padding=padding)
        Connection(first, pool, connectivity)
        Connection(pool, last, OneToOne(1.0))
    x = RNG.uniform(0, 3, (5, *SHAPE))
    x[:, :4] = np.round(x[:, :4])  # so that patches have equal values
    expected = pooled(sent(x, k, 3.0), size, stride, padding)
    compiled = FewSpikeCompiler(k, batch_size=2, num_threads=1).compile(network)
    assert compiled.starts == {first: 0, pool: 1, last: 1 + k}
    outputs, _ = compiled.predict(x, callbacks=[])
    np.testing.assert_array_equal(outputs[pool], expected)
    np.testing.assert_array_equal(outputs[last], expected)
    spikes = recorded(compiled, x, [pool])[pool]
    digits = spikes_of(expected, k, 3.0).swapaxes(0, 1)
    np.testing.assert_array_equal(spikes[:, 1 : 1 + k], digits)
    assert spikes.sum() == digits.sum()


def test_maximum_of_maxima() -> None:
    """Max pooling of sizes a, then b, is that of size a + b - 1, in two steps."""
    k = 5
    with Network() as network:
        first = Population(FewSpikeReluInput(k, 1.0), SHAPE)
        one = Population(FewSpikeMaxPool())
        two = Population(FewSpikeMaxPool("var"))
        Connection(first, one, MaxPool2D(3, pool_strides=1))
        Connection(one, two, MaxPool2D(4, pool_strides=2))
    x = RNG.uniform(0, 1, (3, *SHAPE))
    compiled = FewSpikeCompiler(k, num_threads=1).compile(network)
    (actual,) = compiled.predict(x, callbacks=[])[0].values()
    np.testing.assert_array_equal(actual, pooled(sent(x, k, 1.0), 6, 2, "valid"))
    assert compiled.num_steps == 2 + k


@pytest.mark.parametrize(("size", "stride", "padding"), SIZES)
def test_counts(size: Any, stride: Any, padding: str) -> None:
    """The spike count is the largest of the patch's pixels, one step before."""
    steps = 25
    with Network() as network:
        first = Population(IntegrateFireInput(), SHAPE, record_spikes=True, name="in")
        pool = Population(SpikingMaxPool("spike_count"), record_spikes=True, name="out")
        connectivity = MaxPool2D(size, pool_strides=stride, pool_padding=padding)
        Connection(first, pool, connectivity)
    compiled = InferenceCompiler(steps, batch_size=2, num_threads=1).compile(network)
    x = RNG.uniform(0, 1, (3, *SHAPE))
    spikes = recorded(compiled, x, [first, pool])
    counts = {p: s.cumsum(1) for p, s in spikes.items()}
    for example in range(3):
        expected = pooled(counts[first][example], size, stride, padding)
        np.testing.assert_array_equal(counts[pool][example, 1:], expected[:-1])
        assert not counts[pool][example, 0].any()
    outputs, _ = compiled.predict(x, callbacks=[])
    np.testing.assert_array_equal(outputs[pool], counts[pool][:, -1])


def net(
    target: Any, connectivity: Any, synapse: Any = "delta", few: bool = False
) -> Network:
    with Network() as network:
        source = FewSpikeReluInput() if few else IntegrateFireInput()
        first = Population(source, SHAPE, name="first")
        second = Population(
            target, SHAPE if connectivity is None else None, name="second"
        )
        Connection(first, second, connectivity or OneToOne(1.0), synapse, name="conn")
    return network


@pytest.mark.parametrize(
    ("target", "connectivity", "synapse", "message"),
    [
        ("leaky_integrate_fire", MaxPool2D(2), "delta", "'conn'.*SpikingMaxPool"),
        ("spiking_max_pool", None, "delta", "'second'.*OneToOne with Delta"),
        ("spiking_max_pool", MaxPool2D(2), Exponential(), "MaxPool2D with Exponential"),
    ],
)
def test_unsupported_combinations(
    target: Any, connectivity: Any, synapse: Any, message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        InferenceCompiler(5).compile(net(target, connectivity, synapse))


def test_two_connections_into_a_max_pool() -> None:
    network = net("few_spike_max_pool", MaxPool2D(2), few=True)
    first, second = network.populations
    with network:
        Connection(first, second, MaxPool2D(2), name="more")
    with pytest.raises(ValidationError, match="one connection"):
        FewSpikeCompiler().compile(network)


def test_large_patches() -> None:
    with pytest.raises(UnsupportedError, match=r"at most 24.*\(5, 5\), which is 25"):
        MaxPool2D(5)
    with pytest.raises(MlGennError, match=r"unknown padding 'sam'.*'same'"):
        MaxPool2D(2, pool_padding="sam")


@pytest.mark.parametrize(
    ("neuron", "kind"),
    [
        ("few_spike_relu", "FewSpikeRelu"),
        ("few_spike_max_pool", "FewSpikeMaxPool"),
        ("spiking_max_pool", "SpikingMaxPool"),
    ],
)
@pytest.mark.parametrize("compiler", [BPTTCompiler, EPropCompiler, EventPropCompiler])
def test_not_trained(compiler: Any, neuron: str, kind: str) -> None:
    connectivity = MaxPool2D(2) if "max" in neuron else None
    network = net(neuron, connectivity)
    with network:
        last = Population(LeakyIntegrate(readout="avg_var"), 3)
        synapse = "delta" if compiler is EPropCompiler else Exponential()
        Connection(network.populations[1], last, Dense(0.1), synapse)
    rule = compiler(10, losses="sparse_categorical_crossentropy")
    with pytest.raises(UnsupportedError, match=kind):
        rule.compile(network)


@pytest.mark.parametrize(
    ("neuron", "name"),
    [("few_spike_relu", "second"), ("few_spike_max_pool", "second"), ("", "first")],
)
def test_not_run_by_other_compilers(neuron: str, name: str) -> None:
    connectivity = MaxPool2D(2) if "max" in neuron else None
    target = neuron or LeakyIntegrate(readout="var")
    network = net(target, connectivity, few=not neuron)
    with pytest.raises(UnsupportedError, match=f"'{name}'.*FewSpikeCompiler"):
        InferenceCompiler(10).compile(network)
