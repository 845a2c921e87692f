"""Spiking neural networks, written once and trained or run anywhere."""

from importlib import import_module
from typing import Any

from ml_genn import (
    callbacks,
    communicators,
    compilers,
    connectivity,
    data,
    initializers,
    losses,
    metrics,
    neurons,
    optimisers,
    readouts,
    serialisers,
    surrogates,
    synapses,
    utils,
)
from ml_genn.connection import Connection
from ml_genn.module_aliases import install as _install_module_aliases
from ml_genn.network import Network
from ml_genn.population import Population
from ml_genn.saving import load_model, save_model
from ml_genn.sequential import InputLayer, Layer, SequentialNetwork

_install_module_aliases()

__version__ = "0.1.0"

__all__ = [
    "Connection",
    "InputLayer",
    "Layer",
    "Network",
    "Population",
    "SequentialNetwork",
    "callbacks",
    "communicators",
    "compilers",
    "connectivity",
    "data",
    "initializers",
    "load_model",
    "losses",
    "metrics",
    "neurons",
    "optimisers",
    "plot",
    "readouts",
    "save_model",
    "serialisers",
    "surrogates",
    "synapses",
    "utils",
]


def __getattr__(name: str) -> Any:
    if name == "plot":  # imported when it is first used
        return import_module("ml_genn.plot")
    raise AttributeError(f"module 'ml_genn' has no attribute '{name}'")
