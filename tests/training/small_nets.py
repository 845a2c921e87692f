"""Small networks and data for tests of the frontend and of training.

All tests use the same few structures, so that each is compiled only once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn import (
    Connection,
    InputLayer,
    Layer,
    Network,
    Population,
    SequentialNetwork,
)
from ml_genn.callbacks import Callback
from ml_genn.compilers import EventPropCompiler, InferenceCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import PreprocessedSpikes, preprocess_spikes
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate
from ml_genn.synapses import Exponential

STEPS = 20
INPUTS, HIDDEN, CLASSES = 4, 5, 3
CROSS_ENTROPY = "sparse_categorical_crossentropy"


@dataclass(frozen=True)
class Small:
    """Network with an input, a hidden and an output layer."""

    network: SequentialNetwork
    inputs: InputLayer
    hidden: Layer
    output: Layer

    def compile_training(self, **kwargs: Any) -> Any:
        """Returns the network compiled for EventProp, with EventProp's choices."""
        arguments = {"losses": CROSS_ENTROPY, "batch_size": 4, "num_threads": 1}
        compiler = EventPropCompiler(STEPS, **{**arguments, **kwargs})
        self.network.reset_choices()
        return compiler.compile(self.network)

    def compile_inference(self, **kwargs: Any) -> Any:
        """Returns the network compiled for inference, with the choices of inference."""
        self.network.reset_choices()
        arguments = {"batch_size": 4, "num_threads": 1}
        return InferenceCompiler(STEPS, **{**arguments, **kwargs}).compile(self.network)


def small(readout: str = "avg_var", shape: int | tuple[int, ...] = CLASSES) -> Small:
    """Returns a network with a spiking hidden layer and a non-spiking output."""
    with SequentialNetwork() as network:
        inputs = InputLayer("spike_input", INPUTS, record_spikes=True)
        hidden = Layer(
            Dense(Normal(1.0, 0.5)), "leaky_integrate_fire", HIDDEN, Exponential(5.0)
        )
        output = Layer(
            Dense(Normal(0.0, 0.5)),
            LeakyIntegrate(readout=readout),
            shape,
            Exponential(5.0),
        )
    return Small(network, inputs, hidden, output)


@dataclass(frozen=True)
class Double:
    """Network with two inputs and two outputs."""

    network: Network
    inputs: tuple[Population, Population]
    outputs: tuple[Population, Population]

    def compile(self, **kwargs: Any) -> Any:
        """Returns the network compiled for EventProp."""
        arguments = {"losses": CROSS_ENTROPY, "batch_size": 4, "num_threads": 1}
        compiler = EventPropCompiler(STEPS, **{**arguments, **kwargs})
        return compiler.compile(self.network)


def double() -> Double:
    """Returns two inputs of 4 neurons, connected to outputs of 3 and 2 neurons."""
    with Network() as network:
        inputs = tuple(
            Population("spike_input", INPUTS, name=name) for name in ("left", "right")
        )
        outputs = tuple(
            Population(LeakyIntegrate(readout="avg_var"), size, name=name)
            for name, size in (("what", 3), ("where", 2))
        )
        for source in inputs:
            for target in outputs:
                Connection(source, target, Dense(Normal(0.0, 0.5)), Exponential(5.0))
    return Double(network, inputs, outputs)  # type: ignore[arg-type]


def spikes(
    count: int, seed: int = 0, neurons: int = INPUTS
) -> list[PreprocessedSpikes]:
    """Returns random spikes of ``count`` examples."""
    rng = np.random.default_rng(seed)
    return [
        preprocess_spikes(
            rng.uniform(0.0, STEPS - 1.0, 16), rng.integers(0, neurons, 16), neurons
        )
        for _ in range(count)
    ]


def labels(count: int, classes: int = CLASSES) -> np.ndarray:
    """Returns the labels 0, 1, 2, 0, 1, ..."""
    return np.arange(count) % classes


class Spy(Callback):
    """Callback that records every call of a hook with its arguments."""

    HOOKS = (
        "set_params",
        "set_first",
        "on_test_begin",
        "on_test_end",
        "on_train_begin",
        "on_train_end",
        "on_epoch_begin",
        "on_epoch_end",
        "on_batch_begin",
        "on_batch_end",
        "on_exception",
        "get_data",
    )

    def __init__(self, name: str = "", log: list[Any] | None = None) -> None:
        self.name = name
        self.log: list[Any] = [] if log is None else log
        for hook in self.HOOKS:
            setattr(self, hook, self._recorder(hook))

    def _recorder(self, hook: str) -> Any:
        def record(*args: Any, **kwargs: Any) -> None:
            self.log.append((self.name, hook, kwargs if kwargs else args))

        return record

    @property
    def hooks(self) -> list[str]:
        """Names of the called hooks, in order."""
        return [hook for _, hook, _ in self.log]

    @property
    def calls(self) -> list[tuple[Any, ...]]:
        """(hook, number of the epoch or batch) of each call, without metrics."""
        numbers = [
            [a for a in args if isinstance(a, int)] if isinstance(args, tuple) else []
            for _, _, args in self.log
        ]
        return [(h, *n) for h, n in zip(self.hooks, numbers, strict=True)]
