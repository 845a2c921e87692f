"""Fusion of linear maps, and connectivity that is equivalent to chains of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ml_genn import Connection, Network, Population
from ml_genn.compilers import FewSpikeCompiler
from ml_genn.neurons import FewSpikeRelu, FewSpikeReluInput
from ml_genn_tf.connectivity import chain_connectivity
from ml_genn_tf.fusion import FUSION_RULES, fuse
from ml_genn_tf.linear_maps import (
    NO_PADDING,
    AvgPool,
    Conv,
    ConvTranspose,
    Dense,
    Depthwise,
    LinearMap,
    Pad,
    Reshape,
    Scale,
    Scatter,
    same_padding,
)

IMAGE = (5, 6, 4)
SIZE = 120
RNG = np.random.default_rng(3)


def normal(*shape: int) -> Any:
    """Returns normally distributed numbers of a shape."""
    return RNG.normal(size=shape).astype(np.float32)


def channel_scatter(source: Any = IMAGE, channels: int = 7) -> Scatter:
    """Returns a scatter of an image into more channels."""
    shape = (*source[:2], channels)
    positions = np.arange(np.prod(shape)).reshape(shape)
    return Scatter(source, shape, positions[..., 2 : 2 + source[2]].ravel())


def map_of(kind: type, source: Any) -> LinearMap:
    """Returns a map of a type for a source of a shape."""
    channels = source[-1]
    padding = ((1, 0), (2, 1))
    size = int(np.prod(source))
    return {
        Conv: lambda: Conv(source, (2, 1), padding, normal(3, 2, channels, 5)),
        ConvTranspose: lambda: ConvTranspose(
            source, normal(3, 2, 5, channels), (2, 2), same=True
        ),
        Dense: lambda: Dense(source, normal(size, 6)),
        Depthwise: lambda: Depthwise(
            source, (1, 2), padding, normal(2, 3, channels, 2)
        ),
        Pad: lambda: Pad(source, padding),
        Scatter: lambda: channel_scatter(source, channels + 3),
        AvgPool: lambda: AvgPool(source, (2, 2), NO_PADDING, (2, 2)),
        Reshape: lambda: Reshape(source, (size,)),
        Scale: lambda: Scale(source, normal(channels)),
    }[kind]()


def run(chain: Any, x: np.ndarray) -> np.ndarray:
    """Returns the result of a chain of maps."""
    for linear in chain:
        assert x.shape[1:] == linear.source
        x = linear.apply(x)
        assert x.shape[1:] == linear.target
    return x


def chain_of(pair: tuple[type, type]) -> tuple[LinearMap, ...]:
    """Returns two maps of the types of a rule."""
    first = map_of(pair[0], IMAGE)
    if pair == (Depthwise, Conv):
        return first, Conv(first.target, (1, 1), NO_PADDING, normal(1, 1, 8, 5))
    if pair == (Reshape, Scatter):
        return first, Scatter((SIZE,), (200,), np.arange(70, 190))
    return first, map_of(pair[1], first.target)


@pytest.mark.parametrize(
    "pair", FUSION_RULES, ids=lambda p: f"{p[0].__name__}-{p[1].__name__}"
)
def test_rules(pair: tuple[type, type]) -> None:
    """Each rule returns an equivalent chain."""
    chain = chain_of(pair)
    shorter = FUSION_RULES[pair](*chain)
    assert shorter is not None
    x = normal(2, *IMAGE)
    np.testing.assert_allclose(run(shorter, x), run(chain, x), rtol=1e-4, atol=1e-4)


def test_factors_of_single_numbers_stay() -> None:
    """A kernel cannot include a factor of each pixel."""
    chain = (Scale(IMAGE, normal(*IMAGE)), map_of(Conv, IMAGE))
    assert fuse(chain) == chain


CHAINS: dict[str, tuple[Any, str]] = {
    "nothing": ((), "OneToOne"),
    "factors": ((Scale(IMAGE, normal(4)),), "OneToOne"),
    "dense": ((map_of(Dense, IMAGE),), "Dense"),
    "conv": ((map_of(Conv, IMAGE),), "Conv2D"),
    "conv_same": (
        (Conv(IMAGE, (2, 2), same_padding(IMAGE, (3, 3), (2, 2)), normal(3, 3, 4, 5)),),
        "Conv2D",
    ),
    "transposed": ((map_of(ConvTranspose, IMAGE),), "Conv2DTranspose"),
    "depthwise": ((map_of(Depthwise, IMAGE),), "DepthwiseConv2D"),
    "pool": ((map_of(AvgPool, IMAGE),), "AvgPool2D"),
    "pool_dense": (
        (
            map_of(AvgPool, IMAGE),
            map_of(Reshape, (2, 3, 4)),
            Dense((24,), normal(24, 6)),
        ),
        "AvgPoolDense2D",
    ),
    "pool_conv": ((map_of(AvgPool, IMAGE), map_of(Conv, (2, 3, 4))), "AvgPoolConv2D"),
    "overlapping": (
        (
            AvgPool(IMAGE, (1, 1), NO_PADDING, (2, 2)),
            Conv((4, 5, 4), (1, 1), NO_PADDING, normal(2, 2, 4, 3)),
        ),
        "Sparse",
    ),
    "padded_pool": (
        (AvgPool(IMAGE, (2, 2), ((1, 0), (0, 0)), (2, 2)),),
        "DepthwiseConv2D",
    ),
    "places": ((channel_scatter(),), "Sparse"),
}


@pytest.fixture(scope="module")
def outputs() -> dict[str, tuple[str, np.ndarray, np.ndarray]]:
    """Returns {chain: (connectivity, output, expected output)}; gains are 0.5 and 1."""
    x = np.random.default_rng(1).integers(0, 256, (3, *IMAGE)) / 256
    with Network() as network:
        source = Population(FewSpikeReluInput(8, 1.0), IMAGE)
        populations = {}
        for n, (name, (chain, _)) in enumerate(CHAINS.items()):
            gain = (1.0, 0.5)[n % 2 and name != "pool"]
            expected = gain * run(chain, x.astype(np.float32))
            neuron = FewSpikeRelu(8, readout="var")
            population = Population(neuron, expected.shape[1:], name=name)
            connectivity = chain_connectivity(chain, IMAGE, expected.shape[1:], gain)
            assert connectivity is not None
            Connection(source, population, connectivity)
            populations[name] = (type(connectivity).__name__, population, expected)
    compiled = FewSpikeCompiler(8, batch_size=3, num_threads=1).compile(network)
    values, _ = compiled.predict(x, callbacks=[])
    return {name: (kind, values[p], e) for name, (kind, p, e) in populations.items()}


@pytest.mark.parametrize("name", CHAINS)
def test_connectivity(name: str, outputs: Any) -> None:
    """The connectivity has the class for the chain, and computes the same."""
    kind, values, expected = outputs[name]
    assert kind == CHAINS[name][1]
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-4)


def test_no_connection_where_all_weights_are_zero() -> None:
    assert (
        chain_connectivity((Scale((3,), np.zeros(3, np.float32)),), (3,), (1, 3))
        is None
    )
