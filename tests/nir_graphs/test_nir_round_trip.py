"""Export to a file and import: spikes are the same, bit for bit."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("nir", reason="needs the library nir")

import nir as library
from nir_graphs.numpy_reader import run
from nir_graphs.trained import KINDS, compile_like, recorded, trained

from ml_genn import Connection, Network, Population, nir
from ml_genn.compilers import InferenceCompiler
from ml_genn.connectivity import (
    AvgPool2D,
    AvgPoolConv2D,
    AvgPoolDense2D,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    FixedProbability,
    OneToOne,
)
from ml_genn.errors import CheckpointError, UnsupportedError, ValidationError
from ml_genn.initializers import Normal, Uniform
from ml_genn.neurons import (
    AdaptiveLeakyIntegrateFire,
    IntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
)
from ml_genn.readouts import AvgVar
from ml_genn.synapses import Exponential

STEPS = 40


@pytest.mark.parametrize("current", [True, False], ids=["cuba", "plain"])
@pytest.mark.parametrize("kind", KINDS)
def test_trained_networks(kind: str, current: bool, tmp_path: Path) -> None:
    like = trained(kind, current)
    nir.write(tmp_path / "net.nir", nir.export(like.compiled))
    library.read(tmp_path / "net.nir")  # its own check of shapes
    compiled = compile_like(nir.import_graph(tmp_path / "net.nir"), like)
    expected, actual = (recorded(c, like.spikes) for c in (like.compiled, compiled))
    assert set(actual) == set(expected) > {"v", "predictions"}
    assert sum(len(ids) for ids in expected[list(expected)[-1]][1]) > 1000
    for key, values in expected.items():
        for value, imported in zip(values, actual[key], strict=True):
            np.testing.assert_equal(imported, value)


def pooled() -> Network:
    """Returns a network with every connectivity of images and each kind of neuron."""
    fire = LeakyIntegrateFire(tau_mem=13.7, relative_reset=False, scale_i=False)
    with Network() as network:
        inputs = Population("spike_input", (9, 7, 2), name="in")
        one = Population(fire, name="one")
        two = Population(IntegrateFire(v_thresh=0.4), name="two")
        three = Population(fire, name="three")
        four = Population(fire, 11, name="four")
        five = Population(fire, 11, name="five")
        output = Population(
            LeakyIntegrate(tau_mem=Uniform(5.0, 30.0), readout="max_var"), 5, name="out"
        )
        same = {"conv_padding": "same"}
        Connection(inputs, one, Conv2D(Normal(0.1, 0.4), 4, 3, **same))
        Connection(one, two, AvgPool2D(2))
        Connection(two, three, DepthwiseConv2D(Normal(0.3, 0.4), 2, 2, flatten=True))
        Connection(one, four, AvgPoolDense2D(Normal(0.1, 0.4), 2))
        Connection(four, four, FixedProbability(0.3, Normal(0.0, 0.3)))
        Connection(four, five, OneToOne(Normal(0.5, 0.5)))
        Connection(three, five, Dense(Normal(0.0, 0.3)))
        six = Population(fire, name="six")
        Connection(inputs, six, AvgPoolConv2D(Normal(0.2, 0.9), 3, 3, 2))
        for source in (three, five, six):
            Connection(source, output, Dense(Normal(0.0, 0.3)))
    return network


@pytest.fixture(scope="module")
def images() -> Any:
    """Returns a compiled network, input spikes, and its spikes and voltages."""
    compiler = InferenceCompiler(STEPS, dt=0.7, batch_size=8, num_threads=1)
    compiled = compiler.compile(pooled())
    spikes = np.random.default_rng(0).random((8, STEPS, 9, 7, 2)) < 0.2
    return compiled, spikes, recorded(compiled, spikes)


@pytest.mark.parametrize("dialect", nir.DIALECTS)
def test_connectivity(images: Any, dialect: str, tmp_path: Path) -> None:
    compiled, spikes, expected = images
    nir.write(tmp_path / "net.nir", nir.export(compiled, dialect=dialect))
    network = nir.import_graph(tmp_path / "net.nir")
    names = [p.name for p in compiled.network.populations]
    assert [p.name for p in network.populations] == names
    compiler = InferenceCompiler(STEPS, dt=0.7, batch_size=8, num_threads=1)
    actual = recorded(compiler.compile(network), spikes)
    for key in ("one", "two", "three", "four", "five", "six"):
        assert sum(map(len, expected[key][1])) > 50, key
        np.testing.assert_equal(actual[key], expected[key])
    tolerances = {"rtol": 0.0, "atol": 0.0 if dialect != "norse" else 1e-5}
    np.testing.assert_allclose(actual["v"], expected["v"], **tolerances)


def test_numpy_agrees(images: Any) -> None:
    compiled, spikes, expected = images
    voltages = run(nir.export(compiled), spikes.transpose(0, 1, 4, 2, 3), 0.7e-3)
    assert voltages.shape == expected["v"].shape
    with Network() as network:  # paths of one length, so that steps can be compared
        inputs = Population("spike_input", (9, 7, 2))
        hidden = Population(LeakyIntegrateFire(relative_reset=False))
        output = Population(LeakyIntegrate(bias=0.1, readout="var"), 5)
        Connection(inputs, hidden, AvgPoolConv2D(Normal(0.2, 0.9), 3, 3, 2))
        Connection(hidden, output, Dense(Normal(0.0, 0.3)), Exponential(4.0))
    compiled = InferenceCompiler(STEPS, num_threads=1, batch_size=8).compile(network)
    voltages = run(nir.export(compiled), spikes.transpose(0, 1, 4, 2, 3), 1e-3)
    bias = 2.0 * (1 - np.exp(-(1 + np.arange(STEPS)) / 20)) * 0.1
    bias *= 0.5 / (1 - np.exp(-1 / 20))  # it acts from the first step on
    bias_delay = bias[2:] - bias[:-2]
    expected_v = recorded(compiled, spikes)["v"][:, 2:] - bias_delay[:, None]
    np.testing.assert_allclose(voltages[:, :-2], expected_v, atol=1e-4)


def test_graph_of_snntorch() -> None:
    """Graphs with biases, a leak and snnTorch's r are imported exactly."""
    rng = np.random.default_rng(1)
    beta, step = 0.9, 1e-4
    tau = np.array(step / (1 - beta))
    weight, bias = rng.normal(0.2, 0.4, (6, 8)), rng.uniform(0.0, 0.05, 6)
    graph = library.NIRGraph(
        {
            "in": library.Input(np.array([8])),
            "w": library.Affine(weight, bias),
            "lif": library.LIF(
                tau=np.full(6, tau),
                r=np.full(6, tau / step),
                v_leak=np.full(6, 0.1),
                v_threshold=np.ones(6),
                v_reset=np.full(6, 0.2),
            ),
            "out": library.Output(np.array([6])),
        },
        [("in", "w"), ("w", "lif"), ("lif", "out")],
    )
    network = nir.import_graph(graph, dialect="snntorch")
    assert network.populations[1].neuron.tau_mem == pytest.approx(-1 / np.log(beta))
    spikes = rng.random((3, STEPS, 8)) < 0.3
    compiled = InferenceCompiler(STEPS, num_threads=1, batch_size=3).compile(network)
    (actual,) = compiled.predict(spikes, callbacks=[])[0].values()
    v, count = np.zeros((3, 6)), np.zeros((3, 6))
    for t in range(-1, STEPS - 1):  # spikes arrive a step later, the bias at once
        x = spikes[:, t] if t >= 0 else np.zeros((3, 8))
        v = beta * v + (1 - beta) * 0.1 + x @ weight.T + bias
        count += v > 1
        v = np.where(v > 1, 0.2, v)
    np.testing.assert_array_equal(actual, count)
    assert count.min() > 0


UNSUPPORTED = [
    (LeakyIntegrateFire(), {}, "relative_reset=False"),
    (LeakyIntegrateFire(relative_reset=False, tau_refrac=2.0), {}, "tau_refrac=None"),
    (AdaptiveLeakyIntegrateFire(), {}, "NIR has no AdaptiveLeakyIntegrateFire"),
    (LeakyIntegrateFire(relative_reset=False), {"delay": 2}, "delay=0"),
    (LeakyIntegrate(readout=AvgVar((0.0, 5.0))), {}, "readout without a window"),
]


@pytest.mark.parametrize(("neuron", "options", "remedy"), UNSUPPORTED)
def test_models_without_nir_node(neuron: Any, options: Any, remedy: str) -> None:
    with Network() as network:
        inputs, hidden = Population("spike_input", 3), Population(neuron, 2)
        Connection(inputs, hidden, Dense(1.0, **options))
    with pytest.raises(UnsupportedError, match=remedy):
        nir.export(network)


def test_two_kinds_of_synapses_are_rejected() -> None:
    with Network() as network:
        inputs, output = Population("spike_input", 3), Population("leaky_integrate", 2)
        Connection(inputs, output, Dense(1.0), Exponential(5.0))
        Connection(inputs, output, Dense(1.0), Exponential(7.0), name="other")
    with pytest.raises(UnsupportedError, match="one kind of synapse"):
        nir.export(network)


def graph_of(**middle: Any) -> Any:
    names = ["in", *middle, "out"]
    nodes = {"in": library.Input(np.array([3])), **middle}
    nodes["out"] = library.Output(np.array([2]))
    edges = list(pairwise(names))
    return library.NIRGraph(nodes, edges, type_check=False)


ONES = np.ones(2)
LI = library.LI(tau=ONES, r=ONES, v_leak=ONES)


@pytest.mark.parametrize(
    ("middle", "message"),
    [
        (
            {"s": library.Scale(np.ones(3))},
            "node 's': there is no Scale here. Multiply",
        ),
        ({"d": library.Delay(ONES)}, "there is no Delay here"),
        ({"w": library.Linear(np.ones((2, 4))), "n": LI}, "take 4 numbers. Received 3"),
        ({"w": library.Linear(np.ones((2, 3)))}, "Put a LI before the output"),
        (
            {f"w{k}": library.Linear(np.ones((3, 3))) for k in "ab"} | {"n": LI},
            "neurons of shape \\(2,\\), and what leads there has shape \\(3,\\)",
        ),
        ({"w": library.Affine(np.ones((2, 3)), np.ones(3)), "n": LI}, "a bias has one"),
        (
            {"w": library.Linear(np.ones((2, 3))), "n": library.LI(-ONES, ONES, ONES)},
            "tau is above zero",
        ),
    ],
)
def test_graphs_that_are_rejected(middle: Any, message: str) -> None:
    with pytest.raises((UnsupportedError, ValidationError), match=message):
        nir.import_graph(graph_of(**middle))


def test_invalid_files(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such file"):
        nir.import_graph(tmp_path / "missing.nir")
    (tmp_path / "text.nir").write_text("no graph")
    with pytest.raises(CheckpointError, match="no graph that nir can read"):
        nir.import_graph(tmp_path / "text.nir")
    with pytest.raises(ValidationError, match="unknown dialect 'nors'"):
        nir.export(pooled(), dialect="nors")
