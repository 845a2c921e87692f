"""Networks of all learning rules that tests train, save and resume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn import Connection, InputLayer, Layer, SequentialNetwork
from ml_genn.compilers import BPTTCompiler, EPropCompiler, EventPropCompiler
from ml_genn.connectivity import Dense, FixedProbability
from ml_genn.initializers import Normal, Uniform
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire, PoissonInput
from ml_genn.optimisers import Adam
from ml_genn.synapses import Delta, Exponential

STEPS, INPUTS, HIDDEN, CLASSES, EXAMPLES = 20, 6, 8, 3, 20
LOSS = "sparse_categorical_crossentropy"


def data() -> tuple[np.ndarray, np.ndarray]:
    """Returns rates of inputs, and labels that depend on them."""
    rng = np.random.default_rng(1)
    y = np.arange(EXAMPLES) % CLASSES
    x = rng.uniform(0, 0.3, (EXAMPLES, INPUTS))
    x[np.arange(EXAMPLES), 2 * y] += 0.6
    return x, y


@dataclass(frozen=True)
class Trainable:
    """Network, its layers, and a function that compiles it."""

    network: SequentialNetwork
    layers: tuple[Any, Any, Any]
    compile: Any


def _network(first: Any = None, synapse: Any = None, **layer: Any) -> SequentialNetwork:
    synapse = Exponential(4.0) if synapse is None else synapse
    with SequentialNetwork() as network:
        InputLayer(PoissonInput(), INPUTS, name="in-put")
        Layer(
            first or Dense(Normal(0.4, 0.4)),
            LeakyIntegrateFire(),
            HIDDEN,
            synapse,
            name="hidden",
            **layer,
        )
        Layer(
            Dense(Normal(0.0, 0.4)), LeakyIntegrate(readout="avg_var"), CLASSES, synapse
        )
    return network


def make(kind: str, num_threads: int = 1, **changes: Any) -> Trainable:
    """Returns the network of one of `KINDS`.

    Args:
        kind: learning rule, or kind of learned array.
        num_threads: threads of the engine, 1 by default.
        **changes: arguments of the compiler.
    """
    options: dict[str, Any] = {
        "optimiser": Adam(0.02),
        "batch_size": 8,
        "num_threads": num_threads,
        **changes,
    }
    rule: Any = EventPropCompiler
    with_compile: dict[str, Any] = {}
    if kind == "deep_r":
        network = _network(FixedProbability(0.5, Normal(0.5, 0.5)))
        options["deep_r_conns"] = [network.layers[1]]
    elif kind == "delays":
        network = _network(Dense(Normal(0.4, 0.4), Uniform(0, 9)), max_delay_steps=10)
        options |= {
            "delay_learn_conns": network.layers[1],
            "delay_optimiser": Adam(0.5),
        }
    elif kind == "parameters":
        network = _network()
        with_compile["optimisers"] = {
            "all_connections": {"weight": Adam(0.01)},
            network.layers[1]: {"tau_mem": Adam(0.1), "v_thresh": "adam"},
            network.layers[2]: {"tau_syn0": Adam(0.1), "bias": Adam(0.01)},
        }
    elif kind == "bptt":
        network, rule = _network(), BPTTCompiler
        with network:
            hidden = network.layers[1]
            Connection(hidden, hidden, Dense(Normal(0, 0.1), 2), Exponential(4.0))
    elif kind in ("eprop", "eprop-online"):
        network, rule = _network(synapse=Delta()), EPropCompiler
        options |= {"feedback": "adaptive"}
        if kind == "eprop-online":
            options["mode"] = "online"
    else:
        network = _network()

    def compiled() -> Any:
        return rule(STEPS, LOSS, **options).compile(network, **with_compile)

    return Trainable(network, tuple(network.layers), compiled)


KINDS = ("plain", "deep_r", "delays", "parameters", "bptt", "eprop", "eprop-online")


def arrays_of(compiled: Any) -> dict[Any, np.ndarray]:
    """Returns all arrays of a compiled network."""
    return dict(compiled.snapshot().arrays)


def assert_equal(actual: Any, expected: Any) -> None:
    """Checks that two compiled networks are bit-identical."""
    first, second = actual.snapshot(), expected.snapshot()
    assert first.arrays.keys() == second.arrays.keys()
    for key, array in first.arrays.items():
        np.testing.assert_array_equal(array, second.arrays[key], err_msg=str(key))
    assert first.info["engine"] == second.info["engine"]


def train(compiled: Any, epochs: int, start: int = 0, **arguments: Any) -> Any:
    """Trains on `data`, shuffled."""
    x, y = data()
    options = {"callbacks": [], "verbose": 0, **arguments}
    return compiled.train(x, y, num_epochs=epochs, start_epoch=start, **options)
