"""Few-spike networks compute what an ANN computes with rounded activations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from few_spike.codes import RNG, conv, dyadic, patches, recorded, sent

import ml_genn
from ml_genn import (
    Connection,
    InputLayer,
    Layer,
    Network,
    Population,
    SequentialNetwork,
)
from ml_genn.backends.cpu.model import CpuModel
from ml_genn.callbacks import Callback
from ml_genn.compilers import FewSpikeCompiler
from ml_genn.connectivity import AvgPool2D, Conv2D, Dense, MaxPool2D, OneToOne, Sparse
from ml_genn.neurons import FewSpikeMaxPool, FewSpikeRelu, FewSpikeReluInput
from ml_genn.synapses import Exponential

K = 6
UNIT = 2.0**-K


def relu(alpha: float = 4.0, **arguments: Any) -> FewSpikeRelu:
    return FewSpikeRelu(K, alpha, **arguments)


def compiled_for(network: Network, **arguments: Any) -> Any:
    options = {"batch_size": 3, "num_threads": 1, **arguments}
    return FewSpikeCompiler(K, **options).compile(network)


class Images:
    """Network of convolutions, max and average pooling and a dense layer, all read."""

    def __init__(self) -> None:
        self.weights = dyadic(3, 3, 2, 4), dyadic(2, 2, 4, 3), dyadic(12, 5, scale=0.3)
        self.bias = dyadic(5)
        first, second, third = self.weights
        with SequentialNetwork() as self.network:
            InputLayer(FewSpikeReluInput(K, 2.0), (12, 12, 2))
            self.layers = [
                Layer(Conv2D(first, 4, 3), relu(readout="var")),
                Layer(MaxPool2D(2), FewSpikeMaxPool("var")),
                Layer(Conv2D(second, 3, 2), relu(readout="var")),
                Layer(AvgPool2D(2, flatten=True), relu(2.0, readout="var")),
                Layer(Dense(third), relu(readout="var", bias=self.bias)),
            ]
        self.x = RNG.uniform(-0.5, 2.5, (7, 12, 12, 2))

    def expected(self) -> list[np.ndarray]:
        """Returns the activations of each layer by the reference."""
        first, second, third = self.weights
        activations = [conv(sent(self.x, K, 2.0), first)]
        activations.append(patches(sent(activations[-1], K, 4.0), 2).max(-1))
        activations.append(conv(activations[-1], second))
        pooled = patches(sent(activations[-1], K, 4.0), 2).mean(-1)
        activations.append(pooled.reshape(7, -1))
        activations.append(sent(activations[-1], K, 2.0) @ third + self.bias)
        return activations


@pytest.fixture(scope="module")
def images() -> Images:
    return Images()


@pytest.mark.parametrize(
    ("batch_size", "num_threads"), [(1, 1), (3, 1), (7, 2), (64, 2)]
)
def test_layers(images: Images, batch_size: int, num_threads: int) -> None:
    compiled = compiled_for(
        images.network, batch_size=batch_size, num_threads=num_threads
    )
    outputs, _ = compiled.predict(images.x, callbacks=[])
    assert compiled.num_steps == 5 * K + 1
    for layer, expected in zip(images.layers, images.expected(), strict=True):
        assert np.ptp(expected) > 0
        np.testing.assert_array_equal(outputs[layer], expected)


def test_evaluation(images: Images) -> None:
    """Selected outputs are evaluated from arrays and from batches."""
    last = images.layers[-1]
    best = images.expected()[-1].argmax(1)
    wrong = np.where(np.arange(7) < 2, (best + 1) % 5, best)
    compiler = FewSpikeCompiler(K, batch_size=3, num_threads=1)
    x, source = images.x, images.network.layers[0]
    compiled = compiler.compile(images.network, inputs=source, outputs=last)
    for metrics, _ in (
        compiled.evaluate({source: x}, {last: wrong}, callbacks=[]),
        compiled.evaluate_batch(x, {last: wrong}),
        compiled.evaluate_batch_iter(
            source, last, [(x[:4], wrong[:4]), (x[4:], wrong[4:])], callbacks=[]
        ),
    ):
        assert metrics[last].result == pytest.approx(5 / 7)


def test_progress_bar(images: Images, capsys: pytest.CaptureFixture[str]) -> None:
    compiled = compiled_for(images.network)
    compiled.predict(images.x, verbose=2)
    assert "Predict - " in capsys.readouterr().err


class StepCounter(Callback):
    """Callback that makes the network run step by step; counts the steps."""

    def __init__(self) -> None:
        self.steps: list[int] = []

    def on_timestep_end(self, timestep: int) -> None:
        self.steps.append(timestep)


def test_step_by_step(images: Images) -> None:
    compiled, counter = compiled_for(images.network, batch_size=7), StepCounter()
    expected, _ = compiled.predict(images.x, callbacks=[])
    stepped, _ = compiled.predict(images.x, callbacks=[counter])
    assert counter.steps == list(range(5 * K + 1))
    for layer in images.layers:
        np.testing.assert_array_equal(stepped[layer], expected[layer])


def test_saved_model(images: Images, tmp_path: Path) -> None:
    """A saved model has the same outputs and activations."""
    compiler = FewSpikeCompiler(K, batch_size=3, num_threads=1)
    compiled = compiler.compile(images.network, outputs=images.layers[3:])
    compiled.save_model(tmp_path / "x.safetensors")
    loaded = ml_genn.load_model(tmp_path / "x.safetensors")
    outputs, _ = loaded.predict(images.x, callbacks=[])
    for values, expected in zip(outputs.values(), images.expected()[3:], strict=True):
        np.testing.assert_array_equal(values, expected)


# ------------------------------------------------------------ other graphs
def all_to_all(weight: np.ndarray) -> Sparse:
    """Returns a list of the synapses of a matrix, for populations of any shape."""
    source, target = (i.reshape(-1) for i in np.indices(weight.shape))
    return Sparse(source, target, weight.reshape(-1))


def test_skipped_layers() -> None:
    """Branches of different lengths, one with max pooling, arrive at the same time."""
    weights = [dyadic(16, 16) for _ in range(5)]
    with Network() as network:
        source = Population(FewSpikeReluInput(K, 2.0), (4, 4, 1))
        one = Population(relu(), (4, 4, 1))
        two = Population(relu(), 16)
        three = Population(relu(), (4, 4, 1))
        top = Population(FewSpikeMaxPool(), name="top")
        last = Population(relu(readout="var"), (4, 4, 1))
        Connection(source, one, all_to_all(weights[0]))
        Connection(one, two, all_to_all(weights[1]))
        Connection(two, three, all_to_all(weights[2]))
        Connection(one, top, MaxPool2D(2))
        Connection(three, last, OneToOne(1.0))
        Connection(one, last, OneToOne(-0.5), name="skip")
        Connection(source, last, all_to_all(weights[3]), name="long")
        Connection(top, last, all_to_all(weights[4][:4]), name="pooled")
    x = RNG.uniform(0, 2, (5, 4, 4, 1))
    compiled = compiled_for(network, batch_size=2)
    outputs, _ = compiled.predict(x, callbacks=[])

    inputs = sent(x, K, 2.0).reshape(5, 16)
    first = sent(inputs @ weights[0], K, 4.0)
    third = sent(sent(first @ weights[1], K, 4.0) @ weights[2], K, 4.0)
    highest = patches(first.reshape(5, 4, 4, 1), 2).max(-1).reshape(5, 4)
    expected = third - 0.5 * first + inputs @ weights[3] + highest @ weights[4][:4]
    np.testing.assert_array_equal(outputs[last].reshape(5, 16), expected)
    delays = {
        name: int(compiled.model.delays(name)) for name in ("skip", "long", "pooled")
    }
    assert delays == {"skip": 2 * K, "long": 3 * K, "pooled": 2 * K - 1}
    assert list(compiled.pop_pipeline_depth.values()) == [0, 0, 1, 0, 2, 3]


def test_several_inputs_and_outputs() -> None:
    """Inputs of different ranges, one of them signed, have the same target."""
    weights = dyadic(6, 8), dyadic(4, 8), dyadic(8, 3), dyadic(8, 2)
    with Network() as network:
        plain = Population(FewSpikeReluInput(K, 2.0), 6, name="plain")
        signed = Population(FewSpikeReluInput(K, 1.0, signed_input=True), 4)
        hidden = Population(relu(), 8)
        left = Population(relu(readout="var"), 3, name="left")
        right = Population(relu(readout="var"), 2, name="right")
        Connection(plain, hidden, Dense(weights[0]))
        Connection(signed, hidden, Dense(weights[1]))
        Connection(hidden, left, Dense(weights[2]))
        Connection(hidden, right, Dense(weights[3]))
    a, b = RNG.uniform(0, 2, (7, 6)), RNG.uniform(-1, 1, (7, 4))
    total = sent(a, K, 2.0) @ weights[0] + sent(b, K, 1.0, True) @ weights[1]
    first = sent(total, K, 4.0)
    expected = first @ weights[2], first @ weights[3]

    compiler = FewSpikeCompiler(K, batch_size=3, num_threads=1)
    compiled = compiler.compile(network, inputs=[plain, signed], outputs=[left, right])
    x = {plain: a, signed: b}
    outputs, _ = compiled.predict(x, [right, left], callbacks=[])
    np.testing.assert_array_equal(outputs[left], expected[0])
    np.testing.assert_array_equal(outputs[right], expected[1])

    labels = expected[0].argmax(1), (expected[1].argmax(1) + 1) % 2
    y = dict(zip((left, right), labels, strict=True))
    batches = [
        ((a[s], b[s]), tuple(label[s] for label in labels))
        for s in (slice(0, 3), slice(3, 7))
    ]
    wide = FewSpikeCompiler(K, batch_size=4, num_threads=1).compile(network)
    for metrics, _ in (
        compiled.evaluate(x, y, callbacks=[]),
        wide.evaluate_batch_iter(
            (plain, signed), (left, right), iter(batches), 2, callbacks=[]
        ),
    ):
        assert metrics[left].result == 1.0
        assert metrics[right].result == 0.0
    errors, _ = compiled.evaluate(
        x, {left: expected[0], right: expected[1] + 2}, "mean_square_error", []
    )
    assert errors[left].result == 0.0
    assert errors[right].result == pytest.approx(4.0)


def test_many_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long delays across blocks of steps deliver all spikes."""
    monkeypatch.setattr(CpuModel, "block_steps", 16)
    k, layers = 24, 4
    with Network() as network:
        source = previous = Population(FewSpikeReluInput(k, 1.0), 5)
        for _ in range(layers):
            layer = Population(FewSpikeRelu(k, 1.0), 5)
            Connection(previous, layer, OneToOne(1.0))
            previous = layer
        last = Population(FewSpikeRelu(k, 1.0, "var"), 5)
        Connection(previous, last, OneToOne(0.5))
        Connection(source, last, OneToOne(0.25))
    compiled = FewSpikeCompiler(k, batch_size=4, num_threads=1).compile(network)
    assert compiled.num_steps == 6 * 24
    x = np.float32(RNG.uniform(0, 1, (6, 5)))
    outputs, _ = compiled.predict(x, callbacks=[])
    np.testing.assert_allclose(outputs[last], 0.75 * sent(x, k, 1.0), rtol=1e-6)


def test_signed_input_is_rounded_to_zero() -> None:
    """Each sign has half of the digits; the unit is 2^-(k/2) of the range."""
    with Network() as network:
        code = FewSpikeReluInput(K, 8.0, signed_input=True)
        source = Population(code, 6, record_spikes=True)
        last = Population(relu(readout="var"), 6)
        Connection(source, last, OneToOne(1.0))
    x = np.array([[0.5, -0.5, 3.7, -3.7, 100.0, -100.0]])
    compiled = compiled_for(network)
    outputs, _ = compiled.predict(x, callbacks=[])
    assert outputs[last].tolist() == [[0.0, 0.0, 3.0, -3.0, 7.0, -7.0]]
    spikes = recorded(compiled, x, [source])[source][0, :K]
    assert spikes[0::2, [1, 3, 5]].sum() == 0
    assert spikes[1::2, [0, 2, 4]].sum() == 0


# ------------------------------------------------------------ errors
def simple(
    source: Any = None, connectivity: Any = None, synapse: Any = None, last: Any = None
) -> Network:
    with Network() as network:
        first = Population(source or FewSpikeReluInput(K), (4, 4, 1), name="first")
        second = Population(last or relu(readout="var"), name="second")
        Connection(first, second, connectivity or OneToOne(1.0), synapse or "delta")
    return network


UNSUPPORTED = {
    "neuron": (
        {"last": "integrate_fire"},
        r"'second' \(IntegrateFire\).*FewSpikeRelu,",
    ),
    "input": ({"source": "spike_input"}, r"'first' \(SpikeInput\)"),
    "k": ({"last": FewSpikeRelu(5)}, r"'second'.*k=5.*FewSpikeCompiler\(k=6\)"),
    "synapse": ({"synapse": Exponential()}, "Delta synapses.*Exponential"),
    "delay": ({"connectivity": OneToOne(1.0, 2)}, "delay=2.0; leave it"),
    "readout": ({"last": relu(readout="avg_var")}, r"'second'.*'var'.*AvgVar\(\)"),
    "signed maximum": (
        {
            "source": FewSpikeReluInput(K, signed_input=True),
            "connectivity": MaxPool2D(2),
            "last": FewSpikeMaxPool(),
        },
        "below zero.*FewSpikeRelu between",
    ),
}


@pytest.mark.parametrize(("parts", "message"), UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_unsupported_parts(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(ml_genn.errors.MlGennError, match=message):
        compiled_for(simple(**parts))


def test_loops_are_rejected() -> None:
    network = simple()
    second = network.populations[1]
    with network:
        third = Population(relu(), (4, 4, 1), name="third")
        Connection(second, third, OneToOne(1.0))
        Connection(third, second, OneToOne(1.0))
    pattern = "'(second|third)' -> '(second|third)' -> '(second|third)'.*no loop"
    with pytest.raises(ml_genn.errors.UnsupportedError, match=pattern):
        compiled_for(network)


def test_wrong_inputs_and_outputs_are_rejected() -> None:
    network = simple()
    first, second = network.populations
    compiler = FewSpikeCompiler(K)
    with pytest.raises(ml_genn.errors.ValidationError, match=r"inputs are.*'first'"):
        compiler.compile(network, inputs=second, outputs=second)
    with pytest.raises(ml_genn.errors.ValidationError, match=r"readout.*'second'"):
        compiler.compile(network, inputs=first, outputs=[first, second])
    assert compiler.compile(network, None, first, second).k == K
