"""Losses: their values, and gradients against differences where nothing spikes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from training.small_nets import CLASSES, INPUTS, STEPS, double, labels, small, spikes

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.callbacks import VarRecorder
from ml_genn.compilers import BPTTCompiler, EPropCompiler, EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.losses import (
    CategoricalCrossentropy,
    Loss,
    MeanAbsoluteError,
    MeanSquareError,
    RelativeMeanSquareError,
    SparseCategoricalCrossentropy,
    SpikeCountMeanSquareError,
    SpikeRateMeanSquareError,
    default_losses,
)
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire
from ml_genn.optimisers import SGD, Adam
from ml_genn.synapses import Delta, Exponential

RULES = {"event_prop": EventPropCompiler, "bptt": BPTTCompiler, "eprop": EPropCompiler}
SIZE = 5
WEIGHTS = np.random.default_rng(8).normal(0.0, 0.4, (INPUTS, CLASSES))


def one_hot(y: np.ndarray) -> np.ndarray:
    """Shares of classes, of labels."""
    return np.eye(CLASSES)[y]


def shares() -> np.ndarray:
    """Shares of classes that are all there."""
    drawn = np.random.default_rng(2).uniform(0.1, 1.0, (SIZE, CLASSES))
    return drawn / drawn.sum(axis=1, keepdims=True)


def softmax(y: np.ndarray) -> np.ndarray:
    """Over the last axis."""
    raised = np.exp(y - y.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def cross_entropy(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """For each row."""
    return -np.sum(p * np.log(softmax(y)), axis=-1)


def direct(rule: str, loss: Any, readout: str, **kwargs: Any) -> Any:
    """Inputs and a leaky output, with nothing between."""
    synapse = Delta() if rule == "eprop" else Exponential(5.0)
    with SequentialNetwork() as network:
        InputLayer("spike_input", INPUTS)
        Layer(Dense(WEIGHTS), LeakyIntegrate(readout=readout), CLASSES, synapse)
    options = {"batch_size": SIZE, "num_threads": 1, **kwargs}
    compiled = RULES[rule](STEPS, loss, **options).compile(network)
    return compiled, network.connections[0]


def trajectory(compiled: Any) -> np.ndarray:
    """The output variable: (examples, steps, neurons)."""
    output = compiled.outputs[0]
    recorder = VarRecorder(output, "v", key="v")
    return np.stack(compiled.predict(spikes(SIZE), callbacks=[recorder])[1]["v"])


def result(compiled: Any) -> np.ndarray:
    """The readout: (examples, neurons)."""
    found, _ = compiled.predict(spikes(SIZE), callbacks=[])
    return found[compiled.outputs[0]]


VALUES = np.random.default_rng(4).normal(size=(SIZE, CLASSES))
PATHS = np.random.default_rng(5).normal(size=(SIZE, STEPS, CLASSES))
Measured = Callable[[Any], np.ndarray]


def of_result(f: Callable[[np.ndarray], np.ndarray]) -> Measured:
    """A loss of each example, of the readout."""
    return lambda compiled: f(result(compiled).astype(np.float64))


def of_steps(f: Callable[[np.ndarray], np.ndarray]) -> Measured:
    """A loss of each example, of the output variable in all steps."""
    return lambda compiled: f(trajectory(compiled).astype(np.float64))


#: (loss, readout, compiler's arguments, targets, the same loss in NumPy)
CASES: dict[str, tuple[Any, str, dict[str, Any], Any, Measured]] = {
    **{
        f"shares of {readout}": (
            CategoricalCrossentropy(),
            readout,
            {},
            shares(),
            of_result(lambda y: cross_entropy(y, shares())),
        )
        for readout in ("avg_var", "avg_var_exp_weight", "sum_var", "max_var", "var")
    },
    "shares in each step": (
        "categorical_crossentropy",
        "avg_var",
        {"per_timestep_loss": True},
        shares(),
        of_steps(lambda v: cross_entropy(v, shares()[:, None]).mean(axis=1)),
    ),
    "shares summed over steps": (
        "categorical_crossentropy",
        "sum_var",
        {"per_timestep_loss": True},
        shares(),
        of_steps(lambda v: cross_entropy(v, shares()[:, None]).sum(axis=1)),
    ),
    "temperature": (
        CategoricalCrossentropy(),
        "sum_var",
        {"softmax_temperature": 3.0},
        shares(),
        of_result(lambda y: cross_entropy(y / 3.0, shares())),
    ),
    **{
        f"squares of {readout}": (
            "mean_square_error",
            readout,
            {},
            VALUES,
            of_result(lambda y: np.mean((y - VALUES) ** 2, axis=1)),
        )
        for readout in ("avg_var", "avg_var_exp_weight", "sum_var", "max_var")
    },
    "squares of a trajectory": (
        "mean_square_error",
        "var",
        {},
        PATHS,
        of_steps(lambda v: np.mean((v - PATHS) ** 2, axis=(1, 2))),
    ),
    "squares in each step": (
        "mean_square_error",
        "avg_var",
        {"per_timestep_loss": True},
        PATHS,
        of_steps(lambda v: np.mean((v - PATHS) ** 2, axis=(1, 2))),
    ),
    "sizes": (
        "mean_absolute_error",
        "sum_var",
        {},
        VALUES,
        of_result(lambda y: np.mean(np.abs(y - VALUES), axis=1)),
    ),
    "sizes along a trajectory": (
        MeanAbsoluteError(),
        "var",
        {},
        PATHS,
        of_steps(lambda v: np.mean(np.abs(v - PATHS), axis=(1, 2))),
    ),
}
ONLINE = {
    "shares": (
        CategoricalCrossentropy(),
        shares(),
        of_steps(lambda v: cross_entropy(v, shares()[:, None]).sum(axis=1)),
    ),
    "sizes": (
        MeanAbsoluteError(),
        PATHS,
        of_steps(lambda v: np.mean(np.abs(v - PATHS), axis=(1, 2))),
    ),
}


def check(
    compiled: Any, connection: Any, y: Any, measured: Measured, weights: Any = None
) -> None:
    """The loss and its gradient are those of NumPy."""
    counts = np.ones(SIZE) if weights is None else weights

    def mean() -> float:
        return float(np.mean(measured(compiled) * counts))

    assert compiled.loss(spikes(SIZE), y, weights) == pytest.approx(mean(), rel=1e-5)
    gradient = compiled.gradients(spikes(SIZE), y, weights)[connection]
    expected = np.zeros_like(gradient)
    step = 2e-4
    for index in np.ndindex(gradient.shape):
        sides = []
        for sign in (1.0, -1.0):
            moved = WEIGHTS.copy()
            moved[index] += sign * step
            compiled.set_weights(connection, moved)
            sides.append(mean())
        expected[index] = (sides[0] - sides[1]) / (2.0 * step)
    compiled.set_weights(connection, WEIGHTS)
    error = np.linalg.norm(gradient - expected) / np.linalg.norm(expected)
    assert error < 5e-3
    assert np.linalg.norm(gradient) > 0


@pytest.mark.parametrize("rule", ["event_prop", "bptt"])
@pytest.mark.parametrize("name", CASES)
def test_losses(rule: str, name: str) -> None:
    loss, readout, options, y, measured = CASES[name]
    compiled, connection = direct(rule, loss, readout, **options)
    check(compiled, connection, y, measured)


@pytest.mark.parametrize("mode", ["event_driven", "online"])
@pytest.mark.parametrize("name", ONLINE)
def test_losses_of_eprop(mode: str, name: str) -> None:
    loss, y, measured = ONLINE[name]
    compiled, connection = direct("eprop", loss, "sum_var", mode=mode)
    check(compiled, connection, y, measured)


@pytest.mark.parametrize("rule", RULES)
def test_one_hot_targets_are_labels(rule: str) -> None:
    found = []
    for loss, y in (
        (SparseCategoricalCrossentropy(), labels(SIZE)),
        (CategoricalCrossentropy(), one_hot(labels(SIZE))),
    ):
        compiled, connection = direct(rule, loss, "sum_var")
        found.append(
            (compiled.loss(spikes(SIZE), y), compiled.gradients(spikes(SIZE), y))
        )
        found[-1] = (found[-1][0], found[-1][1][connection])
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-6)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-4, atol=1e-7)


# ---------------------------------------------------------------- spikes
def spiking(loss: Any, readout: str, rule: str = "bptt", **kwargs: Any) -> Any:
    """Inputs and a spiking output."""
    with SequentialNetwork() as network:
        InputLayer("spike_input", INPUTS)
        neuron = LeakyIntegrateFire(readout=readout)
        Layer(Dense(3.0 * np.abs(WEIGHTS)), neuron, CLASSES, Exponential(5.0))
    options = {"batch_size": SIZE, "num_threads": 1, **kwargs}
    return RULES[rule](STEPS, loss, **options).compile(network)


def test_losses_of_counts_and_rates() -> None:
    y = labels(SIZE)
    compiled = spiking(SpikeCountMeanSquareError(6.0, 1.0), "spike_count")
    counts = result(compiled)
    assert counts.max() > 1
    wanted = np.where(one_hot(y) > 0, 6.0, 1.0)
    expected = np.mean((counts - wanted) ** 2)
    assert compiled.loss(spikes(SIZE), y) == pytest.approx(expected, rel=1e-5)
    compiled = spiking(SpikeRateMeanSquareError(300.0, 50.0), "spike_count")
    wanted = np.where(one_hot(y) > 0, 0.3, 0.05)
    expected = np.mean((counts / STEPS - wanted) ** 2)
    assert compiled.loss(spikes(SIZE), y) == pytest.approx(expected, rel=1e-5)
    compiled = spiking(MeanSquareError(), "spike_count")
    expected = np.mean((counts - VALUES) ** 2)
    assert compiled.loss(spikes(SIZE), VALUES) == pytest.approx(expected, rel=1e-5)


def test_counts_are_learned() -> None:
    loss = SpikeCountMeanSquareError(5.0, 1.0)
    compiled = spiking(loss, "spike_count", optimiser=Adam(0.03))
    before = compiled.loss(spikes(SIZE), labels(SIZE))
    compiled.train(spikes(SIZE), labels(SIZE), num_epochs=60, callbacks=[])
    assert compiled.loss(spikes(SIZE), labels(SIZE)) < 0.8 * before


def test_the_loss_of_relative_times() -> None:
    y = labels(SIZE)
    compiled = spiking(RelativeMeanSquareError(4.0), "first_spike_time", "event_prop")
    times = np.minimum(-result(compiled).astype(np.float64), STEPS)
    lead = times - times[np.arange(SIZE), y][:, None] - 4.0
    lead[np.arange(SIZE), y] = 0.0
    expected = np.mean(0.5 * np.sum(lead**2, axis=1))
    assert expected > 1.0
    assert compiled.loss(spikes(SIZE), y) == pytest.approx(expected, rel=1e-5)


# ---------------------------------------------------------------- weights
COUNTS = np.array([0.0, 2.0, 0.5, 1.0, 3.0])


@pytest.mark.parametrize("name", ["shares of avg_var", "squares of a trajectory"])
def test_weights_of_examples(name: str) -> None:
    loss, readout, options, y, measured = CASES[name]
    compiled, connection = direct("event_prop", loss, readout, **options)
    check(compiled, connection, y, measured, COUNTS)


def test_weights_of_examples_with_first_spikes() -> None:
    """The pull on first spikes, and what draws up silent neurons, count as much."""
    compiled = spiking(
        SparseCategoricalCrossentropy(),
        "first_spike_time",
        "event_prop",
        ttfs_alpha=0.5,
    )
    x, y = spikes(SIZE), labels(SIZE)
    (connection,) = compiled.gradients(x, y)
    alone = [
        compiled.gradients(x[k : k + 1], y[k : k + 1])[connection] for k in range(SIZE)
    ]
    expected = np.mean([c * g for c, g in zip(COUNTS, alone, strict=True)], axis=0)
    weighted = compiled.gradients(x, y, COUNTS)[connection]
    assert np.linalg.norm(expected) > 0
    np.testing.assert_allclose(weighted, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("mode", ["event_driven", "online"])
def test_weights_of_examples_with_eprop(mode: str) -> None:
    compiled, connection = direct("eprop", MeanAbsoluteError(), "var", mode=mode)
    check(compiled, connection, PATHS, ONLINE["sizes"][2], COUNTS)


def _trained(**given: Any) -> tuple[np.ndarray, float]:
    """Weights and loss after an epoch."""
    net = small()
    compiled = net.train_compiler(optimiser=SGD(0.5))
    x, y = given.pop("data", (spikes(8), labels(8)))
    metrics, *_ = compiled.train(x, y, shuffle=False, callbacks=[], **given)
    return compiled.weights(net.output), metrics.loss


def test_weights_of_classes_are_weights_of_their_examples() -> None:
    classes = {0: 2.0, 2: 0.25}
    samples = np.array([classes.get(k, 1.0) for k in labels(8).tolist()])
    of_classes, loss = _trained(class_weight=classes)
    of_samples, same = _trained(sample_weight=samples)
    assert np.array_equal(of_classes, of_samples)
    assert loss == same
    assert not np.array_equal(of_classes, _trained()[0])
    both, _ = _trained(class_weight=classes, sample_weight=1.0 / samples)
    np.testing.assert_allclose(both, _trained()[0], rtol=1e-5, atol=1e-6)


def test_weights_in_a_stream() -> None:
    x, y = spikes(8), labels(8)
    samples = np.linspace(0.0, 2.0, 8)
    parts = [slice(0, 4), slice(4, 8)]
    stream = [(x[p], y[p], samples[p]) for p in parts]
    streamed, _ = _trained(data=(stream, None))
    in_memory, _ = _trained(sample_weight=samples)
    assert np.array_equal(streamed, in_memory)
    pairs = [(x[p], y[p]) for p in parts]
    streamed, _ = _trained(data=(pairs, None), class_weight={1: 3.0})
    in_memory, _ = _trained(class_weight={1: 3.0})
    assert np.array_equal(streamed, in_memory)


def test_a_share_for_validation_takes_its_weights_along() -> None:
    x, y = spikes(8), labels(8)
    samples = np.linspace(0.1, 2.0, 8)
    quiet = {"validation_callbacks": []}
    split, _ = _trained(sample_weight=samples, validation_split=0.25, **quiet)
    apart, _ = _trained(data=(x[:6], y[:6]), sample_weight=samples[:6])
    assert np.array_equal(split, apart)


def test_weights_of_each_output() -> None:
    net = double()
    compiled = net.compile()
    what, where = net.outputs
    x = {p: spikes(4, seed=k) for k, p in enumerate(net.inputs)}
    y = {what: labels(4), where: labels(4, 2)}
    weighted = compiled.gradients(x, y, {what: np.zeros(4)})
    plain = compiled.gradients(x, y)
    for connection, gradient in weighted.items():
        of_where = connection.ends()[1] is where
        expected = plain[connection] if of_where else np.zeros_like(gradient)
        np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-8)
    classes = {where: {0: 2.0, 1: 2.0}}
    compiled.train(x, y, class_weight=classes, callbacks=[])


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"sample_weight": np.ones(7)}, "one number for each of the 8 examples"),
    ({"sample_weight": -np.ones(8)}, "none of them negative"),
    ({"sample_weight": np.full(8, np.nan)}, "not finite"),
    ({"class_weight": [1.0, 2.0]}, "a dictionary"),
    ({"class_weight": {0: -1.0}}, "is not negative"),
    ({"data": ([(spikes(8), labels(8))], None), "sample_weight": np.ones(8)}, "yields"),
]


@pytest.mark.parametrize(("given", "message"), REFUSED)
def test_bad_weights_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        _trained(**given)


def test_weights_of_classes_need_classes() -> None:
    compiled, _ = direct("event_prop", "mean_square_error", "sum_var")
    with pytest.raises(ValidationError, match="values, not classes"):
        compiled.train(
            spikes(SIZE), VALUES, class_weight={0: 1.0}, metrics="mean_square_error"
        )


# ---------------------------------------------------------------- objects
@pytest.mark.parametrize("wrong", [[[1.0, 1.0, 0.0]], [[1.5, -0.5, 0.0]], [1], [[1.0]]])
def test_bad_shares_are_refused(wrong: Any) -> None:
    compiled, _ = direct("event_prop", "categorical_crossentropy", "sum_var")
    with pytest.raises(ValidationError, match="Received"):
        compiled.loss(spikes(1), wrong)


def test_targets_of_values_and_of_trajectories() -> None:
    values, _ = direct("event_prop", "mean_square_error", "sum_var")
    with pytest.raises(ValidationError, match=r"shape \(examples, 3\)"):
        values.loss(spikes(SIZE), PATHS)
    paths, _ = direct("event_prop", "mean_square_error", "var")
    with pytest.raises(ValidationError, match=r"shape \(examples, 20, 3\)"):
        paths.loss(spikes(SIZE), VALUES)


@pytest.mark.parametrize(
    "loss", [SpikeCountMeanSquareError(5.0), RelativeMeanSquareError(1.0)]
)
def test_losses_of_spikes_need_spikes(loss: Loss) -> None:
    with pytest.raises(UnsupportedError, match="of a non-spiking neuron"):
        direct("bptt", loss, "sum_var")


def test_representations() -> None:
    assert repr(SpikeCountMeanSquareError(5.0)) == (
        "SpikeCountMeanSquareError(correct=5.0, incorrect=0.0)"
    )
    assert repr(RelativeMeanSquareError(2.0)) == "RelativeMeanSquareError(delta=2.0)"
    for kind in default_losses.values():
        assert repr(kind()) == f"{kind.__name__}()"
    with pytest.raises(ValidationError, match="correct is not negative"):
        SpikeRateMeanSquareError(-1.0)
    with pytest.raises(ValidationError, match="delta is a finite number"):
        RelativeMeanSquareError(np.nan)
