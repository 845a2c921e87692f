"""Kernels: the pixels that they connect, and the storage of their weights."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from reference.images import Synapses

from ml_genn import Population
from ml_genn.connectivity import (
    AvgPoolConv2D,
    Conv2D,
    Conv2DTranspose,
    DepthwiseConv2D,
)
from ml_genn.model.plan.kernel import Axis, Kernel


def listed(kernel: Kernel) -> Synapses:
    """The synapses of a kernel, from its tables."""
    order = kernel.order()
    down, across = kernel.rows.reach(), kernel.columns.reach()
    sizes = kernel.rows.size, kernel.columns.size
    results = []
    for y, x, c in np.ndindex(len(down), len(across), kernel.channels):
        for r, q, f in np.ndindex(down[y, 2], across[x, 2], kernel.filters):
            pixel = (down[y, 0] + r) * kernel.columns.target + across[x, 0] + q
            channel = c * kernel.filters + f if kernel.channelwise else f
            row = (c * sizes[0] + down[y, 1] + r) * sizes[1] + across[x, 1] + q
            pre = (y * len(across) + x) * kernel.channels + c
            post = pixel * kernel.depth + channel
            results.append((pre, post, order[row * kernel.filters + f]))
    pre, post, weight = np.asarray(sorted(results)).T
    return Synapses(pre, post, weight, (kernel.source_size, prod(kernel.target_shape)))


@st.composite
def geometries(draw: Any) -> dict[str, Any]:
    """Images, kernels, strides and pools of any size."""
    pairs = st.tuples(st.integers(1, 4), st.integers(1, 4))
    return {
        "image": (*draw(st.tuples(*[st.integers(1, 9)] * 2)), draw(st.integers(1, 3))),
        "size": draw(pairs),
        "strides": draw(pairs),
        "padding": draw(st.sampled_from(["valid", "same"])),
        "kind": draw(st.sampled_from(["convolution", "transposed", "depthwise"])),
        "filters": draw(st.integers(1, 3)),
        "pool": draw(pairs),
        "apart": draw(pairs),
    }


@settings(max_examples=200, deadline=None, derandomize=True)
@given(g=geometries(), pooled=st.booleans())
def test_synapses(g: dict[str, Any], pooled: bool) -> None:
    """They are those that the definition gives, with the same weights."""
    image, size, strides, padding = (
        g[name] for name in ("image", "size", "strides", "padding")
    )
    kind = "convolution" if pooled else g["kind"]
    source = Population("spike_input", image, add_to_model=False)
    target = Population("leaky_integrate", add_to_model=False)
    given_to = {"conv_strides": strides, "conv_padding": padding}
    apart = tuple(p + a - 1 for p, a in zip(g["pool"], g["apart"], strict=True))
    before = image
    if pooled:
        before = tuple(
            (n - p) // a + 1 for n, p, a in zip(image, g["pool"], apart, strict=False)
        )
        before = (*before, image[2])
    small = padding == "valid" and kind != "transposed"
    assume(min(before) >= 1)
    assume(not small or all(n >= k for n, k in zip(before, size, strict=False)))
    if pooled:
        connectivity: Any = AvgPoolConv2D(
            1.0, g["filters"], g["pool"], size, pool_strides=apart, **given_to
        )
    elif kind == "depthwise":
        connectivity = DepthwiseConv2D(1.0, size, g["filters"], **given_to)
    else:
        convolution = Conv2DTranspose if kind == "transposed" else Conv2D
        connectivity = convolution(1.0, g["filters"], size, **given_to)
    kernel = connectivity.kernel(source, target)
    expected = Synapses.of(before, kernel.shape, strides, padding, kind)
    if pooled:
        expected = expected.after_pooling(image, g["pool"], apart)
    actual = listed(kernel)
    for name in ("pre", "post", "weight", "sizes"):
        np.testing.assert_array_equal(getattr(actual, name), getattr(expected, name))
    assert kernel.synapses == actual.pre.size
    assert np.array_equal(np.sort(kernel.order()), np.arange(kernel.size))


def test_weights_that_a_pixel_uses_lie_beside_each_other() -> None:
    """Every second one of five, the last first, since its target comes first."""
    axis = Axis(source=9, target=3, size=5, stride=2)
    np.testing.assert_array_equal(axis.order, [4, 2, 0, 3, 1])
    np.testing.assert_array_equal(axis.reach()[4], [0, 0, 3])
    np.testing.assert_array_equal(axis.reach()[0], [0, 2, 1])
    np.testing.assert_array_equal(axis.reach()[3], [0, 3, 2])
