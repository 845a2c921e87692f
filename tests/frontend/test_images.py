"""Convolutions and pooling: shapes, kernels, weights and error messages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_genn import (
    Connection,
    InputLayer,
    Layer,
    Network,
    Population,
    SequentialNetwork,
    load_model,
    save_model,
)
from ml_genn.compilers import BPTTCompiler, EventPropCompiler, InferenceCompiler
from ml_genn.connectivity import (
    AvgPool2D,
    AvgPoolConv2D,
    AvgPoolDense2D,
    Connectivity,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    OneToOne,
    Sparse,
)
from ml_genn.errors import UnknownNameError, UnsupportedError, ValidationError
from ml_genn.initializers import Normal, Uniform
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire
from ml_genn.synapses import Exponential
from ml_genn_eprop import EPropCompiler

IMAGE = (7, 6, 3)
LOSS = "sparse_categorical_crossentropy"


def connected(
    connectivity: Connectivity, shape: Any = IMAGE, target: Any = None, **options: Any
) -> tuple[Network, Connection]:
    """Returns a network of an input and leaky neurons, and its connection."""
    with Network() as network:
        source = Population("spike_input", shape, name="image")
        leaky = Population(LeakyIntegrate(readout="var"), target, name="leaky")
        connection = Connection(source, leaky, connectivity, **options)
    return network, connection


#: {kind: (connectivity for a weight, shape of its kernel, of its target)}
KINDS: dict[str, tuple[Callable[..., Connectivity], tuple[int, ...], Any]] = {
    "conv": (lambda w: Conv2D(w, 4, (3, 2)), (3, 2, 3, 4), (5, 5, 4)),
    "conv_same": (
        lambda w: Conv2D(w, 4, 3, conv_strides=2, conv_padding="same"),
        (3, 3, 3, 4),
        (4, 3, 4),
    ),
    "conv_flat": (lambda w: Conv2D(w, 4, 3, True), (3, 3, 3, 4), (80,)),
    "transposed": (
        lambda w: Conv2DTranspose(w, 4, (3, 2), conv_strides=(2, 3)),
        (3, 2, 4, 3),
        (15, 18, 4),
    ),
    "depthwise": (
        lambda w: DepthwiseConv2D(w, 3, depth_multiplier=2),
        (3, 3, 3, 2),
        (5, 4, 6),
    ),
    "pool_conv": (
        lambda w: AvgPoolConv2D(w, 4, 2, (3, 1)),
        (3, 1, 3, 4),
        (1, 3, 4),
    ),
    "pool_dense": (
        lambda w: AvgPoolDense2D(w, (2, 3), pool_strides=(3, 3)),
        (12, 5),
        (5,),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kernels(kind: str) -> None:
    """Weights of the compiled network have the kernel's shape, and can be assigned.

    Average pooling divides them by the number of pixels.
    """
    make, shape, target = KINDS[kind]
    kernel = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    network, connection = connected(make(kernel))
    assert connection.ends()[1].shape == target
    compiled = InferenceCompiler(2, num_threads=1).compile(network)
    pixels = {"pool_conv": 4, "pool_dense": 6}.get(kind, 1)
    actual = compiled.weights(connection)
    np.testing.assert_allclose(actual, kernel / pixels, rtol=1e-6)
    compiled.set_weights(connection, 2.0 * kernel)
    np.testing.assert_array_equal(compiled.weights(connection), 2.0 * kernel)
    with pytest.raises(ValidationError, match="has weights of shape"):
        compiled.set_weights(connection, kernel[:-1])
    with pytest.raises(ValidationError, match="has no list of synapses"):
        compiled.indices(connection)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weight", [0.5, "normal", Uniform(1.0, 2.0)])
def test_drawn_kernels(kind: str, weight: Any) -> None:
    """Each weight of a kernel is drawn once; the same seed draws the same weights."""
    make, shape, target = KINDS[kind]
    units = target if kind == "pool_dense" else None
    network, connection = connected(make(weight), target=units)
    drawn = [
        InferenceCompiler(2, rng_seed=seed, num_threads=1)
        .compile(network)
        .weights(connection)
        for seed in (0, 0, 1)
    ]
    assert drawn[0].shape == shape
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert np.array_equal(drawn[0], drawn[2]) == (weight == 0.5)
    pixels = {"pool_conv": 4, "pool_dense": 6}.get(kind, 1)
    if weight == 0.5:
        np.testing.assert_allclose(drawn[0], 0.5 / pixels)
    if isinstance(weight, Uniform):
        assert 1.0 <= pixels * drawn[0].min() <= pixels * drawn[0].max() <= 2.0


@pytest.mark.parametrize("kind", KINDS)
def test_delays_of_each_weight(kind: str, tmp_path: Path) -> None:
    """Delays of each weight may be an array or drawn; they are saved."""
    make, shape, target = KINDS[kind]
    delays = np.random.default_rng(0).integers(0, 5, shape)
    for delay in (delays, Uniform(0.0, 4.0)):
        connectivity = make(1.0)
        connectivity.delay = delay
        units = target if kind == "pool_dense" else None
        network, connection = connected(connectivity, target=units, max_delay_steps=4)
        compiled = InferenceCompiler(6, num_threads=1).compile(network)
        actual = compiled.delays(connection)
        assert actual.shape == shape
        assert set(np.unique(actual)) <= set(range(5)) and np.ptp(actual) > 0
        if delay is delays:
            np.testing.assert_array_equal(actual, delays)
        save_model(compiled, tmp_path / "model")
        again = load_model(tmp_path / "model")
        (connection,) = again.network.connections
        np.testing.assert_array_equal(again.delays(connection), actual)


@pytest.mark.parametrize("padding", [((1, 1), (0, 1)), [[2, 0], [1, 3]]])
def test_padding_with_rows_and_columns_of_zeros(padding: Any) -> None:
    """Padding connects as a "valid" convolution of the padded image does."""
    strides = (2, 1)
    kernels = []
    (top, bottom), (left, right) = padding
    larger = (7 + top + bottom, 6 + left + right, 3)
    for shape, how in ((IMAGE, padding), (larger, "valid")):
        connectivity = Conv2D(1.0, 4, 3, conv_strides=strides, conv_padding=how)
        _, connection = connected(connectivity, shape)
        kernels.append(connectivity.kernel(*connection.ends()))
    own, whole = kernels
    assert own.target_shape == whole.target_shape
    for axis, around, before in (
        (own.rows, whole.rows, top),
        (own.columns, whole.columns, left),
    ):
        inside = around.reach()[before : before + axis.source]
        np.testing.assert_array_equal(axis.reach(), inside)


@pytest.mark.parametrize("target", [(5, 5, 4), (100,), None])
@pytest.mark.parametrize("flatten", [False, True])
def test_targets_are_images_or_flat(target: Any, flatten: bool) -> None:
    connectivity = Conv2D(1.0, 4, (3, 2), flatten)
    _, connection = connected(connectivity, target=target)
    expected = target or ((100,) if flatten else (5, 5, 4))
    assert connection.ends()[1].shape == expected


@pytest.mark.parametrize(
    ("size", "strides", "shape"),
    [(2, None, (3, 3, 3)), ((3, 2), 1, (5, 5, 3)), (2, (3, 2), (2, 3, 3))],
)
def test_pooling(size: Any, strides: Any, shape: Any) -> None:
    network, connection = connected(AvgPool2D(size, pool_strides=strides))
    assert connection.ends()[1].shape == shape
    compiled = InferenceCompiler(2, num_threads=1).compile(network)
    rows, columns = np.broadcast_to(size, 2)
    expected = np.full((rows, columns, 3, 1), 1.0 / (rows * columns))
    np.testing.assert_allclose(compiled.weights(connection), expected)


def test_one_to_one_shapes() -> None:
    for first, second in ((IMAGE, None), (None, IMAGE), (IMAGE, IMAGE)):
        with Network():
            a = Population("spike_input", first)
            b = Population("leaky_integrate", second)
            Connection(a, b, OneToOne(1.0))
        assert a.shape == b.shape == IMAGE


def test_one_to_one_weights_and_delays() -> None:
    """Arrays have one entry per neuron, flat or in the shape of the populations."""
    weight = np.arange(126.0).reshape(IMAGE)
    network, connection = connected(OneToOne(weight, weight.reshape(-1) % 4))
    compiled = InferenceCompiler(2, num_threads=1).compile(network)
    np.testing.assert_array_equal(compiled.weights(connection), np.arange(126))
    np.testing.assert_array_equal(compiled.delays(connection), np.arange(126) % 4)
    np.testing.assert_array_equal(compiled.indices(connection), [np.arange(126)] * 2)


def test_dense_from_a_mask() -> None:
    """Synapses are at True entries of the mask, with weights and delays of arrays."""
    mask = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 1]], dtype=bool)
    weight, delay = np.arange(9.0).reshape(3, 3), np.arange(9).reshape(3, 3) % 5
    network, connection = connected(Dense.from_mask(mask, weight, delay), 3, 3)
    compiled = InferenceCompiler(2, num_threads=1).compile(network)
    np.testing.assert_array_equal(compiled.indices(connection), np.nonzero(mask))
    np.testing.assert_array_equal(compiled.weights(connection), weight[mask])
    np.testing.assert_array_equal(compiled.delays(connection), delay[mask])
    _, drawn = connected(Dense.from_mask(mask, Normal(), 2), 3, 3)
    assert isinstance(drawn.connectivity, Sparse)
    assert drawn.connectivity.weight == Normal()


# ---------------------------------------------------------------- training
def classifier(first: Connectivity, pool: Connectivity) -> SequentialNetwork:
    """Returns a network with an image, hidden images and outputs."""
    with SequentialNetwork() as network:
        InputLayer("spike_input", IMAGE)
        Layer(first, LeakyIntegrateFire(), None, Exponential(5.0), name="first")
        Layer(pool, LeakyIntegrateFire(), None, Exponential(5.0), name="second")
        output = LeakyIntegrate(readout="avg_var")
        Layer(Dense(Normal(0.0, 0.5)), output, 3, Exponential(5.0), name="output")
    return network


def test_summaries_count_weights_and_synapses() -> None:
    network = classifier(Conv2D("normal", 4, 3), AvgPool2D(2))
    texts: list[str] = []
    network.summary(texts.append)
    EventPropCompiler(3, LOSS, num_threads=1).compile(network).summary(texts.append)
    for text in texts:
        lines = [line.split() for line in text.splitlines()]
        counts = {line[4]: line[6:] for line in lines if "->" in line}
        assert counts["Conv2D"] == ["108", "2,160"]
        assert counts["AvgPool2D"] == ["0", "64"]
        assert counts["Dense"] == ["48", "48"]
        assert "Weights: 156" in text.splitlines()
        assert "Synapses: 2,272" in text.splitlines()
    assert "Pop0" in texts[0] and "(5, 4, 4)" in texts[0]


def test_pooling_is_not_learned() -> None:
    network = classifier(Conv2D(Normal(1.0, 1.0), 4, 3), AvgPool2D(2))
    pool = network.connections[1]
    compiled = BPTTCompiler(20, LOSS, num_threads=1).compile(network)
    x = np.random.default_rng(0).random((4, 20, *IMAGE)) < 0.3
    assert set(compiled.gradients(x, [0, 1, 2, 0])) == set(network.connections) - {pool}
    before = [compiled.weights(c) for c in network.connections]
    compiled.train(x, [0, 1, 2, 0], callbacks=[])
    after = [compiled.weights(c) for c in network.connections]
    changed = [np.any(b != a) for b, a in zip(before, after, strict=True)]
    assert changed == [True, False, True]
    with pytest.raises(UnsupportedError, match="has fixed weights: AvgPool2D"):
        BPTTCompiler(20, LOSS).compile(network, optimisers={pool: {"weight": "adam"}})


def test_unsupported_uses_of_kernels() -> None:
    network = classifier(Conv2D("normal", 4, 3), AvgPool2D(2))
    conv = network.connections[0]
    with pytest.raises(ValidationError, match="that are learned need max_delay_steps"):
        EventPropCompiler(3, LOSS, delay_learn_conns=[conv]).compile(network)
    with pytest.raises(UnsupportedError, match="Deep-R moves synapses"):
        EventPropCompiler(3, LOSS, deep_r_conns=[conv]).compile(network)
    with Network() as one_layer:
        source = Population("spike_input", IMAGE)
        hidden = Population(LeakyIntegrateFire())
        output = Population(LeakyIntegrate(readout="avg_var"), 3)
        Connection(source, hidden, Conv2D(1.0, 4, 3), name="conv")
        Connection(hidden, output, Dense(1.0))
    with pytest.raises(
        UnsupportedError, match="'conv': learning online needs a weight"
    ):
        EPropCompiler(3, LOSS, mode="online").compile(one_layer)


def test_e_prop_through_pooling() -> None:
    """Both modes of e-prop have the same gradients."""
    x = np.random.default_rng(0).random((3, 30, *IMAGE)) < 0.3
    actual = []
    for mode in ("event_driven", "online"):
        with SequentialNetwork() as network:
            InputLayer("spike_input", IMAGE)
            Layer(AvgPool2D(2, flatten=True), LeakyIntegrateFire(v_thresh=0.5))
            hidden = Layer(Dense(Normal(0.2, 0.2)), LeakyIntegrateFire(), 6)
            Layer(Dense("normal"), LeakyIntegrate(readout="sum_var"), 3)
        rule = EPropCompiler(30, LOSS, mode=mode, feedback="random", num_threads=1)
        gradients = rule.compile(network).gradients(x, [0, 1, 2])
        actual.append(gradients[hidden.connection()])
    assert np.abs(actual[0]).max() > 1e-3
    np.testing.assert_allclose(actual[1], actual[0], rtol=1e-4, atol=1e-6)


# ---------------------------------------------------------------- bad input
CONSTRUCTIONS: dict[str, tuple[Callable[[], Any], str]] = {
    "padding": (
        lambda: Conv2D(1.0, 4, 3, conv_padding="vald"),
        "Conv2D: conv_padding: unknown padding 'vald'. Did you mean 'valid'",
    ),
    "padding of one side": (
        lambda: Conv2D(1.0, 4, 3, conv_padding=(1, 1)),
        "is 'valid', 'same' or ((top, bottom), (left, right)). Received (1, 1)",
    ),
    "padding below zero": (
        lambda: Conv2D(1.0, 4, 3, conv_padding=((1, -1), (0, 0))),
        "conv_padding is a whole number of at least 0. Received -1",
    ),
    "padding of pooled": (
        lambda: AvgPoolConv2D(1.0, 4, 2, 3, conv_padding="Same"),
        "AvgPoolConv2D: conv_padding: unknown padding 'Same'. Did you mean 'same'",
    ),
    "filters": (lambda: Conv2D(1.0, 0, 3), "Conv2D: filters is a whole number of at"),
    "size": (
        lambda: Conv2DTranspose(1.0, 4, (3, 3, 3)),
        "Conv2DTranspose: conv_size is a whole number, or two",
    ),
    "fraction": (lambda: Conv2D(1.0, 4, 2.5), "Conv2D: conv_size is a whole number of"),
    "stride": (
        lambda: Conv2D(1.0, 4, 3, conv_strides=(0, 1)),
        "Conv2D: conv_strides is a whole number of at least 1. Received 0",
    ),
    "pool": (lambda: AvgPool2D(0), "AvgPool2D: pool_size is a whole number of at"),
    "pool strides": (
        lambda: AvgPool2D(2, pool_strides=-1),
        "AvgPool2D: pool_strides is a whole number",
    ),
    "multiplier": (
        lambda: DepthwiseConv2D(1.0, 3, 1.5),
        "DepthwiseConv2D: depth_multiplier is a whole number",
    ),
    "negative delay": (
        lambda: Conv2D(1.0, 4, 3, delay=-1),
        "Conv2D: delays are not negative",
    ),
    "initializer": (
        lambda: Conv2D("norml", 4, 3),
        "Conv2D: weight: unknown initializer 'norml'. Did you mean 'normal'",
    ),
    "mask": (
        lambda: Dense.from_mask(np.zeros((3, 4), dtype=bool), 1.0),
        "Dense.from_mask: mask is a matrix",
    ),
    "mask of numbers": (
        lambda: Dense.from_mask(np.ones((3, 4)), 1.0),
        "Dense.from_mask: mask is a matrix",
    ),
    "mask and weights": (
        lambda: Dense.from_mask(np.ones((3, 4), dtype=bool), np.ones((4, 3))),
        "Dense.from_mask: an array given as weight has the shape of the mask",
    ),
}


@pytest.mark.parametrize("case", CONSTRUCTIONS)
def test_bad_arguments(case: str) -> None:
    make, message = CONSTRUCTIONS[case]
    with pytest.raises(ValidationError) as caught:
        make()
    assert message in str(caught.value)
    assert isinstance(caught.value, UnknownNameError) == ("unknown" in message)


@pytest.mark.parametrize("kind", [AvgPoolConv2D, AvgPoolDense2D])
def test_pools_that_overlap_cannot_be_folded_in(kind: Any) -> None:
    first = (1.0, 4, 3, 2) if kind is AvgPoolConv2D else (1.0, 3)
    with pytest.raises(UnsupportedError, match="pooled do not overlap"):
        kind(*first, pool_strides=2)


CONNECTIONS: dict[str, tuple[Callable[[], Any], str]] = {
    "no image": (
        lambda: connected(Conv2D(1.0, 4, 3), (28, 28)),
        "'image' has shape (28, 28). Give it one, for example (28, 28, 1)",
    ),
    "no shape": (lambda: connected(AvgPool2D(2), None), "'image' has no shape. Give"),
    "kernel": (
        lambda: connected(Conv2D(np.ones((3, 3, 1, 4)), 4, 3)),
        "weight has shape (3, 3, 3, 4) here, (rows, columns, source channels, filters)."
        " Received shape (3, 3, 1, 4)",
    ),
    "delays": (
        lambda: connected(Conv2D(1.0, 4, 3, delay=np.ones((3, 3, 1, 4)))),
        "Conv2D: an array given as delay has shape (3, 3, 3, 4) here",
    ),
    "transposed kernel": (
        lambda: connected(Conv2DTranspose(np.ones((3, 3, 3, 4)), 4, 3)),
        "has shape (3, 3, 4, 3) here, (rows, columns, filters, source channels)",
    ),
    "pooled dense": (
        lambda: connected(AvgPoolDense2D(np.ones((26, 4)), 2)),
        "has shape (27, 4) here, (pooled neurons, target size). Received shape (26, 4)",
    ),
    "pooled dense of one number": (
        lambda: connected(AvgPoolDense2D(1.0, 2)),
        "population 'leaky' has no shape, and weight is no array",
    ),
    "large kernel": (
        lambda: connected(Conv2D(1.0, 4, (8, 3))),
        "which is smaller than what is laid over it. Received Conv2D(1, 4, (8, 3)",
    ),
    "large pool": (
        lambda: connected(AvgPoolDense2D(1.0, 8), target=3),
        "which is smaller than what is laid over it. Received AvgPoolDense2D",
    ),
    "target": (
        lambda: connected(Conv2D(1.0, 4, 3), target=(5, 4, 3)),
        "it leads to one of shape (5, 4, 4), or flat (80,). Population 'leaky' has "
        "shape (5, 4, 3)",
    ),
    "one to one": (
        lambda: connected(OneToOne(1.0), target=126),
        "'image' has (7, 6, 3), 'leaky' (126,)",
    ),
    "one to one without shape": (
        lambda: connected(OneToOne(1.0), None),
        "neither population 'image' nor 'leaky' has a shape",
    ),
    "one to one weights": (
        lambda: connected(OneToOne(np.ones(125))),
        "one number for each of the 126 neurons of 'image'. Received 125",
    ),
}


@pytest.mark.parametrize("case", CONNECTIONS)
def test_bad_connections(case: str) -> None:
    """A connection that does not fit raises an error; shapes stay unchanged."""
    make, message = CONNECTIONS[case]
    with pytest.raises(ValidationError) as caught:
        make()
    assert message in str(caught.value)
