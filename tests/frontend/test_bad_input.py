"""Error messages for invalid arguments, data and networks, raised before a run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from training.small_nets import (
    CLASSES,
    CROSS_ENTROPY,
    STEPS,
    Double,
    Small,
    Spy,
    double,
    labels,
    small,
    spikes,
)

from ml_genn import (
    Connection,
    InputLayer,
    Layer,
    Network,
    Population,
    SequentialNetwork,
)
from ml_genn.backends import get_backend
from ml_genn.callbacks import Callback
from ml_genn.compilers import (
    BPTTCompiler,
    EPropCompiler,
    EventPropCompiler,
    FewSpikeCompiler,
    InferenceCompiler,
)
from ml_genn.connectivity import Dense
from ml_genn.data import PreprocessedSpikes
from ml_genn.errors import UnknownNameError, UnsupportedError, ValidationError
from ml_genn.initializers import Normal, Uniform
from ml_genn.losses import (
    MeanSquareError,
    RelativeMeanSquareError,
    SpikeCountMeanSquareError,
)
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from ml_genn.synapses import Exponential

Use = Callable[[Any, Any, Any, list[Any]], Any]


def one(*events: tuple[int, float]) -> PreprocessedSpikes:
    """Returns an example with spikes (neuron, time) in this order."""
    ids = np.array([neuron for neuron, _ in events])
    ends = np.cumsum(np.bincount(ids, minlength=4))
    return PreprocessedSpikes(ends, np.array([time for _, time in events]))


# ---------------------------------------------------------------- examples
BAD_X: dict[str, tuple[Any, str]] = {
    "none": (None, "x is missing"),
    "a number": (3.0, "'Pop0': expected a list or an array. Received float"),
    "empty list": ([], "no examples"),
    "empty array": (np.zeros((0, STEPS, 4)), "equally long|no examples"),
    "too few": (spikes(3), "equally long. Received lengths {'Pop0': 3, 'Pop2': 4}"),
    "too many": (spikes(5), "equally long. Received lengths {'Pop0': 5, 'Pop2': 4}"),
    "more neurons": (spikes(4, neurons=5), "end_spikes must be 4 integers"),
    "fewer neurons": (spikes(4, neurons=3), "end_spikes must be 4 integers"),
    "no spikes objects": (["a"] * 4, "example 0: expected PreprocessedSpikes"),
    "list of arrays": (
        [*[np.zeros((STEPS, 4))] * 3, np.zeros((STEPS + 1, 4))],
        r"'Pop0', example 3: an array .* \(1, 20, 4\). Received \(1, 21, 4\)",
    ),
    "negative time": ([one((0, -1.0))] * 4, "example 0: spike times must be finite"),
    "nan time": ([one((1, np.nan))] * 4, "Got nan for neuron 1"),
    "infinite time": ([one((1, np.inf))] * 4, "Got inf for neuron 1"),
    "unsorted": ([one((2, 5.0), (2, 3.0))] * 4, "Got 3.0 ms after 5.0 ms for neuron 2"),
    "late": ([one((3, 20.5))] * 4, "must not exceed the example's duration of 20.0 ms"),
    "falling totals": (
        [PreprocessedSpikes(np.array([2, 1, 2, 2]), np.ones(2))] * 4,
        "end_spikes must be running totals",
    ),
    "missing times": (
        [PreprocessedSpikes(np.array([1, 2, 3, 4]), np.ones(2))] * 4,
        "Got 4 and 2 times",
    ),
    "third example": (
        [*spikes(2), one((0, -1.0)), *spikes(1)],
        "example 2: spike times",
    ),
    "raster of other steps": (
        np.zeros((4, STEPS + 1, 4)),
        r"= \(4, 20, 4\). Received \(4, 21, 4\)",
    ),
    "raster of other neurons": (np.zeros((4, STEPS, 5)), r"Received \(4, 20, 5\)"),
    "raster without time": (np.zeros((4, 4)), r"Received \(4, 4\)"),
    "negative raster": (
        -np.eye(STEPS)[None, :, :4].repeat(4, 0),
        "Received -1.0 in example 0, step 0, neuron 0",
    ),
    "nan in a raster": (np.full((4, STEPS, 4), np.nan), "Received nan"),
    "text": (np.full((4, STEPS, 4), "a"), "holds flags or numbers. Received type <U1"),
}
BAD_Y: dict[str, tuple[Any, str]] = {
    "none": (None, "targets are missing. Give y"),
    "a number": (1, "'Pop2': expected a list or an array. Received int"),
    "too large": ([0, 1, 2, 3], "from 0 to 2, .*Received 3 for example 3"),
    "negative": ([0, -1, 2, 1], "Received -1 for example 1"),
    "fractions": ([0, 0.5, 1, 2], "Received 0.5 for example 1"),
    "nan": ([0, 1, np.nan, 2], "Received nan for example 2"),
    "text": (["a"] * 4, "labels are one whole number per example.*type <U1"),
    "flags": ([True] * 4, "labels are one whole number per example.*type bool"),
    "one-hot": (np.eye(4)[:, :3], r"one whole number per example|compares labels"),
    "ragged": ([[0], [1, 2], [0], [1]], "one whole number per example"),
    "objects": ([object()] * 4, "one whole number per example"),
    "huge": ([10**30] * 4, "one whole number per example"),
}
USES: dict[str, Use] = {
    "train": lambda net, x, y, callbacks: net.train(x, y, callbacks=callbacks),
    "evaluate": lambda net, x, y, callbacks: net.evaluate(x, y, callbacks=callbacks),
    "gradients": lambda net, x, y, callbacks: net.gradients(x, y),
    "loss": lambda net, x, y, callbacks: net.loss(x, y),
}


@pytest.fixture(scope="module")
def net() -> Small:
    """A classifier."""
    return small()


@pytest.fixture(scope="module")
def compiled(net: Small) -> Any:
    """A classifier, compiled."""
    return net.compile_training()


@pytest.fixture
def refused(net: Small, compiled: Any) -> Any:
    """Returns a check that a call raises an error and leaves the weights unchanged."""

    def check(use: Callable[[list[Any]], Any], message: str) -> None:
        spy = Spy()
        layers = (net.hidden, net.output)
        before = [compiled.weights(layer) for layer in layers]
        with pytest.raises(ValidationError, match=message):
            use([spy])
        assert "on_batch_begin" not in spy.hooks
        after = [compiled.weights(layer) for layer in layers]
        assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))

    return check


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("case", BAD_X)
def test_bad_examples(case: str, use: str, compiled: Any, refused: Any) -> None:
    x, message = BAD_X[case]
    y: Any = labels(4)
    if case == "empty list":
        y = []
    if x is None:
        y = {compiled.outputs[0]: y}
    refused(lambda spy: USES[use](compiled, x, y, spy), message)


@pytest.mark.parametrize("case", [c for c in BAD_X if c not in ("too few", "too many")])
def test_bad_examples_are_not_predicted(case: str, compiled: Any, refused: Any) -> None:
    x, message = BAD_X[case]
    refused(lambda spy: compiled.predict(x, callbacks=spy), message)


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("case", BAD_Y)
def test_bad_labels(
    case: str, use: str, net: Small, compiled: Any, refused: Any
) -> None:
    y, message = BAD_Y[case]
    x: Any = {net.inputs: spikes(4)}
    refused(lambda spy: USES[use](compiled, x, y, spy), message)


@pytest.mark.parametrize("case", [c for c in BAD_Y if c != "objects"])
def test_bad_labels_are_refused_where_nothing_is_learned(
    case: str, net: Small, refused: Any
) -> None:
    y, message = BAD_Y[case]
    inference = net.compile_inference()
    refused(
        lambda spy: inference.evaluate({net.inputs: spikes(4)}, y, callbacks=spy),
        f"{message}|expected an array",
    )


@pytest.mark.parametrize("examples", [spikes(4), np.zeros((4, STEPS, 4))])
def test_forgotten_targets(examples: Any, compiled: Any, refused: Any) -> None:
    for use in ("train", "evaluate"):
        refused(
            lambda spy, use=use: USES[use](compiled, examples, None, spy),
            "targets are missing. Give y, or as x an iterable of batches",
        )


# ---------------------------------------------------------------- keys
def test_data_for_the_wrong_population(net: Small, compiled: Any, refused: Any) -> None:
    other = small()
    x, y = spikes(4), labels(4)
    for keyed_x, keyed_y, message in (
        (
            {net.output: x},
            y,
            r"for the inputs \['Pop0'\]. Received data for \['Pop2'\]",
        ),
        (x, {net.hidden: y}, r"the outputs \['Pop2'\]. Received data for \['Pop1'\]"),
        ({}, y, r"for the inputs \['Pop0'\]. Received data for \[\]"),
        ({other.inputs: x}, y, r"\['Pop0'\], but of another network"),
        (x, {other.output: y}, r"\['Pop2'\], but of another network"),
        ({"Pop1": x}, y, "unknown population 'Pop1'. Did you mean 'Pop0'"),
        ({net.inputs: x, net.inputs.population(): x}, y, "'Pop0' is given twice"),
    ):
        refused(
            lambda spy, x=keyed_x, y=keyed_y: compiled.train(x, y, callbacks=spy),
            message,
        )


def test_bare_data_for_several_populations() -> None:
    net = double()
    compiled = net.compile()
    x = {p: spikes(4) for p in net.inputs}
    y = {p: labels(4, 2) for p in net.outputs}
    for bad_x, bad_y, message in (
        (spikes(4), y, r"2 inputs \(left, right\). Give a dictionary"),
        (x, labels(4), r"2 outputs \(what, where\). Give a dictionary"),
        ({net.inputs[0]: spikes(4)}, y, r"\['left', 'right'\]. Received.*\['left'\]"),
        (x, {net.outputs[1]: labels(4, 2)}, r"Received data for \['where'\]"),
        ({**x, net.inputs[0]: spikes(5)}, y, "equally long"),
        (x, {**y, net.outputs[1]: labels(4)}, "'where': labels .* from 0 to 1"),
    ):
        with pytest.raises(ValidationError, match=message):
            compiled.train(bad_x, bad_y, callbacks=[])


def test_networks_without_inputs_or_outputs_say_so() -> None:
    with SequentialNetwork() as network:
        InputLayer("spike_input", 4)
        Layer(Dense(1.0), "leaky_integrate", 3)
    compiled = InferenceCompiler(STEPS).compile(network)
    with pytest.raises(ValidationError, match=r"no output. Give a neuron a readout"):
        compiled.evaluate(spikes(2), labels(2), callbacks=[])


# ---------------------------------------------------------------- metrics
@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ("mean_square_error", r"of shape \(examples, 3\), or traj.*Received \(4,\)"),
        ("sparse_categorical_acuracy", "Did you mean 'sparse_categorical_accuracy'"),
        ({"a": None}, "output 'Pop2' has none"),
        (3, "expected an instance of Metric"),
        (MeanSquareError, "Metric: expected"),
    ],
)
def test_metrics_that_do_not_fit(
    metrics: Any, message: str, compiled: Any, refused: Any
) -> None:
    for use in (compiled.train, compiled.evaluate):
        refused(
            lambda spy, use=use: use(
                spikes(4), labels(4), metrics=metrics, callbacks=spy
            ),
            message,
        )


def test_metrics_for_another_output(net: Small, compiled: Any, refused: Any) -> None:
    metrics = {net.hidden: "sparse_categorical_accuracy"}
    refused(
        lambda spy: compiled.train(
            spikes(4), labels(4), metrics=metrics, callbacks=spy
        ),
        r"outputs \['Pop2'\]. Received entries for \['Pop1'\]",
    )
    both = {**metrics, net.output: "sparse_categorical_accuracy"}
    refused(
        lambda spy: compiled.evaluate(spikes(4), labels(4), both, callbacks=spy),
        r"Received entries for \['Pop1', 'Pop2'\]",
    )


def test_metrics_of_a_stream_are_checked_before_its_batch(
    net: Small, compiled: Any, refused: Any
) -> None:
    stream = [(spikes(4), labels(4))]
    refused(
        lambda spy: compiled.train(stream, metrics="mean_square_error", callbacks=spy),
        "MeanSquareError compares values",
    )


# ---------------------------------------------------------------- trajectories
BAD_TRAJECTORIES: dict[str, tuple[Any, str]] = {
    "labels": (labels(4), r"\(examples, 20, 3\). Received \(4,\)"),
    "one value per neuron": (np.zeros((4, CLASSES)), r"Received \(4, 3\)"),
    "other steps": (np.zeros((4, STEPS - 1, CLASSES)), r"Received \(4, 19, 3\)"),
    "other neurons": (np.zeros((4, STEPS, 2)), r"Received \(4, 20, 2\)"),
    "extra axis": (np.zeros((4, STEPS, CLASSES, 1)), r"Received \(4, 20, 3, 1\)"),
    "nan": (np.full((4, STEPS, CLASSES), np.nan), "Received nan"),
    "too large": (
        np.full((4, STEPS, CLASSES), 1e300),
        "not finite in single precision",
    ),
    "ragged": ([[1.0], [1.0, 2.0], [1.0], [1.0]], "is a number or an array of numbers"),
    "text": (["a"] * 4, "is a number or an array of numbers"),
}


@pytest.mark.parametrize("case", BAD_TRAJECTORIES)
def test_bad_trajectories(case: str) -> None:
    y, message = BAD_TRAJECTORIES[case]
    net = small("var")
    compiled = net.compile_training(losses="mean_square_error")
    before, spy = compiled.weights(net.output), Spy()
    with pytest.raises(ValidationError, match=f"Targets of 'Pop2'.*{message}"):
        compiled.train(spikes(4), y, metrics="mean_square_error", callbacks=[spy])
    assert "on_train_begin" not in spy.hooks
    assert np.array_equal(compiled.weights(net.output), before)


# ---------------------------------------------------------------- networks
def _compile(network: Any, losses: Any = CROSS_ENTROPY, **kwargs: Any) -> Any:
    return EventPropCompiler(STEPS, losses, **kwargs).compile(network)


@pytest.mark.parametrize("compile", [InferenceCompiler(STEPS).compile, _compile])
def test_unsupported_networks(compile: Any) -> None:
    with Network() as shapeless:
        a = Population("spike_input", name="in")
        b = Population(LeakyIntegrate(readout="var"), 2, name="out")
        Connection(a, b, Dense(1.0))
    with Network() as lonely:
        Population("spike_input", 2, name="in")
        Population(LeakyIntegrate(readout="var"), 2, name="out")
    with Network() as fed:
        a = Population("spike_input", 2, name="in")
        b = Population(LeakyIntegrateFire(readout="spike_count"), 2, name="out")
        Connection(a, b, Dense(1.0))
        Connection(b, a, Dense(1.0))
    for network, message in (
        (None, "expected a Network. Received None"),
        (Network(), "the network has no populations"),
        (shapeless, "'in' has no shape. Give one, or connect it"),
        (lonely, "'out' has no input. Connect something to it, or make it an input"),
        (fed, "'in' is an input: nothing can be connected to it"),
    ):
        with pytest.raises(ValidationError, match=message):
            compile(network)


def test_spikes_of_neurons_that_never_spike_cannot_be_read() -> None:
    for readout in ("spike_count", "first_spike_time"):
        with pytest.raises(
            ValidationError, match=r"never spikes. Use a readout of its"
        ):
            InferenceCompiler(STEPS).compile(small(readout).network)


def test_training_needs_an_output() -> None:
    with SequentialNetwork() as network:
        InputLayer("spike_input", 4)
        Layer(Dense(1.0), "leaky_integrate", 3)
    with pytest.raises(ValidationError, match=r"LeakyIntegrate\(readout='avg_var'\)"):
        _compile(network)


# ---------------------------------------------------------------- losses
@pytest.mark.parametrize(
    ("loss", "readout", "message"),
    [
        (
            RelativeMeanSquareError(1.0),
            "avg_var",
            "RelativeMeanSquareError with AvgVar of a non-spiking",
        ),
        (
            SpikeCountMeanSquareError(5.0),
            "max_var",
            "SpikeCountMeanSquareError with MaxVar of a non-spiking",
        ),
    ],
)
def test_unsupported_pairs_list_what_is_supported(
    loss: Any, readout: str, message: str
) -> None:
    with pytest.raises(UnsupportedError) as caught:
        _compile(small(readout).network, loss)
    text = str(caught.value)
    assert f"output 'Pop2': no rule for {message} neuron. Supported: " in text
    assert "MeanSquareError with Var of a non-spiking neuron" in text
    assert "SparseCategoricalCrossentropy with AvgVar of a non-spiking neuron" in text
    assert "with FirstSpikeTime of a spiking neuron" in text


def test_spike_counts_cannot_be_learned() -> None:
    with SequentialNetwork() as network:
        InputLayer("spike_input", 4)
        neuron = LeakyIntegrateFire(readout="spike_count")
        Layer(Dense(1.0), neuron, 3, Exponential(5.0))
    with pytest.raises(UnsupportedError, match="SpikeCount of a spiking neuron"):
        _compile(network)


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        ("sparse_categorical_crossentrop", "Did you mean 'sparse_categorical_cross"),
        (MeanSquareError, r"Did you mean MeanSquareError\(\)"),
        (None, "'Pop2' has no loss"),
        (3, "expected an instance of Loss"),
        ({}, r"one entry for each of \['Pop2'\]. Received \[\]"),
    ],
)
def test_bad_losses(losses: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        _compile(small().network, losses)


def test_losses_of_other_populations() -> None:
    net, other = small(), small()
    for key in (net.hidden, other.output):
        with pytest.raises(ValidationError, match=r"one entry for each of \['Pop2'\]"):
            _compile(net.network, {key: CROSS_ENTROPY})
    assert _compile(net.network, {net.output: CROSS_ENTROPY}).losses


def test_losses_of_several_outputs() -> None:
    net: Double = double()
    with pytest.raises(ValidationError, match=r"\['what', 'where'\]. Received \['what"):
        net.compile(losses={net.outputs[0]: CROSS_ENTROPY})
    with pytest.raises(ValidationError, match="'where' has no loss"):
        net.compile(losses={net.outputs[0]: CROSS_ENTROPY, net.outputs[1]: None})


# ---------------------------------------------------------------- compilers
COMPILERS: list[Callable[..., Any]] = [
    lambda steps=STEPS, **kwargs: InferenceCompiler(steps, **kwargs),
    lambda steps=STEPS, **kwargs: EventPropCompiler(steps, CROSS_ENTROPY, **kwargs),
    lambda steps=STEPS, **kwargs: BPTTCompiler(steps, CROSS_ENTROPY, **kwargs),
    lambda steps=STEPS, **kwargs: EPropCompiler(steps, CROSS_ENTROPY, **kwargs),
]


@pytest.mark.parametrize("make", COMPILERS)
def test_unknown_arguments_get_a_suggestion(make: Any) -> None:
    with pytest.raises(
        UnknownNameError, match=r"'bach_size'. Did you mean 'batch_size'"
    ):
        make(bach_size=4)
    with pytest.raises(UnknownNameError, match="Did you mean 'num_threads'"):
        make(num_thread=4)


@pytest.mark.parametrize("make", COMPILERS)
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"backend": "hip"}, ["backend='hip'"]),
        ({"backend": "cuda"}, ["backend='cuda'"]),
        ({"kernel_profiling": True}, ["kernel_profiling"]),
        (
            {
                "backend": "cpu",
                "block_size_select_method": None,
                "device_select_method": object(),
                "manual_device_id": 0,
                "optimize_code": True,
                "optimizeCode": True,
                "selectGPUByDeviceID": True,
            },
            [
                "block_size_select_method",
                "device_select_method",
                "manual_device_id",
                "optimize_code",
                "optimizeCode",
                "selectGPUByDeviceID",
            ],
        ),
    ],
)
def test_arguments_of_genn_get_one_warning_each(
    make: Any, arguments: Any, named: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("cupy", "pygenn"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.warns(UserWarning) as caught:
        compiler = make(**arguments)
    messages = [str(warning.message) for warning in caught]
    assert len(messages) == len(named)
    for name, message, warning in zip(named, messages, caught, strict=True):
        assert f": {name} " in message
        assert "GeNN" in message
        assert "; backend 'cpu' goes without" in message
        assert warning.filename == __file__
    assert compiler.backend.name == "cpu"
    expected = {k: v for k, v in arguments.items() if k in named}
    expected.pop("kernel_profiling", None)
    for of_genn_4 in ("optimizeCode", "selectGPUByDeviceID"):
        expected.pop(of_genn_4, None)
    assert compiler.genn_kwargs == expected


@pytest.mark.parametrize("make", [InferenceCompiler, FewSpikeCompiler])
def test_options_that_would_lose_weights_in_genn_get_a_warning(make: Any) -> None:
    with pytest.warns(UserWarning, match="prefer_in_memory_connect=False belongs"):
        make(STEPS, prefer_in_memory_connect=False)


@pytest.mark.parametrize("make", COMPILERS)
@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        ({"optimise_code": True}, "optimize_code"),
        ({"manual_devce_id": 0}, "manual_device_id"),
        ({"kernel_profilng": True}, "kernel_profiling"),
        ({"backend": "cqu"}, "cpu"),
    ],
)
def test_misspelt_arguments_of_genn_are_errors(
    make: Any, arguments: Any, meant: str
) -> None:
    with pytest.raises(UnknownNameError, match=f"Did you mean '{meant}'"):
        make(**arguments)


@pytest.mark.parametrize("make", [COMPILERS[0], COMPILERS[3]])
def test_time_starts_at_zero(make: Any) -> None:
    with pytest.raises(UnsupportedError, match="time starts at 0 in each batch"):
        make(reset_time_between_batches=False)


@pytest.mark.parametrize("make", COMPILERS)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": 0}, "timesteps is a whole number of at least 1. Received 0"),
        ({"steps": 1.5}, "timesteps is a whole number"),
        ({"steps": "20"}, "timesteps is a whole number"),
        ({"dt": 0.0}, "dt is greater than 0. Received 0.0"),
        ({"dt": np.nan}, "dt is a finite number. Received nan"),
        ({"dt": "1"}, "dt is a finite number. Received '1'"),
        ({"batch_size": 0}, "batch_size is a whole number of at least 1"),
        ({"batch_size": 2.5}, "batch_size is a whole number"),
        ({"batch_size": True}, "batch_size is a whole number"),
        ({"rng_seed": -1}, "rng_seed is a whole number of at least 0"),
        ({"num_threads": 0}, "num_threads is a whole number of at least 1"),
    ],
)
def test_bad_arguments(make: Any, arguments: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=f"Compiler: .*{message}"):
        make(**arguments)


@pytest.mark.parametrize("make", COMPILERS)
def test_unknown_backends_get_a_suggestion(make: Any) -> None:
    with pytest.raises(UnknownNameError, match=r"backend 'cpi'. Did you mean 'cpu'"):
        make(backend="cpi")


def test_the_backend_may_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ML_GENN_BACKEND", raising=False)
    assert get_backend().name == "cpu"
    monkeypatch.setenv("ML_GENN_BACKEND", "null")
    assert InferenceCompiler(STEPS).backend.name == "null"
    assert InferenceCompiler(STEPS, backend="cpu").backend.name == "cpu"
    monkeypatch.setenv("ML_GENN_BACKEND", "nul")
    with pytest.raises(UnknownNameError, match=r"backend 'nul'. Did you mean 'null'"):
        InferenceCompiler(STEPS)
    monkeypatch.setenv("ML_GENN_BACKEND", "")
    assert InferenceCompiler(STEPS).backend.name == "cpu"


# ---------------------------------------------------------------- weights
@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.zeros((3, 5)), r"of shape \(5, 3\). Received \(3, 5\)"),
        (np.zeros(15), r"of shape \(5, 3\). Received \(15,\)"),
        (np.full((5, 3), np.nan), "finite"),
        (np.full((5, 3), np.inf), "finite"),
        ("abc", "set_weights: weights is a number or an array"),
    ],
)
def test_bad_weights(
    weights: Any, message: str, net: Small, compiled: Any, refused: Any
) -> None:
    refused(lambda spy: compiled.set_weights(net.output, weights), message)


def test_weights_of_other_networks(net: Small, compiled: Any, refused: Any) -> None:
    other = small()
    refused(lambda spy: compiled.weights(other.output), "does not belong to this net")
    refused(lambda spy: compiled.weights(net.inputs), "Expected a Connection, or a")
    refused(lambda spy: compiled.weights("Pop2"), "Expected a Connection, or a Layer")


def test_inputs_may_be_given_as_an_object_or_a_name() -> None:
    for neuron in ("spike_input", SpikeInput()):
        with SequentialNetwork() as network:
            InputLayer(neuron, 4)
            Layer(Dense(1.0), LeakyIntegrate(readout="var"), 3)
        assert len(InferenceCompiler(STEPS).compile(network).inputs) == 1


# ---------------------------------------------------------------- initializers
@pytest.mark.parametrize(
    ("neuron", "synapse", "message"),
    [
        (LeakyIntegrate(tau_mem=Normal(-5.0, 1.0)), Exponential(), "tau_mem"),
        (LeakyIntegrate(), Exponential(tau=Uniform(-2.0, -1.0)), "Exponential: tau is"),
    ],
)
def test_drawn_time_constants_are_above_zero(
    neuron: Any, synapse: Any, message: str
) -> None:
    with Network() as network:
        a, b = Population("spike_input", 4), Population(neuron, 3, name="out")
        Connection(a, b, Dense(1.0), synapse)
    with pytest.raises(ValidationError, match=f"Population 'out': .*{message}"):
        InferenceCompiler(STEPS).compile(network)


def test_connections_outside_the_network_are_no_input() -> None:
    with Network() as network:
        a = Population("spike_input", 4)
        b = Population(LeakyIntegrate(readout="var"), 3, name="out")
    outside = Connection(a, b, Dense(1.0), add_to_model=False)
    assert outside.target() is b
    with pytest.raises(ValidationError, match="'out' has no input"):
        InferenceCompiler(STEPS).compile(network)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"reg_lambda_upper": -1.0}, "reg_lambda_upper is not negative"),
        ({"reg_nu_upper": -1.0}, "reg_nu_upper is not negative"),
        ({"communicator": 3}, "communicator is a Communicator or None"),
    ],
)
def test_bad_arguments_of_event_prop(arguments: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=f"EventPropCompiler: {message}"):
        small().compile_training(**arguments)


def test_strengths_are_for_hidden_populations_of_the_network() -> None:
    net, other = small(), small()
    for key in (net.output, net.inputs, other.hidden):
        with pytest.raises(ValidationError, match="is no hidden population of this"):
            net.compile_training(reg_lambda_lower={key: 1.0})
    assert (
        net.compile_training(reg_lambda_lower={net.hidden: 1.0}).network is net.network
    )


@pytest.mark.parametrize("argument", ["delay_learn_conns", "deep_r_conns"])
def test_one_connection_need_not_be_in_a_list(net: Small, argument: str) -> None:
    for connection in (net.hidden, net.hidden.connection()):
        compiler = EventPropCompiler(STEPS, CROSS_ENTROPY, **{argument: connection})
        assert getattr(compiler, argument) == [net.hidden.connection()]
    with pytest.raises(ValidationError, match="Expected a Connection, or a Layer"):
        EventPropCompiler(STEPS, CROSS_ENTROPY, **{argument: 7})


@pytest.mark.parametrize("argument", ["delay_learn_conns", "deep_r_conns"])
@pytest.mark.parametrize("make", [EventPropCompiler, BPTTCompiler])
def test_only_connections_of_the_network_learn_delays_or_are_rewired(
    argument: str, make: Any
) -> None:
    with pytest.raises(ValidationError, match="Expected a Connection"):
        make(STEPS, CROSS_ENTROPY, **{argument: [1]})
    other = small()
    compiler = make(STEPS, CROSS_ENTROPY, **{argument: [other.hidden]})
    with pytest.raises(ValidationError, match="is not part of this network"):
        compiler.compile(small().network)


def test_e_prop_has_no_gradient_for_delays() -> None:
    with Network() as network:
        inputs = Population("spike_input", 4)
        hidden = Population(LeakyIntegrateFire(), 5)
        output = Population(LeakyIntegrate(readout="sum_var"), 3)
        first = Connection(inputs, hidden, Dense(1.0), max_delay_steps=3)
        Connection(hidden, output, Dense(1.0))
    compiler = EPropCompiler(STEPS, CROSS_ENTROPY)
    with pytest.raises(UnsupportedError, match="no gradient for delays"):
        compiler.compile(network, optimisers={first: {"delay": "adam"}})


def test_states_of_other_networks_are_refused(net: Small) -> None:
    other = small()

    class Looks(Callback):
        def on_timestep_end(self, timestep: int) -> None:
            net_state = inference.state(net.hidden, "v")
            assert net_state.shape == (2, 5)
            inference.state(other.hidden, "v")

    inference = net.compile_inference()
    with pytest.raises(ValidationError, match="'Pop1' does not belong to this network"):
        inference.predict(spikes(2), callbacks=[Looks()])


@pytest.mark.parametrize("name", ["x²", "a*/", "//", "два слова", "for"])
def test_any_printable_name_works(name: str) -> None:
    with SequentialNetwork() as network:
        InputLayer("spike_input", 4)
        Layer(Dense(1.0), LeakyIntegrate(readout="var"), 3, name=name)
    compiled = InferenceCompiler(STEPS, num_threads=1).compile(network)
    predictions, _ = compiled.predict(np.ones((1, STEPS, 4)), callbacks=[])
    assert np.all(predictions[network.layers[1]] > 1.0)
