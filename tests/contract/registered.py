"""Every public class of every registry, and an example of each."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

import numpy as np

from ml_genn import (
    Connection,
    Network,
    Population,
    callbacks,
    optimisers,
    serialisers,
)
from ml_genn.callbacks import Callback
from ml_genn.config.codec import MODULES, Encoder
from ml_genn.connectivity import Connectivity, Dense
from ml_genn.initializers import Initializer
from ml_genn.losses import Loss
from ml_genn.metrics import Metric
from ml_genn.neurons import LeakyIntegrateFire, Neuron
from ml_genn.optimisers import (
    Constant,
    CosineDecay,
    ExponentialDecay,
    Optimiser,
    PiecewiseConstant,
    WarmUp,
)
from ml_genn.readouts import Readout
from ml_genn.serialisers import Serialiser
from ml_genn.surrogates import Surrogate
from ml_genn.synapses import Synapse

BASES: dict[str, Any] = {
    "connectivity": Connectivity,
    "initializers": Initializer,
    "losses": Loss,
    "metrics": Metric,
    "neurons": Neuron,
    "optimisers": Optimiser,
    "readouts": Readout,
    "surrogates": Surrogate,
    "synapses": Synapse,
    "callbacks": Callback,
    "serialisers": Serialiser,
    "schedules": (  # functions of the step, which need no base
        Constant,
        CosineDecay,
        ExponentialDecay,
        PiecewiseConstant,
        WarmUp,
    ),
}
ALL_MODULES: dict[str, ModuleType] = {
    **MODULES,
    "callbacks": callbacks,
    "serialisers": serialisers,
    "schedules": optimisers,
}


def half(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """What a `Wrapper` wraps."""
    return np.full(shape, 0.5)


def kept(epoch: int, value: float) -> float:
    """What `OptimiserParamSchedule` asks."""
    return value


with Network() as NETWORK:
    SOURCE = Population("spike_input", 3, record_spikes=True)
    TARGET = Population(LeakyIntegrateFire(), 3)
    CONNECTION = Connection(SOURCE, TARGET, Dense(1.0))

#: Functions that are arguments.
FUNCTIONS = {"half": half, "kept": kept}

#: Arguments that a class cannot do without, by name.
NEEDED: dict[str, Any] = {
    "boundaries": [1],
    "conn": CONNECTION,
    "connection": CONNECTION,
    "conv_size": 2,
    "correct": 5.0,
    "delta": 0.5,
    "filename": "log.csv",
    "filters": 2,
    "func": kept,
    "genn_var": "g",
    "model": {
        "var_name_types": [("V", "scalar")],
        "sim_code": "V += Isyn;",
        "threshold_condition_code": "V >= 1.0",
        "reset_code": "V = 0.0;",
    },
    "name": "mine",
    "p": 0.9,
    "param_name": "alpha",
    "path": "best.safetensors",
    "pool_size": 2,
    "pop": SOURCE,
    "post_ind": [0, 2, 1],
    "pre_ind": [0, 1, 3],
    "rate": 0.01,
    "rates": [0.01, 0.001],
    "slope": "1 / (1 + abs(u))",
    "snippet": half,
    "steps": 2,
    "then": CosineDecay(0.01, 2),
    "weight": 0.5,
}
#: The same, where a name means something else in a class.
OWN: dict[str, dict[str, Any]] = {
    "UserNeuron": {
        "vars": {"v": ("(-v + Isyn) / tau", "0")},
        "output_var_name": "v",
        "threshold": "v - 1",
        "param_vals": {"tau": 20.0},
    },
    "UserSynapse": {
        "vars": {"i": ("-i / tau", "i + weight")},
        "inject_current": "i",
        "param_vals": {"tau": 5.0},
    },
    "VarRecorder": {"var": "spike"},
    "Sparse": {"weight": 4.0},  # few synapses, which should make their targets spike
}
#: Callbacks that belong to a population or connection; tests of their own run them.
BOUND = {"SpikeRecorder", "VarRecorder", "ConnVarRecorder", "RewiringRecorder"}

#: {package: classes that are tested elsewhere}: callbacks that belong to a population,
#: spike data, and classes of libraries that may be missing (tests/parallel,
#: tests/nir_tests).
ELSEWHERE = {
    "callbacks": BOUND,
    "communicators": {"MPI"},
    "data": {"EventStream", "PreprocessedSpikes"},
    "nir": {"Dialect"},
}


def classes(kind: str) -> list[type]:
    """Public classes of a module that can be made."""
    module, base = ALL_MODULES[kind], BASES[kind]
    found = [getattr(module, name) for name in module.__all__]
    return [
        cls
        for cls in found
        if inspect.isclass(cls)
        and issubclass(cls, base)
        and cls is not base
        and not inspect.isabstract(cls)
        and cls.__name__ not in BOUND
    ]


def registry(kind: str) -> dict[str, type]:
    """The names by which classes may be asked for."""
    found: dict[str, type] = getattr(ALL_MODULES[kind], f"default_{kind}", {})
    return found


def example(cls: type, **given: Any) -> Any:
    """An object with the arguments that it cannot do without."""
    own = {**NEEDED, **OWN.get(cls.__name__, {})}
    arguments = {
        name: own[name]
        for name, parameter in inspect.signature(cls).parameters.items()
        if (parameter.default is parameter.empty and name in own)
        or name in OWN.get(cls.__name__, {})
    }
    return cls(**{**arguments, **given})


EVERY = [(kind, cls) for kind in BASES for cls in classes(kind)]
IDS = [f"{kind}-{cls.__name__}" for kind, cls in EVERY]


def config(kind: str, thing: Any) -> Any:
    """What an object was made with; equal for objects that are equal."""
    if kind in MODULES:
        return Encoder().encode(thing, kind)
    return repr(thing)
