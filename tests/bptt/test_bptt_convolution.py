"""BPTT's gradients of shared kernels against torch's automatic differentiation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from bptt.test_bptt import (
    ABSOLUTE,
    DT,
    SURROGATE_DERIVATIVES,
    TAU_MEM,
    TAU_SYN,
    TOLERANCE,
    layer,
    neuron,
    spike_function,
)

from ml_genn import Connection, Network, Population
from ml_genn.compilers import BPTTCompiler
from ml_genn.connectivity import (
    AvgPool2D,
    AvgPoolConv2D,
    AvgPoolDense2D,
    Connectivity,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
)
from ml_genn.neurons import LeakyIntegrate
from ml_genn.synapses import Exponential

torch = pytest.importorskip("torch", reason="needs torch (extra 'torch')")
F = torch.nn.functional

IMAGE, STEPS, BATCH, NUM_OUT = (6, 5, 2), 30, 3, 4
#: Connectivity from a kernel and a delay, the kernel's shape, the target's shape (rows,
#: columns, channels), and the same in torch: images there have channels first.
Kind = tuple[
    Callable[[Any, int], Connectivity],
    tuple[int, ...],
    tuple[int, ...],
    Callable[[Any, Any], Any],
]


def filters_first(kernel: Any) -> Any:
    """(rows, columns, a, b) as (b, a, rows, columns)."""
    return kernel.permute(3, 2, 0, 1)


def each_channel(kernel: Any) -> Any:
    """(rows, columns, channels, filters) as torch has it for groups of channels."""
    return kernel.permute(2, 3, 0, 1).reshape(-1, 1, *kernel.shape[:2])


def rows_first(image: Any) -> Any:
    """Neurons of an image in our order."""
    return image.permute(0, 2, 3, 1).flatten(1)


FIRST: Kind = (
    lambda w, d: Conv2D(w, 4, (3, 2), conv_padding="same", delay=d),
    (3, 2, 2, 4),
    (6, 5, 4),
    lambda x, w: F.conv2d(F.pad(x, (0, 1, 1, 1)), filters_first(w)),
)
SECOND: dict[str, Kind] = {
    "conv": (
        lambda w, d: Conv2D(w, 3, 3, conv_strides=(2, 1), delay=d),
        (3, 3, 4, 3),
        (2, 3, 3),
        lambda x, w: F.conv2d(x, filters_first(w), stride=(2, 1)),
    ),
    "transposed": (
        lambda w, d: Conv2DTranspose(w, 2, 3, conv_strides=2, delay=d),
        (3, 3, 2, 4),
        (13, 11, 2),
        lambda x, w: F.conv_transpose2d(x, filters_first(w), stride=2),
    ),
    "transposed_same": (
        lambda w, d: Conv2DTranspose(
            w, 2, 3, conv_strides=2, conv_padding="same", delay=d
        ),
        (3, 3, 2, 4),
        (12, 10, 2),
        lambda x, w: F.conv_transpose2d(x, filters_first(w), stride=2)[..., :12, :10],
    ),
    "depthwise_apart": (
        lambda w, d: DepthwiseConv2D(
            w, (2, 3), 2, True, conv_strides=2, conv_padding="same", delay=d
        ),
        (2, 3, 4, 2),
        (3, 3, 8),
        lambda x, w: F.conv2d(F.pad(x, (1, 1)), each_channel(w), stride=2, groups=4),
    ),
    "depthwise": (
        lambda w, d: DepthwiseConv2D(w, (2, 3), 2, delay=d),
        (2, 3, 4, 2),
        (5, 3, 8),
        lambda x, w: F.conv2d(x, each_channel(w), groups=4),
    ),
    "pool": (
        lambda w, d: AvgPool2D((3, 2), delay=d),
        (3, 2, 4, 1),
        (2, 2, 4),
        lambda x, w: F.avg_pool2d(x, (3, 2)),
    ),
    "pool_conv": (
        lambda w, d: AvgPoolConv2D(4.0 * w, 3, 2, 2, delay=d),
        (2, 2, 4, 3),
        (2, 1, 3),
        lambda x, w: F.conv2d(4.0 * F.avg_pool2d(x, 2), filters_first(w)),
    ),
    "pool_dense": (
        lambda w, d: AvgPoolDense2D(4.0 * w, 2, delay=d),
        (24, 7),
        (1, 1, 7),
        lambda x, w: (rows_first(4.0 * F.avg_pool2d(x, 2)) @ w)[..., None, None],
    ),
}


def torch_gradients(
    kernels: list[np.ndarray], kinds: list[Kind], delay: int, data: tuple[Any, Any]
) -> tuple[list[np.ndarray], list[float]]:
    """Gradients of the mean cross-entropy, and the spikes of the hidden layers."""
    w = [torch.tensor(k, dtype=torch.float64, requires_grad=True) for k in kernels]
    spike = spike_function(SURROGATE_DERIVATIVES["fast_sigmoid"], None)
    x = torch.tensor(data[0], dtype=torch.float64).permute(0, 1, 4, 2, 3)
    zero = torch.zeros(BATCH, NUM_OUT, dtype=torch.float64)
    out = dict.fromkeys("iv", zero)
    shapes = [(BATCH, k[2][2], *k[2][:2]) for k in kinds]
    states = [
        {k: torch.zeros(shape, dtype=torch.float64) for k in "iva"} for shape in shapes
    ]
    emitted: list[list[Any]] = [[], [], []]
    total = zero
    a, b = math.exp(-DT / TAU_MEM), math.exp(-DT / TAU_SYN)
    mean = TAU_SYN / DT * (1.0 - b)

    def arriving(which: int, t: int) -> Any:
        """Spikes that arrive in step t, over a delay unless they go to the output."""
        at = t - 1 - (delay if which < 2 else 0)
        return emitted[which][at] if at >= 0 else None

    for t in range(STEPS):
        results = []
        for k, kind in enumerate(kinds):
            spikes = arriving(k, t)
            current = torch.zeros(shapes[k], dtype=torch.float64)
            if spikes is not None:
                current = kind[3](spikes, w[k])
            fired, states[k] = layer(states[k], current, spike, ABSOLUTE)
            results.append(fired)
        spikes = arriving(2, t)
        i = out["i"] + (0.0 if spikes is None else rows_first(spikes) @ w[2])
        v = a * out["v"] + (1.0 - a) * mean * i
        out = {"v": v, "i": b * i}
        total = total + v / STEPS
        for which, new in enumerate((x[:, t], *results)):
            emitted[which].append(new)
    F.cross_entropy(total, torch.tensor(data[1])).backward()
    counts = [float(sum(s.detach().sum() for s in emitted[k])) for k in (1, 2)]
    return [np.zeros(()) if k.grad is None else k.grad.numpy() for k in w], counts


@pytest.mark.parametrize("delay", [0, 2])
@pytest.mark.parametrize("second", SECOND)
def test_two_kernels(second: str, delay: int) -> None:
    """Relative errors of all gradients are small, in batches of any size."""
    rng = np.random.default_rng(4)
    kinds = [FIRST, SECOND[second]]
    kernels = [rng.normal(4.0 if second == "pool" else 0.8, 0.8, FIRST[1])]
    size = int(np.prod(SECOND[second][2]))
    kernels.append(rng.normal(0.4, 0.5, SECOND[second][1]))
    kernels.append(rng.normal(0.0, 0.5, (size, NUM_OUT)))
    data = rng.random((BATCH, STEPS, *IMAGE)) < 0.1, np.array([1, 3, 0])
    expected, counts = torch_gradients(kernels, kinds, delay, data)
    assert min(counts) > 20
    with Network() as network:
        populations = [Population("spike_input", IMAGE)]
        connections = []
        for kind, kernel in zip(kinds, kernels, strict=False):
            populations.append(Population(neuron(ABSOLUTE)))
            connectivity = kind[0](kernel, delay)
            connections.append(
                Connection(*populations[-2:], connectivity, Exponential(TAU_SYN))
            )
        output = LeakyIntegrate(tau_mem=TAU_MEM, readout="avg_var")
        populations.append(Population(output, NUM_OUT))
        connections.append(
            Connection(*populations[-2:], Dense(kernels[2]), Exponential(TAU_SYN))
        )
    compiled = BPTTCompiler(
        STEPS, "sparse_categorical_crossentropy", batch_size=BATCH, num_threads=1
    ).compile(network)
    grads = compiled.gradients(*data)
    trained = [0, 2] if second == "pool" else [0, 1, 2]
    assert len(grads) == len(trained)
    for k in trained:
        error = np.linalg.norm(grads[connections[k]] - expected[k])
        assert np.linalg.norm(expected[k]) > 0
        assert error / np.linalg.norm(expected[k]) < TOLERANCE, k
