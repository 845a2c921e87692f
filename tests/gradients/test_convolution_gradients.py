"""EventProp's gradients of shared kernels against exact event-time simulations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from gradients.nets import Case, steepness
from reference import exact
from reference.images import Synapses

from ml_genn import Connection
from ml_genn.connectivity import (
    AvgPool2D,
    AvgPoolConv2D,
    AvgPoolDense2D,
    Connectivity,
    Conv2D,
    Conv2DTranspose,
    DepthwiseConv2D,
)
from ml_genn.synapses import Exponential

CROSS_ENTROPY = "sparse_categorical_crossentropy"
TOLERANCE, ROUNDING = 1e-2, 1e-3
FINE, COARSE = 0.01, 0.1  # [ms]
FLATTEST = 0.02  # [1 / ms]
TAU_SYN = 5.0  # [ms]


@dataclass(frozen=True, eq=False)
class Layer:
    """A kernel of the network.

    Args:
        make: connectivity from a kernel and a delay in steps.
        synapses: which pairs of neurons share which weight.
        kernel: its weights.
        image: shape of the target.
        delay: delay [ms].
        trained: whether it is learned.
    """

    make: Callable[[np.ndarray, int], Connectivity]
    synapses: Synapses
    kernel: np.ndarray
    image: tuple[int, ...]
    delay: float = 0.0
    trained: bool = True


@dataclass(frozen=True)
class ImageCase(Case):
    """A network from an image, over kernels to hidden images, then to outputs."""

    layers: tuple[Layer, ...] = ()
    image: tuple[int, ...] = ()

    def with_kernel(self, k: int, kernel: np.ndarray) -> Case:
        """The same case with another kernel, as one weight for each synapse."""
        return self.with_weight(k, self.layers[k].synapses.matrix(kernel))

    def _population(self, name: str, readout: str) -> Any:
        population = super()._population(name, readout)
        shapes = {f"hidden{k}": layer.image for k, layer in enumerate(self.layers)}
        population.shape = {"in": self.image, **shapes}.get(name, population.shape)
        return population

    def _connection(
        self, c: exact.Connection, populations: Any, dt: float, name: str
    ) -> Connection:
        if c.target == "out":
            return super()._connection(c, populations, dt, name)
        layer = self.layers[int(name[1:])]
        return Connection(
            populations[c.source],
            populations[c.target],
            layer.make(layer.kernel, round(layer.delay / dt)),
            Exponential(TAU_SYN),
            name=name,
        )


def image_case(seed: int, image: tuple[int, ...], *layers: Layer) -> ImageCase:
    """The network: one spike train for each pixel, three outputs."""
    rng = np.random.default_rng(seed)
    size = int(np.prod(image))
    inputs = [np.sort(rng.uniform(0.5, 18.0, 2)) for _ in range(size)]
    lif = exact.Population(1, "lif", v_reset=0.0, relative_reset=False)
    populations = {"in": exact.Population(size, "input")}
    connections = []
    before = "in"
    for k, layer in enumerate(layers):
        populations[f"hidden{k}"] = replace(lif, size=layer.synapses.sizes[1])
        weight = layer.synapses.matrix(layer.kernel)
        connections.append(
            exact.Connection(before, f"hidden{k}", weight, TAU_SYN, layer.delay)
        )
        before = f"hidden{k}"
    populations["out"] = exact.Population(3, "li")
    weight = rng.normal(0.0, 0.8, (populations[before].size, 3))
    connections.append(exact.Connection(before, "out", weight, TAU_SYN, 0.0))
    return ImageCase(
        populations, tuple(connections), inputs, layers=layers, image=image
    )


def kernel(seed: int, shape: tuple[int, ...], mean: float) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 0.4 * mean, shape)


def two_convolutions(seed: int) -> ImageCase:
    """The second with padding and a delay."""
    first = Layer(
        lambda w, d: Conv2D(w, 2, 2, delay=d),
        Synapses.of((3, 3, 1), (2, 2, 1, 2), (1, 1), "valid"),
        kernel(seed, (2, 2, 1, 2), 1.6),
        (2, 2, 2),
    )
    second = Layer(
        lambda w, d: Conv2D(w, 3, (2, 1), conv_padding="same", delay=d),
        Synapses.of((2, 2, 2), (2, 1, 2, 3), (1, 1), "same"),
        kernel(seed + 1, (2, 1, 2, 3), 1.2),
        (2, 2, 3),
        delay=1.5,
    )
    return image_case(seed, (3, 3, 1), first, second)


def pooling_then_transposed(seed: int) -> ImageCase:
    """Pooling that is not learned, then patches that overlap."""
    pool = Layer(
        _strong_pool,
        Synapses.of((4, 2, 2), (2, 2, 2, 1), (2, 2), "valid", "depthwise"),
        np.full((2, 2, 2, 1), 3.0),
        (2, 1, 2),
        trained=False,
    )
    spread = Layer(
        lambda w, d: Conv2DTranspose(w, 2, 2, delay=d),
        Synapses.of((2, 1, 2), (2, 2, 2, 2), (1, 1), "valid", "transposed"),
        kernel(seed + 1, (2, 2, 2, 2), 1.3),
        (3, 2, 2),
    )
    return image_case(seed, (4, 2, 2), pool, spread)


def _strong_pool(weights: np.ndarray, delay: int) -> Connectivity:
    """Pooling strong enough for spikes: its weights are set."""
    connectivity = AvgPool2D(2, delay=delay)
    connectivity.weight = float(weights.flat[0])
    return connectivity


def pooled_and_depthwise(seed: int) -> ImageCase:
    """A convolution with pooling folded in, then each channel alone."""
    image, size = (4, 4, 1), (2, 2)
    first = Layer(
        lambda w, d: AvgPoolConv2D(4.0 * w, 2, 2, 2, conv_padding="same", delay=d),
        Synapses.of((2, 2, 1), (2, 2, 1, 2), (1, 1), "same").after_pooling(
            image, size, size
        ),
        kernel(seed, (2, 2, 1, 2), 0.6),
        (2, 2, 2),
    )
    second = Layer(
        lambda w, d: DepthwiseConv2D(w, 2, 2, delay=d),
        Synapses.of((2, 2, 2), (2, 2, 2, 2), (1, 1), "valid", "depthwise"),
        kernel(seed + 1, (2, 2, 2, 2), 1.2),
        (1, 1, 4),
    )
    return image_case(seed, image, first, second)


def pooled_dense(seed: int) -> ImageCase:
    """Dense connectivity with pooling folded in."""
    image, size = (4, 4, 1), (2, 2)
    only = Layer(
        lambda w, d: AvgPoolDense2D(4.0 * w, 2, delay=d),
        Synapses.of((2, 2, 1), (2, 2, 1, 5), (1, 1), "valid").after_pooling(
            image, size, size
        ),
        kernel(seed, (4, 5), 0.6),
        (5,),
        delay=1.0,
    )
    return image_case(seed, image, only)


CASES: dict[str, tuple[Callable[[int], ImageCase], int]] = {
    "two_convolutions": (two_convolutions, 7),
    "pooling_then_transposed": (pooling_then_transposed, 37),
    "pooled_and_depthwise": (pooled_and_depthwise, 30),
    "pooled_dense": (pooled_dense, 25),
}


@pytest.mark.parametrize("name", CASES)
def test_kernels(name: str) -> None:
    """The error is small at the fine step and falls with the step."""
    make, seed = CASES[name]
    case = make(seed)
    assert steepness(case) > FLATTEST

    def loss(kernel: np.ndarray, k: int) -> float:
        changed = case.with_kernel(k, kernel).simulate()
        return float(exact.readout_loss(changed, "out", "avg_var", case.label))

    trained = {k: layer for k, layer in enumerate(case.layers) if layer.trained}
    expected = {
        k: exact.finite_difference(lambda w, k=k: loss(w, k), layer.kernel, 1e-5)
        for k, layer in trained.items()
    }
    assert all(np.linalg.norm(e) > 1e-4 for e in expected.values())
    error = {}
    for dt in (COARSE, FINE):
        compiled = case.compile(dt, "avg_var", CROSS_ENTROPY)[0]
        results = {
            c.name: g
            for c, g in compiled.gradients(case.data(dt), [case.label]).items()
        }
        assert set(results) == {f"c{k}" for k in trained} | {f"c{len(case.layers)}"}
        error[dt] = max(
            float(np.linalg.norm(results[f"c{k}"] - e) / np.linalg.norm(e))
            for k, e in expected.items()
        )
    assert error[FINE] < TOLERANCE
    assert error[FINE] < max(0.5 * error[COARSE], ROUNDING)
