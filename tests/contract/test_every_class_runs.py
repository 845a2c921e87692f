"""Networks with each registered class run or learn, and continue after loading."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract.registered import classes, example

import ml_genn
from ml_genn import Connection, Network, Population
from ml_genn.compilers import (
    BPTTCompiler,
    EPropCompiler,
    EventPropCompiler,
    FewSpikeCompiler,
    InferenceCompiler,
)
from ml_genn.connectivity import Dense, MaxPool2D
from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.initializers import Normal
from ml_genn.model.plan import Sensitivity
from ml_genn.neurons import (
    FewSpikeMaxPool,
    FewSpikeRelu,
    FewSpikeReluInput,
    Input,
    InputBase,
    LeakyIntegrate,
    LeakyIntegrateFire,
    SpikingMaxPool,
)
from ml_genn.neurons.few_spike.digits import FewSpike
from ml_genn.optimisers import Adam
from ml_genn.synapses import Delta, Exponential

STEPS, EXAMPLES, CLASSES = 15, 6, 4
IMAGE = (4, 4, 1)
CROSS_ENTROPY = "sparse_categorical_crossentropy"
ADAM = Adam(0.01)


def every(kind: str) -> Any:
    """Returns a mark that parametrises a test over the classes of a registry."""
    registered = classes(kind)
    return pytest.mark.parametrize("cls", registered, ids=lambda c: c.__name__)


def network(
    source: Any = "spike_input",
    connectivity: Any = None,
    hidden: Any = None,
    synapse: Any = None,
    output: Any = None,
) -> Network:
    """Returns a network of an image, a hidden and an output population.

    Args:
        source, hidden, output: neurons.
        connectivity, synapse: those of the connection to the hidden population.
    """
    connectivity = connectivity or Dense(Normal(0.2, 0.1))
    with Network() as net:
        first = Population(source, IMAGE)
        middle = Population(hidden or LeakyIntegrateFire(), name="hidden")
        last = Population(output or LeakyIntegrate(readout="sum_var"), CLASSES)
        try:
            Connection(first, middle, connectivity, synapse or Exponential())
        except ValidationError:
            middle.shape = (CLASSES,)
            Connection(first, middle, connectivity, synapse or Exponential())
        middle.shape = middle.shape or (CLASSES,)
        digits = isinstance(last.neuron, FewSpike)
        second_synapse = Delta() if digits else Exponential()
        Connection(middle, last, Dense(Normal(0.3, 0.3)), second_synapse)
    return net


def network_around(neuron: Any) -> Network:
    """Returns a network that a neuron can be part of."""
    parts: dict[str, Any] = {}
    if isinstance(neuron, FewSpike):
        output = FewSpikeRelu(readout="var")
        parts |= {"source": FewSpikeReluInput(alpha=1.0), "hidden": FewSpikeRelu()}
        parts |= {"synapse": Delta(), "output": output}
    if isinstance(neuron, FewSpikeMaxPool | SpikingMaxPool):
        parts |= {"connectivity": MaxPool2D(2), "synapse": Delta()}
    parts["source" if isinstance(neuron, Input) else "hidden"] = neuron
    return network(**parts)


def compiler_for(net: Network, batch_size: int = 4) -> Any:
    """Returns a compiler that runs a network."""
    options = {"batch_size": batch_size, "num_threads": 1}
    if isinstance(net.populations[0].neuron, FewSpike):
        return FewSpikeCompiler(**options)
    return InferenceCompiler(STEPS, **options)


def inputs(net: Network) -> np.ndarray:
    """Returns spikes or numbers, as the input of a network requires."""
    rng = np.random.default_rng(0)
    neuron = net.populations[0].neuron
    if isinstance(neuron, InputBase):
        return rng.uniform(0, 1, (EXAMPLES, *IMAGE))
    return rng.random((EXAMPLES, STEPS, *IMAGE)) < 0.3


def labels() -> np.ndarray:
    return np.arange(EXAMPLES) % CLASSES


def assert_runs(net: Network, folder: Path) -> None:
    """A network runs, and has the same results after it was saved and loaded."""
    compiled = compiler_for(net).compile(net)
    ml_genn.save_model(compiled, folder / "x")
    loaded = ml_genn.load_model(folder / "x", allow_code=True)
    results = []
    for one in (compiled, loaded):
        predictions, _ = one.predict(inputs(net), callbacks=[])
        results.append(next(iter(predictions.values())))
    assert np.all(np.isfinite(results[0])) and np.ptp(results[0]) > 0
    np.testing.assert_array_equal(*results)


def assert_learns(
    compiler: Any, net: Network, y: Any, folder: Path, **options: Any
) -> None:
    """A network learns, and continues in the same way after it was saved and loaded.

    Args:
        compiler: compiler of a learning rule.
        made: network.
        y: targets.
        folder: folder for the file.
        **options: arguments of `train`.
    """
    x = inputs(net)
    compiled = compiler.compile(net)
    before = compiled.snapshot().arrays
    compiled.train(x, y, callbacks=[], shuffle=False, **options)
    after = compiled.snapshot().arrays
    assert any(not np.array_equal(before[k], after[k]) for k in before)
    assert all(np.all(np.isfinite(a)) for a in after.values())
    compiled.save_model(folder / "x")
    loaded = ml_genn.load_model(folder / "x")
    for one in (compiled, loaded):
        one.train(x, y, start_epoch=1, callbacks=[], shuffle=False, **options)
    expected = compiled.snapshot().arrays
    for key, array in loaded.snapshot().arrays.items():
        np.testing.assert_array_equal(array, expected[key], err_msg=str(key))


def training_compiler(compiler: Any = EventPropCompiler, **options: Any) -> Any:
    """Returns a compiler with Adam and cross-entropy, unless options say otherwise."""
    arguments = {
        "losses": CROSS_ENTROPY,
        "optimiser": ADAM,
        "batch_size": 4,
        "num_threads": 1,
        **options,
    }
    return compiler(STEPS, **arguments)


@every("neurons")
def test_neurons_run(cls: type, tmp_path: Path) -> None:
    neuron = example(cls)
    if getattr(neuron, "threshold", "") is None or cls is LeakyIntegrate:
        net = network(output=example(cls, readout="sum_var"))
    else:
        net = network_around(neuron)
    assert_runs(net, tmp_path)


@every("synapses")
def test_synapses_run(cls: type, tmp_path: Path) -> None:
    assert_runs(network(synapse=example(cls)), tmp_path)


@every("connectivity")
def test_connectivity_runs_and_learns(cls: type, tmp_path: Path) -> None:
    if cls is MaxPool2D:
        assert_runs(network_around(SpikingMaxPool()), tmp_path)
        return
    sensitive = LeakyIntegrateFire(v_thresh=0.05)  # any input makes it spike
    net = network(connectivity=example(cls), hidden=sensitive)
    assert_runs(net, tmp_path)
    net.reset_choices()
    assert_learns(training_compiler(), net, labels(), tmp_path)


@every("initializers")
def test_initializers_run(cls: type, tmp_path: Path) -> None:
    if cls.__name__ == "Wrapper":
        net = network(connectivity=Dense(example(cls)))
        InferenceCompiler(STEPS, batch_size=4).compile(net)
        return
    assert_runs(network(connectivity=Dense(example(cls))), tmp_path)


@every("readouts")
def test_readouts_run(cls: Any, tmp_path: Path) -> None:
    voltage = cls.PLAN.sensitivity is Sensitivity.VARIABLE
    neuron = LeakyIntegrate if voltage else LeakyIntegrateFire
    net = network(output=neuron(readout=example(cls)))
    assert_runs(net, tmp_path)


@every("surrogates")
def test_surrogates_learn(cls: type, tmp_path: Path) -> None:
    compiler = training_compiler(BPTTCompiler, surrogate=example(cls))
    assert_learns(compiler, network(), labels(), tmp_path)


@every("optimisers")
def test_optimisers_learn(cls: type, tmp_path: Path) -> None:
    assert_learns(
        training_compiler(optimiser=example(cls)), network(), labels(), tmp_path
    )


@every("schedules")
def test_schedules_learn(cls: type, tmp_path: Path) -> None:
    optimiser = Adam(example(cls))
    assert_learns(training_compiler(optimiser=optimiser), network(), labels(), tmp_path)


def targets(check_target: Any, net: Network) -> Any:
    """Returns labels, a trajectory or values: the first that a check accepts."""
    output = net.populations[-1]
    rng = np.random.default_rng(1)
    shape = {"steps": STEPS, "shape": output.shape}
    for y in (
        labels(),
        np.eye(CLASSES)[labels()],
        rng.normal(size=(EXAMPLES, STEPS, CLASSES)),
        rng.normal(size=(EXAMPLES, CLASSES)),
    ):
        try:
            check_target(y, "y", **shape)
        except ValidationError:
            continue
        return y
    raise AssertionError("none of the usual targets is accepted")


def compiled_for(loss: Any) -> tuple[Any, Network]:
    """Returns a compiler that a loss can be used with, and a network for it."""
    for compiler in (EventPropCompiler, BPTTCompiler, EPropCompiler):
        for readout in classes("readouts"):
            for neuron in (LeakyIntegrate, LeakyIntegrateFire):
                training = training_compiler(compiler, losses=loss)
                try:
                    net = network(output=neuron(readout=readout()))
                    training.compile(net)
                except (UnsupportedError, ValidationError):
                    continue
                return training, net
    raise AssertionError("no compiler and readout take this loss")


@every("losses")
def test_losses_learn(cls: type, tmp_path: Path) -> None:
    loss: Any = example(cls)
    compiler, net = compiled_for(loss)
    y = targets(loss.check_target, net)
    accuracy = "sparse_categorical_accuracy"
    metric = accuracy if np.ndim(y) == 1 else "mean_square_error"
    assert_learns(compiler, net, y, tmp_path, metrics=metric)


@pytest.mark.filterwarnings("ignore:.*compares the label with the 5 largest")
@every("metrics")
def test_metrics_have_results(cls: type) -> None:
    net, metric = network(), example(cls)
    y = targets(metric.check_target, net)
    compiled = InferenceCompiler(STEPS, batch_size=4, num_threads=1).compile(net)
    assert metric.result is None
    metrics, _ = compiled.evaluate(inputs(net), y, metrics=metric, callbacks=[])
    (result,) = (m.result for m in metrics.values())
    assert np.all(np.isfinite(result))
    assert metric.fresh().result is None


@every("callbacks")
def test_callbacks_run(
    cls: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They run in training and validation, alone and with others."""
    monkeypatch.chdir(tmp_path)
    net = network()
    compiled = training_compiler().compile(net)
    compiled.custom_updates["mine"] = list
    x, y = inputs(net), labels()
    compiled.train(
        x,
        y,
        num_epochs=2,
        validation_split=0.3,
        callbacks=[example(cls), "batch_progress_bar"]
        if cls.__name__ != "BatchProgressBar"
        else [example(cls)],
        validation_callbacks=[] if cls.for_training_only else [example(cls)],
    )
    compiled.evaluate(x, y, callbacks=[])


@every("serialisers")
def test_serialisers_save_and_load(cls: type, tmp_path: Path) -> None:
    place = example(cls, path=tmp_path / "some" / "folder")
    compiled = training_compiler().compile(network())
    compiled.train(inputs(compiled.network), labels(), callbacks=[])
    compiled.save((3,), place)
    compiled.save(("best",), place)
    assert place.epochs() == [3]
    expected = compiled.snapshot()
    for keys in ((3,), ("best",)):
        loaded = place.load(keys)
        assert dict(loaded.info) == dict(expected.info)
        for key, array in expected.arrays.items():
            np.testing.assert_array_equal(loaded.arrays[key], array)
    place.serialise(("a-b", "c/d", 3), np.arange(4))
    np.testing.assert_array_equal(place.deserialise(("a-b", "c/d", 3)), np.arange(4))
    (rest,) = place.deserialise_all(("a-b", "c/d"))
    assert rest == "3"
    with pytest.raises(ValidationError, match="there is no"):
        place.deserialise(("nothing",))


# ------------------------------------------------------------ values for each neuron
def numbers(cls: Any) -> dict[str, float]:
    """Returns parameters and initial values that are numbers by default."""
    fields = dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ()
    return {
        f.name: f.default
        for f in fields
        if isinstance(f.default, float) and f.type == "InitValue"
    }


FORMS: dict[str, Any] = {
    "array": lambda value, size: np.full(size, value),
    "list": lambda value, size: [value] * size,
    "initializer": lambda value, size: Normal(value, 0.0),
}
PER_NEURON = [
    cls for kind in ("neurons", "synapses") for cls in classes(kind) if numbers(cls)
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("cls", PER_NEURON, ids=lambda c: c.__name__)
def test_values_per_neuron_act_as_one_number(cls: Any, form: str) -> None:
    """Arrays, lists and initializers of equal numbers act as the number does.

    Each batch starts from these values.
    """
    is_input = issubclass(cls, Input)
    size = int(np.prod(IMAGE)) if is_input else CLASSES
    per_neuron = {n: FORMS[form](value, size) for n, value in numbers(cls).items()}
    results = []
    for arguments in ({}, per_neuron):
        part = cls(**arguments)
        if cls in classes("synapses"):
            net = network(synapse=part)
        elif cls is LeakyIntegrate:
            net = network(output=cls(readout="sum_var", **arguments))
        else:
            net = network_around(part)
        x = np.repeat(inputs(net)[:2], 3, axis=0)[[0, 3, 1, 4, 2, 5]]
        compiled = compiler_for(net, 2).compile(net)
        predictions, _ = compiled.predict(x, callbacks=[])
        (values,) = predictions.values()
        np.testing.assert_array_equal(values, np.tile(values[:2], (3, 1)))
        results.append(values)
    assert np.ptp(results[0]) > 0
    np.testing.assert_allclose(*results, rtol=1e-4, atol=1e-4)
