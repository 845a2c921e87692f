"""Public classes of all registries, and an example of each."""

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
    """Returns an array of 0.5, for `Wrapper`."""
    return np.full(shape, 0.5)


def unchanged(epoch: int, value: float) -> float:
    """Returns the value as it is, for `OptimiserParamSchedule`."""
    return value


with Network() as NETWORK:
    SOURCE = Population("spike_input", 3, record_spikes=True)
    TARGET = Population(LeakyIntegrateFire(), 3)
    CONNECTION = Connection(SOURCE, TARGET, Dense(1.0))

#: Functions that are arguments.
FUNCTIONS = {"half": half, "unchanged": unchanged}

#: Values of arguments without a default, by name.
REQUIRED: dict[str, Any] = {
    "boundaries": [1],
    "conn": CONNECTION,
    "connection": CONNECTION,
    "conv_size": 2,
    "correct": 5.0,
    "delta": 0.5,
    "filename": "log.csv",
    "filters": 2,
    "func": unchanged,
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
#: Arguments of convolutions, which follow the optional weight.
CONVOLUTION = {"weight": 0.5, "filters": 2, "conv_size": 2}
#: The same for single classes, where a name has another meaning or a default stands for
#: an error.
REQUIRED_BY_CLASS: dict[str, dict[str, Any]] = {
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
    "Conv2D": CONVOLUTION,
    "Conv2DTranspose": CONVOLUTION,
    "DepthwiseConv2D": {"weight": 0.5, "conv_size": 2},
    "AvgPoolConv2D": {**CONVOLUTION, "pool_size": 2},
    "AvgPoolDense2D": {"weight": 0.5, "pool_size": 2},
    "Sparse": {"weight": 4.0},  # so that few synapses make their targets spike
}
#: Callbacks that belong to a population or connection; tests of their own run them.
BOUND = {"SpikeRecorder", "VarRecorder", "ConnVarRecorder", "RewiringRecorder"}

#: {package: classes that are tested elsewhere}: callbacks that belong to a population,
#: spike data, and classes of libraries that may be missing (tests/parallel,
#: tests/nir_graphs).
ELSEWHERE = {
    "callbacks": BOUND,
    "communicators": {"MPI"},
    "data": {"EventStream", "PreprocessedSpikes"},
    "nir": {"Dialect"},
    "sklearn": {"SpikingClassifier", "SpikingRegressor"},
}


def classes(kind: str) -> list[type]:
    """Returns the public classes of a module that can be constructed."""
    module, base = ALL_MODULES[kind], BASES[kind]
    public = [getattr(module, name) for name in module.__all__]
    return [
        cls
        for cls in public
        if inspect.isclass(cls)
        and issubclass(cls, base)
        and cls is not base
        and not inspect.isabstract(cls)
        and cls.__name__ not in BOUND
    ]


def registry(kind: str) -> dict[str, type]:
    """Returns {name: class} of the classes that have a name."""
    names: dict[str, type] = getattr(ALL_MODULES[kind], f"default_{kind}", {})
    return names


def example(cls: type, **arguments: Any) -> Any:
    """Returns an object of a class, with required arguments and those of the caller."""
    of_class = REQUIRED_BY_CLASS.get(cls.__name__, {})
    values = {**REQUIRED, **of_class}
    required = {
        name: values[name]
        for name, parameter in inspect.signature(cls).parameters.items()
        if (parameter.default is parameter.empty and name in values) or name in of_class
    }
    return cls(**{**required, **arguments})


EVERY = [(kind, cls) for kind in BASES for cls in classes(kind)]
IDS = [f"{kind}-{cls.__name__}" for kind, cls in EVERY]


def config(kind: str, obj: Any) -> Any:
    """Returns the configuration of an object, which is equal for equal objects."""
    if kind in MODULES:
        return Encoder().encode(obj, kind)
    return repr(obj)
