"""Imported graphs emit the spikes of the graph, wherever Flatten and biases are.

The reference evaluates the graph in NumPy, in the order channels, rows, columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

pytest.importorskip("nir", reason="needs the library nir")

import nir as library
from nir_graphs.numpy_reader import STATELESS, run

from ml_genn import Connection, Network, Population, nir
from ml_genn.compilers import InferenceCompiler
from ml_genn.connectivity import Conv2D, Dense
from ml_genn.errors import UnsupportedError
from ml_genn.initializers import Normal, Uniform
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire

STEPS, EXAMPLES, IMAGE = 40, 4, (2, 6, 7)
rng = np.random.default_rng(5)
START = rng.bit_generator.state


@pytest.fixture(autouse=True)
def same_numbers_in_each_test() -> None:
    rng.bit_generator.state = START


def conv(channels: int, filters: int, bias: Any = 0.0, **options: Any) -> Any:
    """Returns a convolution with 3 by 3 random weights."""
    arguments = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, **options}
    return library.Conv2d(
        input_shape=None,
        weight=rng.normal(0.2, 1.0, (filters, channels // arguments["groups"], 3, 3)),
        bias=np.broadcast_to(bias, filters).astype(float),
        **arguments,
    )


def lif(*shape: int, kind: Any = None, highest: float = 0.6) -> Any:
    """Returns neurons with a threshold and reset of their own each."""
    fire = {
        "r": np.ones(shape),
        "v_threshold": rng.uniform(highest / 6, highest, shape),
        "v_reset": rng.uniform(-0.2, 0.0, shape),
    }
    if kind is library.IF:
        fire["r"] = np.full(shape, 50.0)
        return library.IF(**fire)
    tau = rng.uniform(5e-3, 2e-2, shape)
    return library.LIF(tau=tau, v_leak=rng.uniform(0.0, 0.05, shape), **fire)


def linear(targets: int, sources: int, bias: Any = None) -> Any:
    """Returns random weights, with a bias if one is passed."""
    weight = rng.normal(0.2, 4.0 / np.sqrt(sources), (targets, sources))
    if bias is None:
        return library.Linear(weight)
    return library.Affine(weight, np.broadcast_to(bias, targets).astype(float))


def flat(*shape: int, start: int = 0, end: int = -1) -> Any:
    return library.Flatten({"input": np.array(shape)}, start, end)


def pool(kind: Any, size: int, stride: int | None = None) -> Any:
    strides = np.full(2, stride or size)
    return kind(np.full(2, size), strides, np.zeros(2, int))


def recurrent(units: int, bias: float = 0.0) -> Any:
    """Returns a graph of neurons that are connected to themselves."""
    nodes = {
        "input": library.Input(np.array([units])),
        "lif": lif(units),
        "w_rec": linear(units, units, bias),
        "output": library.Output(np.array([units])),
    }
    edges = [("input", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output")]
    return library.NIRGraph(nodes, edges, type_check=False)


def sequence(*nodes: Any, shape: tuple[int, ...] = IMAGE, out: int = 5) -> Any:
    """Returns a graph of nodes that follow each other."""
    named = {f"n{k}": node for k, node in enumerate(nodes)}
    named = {"in": library.Input(np.array(shape)), **named}
    named["out"] = library.Output(np.array([out]))
    return library.NIRGraph(named, list(pairwise(named)), type_check=False)


def two_images() -> Any:
    """Returns a graph in which lists of two images lead to the same neurons."""
    graph = sequence(conv(2, 3), flat(3, 4, 5), lif(60), linear(5, 60), lif(5))
    graph.nodes |= {"c": conv(2, 6, stride=(3, 1), padding=(1, 0)), "f": flat(6, 2, 5)}
    graph.edges += [("in", "c"), ("c", "f"), ("f", "n2")]
    return graph


AVG, SUM = library.AvgPool2d, library.SumPool2d
GRAPHS: dict[str, Callable[[], Any]] = {
    "before neurons": lambda: sequence(
        conv(2, 4), flat(4, 4, 5), lif(80), linear(5, 80), lif(5)
    ),
    "after neurons": lambda: sequence(
        conv(2, 4, 0.1), lif(4, 4, 5), flat(4, 4, 5), linear(5, 80, 0.05), lif(5)
    ),
    "bias before pooling": lambda: sequence(
        conv(2, 4, [0.1, 0.0, 0.2, 0.1]),
        pool(SUM, 2),
        flat(4, 2, 2),
        lif(16),
        linear(5, 16),
        lif(5),
    ),
    "after pooling": lambda: sequence(
        conv(2, 3),
        lif(3, 4, 5),
        pool(AVG, 2),
        flat(1, 3, 2, 2, start=1),
        linear(5, 12, 0.1),
        lif(5),
    ),
    "twice": lambda: sequence(
        conv(2, 3, 0.1, padding="same"),
        flat(3, 6, 7, start=1, end=2),
        flat(3, 42),
        lif(126),
        flat(126),
        linear(5, 126),
        lif(5),
    ),
    "recurrent graph": lambda: sequence(
        conv(2, 3, 0.1), flat(3, 4, 5), recurrent(60, 0.02), linear(5, 60), lif(5)
    ),
    "output": lambda: sequence(
        conv(2, 3, [0.0, 0.1, 0.2]), flat(3, 4, 5), lif(60), out=60
    ),
    "neurons to neurons": lambda: sequence(
        conv(2, 3),
        lif(3, 4, 5),
        flat(3, 4, 5),
        lif(60, highest=0.06),
        linear(5, 60),
        lif(5),
    ),
    "biases of two weights": lambda: sequence(
        linear(7, 9, 0.3), linear(5, 7, 0.3), lif(5), shape=(9,)
    ),
    "bias and neurons without a leak": lambda: sequence(
        conv(2, 3, [0.5, -0.1, 0.2]), flat(3, 4, 5), lif(60, kind=library.IF), out=60
    ),
    "groups, dilation, padding": lambda: sequence(
        conv(2, 4, 0.1, groups=2, dilation=(2, 1), padding=(2, 1), stride=(1, 2)),
        conv(4, 4, 0.1, groups=2),
        flat(4, 4, 2),
        lif(32),
        linear(5, 32),
        lif(5),
    ),
    "two images": two_images,
    "weights of the last axis": lambda: sequence(
        conv(2, 3), flat(3, 4, 5, start=1), linear(4, 20, 0.1), lif(3, 4), flat(3, 4),
        linear(5, 12), lif(5),
    ),
}  # fmt: skip


def spike_counts(network: Any, spikes: np.ndarray) -> np.ndarray:
    compiler = InferenceCompiler(STEPS, batch_size=EXAMPLES, num_threads=1)
    (counts,) = compiler.compile(network).predict(spikes, callbacks=[])[0].values()
    return np.asarray(counts).reshape(EXAMPLES, -1)


@pytest.mark.parametrize("name", GRAPHS)
def test_spikes_are_those_of_the_graph(name: str) -> None:
    graph = GRAPHS[name]()
    shape = tuple(graph.nodes["in"].input_type["input"])
    spikes = rng.random((EXAMPLES, STEPS, *shape)) < 0.3
    expected = run(graph, spikes, 1e-3, delayed=True).sum(axis=1)
    expected = expected.reshape(EXAMPLES, -1)
    assert (expected > 0).mean() > 0.3
    assert np.ptp(expected[0]) > 2
    pixels = spikes if len(shape) == 1 else np.moveaxis(spikes, 2, -1)
    network = nir.import_graph(graph)
    counts = spike_counts(network, pixels)
    np.testing.assert_array_equal(counts, expected)
    if "without a leak" in name:
        with pytest.raises(UnsupportedError, match="NIR's IF has no bias"):
            nir.export(network)
        return
    again = nir.import_graph(nir.export(network))
    np.testing.assert_array_equal(spike_counts(again, pixels), expected)


@pytest.mark.parametrize(
    "options",
    [
        {"padding": "same"},
        {"padding": (2, 0), "stride": (2, 1), "dilation": (1, 2)},
        {"padding": 1, "stride": 2, "groups": 2},
    ],
    ids=str,
)
def test_reference_convolves_as_torch(options: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch", reason="needs torch")
    node, x = conv(4, 6, [0, 1, 2, 3, 4, 5], **options), rng.random((2, 4, 8, 9))
    tensors = [torch.as_tensor(a) for a in (x, node.weight, node.bias)]
    expected = torch.nn.functional.conv2d(*tensors, **options)
    np.testing.assert_allclose(STATELESS["Conv2d"](x, node), expected, atol=1e-12)


@pytest.mark.parametrize("padding", ["same", ((1, 1), (0, 0)), "valid"])
def test_export_of_images_that_are_connected_to_themselves(padding: Any) -> None:
    """Weights of single neurons onto an image make it a list in the graph."""
    fire = LeakyIntegrateFire(
        v_thresh=Uniform(0.3, 0.6), relative_reset=False, scale_i=False
    )
    readout = replace(fire, readout="spike_count")
    with Network() as network:
        inputs = Population("spike_input", (6, 7, 2))
        hidden, output = Population(fire), Population(readout, 5)
        edges = Conv2D(Normal(0.1, 0.3), 3, 3, conv_padding=padding)
        Connection(inputs, hidden, edges)
        Connection(hidden, hidden, Dense(Normal(0.0, 0.1)))
        Connection(hidden, output, Dense(Normal(0.05, 0.1)))
    compiled = InferenceCompiler(STEPS, batch_size=EXAMPLES, num_threads=1).compile(
        network
    )
    spikes = rng.random((EXAMPLES, STEPS, 6, 7, 2)) < 0.3
    counts = np.asarray(compiled.predict(spikes, callbacks=[])[0][output])
    graph = nir.export(compiled)
    expected = run(graph, np.moveaxis(spikes, -1, 2), 1e-3, delayed=True).sum(axis=1)
    assert counts.max() > 2
    np.testing.assert_array_equal(counts, expected)
    again = spike_counts(nir.import_graph(graph), spikes)
    np.testing.assert_array_equal(again, counts)


@pytest.mark.parametrize("padding", [((1, 0), (1, 0)), ((0, 1), (0, 0))])
def test_export_of_asymmetric_padding_is_refused(padding: Any) -> None:
    with Network() as network:
        inputs = Population("spike_input", (6, 7, 2))
        output = Population(LeakyIntegrate(readout="var"))
        Connection(inputs, output, Conv2D(1.0, 3, 2, conv_padding=padding))
    with pytest.raises(UnsupportedError, match="alike on both ends"):
        nir.export(network)


def test_export_of_images_made_of_lists_is_refused() -> None:
    with Network() as network:
        inputs = Population("spike_input", 9)
        image = Population(LeakyIntegrateFire(relative_reset=False), (4, 4, 2))
        output = Population(LeakyIntegrate(readout="var"))
        Connection(inputs, image, Dense(1.0))
        Connection(image, output, Conv2D(1.0, 3, 2))
    with pytest.raises(UnsupportedError, match="makes no images of lists"):
        nir.export(network)
