"""Linear maps: chains that are made shorter, and connectivity that does the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ml_genn import Connection, Network, Population
from ml_genn.compilers import FewSpikeCompiler
from ml_genn.neurons import FewSpikeRelu, FewSpikeReluInput
from ml_genn_tf.connect import connect
from ml_genn_tf.fusing import FUSED, fused
from ml_genn_tf.linear import (
    NO_PADDING,
    Conv,
    ConvTranspose,
    Dense,
    Depthwise,
    Linear,
    Pad,
    Place,
    Pool,
    Reshape,
    Scale,
    same_padding,
)

IMAGE = (5, 6, 4)
SIZE = 120
RNG = np.random.default_rng(3)


def some(*shape: int) -> Any:
    """Numbers of a shape."""
    return RNG.normal(size=shape).astype(np.float32)


def placed(source: Any = IMAGE, channels: int = 7) -> Place:
    """An image among other channels."""
    shape = (*source[:2], channels)
    places = np.arange(np.prod(shape)).reshape(shape)
    return Place(source, shape, places[..., 2 : 2 + source[2]].ravel())


def made(kind: type, source: Any) -> Linear:
    """A map of that kind that can be applied to a shape."""
    channels = source[-1]
    padding = ((1, 0), (2, 1))
    size = int(np.prod(source))
    return {
        Conv: lambda: Conv(source, (2, 1), padding, some(3, 2, channels, 5)),
        ConvTranspose: lambda: ConvTranspose(
            source, some(3, 2, 5, channels), (2, 2), same=True
        ),
        Dense: lambda: Dense(source, some(size, 6)),
        Depthwise: lambda: Depthwise(source, (1, 2), padding, some(2, 3, channels, 2)),
        Pad: lambda: Pad(source, padding),
        Place: lambda: placed(source, channels + 3),
        Pool: lambda: Pool(source, (2, 2), NO_PADDING, (2, 2)),
        Reshape: lambda: Reshape(source, (size,)),
        Scale: lambda: Scale(source, some(channels)),
    }[kind]()


def run(chain: Any, x: np.ndarray) -> np.ndarray:
    """What maps do one after the other."""
    for linear in chain:
        assert x.shape[1:] == linear.source
        x = linear.apply(x)
        assert x.shape[1:] == linear.target
    return x


def second_of(pair: tuple[type, type]) -> tuple[Linear, ...]:
    """Two maps of the types that a rule is for."""
    first = made(pair[0], IMAGE)
    if pair == (Depthwise, Conv):
        return first, Conv(first.target, (1, 1), NO_PADDING, some(1, 1, 8, 5))
    if pair == (Reshape, Place):
        return first, Place((SIZE,), (200,), np.arange(70, 190))
    return first, made(pair[1], first.target)


@pytest.mark.parametrize(
    "pair", FUSED, ids=lambda p: f"{p[0].__name__}-{p[1].__name__}"
)
def test_rules(pair: tuple[type, type]) -> None:
    """Each rule gives maps that do the same."""
    chain = second_of(pair)
    shorter = FUSED[pair](*chain)
    assert shorter is not None
    x = some(2, *IMAGE)
    np.testing.assert_allclose(run(shorter, x), run(chain, x), rtol=1e-4, atol=1e-4)


def test_factors_of_single_numbers_stay() -> None:
    """A kernel has no place for a factor of each pixel."""
    chain = (Scale(IMAGE, some(*IMAGE)), made(Conv, IMAGE))
    assert fused(chain) == chain


CHAINS: dict[str, tuple[Any, str]] = {
    "nothing": ((), "OneToOne"),
    "factors": ((Scale(IMAGE, some(4)),), "OneToOne"),
    "dense": ((made(Dense, IMAGE),), "Dense"),
    "conv": ((made(Conv, IMAGE),), "Conv2D"),
    "conv_same": (
        (Conv(IMAGE, (2, 2), same_padding(IMAGE, (3, 3), (2, 2)), some(3, 3, 4, 5)),),
        "Conv2D",
    ),
    "transposed": ((made(ConvTranspose, IMAGE),), "Conv2DTranspose"),
    "depthwise": ((made(Depthwise, IMAGE),), "DepthwiseConv2D"),
    "pool": ((made(Pool, IMAGE),), "AvgPool2D"),
    "pool_dense": (
        (made(Pool, IMAGE), made(Reshape, (2, 3, 4)), Dense((24,), some(24, 6))),
        "AvgPoolDense2D",
    ),
    "pool_conv": ((made(Pool, IMAGE), made(Conv, (2, 3, 4))), "AvgPoolConv2D"),
    "overlapping": (
        (
            Pool(IMAGE, (1, 1), NO_PADDING, (2, 2)),
            Conv((4, 5, 4), (1, 1), NO_PADDING, some(2, 2, 4, 3)),
        ),
        "Sparse",
    ),
    "padded_pool": (
        (Pool(IMAGE, (2, 2), ((1, 0), (0, 0)), (2, 2)),),
        "DepthwiseConv2D",
    ),
    "places": ((placed(),), "Sparse"),
}


@pytest.fixture(scope="module")
def outputs() -> dict[str, tuple[str, np.ndarray, np.ndarray]]:
    """{chain: its connectivity, what it gives, what is right}; gains are 0.5 and 1."""
    x = np.random.default_rng(1).integers(0, 256, (3, *IMAGE)) / 256
    with Network() as network:
        source = Population(FewSpikeReluInput(8, 1.0), IMAGE)
        found = {}
        for n, (name, (chain, _)) in enumerate(CHAINS.items()):
            gain = (1.0, 0.5)[n % 2 and name != "pool"]
            expected = gain * run(chain, x.astype(np.float32))
            neuron = FewSpikeRelu(8, readout="var")
            population = Population(neuron, expected.shape[1:], name=name)
            connectivity = connect(chain, IMAGE, expected.shape[1:], gain)
            assert connectivity is not None
            Connection(source, population, connectivity)
            found[name] = (type(connectivity).__name__, population, expected)
    compiled = FewSpikeCompiler(8, batch_size=3, num_threads=1).compile(network)
    values, _ = compiled.predict(x, callbacks=[])
    return {name: (kind, values[p], e) for name, (kind, p, e) in found.items()}


@pytest.mark.parametrize("name", CHAINS)
def test_connectivity(name: str, outputs: Any) -> None:
    """Populations are connected by the kind for the chain, and get what it gives."""
    kind, values, expected = outputs[name]
    assert kind == CHAINS[name][1]
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-4)


def test_no_connection_where_all_weights_are_zero() -> None:
    assert connect((Scale((3,), np.zeros(3, np.float32)),), (3,), (1, 3)) is None
