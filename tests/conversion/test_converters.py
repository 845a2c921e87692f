"""Converters: values that spikes represent layer by layer, reports and hooks."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conversion.keras_nets import L, keras, randomise, residual, vgg
from sklearn.datasets import load_digits

from ml_genn.callbacks import SpikeRecorder
from ml_genn.compilers import FewSpikeCompiler
from ml_genn.neurons import (
    BinarySpikeInput,
    FewSpikeMaxPool,
    IntegrateFire,
    IntegrateFireInput,
    PoissonInput,
    SpikingMaxPool,
)
from ml_genn_tf.converters import (
    Converter,
    DataNorm,
    FewSpike,
    InputType,
    Simple,
    SpikeNorm,
)
from ml_genn_tf.graph import MaxPool, Rectify, Source
from ml_genn_tf.linear_maps import LinearMap
from ml_genn_tf.tracing import trace
from ml_genn_tf.units import Unit, Units, make_units

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("ML_GENN_SHARED", ROOT.parent / "shared"))
NETS: dict[str, Callable[[], Any]] = {"residual": residual, "vgg": vgg}
DIGITS = load_digits()
X = (DIGITS.images[..., None] / 16).astype(np.float32)
MNIST = SHARED / "data" / "mnist10k.npz"
K, STEPS = 8, 200
Values = Mapping[Unit, np.ndarray]


def units_of(model: Any) -> Units:
    """Returns the units of a model."""
    return make_units(trace(model, lambda layer: None))


def synaptic_input(
    unit: Unit, values: Values, absolute_weights: bool = False
) -> np.ndarray:
    """Returns the input of a unit's neurons without their bias."""
    total = np.zeros((len(values[unit.sources[0]]), *unit.shape))
    for source, chain in unit.terms:
        x = values[source]
        for linear in chain:
            weighted = absolute(linear) if absolute_weights else linear
            x = weighted.apply(x.reshape(len(x), *linear.source))
        total += x.reshape(total.shape)
    return total


def absolute(linear: LinearMap) -> LinearMap:
    """Returns a map with the absolute values of its weights."""
    for name in ("kernel", "weight", "factor"):
        if hasattr(linear, name):
            return replace(linear, **{name: np.abs(getattr(linear, name))})
    return linear


@pytest.mark.parametrize("name", NETS)
def test_the_graph_computes_what_keras_does(name: str) -> None:
    model = NETS[name]()
    units = units_of(model)
    layers = [layer for layer in units.layers if layer.output is not model.outputs[0]]
    inside = keras.Model(model.inputs, [layer.output for layer in layers])
    values = units.values([X[:10]])
    for layer, expected in zip(layers, inside.predict(X[:10], verbose=0), strict=True):
        actual = values[units.layers[layer]]
        np.testing.assert_allclose(actual.reshape(expected.shape), expected, atol=1e-4)
    assert len(layers) >= 6


def images(data: str) -> np.ndarray:
    """Returns 40 images of digits."""
    if data == "digits":
        return X[:40]
    if not MNIST.exists():
        pytest.skip(f"needs {MNIST.name} in the folder of shared data")
    return (np.load(MNIST)["images"][:40, ..., None] / 255).astype(np.float32)


@pytest.mark.parametrize("data", ["digits", "mnist10k"])
@pytest.mark.parametrize("name", NETS)
def test_few_spike_layers(name: str, data: str) -> None:
    """Each layer receives its sources' values and sends the ANN's activations, rounded.

    The error is at most the accumulated rounding error of all layers so far.
    """
    x = images(data)
    converter = FewSpike(K, norm_data=x)
    network, *_ = converter.convert(NETS[name](x.shape[1:]))
    units, codes = converter.units, converter.codes
    for unit, population in converter.populations.items():
        if not isinstance(unit.step, Source):
            population.neuron = replace(population.neuron, readout="var")
    compiled = FewSpikeCompiler(K, batch_size=20, num_threads=1).compile(network)
    outputs, _ = compiled.predict(x, callbacks=[])

    ann = units.values([x])
    (source,) = units.inputs
    step = codes[source].step
    sent, bound = {source: codes[source].coded(x.astype(float))}, {source: step + 0 * x}
    for unit in units.all[1:]:
        read = sent[unit] = outputs[converter.populations[unit]]
        if isinstance(unit.step, MaxPool):
            assert maxima(sent[unit.sources[0]]) == pytest.approx(read, rel=1e-6)
            bound[unit] = np.full(read.shape, bound[unit.sources[0]].max())
        else:
            bias = converter.populations[unit].neuron.bias
            expected = synaptic_input(unit, sent) + bias
            tolerance = 1e-5 * np.abs(expected).max()
            np.testing.assert_allclose(read, expected, atol=tolerance)
            bound[unit] = synaptic_input(unit, bound, absolute_weights=True)
        if isinstance(unit.step, Rectify):
            sent[unit] = codes[unit].coded(read - codes[unit].step / 2)
            bound[unit] = bound[unit] + codes[unit].step / 2
        error = sent[unit] - ann[unit]
        assert np.all(np.abs(error) <= 1.001 * bound[unit] + 1e-5)
        assert np.sqrt(np.mean(error**2)) < 0.03 * ann[unit].std()


def maxima(x: np.ndarray) -> np.ndarray:
    """Returns the maxima of patches of 2 by 2 pixels."""
    count, rows, columns, channels = x.shape
    return x.reshape(count, rows // 2, 2, columns // 2, 2, channels).max((2, 4))


def spikes(converter: Converter, network: Any, x: np.ndarray) -> Values:
    """Returns the values that the spikes of each unit represent."""
    recorders, populations = [], converter.populations
    for unit in converter.codes:
        population = populations[unit]
        population.record_spikes = True
        recorders.append(SpikeRecorder(population, population.name, record_counts=True))
    compiler = converter.create_compiler(batch_size=20, num_threads=1)
    _, counts = compiler.compile(network).predict(x, callbacks=recorders)
    return {
        u: code.step * np.reshape(counts[populations[u].name], (len(x), *u.shape))
        for u, code in converter.codes.items()
    }


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("residual", DataNorm),
        ("vgg", DataNorm),
        ("vgg", SpikeNorm),
        pytest.param("residual", SpikeNorm, marks=pytest.mark.slow),
    ],
)
def test_rates_of_layers(name: str, kind: type[Any]) -> None:
    """The rates of each layer follow from those of its sources, within a few spikes.

    Rates are rounded down, and each layer is delayed by one time step.
    """
    converter = kind(STEPS, norm_data=X[:40], input_type="if")
    network, *_ = converter.convert(NETS[name]())
    values = spikes(converter, network, X[:40])
    for unit, value in values.items():
        code = converter.codes[unit]
        if isinstance(unit.step, Source):
            expected = X[:40]
        elif isinstance(unit.step, Rectify):
            total = synaptic_input(unit, values) + unit.bias
            expected = np.clip(total, 0, code.highest)
        else:
            expected = maxima(values[unit.sources[0]])
        error = (value - expected) / code.step
        assert -6.0 < error.min() < error.max() < 4.0
        assert np.abs(error).mean() < 1.0
    ann = converter.units.values([X[:40]])
    (end,) = converter.units.all[-1].sources[:1]
    assert np.corrcoef(values[end].ravel(), ann[end].ravel())[0, 1] > 0.99


def test_validation_prints(capsys: pytest.CaptureFixture[str]) -> None:
    """The printed accuracies and spikes are those of the model and the network."""
    model = vgg()
    labels = model.predict(X[:60], verbose=0).argmax(axis=1)
    labels[:6] = (labels[:6] + 1) % 10
    converter = FewSpike(K, norm_data=X[:60])
    network, _, (output,), _ = converter.convert(model, validate=(X[:60], labels))
    printed = capsys.readouterr().out
    assert str(converter.report) in printed
    validation = converter.validation
    assert validation is not None
    assert validation.ann_accuracy == (0.9,)
    assert "ANN accuracy: 90.00 %" in printed
    compiled = converter.create_compiler(batch_size=60, num_threads=1).compile(network)
    correct = compiled.predict(X[:60], callbacks=[])[0][output].argmax(axis=1) == labels
    assert validation.snn_accuracy == (pytest.approx(correct.mean()),)
    assert not any(p.record_spikes for p in network.populations)
    sent = 0
    for unit, value in spikes(converter, network, X[:60]).items():
        sent += np.rint(value / converter.codes[unit].step).sum()
    assert validation.spikes == pytest.approx(sent / 60)


def test_report() -> None:
    """The report has shapes, synapses, thresholds and expected losses."""
    converter = FewSpike(4, norm_data=X[:50])
    _, _, _, layers = converter.convert(residual())
    report = converter.report
    assert report is not None
    rows = {row.name: row for row in report.layers}
    ann = converter.units.values([X[:50]])
    ann = {unit: values.astype(float) for unit, values in ann.items()}
    for unit, population in converter.populations.items():
        row = rows[population.name]
        assert (row.shape, row.neuron) == (unit.shape, type(population.neuron).__name__)
        if unit in converter.codes:
            assert row.threshold == pytest.approx(ann[unit].max() / (1 - 2**-4))
            half = 1e-9 if isinstance(unit.step, Source) else 0.5
            rounded = np.floor(ann[unit] / row.threshold * 16 + half)
            rounded = np.minimum(rounded, 15) * row.threshold / 16
            loss = np.sqrt(
                np.mean((rounded - ann[unit]) ** 2) / np.mean(ann[unit] ** 2)
            )
            assert row.expected_loss == pytest.approx(loss, rel=0.02)
    assert rows["first"].synapses == 22 * 22 * 6
    assert rows["second"].synapses == 10 * 10 * 8 * 8 + 16 * 6 * 8
    assert rows["second"].name == next(
        p.name for layer, p in layers.items() if layer.name == "second"
    )
    assert f"Synapses: {sum(r.synapses for r in report.layers):,}" in str(report)


def small(activation: str = "relu", bias: float = 0.1) -> Any:
    """Returns a model of two dense layers."""
    model = keras.Sequential(
        [
            keras.Input((2,)),
            L.Dense(2, activation=activation, name="hidden"),
            L.Dense(2, activation="softmax", name="out"),
        ]
    )
    model.layers[0].set_weights(
        [np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([bias, 0.0])]
    )
    model.layers[1].set_weights(
        [np.array([[3.0, -1.0], [0.5, 1.0]]), np.array([0.0, 0.5])]
    )
    return model


#: Examples with highest activations 0.8 of the input and 1.7 of the hidden layer.
SMALL = np.array([[0.8, 0.2], [0.1, 0.7]], np.float32)


def test_data_norm_thresholds() -> None:
    """Thresholds are ratios of scales: the highest activations or weights."""
    converter = DataNorm(10, norm_data=SMALL, input_type="if")
    _, (inputs,), (output,), layers = converter.convert(small(bias=0.6))
    hidden = layers[next(x for x in layers if x.name == "hidden")]
    assert inputs.neuron.v_thresh == pytest.approx(0.8)
    assert hidden.neuron.v_thresh == pytest.approx(2.2 / 0.8)
    assert hidden.neuron.bias == pytest.approx([0.6 / 0.8, 0.0])
    assert output.neuron.bias == pytest.approx([0.0, 0.5 / 2.2])
    converter = DataNorm(10, norm_data=SMALL)
    _, (inputs,), _, layers = converter.convert(small())
    hidden = layers[next(x for x in layers if x.name == "hidden")]
    assert isinstance(inputs.neuron, PoissonInput)
    assert hidden.neuron.v_thresh == 2.0  # its highest weight


def test_simple() -> None:
    """Thresholds are 1; a linear output is that of the ANN times the steps."""
    model = small(bias=-1.0)
    converter = Simple(400, input_type=InputType.IF)
    network, _, (output,), layers = converter.convert(model)
    hidden = layers[model.layers[0]]
    assert hidden.neuron.v_thresh == 1.0
    assert isinstance(hidden.neuron, IntegrateFire)
    assert output.neuron.readout is not None
    compiled = converter.create_compiler(batch_size=2, num_threads=1).compile(network)
    actual = compiled.predict(SMALL, callbacks=[])[0][output] / 400
    expected = np.maximum(SMALL @ [[2.0, 0], [0, 1]] + [-1.0, 0], 0)
    expected = expected @ [[3.0, -1.0], [0.5, 1.0]] + [0.0, 0.5]
    np.testing.assert_allclose(actual, expected, atol=0.03)


def test_outputs_that_rectify_count_spikes() -> None:
    model = keras.Sequential([keras.Input((2,)), L.Dense(2, "relu", name="end")])
    model.layers[0].set_weights([np.eye(2), np.zeros(2)])
    converter = Simple(100, input_type="if")
    network, _, (output,), _ = converter.convert(model)
    compiled = converter.create_compiler(num_threads=1).compile(network)
    counts = compiled.predict(SMALL[:1], callbacks=[])[0][output]
    assert np.abs(counts - [[80, 20]]).max() <= 2
    assert type(output.neuron.readout).__name__ == "SpikeCount"


def test_relu6_is_the_highest_rate() -> None:
    """The highest code, a spike in every step or all digits 1, represents 6."""
    model = keras.Sequential([keras.Input((2,)), L.Dense(2, "relu6"), L.Dense(2)])
    model.layers[0].set_weights([10 * np.eye(2), np.zeros(2)])
    x = np.array([[1.0, 0.5]], np.float32)
    rate = DataNorm(100, norm_data=x, input_type="if")
    rate.convert(model)
    few = FewSpike(8, norm_data=x)
    few.convert(model)
    norm = SpikeNorm(100, norm_data=x, input_type="if")
    norm.convert(model)
    for converter in (rate, few, norm):
        hidden = converter.units.all[1]
        assert hidden.limit == 6.0
        assert converter.codes[hidden].highest == pytest.approx(6.0, rel=1e-6)


INPUTS: dict[str, tuple[Any, type]] = {
    "spike": (InputType.SPIKE, BinarySpikeInput),
    "poisson": (InputType.POISSON, PoissonInput),
    "if": (InputType.IF, IntegrateFireInput),
}


@pytest.mark.parametrize("name", INPUTS)
def test_input_types(name: str) -> None:
    kind, neuron = INPUTS[name]
    for input_type in (name, kind):
        _, (inputs,), _, _ = Simple(10, input_type=input_type).convert(small())
        assert type(inputs.neuron) is neuron
    if name != "if":
        _, (inputs,), _, _ = Simple(10, True, kind).convert(small())
        assert inputs.neuron.signed_spikes


def test_signed_few_spike_input() -> None:
    model = keras.Sequential([keras.Input((2,)), L.Dense(2)])
    model.layers[0].set_weights([np.array([[1.0, 2.0], [0.0, -1.0]]), np.zeros(2)])
    x = np.array([[-0.75, 0.5], [0.25, -0.5]], np.float32)
    converter = FewSpike(8, signed_input=True, norm_data=x)
    network, (inputs,), (output,), _ = converter.convert(model)
    assert inputs.neuron.alpha == pytest.approx((0.5 + 0.75) / (1 - 2**-8))
    compiled = converter.create_compiler(batch_size=2, num_threads=1).compile(network)
    actual = compiled.predict(x, callbacks=[])[0][output]
    expected = x @ [[1.0, 2.0], [0.0, -1.0]]
    assert (
        np.abs(actual - expected).max()
        <= 3 * converter.codes[converter.units.all[0]].step
    )


def test_several_inputs_and_outputs() -> None:
    left, right = keras.Input((2,), name="left"), keras.Input((3,), name="right")
    x = L.Dense(4, "relu")(L.Concatenate()([left, right]))
    ends = [L.Dense(2, name="one")(x), L.Dense(3, "softmax", name="two")(x)]
    model = randomise(keras.Model([left, right], ends))
    rng = np.random.default_rng(0)
    data = [rng.random((30, 2)).astype("f"), rng.random((30, 3)).astype("f")]
    labels = [e.argmax(1) for e in model.predict(data, verbose=0)]
    converter = FewSpike(12, norm_data=[(data, None)])
    _, inputs, outputs, _ = converter.convert(model, validate=(data, labels))
    assert [p.name for p in (*inputs, *outputs)] == ["left", "right", "one", "two"]
    validation = converter.validation
    assert validation is not None
    assert validation.ann_accuracy == (1.0, 1.0)
    assert min(validation.snn_accuracy) > 0.9


FORMS: dict[str, Any] = {
    "array": SMALL,
    "batches": [(SMALL[:1], [0]), (SMALL[1:], [1])],
    "in a list": [[(SMALL, [0, 1])]],
    "array in a list": [SMALL],
    "generator": "generator",
}


@pytest.mark.parametrize("form", FORMS)
def test_norm_data(form: str) -> None:
    norm_data = FORMS[form]
    if form == "generator":
        norm_data = ((SMALL[n : n + 1], [n]) for n in range(2))
    converter = DataNorm(10, norm_data=norm_data, input_type="if")
    _, (inputs,), _, _ = converter.convert(small())
    assert inputs.neuron.v_thresh == pytest.approx(0.8)


def test_max_pooling_of_each_code() -> None:
    for converter, kind in (
        (FewSpike(K), FewSpikeMaxPool),
        (Simple(10), SpikingMaxPool),
    ):
        *_, layers = converter.convert(vgg())
        pool = next(x for x in layers if type(x).__name__ == "MaxPooling2D")
        assert type(layers[pool].neuron) is kind


def test_hooks() -> None:
    """Methods that a subclass overrides are called."""
    seen: list[Any] = []

    class Mine(Simple):
        def validate_tf_layer(self, tf_layer: Any, config: Any) -> None:
            seen.append((tf_layer.name, config["name"]))

        def create_neurons(self, unit: Unit, prepared: Any, is_output: bool) -> Any:
            seen.append((unit.layer.name, is_output))
            return super().create_neurons(unit, prepared, is_output)

        def post_convert(self, network: Any, inputs: Any, outputs: Any) -> None:
            seen.append(len(network.populations))

    Mine(10).convert(small())
    assert seen == [
        ("hidden", "hidden"),
        ("out", "out"),
        ("hidden", False),
        ("out", True),
        3,
    ]


def test_model_with_all_weights_zero() -> None:
    """Scales of silent layers are not zero."""
    model = small()
    for layer in model.layers:
        layer.set_weights([0 * w for w in layer.get_weights()])
    for converter in (
        DataNorm(5, norm_data=0 * SMALL, input_type="if"),
        FewSpike(8, norm_data=0 * SMALL),
    ):
        network, *_ = converter.convert(model)
        compiled = converter.create_compiler(num_threads=1).compile(network)
        assert not compiled.predict(SMALL, callbacks=[])[0][
            network.populations[2]
        ].any()
