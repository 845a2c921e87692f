"""Public constructors, functions and methods, with valid values of their arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from contract.registered import BOUND, EVERY, SOURCE, TARGET, example

import ml_genn
from ml_genn import (
    Connection,
    InputLayer,
    Layer,
    Network,
    Population,
    SequentialNetwork,
    callbacks,
    data,
    serialisers,
    surrogates,
)
from ml_genn.compilers import (
    BPTTCompiler,
    Compiler,
    EPropCompiler,
    EventPropCompiler,
    FewSpikeCompiler,
    InferenceCompiler,
)
from ml_genn.connectivity import Dense
from ml_genn.initializers import Normal
from ml_genn.metrics import metric_of
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire

#: Arguments that may be anything, which is looked at when it is used.
ANYTHING = {
    "add_to_model",
    "communicator",
    "custom_objects",
    "egp_vals",
    "genn_kwargs",
    "kernel_profiling",
    "kwargs",
    "key",
    "keys",
    "name",
    "neuron_filter",
    "norm_data",
    "outputs",
    "param_vals",
    "prefer_in_memory_connect",
    "src_neuron_filter",
    "trg_neuron_filter",
    "validation_callbacks",
    ("ModelCheckpoint", "output"),
    ("SpikeInput", "max_spikes"),
    ("UserNeuron", "vars"),
    ("get_dataset_size", "data"),
    ("permute_dataset", "data"),
    ("split_dataset", "data"),
    ("batch_dataset", "data"),
    ("compiled.resume", "keys"),
    ("metric_of", "output"),
    ("weight_histogram", "weights"),  # draws the finite ones
}
STEPS, CLASSES = 5, 3
CROSS_ENTROPY = "sparse_categorical_crossentropy"


@dataclass(frozen=True)
class Subject:
    """A callable that is tested.

    Attributes:
        name: name of the class, function or method.
        call: called with the arguments.
        valid: arguments that it accepts.
        parameters: names of the arguments that are replaced.
    """

    name: str
    call: Callable[..., Any]
    valid: dict[str, Any] = field(default_factory=dict)
    parameters: tuple[str, ...] = ()

    def accepts_anything(self, parameter: str) -> bool:
        """Returns True for arguments that are not checked at once."""
        return bool({parameter, (self.name, parameter)} & ANYTHING)


def parameters_of(function: Callable[..., Any]) -> tuple[str, ...]:
    """Returns the names of arguments, without ``*arguments`` and ``**arguments``."""
    variadic = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
    signature = inspect.signature(function).parameters.items()
    return tuple(n for n, p in signature if p.kind not in variadic and n != "self")


def subject(function: Callable[..., Any], name: str = "", **valid: Any) -> Subject:
    """Returns a subject of which all arguments are replaced."""
    name = name or getattr(function, "__name__", "")
    return Subject(name, function, valid, parameters_of(function))


@cache
def classifier() -> tuple[Network, Population, Population, Connection]:
    """Returns a network with its input, its output and a connection."""
    with Network() as network:
        source = Population("spike_input", 4)
        hidden = Population(LeakyIntegrateFire(relative_reset=False), 5)
        output = Population(LeakyIntegrate(readout="avg_var"), CLASSES)
        first = Connection(source, hidden, Dense(Normal(0.5, 0.5)))
        Connection(hidden, output, Dense(Normal(0.5, 0.5)))
    return network, source, output, first


@cache
def trained() -> Any:
    """Returns a compiled classifier."""
    compiler = EventPropCompiler(STEPS, CROSS_ENTROPY, batch_size=2, num_threads=1)
    return compiler.compile(classifier()[0])


def registered_classes() -> Iterator[Subject]:
    """Yields the classes of registries, and callbacks bound to a population."""
    bound = [("callbacks", getattr(callbacks, name)) for name in sorted(BOUND)]
    for _, cls in (*EVERY, *bound):
        yield Subject(cls.__name__, partial(example, cls), {}, parameters_of(cls))


def compilers() -> Iterator[Subject]:
    """Yields compilers and their method `compile`."""
    network = classifier()[0]
    learning = {"example_timesteps": STEPS, "losses": CROSS_ENTROPY}
    valid: dict[Any, dict[str, Any]] = {
        InferenceCompiler: {"evaluate_timesteps": STEPS},
        FewSpikeCompiler: {},
        EventPropCompiler: learning,
        BPTTCompiler: learning,
        EPropCompiler: learning,
    }
    common = parameters_of(Compiler.__init__)
    for cls, arguments in valid.items():
        own = dict.fromkeys((*parameters_of(cls), *common))
        yield Subject(cls.__name__, cls, arguments, tuple(own))
        if cls is not FewSpikeCompiler:
            compiler = cls(**arguments, num_threads=1)
            yield subject(compiler.compile, f"{cls.__name__}.compile", network=network)


def network_parts() -> Iterator[Subject]:
    """Yields populations, connections and networks."""
    spiking = LeakyIntegrateFire()
    ends = {"source": SOURCE, "target": TARGET, "connectivity": Dense(1.0)}

    def within(cls: type) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            with Network():
                return cls(**arguments)

        return call

    def layer(**arguments: Any) -> Any:
        with SequentialNetwork():
            InputLayer("spike_input", 3)
            return Layer(**arguments)

    def input_layer(**arguments: Any) -> Any:
        with SequentialNetwork():
            return InputLayer(**arguments)

    yield Subject(
        "Population", within(Population), {"neuron": spiking}, parameters_of(Population)
    )
    yield Subject("Connection", within(Connection), ends, parameters_of(Connection))
    yield Subject(
        "InputLayer", input_layer, {"neuron": spiking}, parameters_of(InputLayer)
    )
    several = {"connectivity": Dense(1.0), "neuron": spiking, "shape": 3}
    yield Subject("Layer", layer, several, parameters_of(Layer))
    yield subject(Network)
    yield subject(SequentialNetwork)
    yield subject(Dense.from_mask, "Dense.from_mask", mask=np.eye(3) > 0, weight=1.0)


def data_functions() -> Iterator[Subject]:
    """Yields the functions that make and change data."""
    one = data.preprocess_spikes([1.0, 2.0], [0, 1], 3)
    examples = {"x": np.zeros((4, 3)), "y": [0, 1, 2, 0]}
    events = np.zeros(2, [("t", int), ("x", int), ("y", int), ("p", int)])
    tonic = {"events": events, "ordering": ("t", "x", "y", "p"), "shape": (2, 2, 2)}
    valid: dict[str, dict[str, Any]] = {
        "batch_dataset": {"data": examples, "batch_size": 2, "size": 4},
        "batch_spikes": {"spikes": [one], "batch_size": 2},
        "calc_latest_spike_time": {"spikes": [one]},
        "calc_max_spikes": {"spikes": [one]},
        "calc_start_spikes": {"end_spikes": np.array([1, 2, 2])},
        "check_spikes": {
            "spikes": one,
            "num_neurons": 3,
            "duration": 5.0,
            "where": "here",
        },
        "encode_dense": {"array": np.ones((5, 3))},
        "encode_events": {"spikes": one, "num_steps": 5, "dt": 1.0},
        "generate_yin_yang_dataset": {"size": 3, "scale": 10.0},
        "get_dataset_size": {"data": examples},
        "linear_latency_encode_data": {"data": np.full((2, 3), 9.0), "max_time": 10.0},
        "log_latency_encode_data": {
            "data": np.full((2, 3), 9.0),
            "tau_eff": 10.0,
            "thresh": 1.0,
        },
        "permute_dataset": {"data": examples, "indices": [0, 2, 1]},
        "preprocess_spikes": {"times": [1.0, 2.0], "ids": [0, 1], "num_neurons": 3},
        "preprocess_tonic_spikes": tonic,
        "preprocess_tonic_spikes_separate": tonic,
        "split_dataset": {"data": examples, "split": 0.5},
    }
    functions = {n: getattr(data, n) for n in data.__all__}
    for name, function in functions.items():
        if not inspect.isclass(function):
            yield subject(function, name, **valid[name])


def plots() -> Iterator[Subject]:
    """Yields the functions that draw."""
    if not find_spec("matplotlib"):
        return
    from ml_genn import plot

    spikes = ([np.array([1.0, 2.0])], [np.array([0, 1])])
    valid: dict[str, dict[str, Any]] = {
        "confusion_matrix": {"y_true": [0, 1, 1], "y_pred": np.eye(3)},
        "firing_rates": {"rates": {"a": [np.array([1.0, 2.0])]}},
        "learning_curve": {"history": {"loss": [1.0, 0.5]}},
        "raster": {"spikes": spikes},
        "traces": {"data": [np.ones((5, 2))]},
        "weight_histogram": {"weights": np.ones(5)},
    }
    for name in plot.__all__:
        yield subject(getattr(plot, name), name, **valid[name])


def functions() -> Iterator[Subject]:
    """Yields other functions and the converters of Keras models."""
    yield subject(ml_genn.load_model, path="no_such_file")
    yield subject(ml_genn.save_model, model=classifier()[0], path="saved")
    yield subject(metric_of, specification="mean_square_error", output="x")
    yield subject(serialisers.as_keys, keys=())
    yield subject(serialisers.get_serialiser, serialiser="numpy")
    yield subject(surrogates.get_surrogate, surrogate="arctan")
    if find_spec("nir"):
        nir = import_module("ml_genn.nir")
        yield subject(nir.export, model=classifier()[0])
        yield subject(nir.import_graph, graph=nir.export(classifier()[0]))
        yield subject(nir.read, path="no_such_file")
        yield subject(nir.write, path="graph", graph=nir.export(classifier()[0]))
    if find_spec("keras"):
        converters = import_module("ml_genn_tf.converters")
        norm = {"evaluate_timesteps": STEPS, "norm_data": [np.ones((2, 3))]}
        yield subject(converters.DataNorm, **norm)
        yield subject(converters.SpikeNorm, **norm)
        yield subject(converters.Simple, evaluate_timesteps=STEPS)
        yield subject(converters.FewSpike)


def methods() -> Iterator[Subject]:
    """Yields methods of a compiled network."""
    compiled = trained()
    _, source, output, first = classifier()
    x, y = np.ones((2, STEPS, 4), dtype=bool), np.array([0, 1])
    both, quiet = {"x": x, "y": y}, {"callbacks": []}
    hidden = first.target()
    valid: dict[str, dict[str, Any]] = {
        "train": {**both, **quiet},
        "evaluate": {**both, **quiet},
        "predict": {"x": x, **quiet},
        "gradients": both,
        "loss": both,
        "set_weights": {"connection": first, "weights": np.zeros((4, 5))},
        "weights": {"connection": first},
        "delays": {"connection": first},
        "indices": {"connection": first},
        "is_sparse": {"connection": first},
        "shares_weights": {"connection": first},
        "variables": {"population": hidden},
        "learned_parameters": {"population": hidden},
        "variable": {"population": hidden, "name": "v"},
        "state": {"population": hidden, "variable": "v"},
        "set_state": {"population": hidden, "variable": "v", "values": np.ones((2, 5))},
        "parameter": {"population": hidden, "name": "tau_mem"},
        "feedback_weights": {"hidden": hidden, "output": output},
        "resume": {},
        "evaluate_batch_iter": {
            "inputs": [source],
            "outputs": [output],
            "data": [([x], [y])],
            **quiet,
        },
        "set_input": {"x": x},
    }
    for name, arguments in valid.items():
        method = getattr(compiled, name)
        yield Subject(f"compiled.{name}", method, arguments, parameters_of(method))


def subjects() -> list[Subject]:
    """Returns everything that users call."""
    return [
        *registered_classes(),
        *compilers(),
        *network_parts(),
        *data_functions(),
        *plots(),
        *functions(),
        *methods(),
    ]
